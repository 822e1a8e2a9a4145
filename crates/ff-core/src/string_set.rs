//! Sets of texts: the operands of `in`, and the members of segments.

mod shard;

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use shard::Shard;

use crate::same::same;

/// An exact set. Looking a text up takes constant time whatever the size, and in the worst case, where someone has chosen
/// texts whose hashes collide, time in proportion to the logarithm of the size.
#[derive(Debug, Clone)]
pub(crate) enum StringSet {
    /// Few enough that comparing beats hashing.
    Small(Box<[Box<str>]>),
    /// In shards by the hash of the text, so that a changed copy shares all shards in which nothing changed.
    Large(Box<[Shard]>),
}

/// Sets up to this size are compared one by one.
const SMALL_MAX: usize = 4;

/// Members per shard that a new set is laid out for. A change copies one shard for each text that it names, and one pointer
/// for each shard.
const SHARD_SIZE: usize = 512;

/// A fixed seed is safe: whatever the hashes, a lookup compares texts in full and searches by halves.
#[inline]
pub(crate) fn hash(text: &str) -> u64 {
    FixedState::with_seed(1).hash_one(text)
}

/// The upper half of the hash picks the shard, the lower half the place in it.
#[inline]
fn shard_of(hash: u64, count: usize) -> usize {
    // INVARIANT: the count is a power of two.
    (hash >> 32) as usize & (count - 1)
}

#[inline]
fn place_of(hash: u64) -> u32 {
    hash as u32
}

/// Laid out for that many members.
fn shards_for(len: usize) -> usize {
    len.div_ceil(SHARD_SIZE).next_power_of_two()
}

