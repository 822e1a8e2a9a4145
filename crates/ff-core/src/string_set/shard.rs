//! A part of a large set: all texts in one, in the order of their hashes, with an index into that order.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{hash, place_of};
use crate::same::same;

/// About 6 bytes a member beside its text: 2 for its head, 4 for its bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    /// The members, ordered by place and then by text, each after its head.
    texts: Arc<[u8]>,
    /// For each bucket where its members begin in `texts`, and where the last ones end.
    starts: Arc<[u32]>,
    /// Where each member begins; only where some bucket is so crowded that it is searched by halves.
    crowded: Option<Arc<[u32]>>,
    len: u32,
}

/// How many members share a bucket on average.
const BUCKET_SIZE: usize = 1;

/// Buckets up to this size are compared one by one, larger ones searched by halves.
const SCAN_MAX: usize = 16;

/// What stands before a member: its length in the lower bits and, above them, a tag, the end of its place, so that most others in its
/// bucket are told from it without a look at them.
type Head = u16;

/// Bits of a head that are for the length.
const LENGTH_BITS: u32 = 11;

/// A length that stands for itself and all above it; such a member's own length follows its head in four bytes.
const LONG: usize = (1 << LENGTH_BITS) - 1;

#[inline]
fn head_of(place: u32, length: usize) -> Head {
    ((place as Head) << LENGTH_BITS) | length.min(LONG) as Head
}

/// Places are spread evenly over 32 bits, and buckets keep their order.
#[inline]
fn bucket_of(place: u32, buckets: usize) -> usize {
    ((u64::from(place) * buckets as u64) >> 32) as usize
}

impl Shard {
    /// `members` with their hashes, ordered by place and then by text, none twice.
    pub(super) fn new(members: &[(u64, &str)]) -> Self {
        // INVARIANT: a set has at most 2^20 members (limits.rs) of at most 2^10 bytes, so that 32 bits hold lengths and places.
        let mut texts = Vec::with_capacity(members.iter().map(|(_, member)| size_of::<Head>() + member.len()).sum());
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
            texts.extend_from_slice(&head_of(place_of(*hash), member.len()).to_le_bytes());
            if member.len() >= LONG {
                texts.extend_from_slice(&(member.len() as u32).to_le_bytes());
            }
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
            let (_, member, after) = first(rest)?;
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
        let wanted = head_of(place, text.len());
        while let Some((head, member, after)) = first(rest) {
            if head == wanted && same(member, text) {
                return true;
            }
            rest = after;
        }
        false
    }

    #[cold]
    #[inline(never)]
    fn search(&self, begins: &[u32], place: u32, text: &[u8]) -> bool {
        let order = |begin: &u32| {
            let member = self.texts.get(*begin as usize..).and_then(first).map_or(&[][..], |(_, member, _)| member);
            // INVARIANT: members are texts.
            (place_of(hash(std::str::from_utf8(member).unwrap_or_default())), member).cmp(&(place, text))
        };
        begins.binary_search_by(|begin| -> Ordering { order(begin) }).is_ok()
    }
}

/// The first member with its head, and what comes after it.
#[inline]
fn first(texts: &[u8]) -> Option<(Head, &[u8], &[u8])> {
    let (head, mut rest) = texts.split_first_chunk()?;
    let head = Head::from_le_bytes(*head);
    let mut length = usize::from(head) & LONG;
    if length == LONG {
        let (long, after) = rest.split_first_chunk()?;
        (length, rest) = (u32::from_le_bytes(*long) as usize, after);
    }
    let (member, after) = rest.split_at_checked(length)?;
    Some((head, member, after))
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
    fn members_are_spread_over_the_buckets() {
        let texts: Vec<_> = (0..512).map(|i| format!("user-{i}")).collect();
        let mut members: Vec<_> = texts.iter().map(|text| (u64::from(place_of(hash(text))), text.as_str())).collect();
        members.sort_unstable();
        let shard = Shard::new(&members);
        assert!(shard.crowded.is_none() && shard.starts.windows(2).filter(|ends| ends[0] < ends[1]).count() > 512 / 2);
    }

    #[test]
    fn members_of_every_length_are_found_and_told() {
        let texts: Vec<_> =
            (0..40).chain(LONG - 20..LONG + 20).chain([70_000]).map(|length| "é".repeat(length / 2) + &"x".repeat(length % 2)).collect();
        let mut members: Vec<_> = texts.iter().map(|text| (u64::from(place_of(hash(text))), text.as_str())).collect();
        members.sort_unstable();
        let shard = Shard::new(&members);
        assert!(members.iter().map(|(_, text)| *text).eq(shard.iter()));
        for text in &texts {
            assert!(shard.contains(place_of(hash(text)), text.as_bytes()));
            assert!(!shard.contains(place_of(hash(text)), format!("{text}x").as_bytes()));
        }
    }

    #[test]
    fn an_empty_shard_contains_nothing() {
        let shard = Shard::new(&[]);
        assert!(!shard.contains(0, b"") && !shard.contains(u32::MAX, b"x") && shard.iter().next().is_none());
    }
}
