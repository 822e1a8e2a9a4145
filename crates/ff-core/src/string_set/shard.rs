//! A part of a large set: all texts in one, in the order of their hashes, with an index into that order.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{hash, place_of};
use crate::same::same;

/// About 6 bytes a member beside its text: 4 for its length, 2 for half a bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    /// The members, ordered by place and then by text, each after its length in four bytes.
    texts: Arc<[u8]>,
    /// For each bucket where its members begin in `texts`, and where the last ones end.
    starts: Arc<[u32]>,
    /// Where each member begins; only where some bucket is so crowded that it is searched by halves.
    crowded: Option<Arc<[u32]>>,
    len: u32,
}

/// How many members share a bucket on average.
const BUCKET_SIZE: usize = 2;

/// Buckets up to this size are compared one by one, larger ones searched by halves.
const SCAN_MAX: usize = 16;

/// Bytes of a length.
const LENGTH: usize = 4;

/// Places are spread evenly over 32 bits, and buckets keep their order.
#[inline]
fn bucket_of(place: u32, buckets: usize) -> usize {
    ((u64::from(place) * buckets as u64) >> 32) as usize
}

impl Shard {
    /// `members` with their hashes, ordered by place and then by text, none twice.
    pub(super) fn new(members: &[(u64, &str)]) -> Self {
        // INVARIANT: a set has at most 2^20 members (limits.rs) of at most 2^10 bytes, so that 32 bits hold lengths and places.
        let mut texts = Vec::with_capacity(members.iter().map(|(_, member)| LENGTH + member.len()).sum());
        let buckets = (members.len() / BUCKET_SIZE).max(1);
        let mut starts = Vec::with_capacity(buckets + 1);
        let mut begins = Vec::with_capacity(members.len());
        let (mut in_bucket, mut most) = (0, 0);
        for (hash, member) in members {
            let bucket = bucket_of(place_of(*hash), buckets);
            if starts.len() <= bucket {
                in_bucket = 0;
                starts.resize(bucket + 1, texts.len() as u32);
            }
            in_bucket += 1;
            most = most.max(in_bucket);
            begins.push(texts.len() as u32);
            texts.extend_from_slice(&(member.len() as u32).to_le_bytes());
            texts.extend_from_slice(member.as_bytes());
        }
        starts.resize(buckets + 1, texts.len() as u32);
        let crowded = (most > SCAN_MAX).then(|| begins.into());
        Self { texts: texts.into(), starts: starts.into(), crowded, len: members.len() as u32 }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether both are one and the same in memory.
    #[cfg(test)]
    pub(super) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.texts, &other.texts)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut rest = &*self.texts;
        std::iter::from_fn(move || {
            let (member, after) = first(rest)?;
            rest = after;
            // INVARIANT: members are texts.
            std::str::from_utf8(member).ok()
        })
    }

    #[inline]
    pub(super) fn contains(&self, place: u32, text: &[u8]) -> bool {
        let bucket = bucket_of(place, self.starts.len() - 1);
        let (Some(start), Some(end)) = (self.starts.get(bucket), self.starts.get(bucket + 1)) else { return false };
        if let Some(begins) = &self.crowded {
            return self.search(begins, place, text);
        }
        let mut rest = self.texts.get(*start as usize..*end as usize).unwrap_or_default();
        while let Some((member, after)) = first(rest) {
            if same(member, text) {
                return true;
            }
            rest = after;
        }
        false
    }

    fn search(&self, begins: &[u32], place: u32, text: &[u8]) -> bool {
        let order = |begin: &u32| {
            let member = self.texts.get(*begin as usize..).and_then(first).map_or(&[][..], |(member, _)| member);
            // INVARIANT: members are texts.
            (place_of(hash(std::str::from_utf8(member).unwrap_or_default())), member).cmp(&(place, text))
        };
        begins.binary_search_by(|begin| -> Ordering { order(begin) }).is_ok()
    }
}

/// The first member, and what comes after it.
#[inline]
fn first(texts: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = texts.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_whose_places_collide_are_found_by_halves() {
        let texts: Vec<_> = (0..200_000).map(|i| format!("user-{i}")).collect();
        let mut colliding: Vec<_> = texts.iter().map(|t| (hash(t), t.as_str())).filter(|(hash, _)| place_of(*hash) < 1 << 20).collect();
        colliding.sort_unstable_by_key(|(hash, text)| (place_of(*hash), *text));
        assert!(colliding.len() > 2 * SCAN_MAX);
        let shard = Shard::new(&colliding);
        assert!(shard.crowded.is_some() && shard.len() == colliding.len());
        assert!(colliding.iter().all(|(hash, text)| shard.contains(place_of(*hash), text.as_bytes())));
        assert!(colliding.iter().all(|(hash, text)| !shard.contains(place_of(*hash), format!("{text}x").as_bytes())));
        assert!(colliding.iter().map(|(_, text)| *text).eq(shard.iter()));
    }

    #[test]
    fn an_empty_shard_contains_nothing() {
        let shard = Shard::new(&[]);
        assert!(!shard.contains(0, b"") && !shard.contains(u32::MAX, b"x") && shard.iter().next().is_none());
    }
}