impl StringSet {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut members: Vec<(u64, &str)> = texts.map(|text| (hash(text), text)).collect();
        if members.len() <= SMALL_MAX * 2 {
            // A short list stays in the order in which it was written.
            let mut kept: Vec<(u64, &str)> = Vec::with_capacity(members.len());
            for member in &members {
                if !kept.contains(member) {
                    kept.push(*member);
                }
            }
            members = kept;
        }
        if members.len() <= SMALL_MAX {
            return Self::Small(members.iter().map(|(_, text)| Box::from(*text)).collect());
        }
        let count = shards_for(members.len());
        // The shard stands where the upper half of the hash was, so that one number orders all but what collides.
        for (hash, _) in &mut members {
            *hash = ((shard_of(*hash, count) as u64) << 32) | u64::from(place_of(*hash));
        }
        members.sort_unstable_by(|(a, text_a), (b, text_b)| a.cmp(b).then_with(|| text_a.cmp(text_b)));
        members.dedup();
        let mut rest = members.as_slice();
        let take = |index| {
            let (shard, after) = rest.split_at(rest.partition_point(|(order, _)| (order >> 32) as usize <= index));
            rest = after;
            Shard::new(shard)
        };
        Self::Large((0..count).map(take).collect())
    }

    #[inline]
    pub(crate) fn contains(&self, text: &str) -> bool {
        match self {
            Self::Small(members) => members.iter().any(|member| same(member.as_bytes(), text.as_bytes())),
            Self::Large(shards) => {
                let hash = hash(text);
                shards.get(shard_of(hash, shards.len())).is_some_and(|shard| shard.contains(place_of(hash), text.as_bytes()))
            }
        }
    }

    /// The same for a text whose hash is known.
    pub(crate) fn contains_hashed(&self, hash: u64, text: &[u8]) -> bool {
        match self {
            Self::Small(members) => members.iter().any(|member| same(member.as_bytes(), text)),
            Self::Large(shards) => shards.get(shard_of(hash, shards.len())).is_some_and(|shard| shard.contains(place_of(hash), text)),
        }
    }

    /// This set with some texts removed and then others added. Rebuilds the shards that they fall into, and all where the
    /// set has outgrown its layout; those in which nothing changes are shared.
    pub(crate) fn changed(&self, removed: &[&str], added: &[&str]) -> Self {
        let Self::Large(shards) = self else { return self.rebuilt(removed, added) };
        let mut changes: BTreeMap<usize, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
        for text in removed {
            changes.entry(shard_of(hash(text), shards.len())).or_default().0.push(text);
        }
        for text in added {
            changes.entry(shard_of(hash(text), shards.len())).or_default().1.push(text);
        }
        let mut changed = shards.clone();
        for (index, (removed, added)) in &mut changes {
            let Some(shard) = changed.get_mut(*index) else { continue };
            removed.sort_unstable();
            let kept = shard.iter().filter(|member| removed.binary_search(member).is_err());
            let mut members: Vec<_> = kept.chain(added.iter().copied()).map(|text| (hash(text), text)).collect();
            members.sort_unstable_by(|(a, text_a), (b, text_b)| (place_of(*a), text_a).cmp(&(place_of(*b), text_b)));
            members.dedup();
            *shard = Shard::new(&members);
        }
        let shards = shards.len();
        let changed = Self::Large(changed);
        let fits = changed.len() > SMALL_MAX && shards_for(changed.len()) <= shards * 2;
        if fits { changed } else { Self::new(changed.iter()) }
    }

    fn rebuilt(&self, removed: &[&str], added: &[&str]) -> Self {
        Self::new(self.iter().filter(|member| !removed.contains(member)).chain(added.iter().copied()))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Small(members) => members.len(),
            Self::Large(shards) => shards.iter().map(Shard::len).sum(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Small(members) if members.is_empty())
    }

    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Small(members) => Box::new(members.iter().map(|member| &**member)),
            Self::Large(shards) => Box::new(shards.iter().flat_map(Shard::iter)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|i| format!("user-{i}")).collect()
    }

    fn set(texts: &[String]) -> StringSet {
        StringSet::new(texts.iter().map(String::as_str))
    }

    fn listed(set: &StringSet) -> Vec<&str> {
        let mut listed: Vec<_> = set.iter().collect();
        listed.sort_unstable();
        listed
    }

    #[test]
    fn a_set_holds_its_members_and_nothing_else_at_every_size() {
        for n in [0, 1, SMALL_MAX, SMALL_MAX + 1, SHARD_SIZE, SHARD_SIZE + 1, 10_000] {
            let texts = texts(0..n);
            let set = StringSet::new(texts.iter().chain(texts.iter()).map(String::as_str));
            assert!(texts.iter().all(|t| set.contains(t) && set.contains_hashed(hash(t), t.as_bytes())));
            for other in [&format!("user-{n}"), "", "user-"] {
                assert!(!set.contains(other) && !set.contains_hashed(hash(other), other.as_bytes()));
            }
            assert_eq!(set.is_empty(), n == 0);
            assert_eq!(listed(&set).len(), n);
        }
    }

    #[test]
    fn a_changed_set_is_what_a_new_one_would_be() {
        for (n, removed, added) in
            [(3, 1..3, 10..11), (3, 0..0, 3..9), (20, 0..18, 0..0), (5_000, 10..40, 5_000..5_010), (600, 0..1, 0..4_000)]
        {
            let before = texts(0..n);
            let (removed, added) = (texts(removed), texts(added));
            let borrowed = |texts: &'_ [String]| texts.iter().map(|t| t.clone().leak() as &str).collect::<Vec<_>>();
            let changed = set(&before).changed(&borrowed(&removed), &borrowed(&added));
            let mut expected: Vec<_> = before.into_iter().filter(|t| !removed.contains(t)).chain(added).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(listed(&changed), expected);
            assert!(expected.iter().all(|t| changed.contains(t)) && removed.iter().all(|t| expected.contains(t) || !changed.contains(t)));
        }
    }

    #[test]
    fn a_change_shares_the_shards_in_which_nothing_changed() {
        let before = set(&texts(0..10_000));
        let after = before.changed(&["user-7"], &["somebody"]);
        let (StringSet::Large(before), StringSet::Large(after)) = (&before, &after) else { unreachable!("both are large") };
        let differing = before.iter().zip(after).filter(|(a, b)| !a.is_shared_with(b)).count();
        assert!(before.len() > 16 && (1..=2).contains(&differing), "{differing} of {}", before.len());
    }

    #[test]
    fn members_are_spread_over_the_shards() {
        let texts: Vec<_> = (0..64 * SHARD_SIZE).map(|i| format!("user-{i}")).collect();
        let StringSet::Large(shards) = StringSet::new(texts.iter().map(String::as_str)) else { panic!("a large set") };
        // Fixed texts and a fixed hash, so this holds always or never.
        assert!(shards.len() == 64 && shards.iter().all(|shard| (SHARD_SIZE / 2..=SHARD_SIZE * 2).contains(&shard.len())));
    }

    #[test]
    fn a_set_is_laid_out_anew_when_it_has_outgrown_its_shards_or_is_small() {
        let shards = |set: &StringSet| match set {
            StringSet::Small(_) => 0,
            StringSet::Large(shards) => shards.len(),
        };
        let all = texts(0..9 * SHARD_SIZE);
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        for (before, after, expected) in [(4, 8, 4), (4, 9, 16), (1, 2, 1), (1, 3, 4)] {
            let set = StringSet::new(all.iter().copied().take(before * SHARD_SIZE));
            let changed = set.changed(&[], &all[before * SHARD_SIZE..after * SHARD_SIZE]);
            assert_eq!((shards(&set), shards(&changed)), (before, expected), "{before} {after}");
        }
        let set = StringSet::new(all.iter().copied().take(SMALL_MAX + 2));
        assert_eq!([1, 2].map(|gone| shards(&set.changed(&all[..gone], &[]))), [1, 0]);
    }

    #[test]
    fn what_is_removed_and_added_at_once_is_there() {
        for n in [2, 100] {
            assert!(set(&texts(0..n)).changed(&["user-1"], &["user-1"]).contains("user-1"));
        }
    }
}
