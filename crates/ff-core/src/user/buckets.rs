//! An index into things that lie in the order of their hashes.

use std::ops::Range;

/// Where the things of each bucket begin; a bucket holds the hashes between two bounds, so that buckets keep the order of the
/// hashes. None has one form only, so that what is equal compares as equal.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Buckets {
    /// For each bucket the number of its first thing, and after the last bucket the number of all.
    firsts: Vec<u32>,
}

impl Buckets {
    /// So many buckets for each thing, or some more.
    pub(super) fn new(hashes: impl ExactSizeIterator<Item = u64>, for_each: usize) -> Self {
        let mut firsts = Vec::new();
        if hashes.len() == 0 {
            return Self { firsts };
        }
        let buckets = hashes.len().next_power_of_two() * for_each;
        firsts.resize(buckets + 1, 0);
        for hash in hashes {
            if let Some(in_bucket) = firsts.get_mut(bucket_of(hash, buckets) + 1) {
                *in_bucket += 1;
            }
        }
        let mut sum = 0;
        for first in &mut firsts {
            sum += *first;
            *first = sum;
        }
        Self { firsts }
    }

    /// The number of the first thing in the hash's bucket or, if that is empty, after it.
    #[inline]
    pub(super) fn first(&self, hash: u64) -> Option<usize> {
        let bucket = bucket_of(hash, self.firsts.len().checked_sub(1)?);
        Some(*self.firsts.get(bucket)? as usize)
    }

    /// The numbers of the things in the hash's bucket.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<Range<usize>> {
        let bucket = bucket_of(hash, self.firsts.len().checked_sub(1)?);
        Some(*self.firsts.get(bucket)? as usize..*self.firsts.get(bucket + 1)? as usize)
    }
}

/// The upper half of a hash is spread evenly over the buckets.
#[inline]
fn bucket_of(hash: u64, buckets: usize) -> usize {
    (((hash >> 32) * buckets as u64) >> 32) as usize
}
