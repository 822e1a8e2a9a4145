//! The flags of a ruleset by key, in shards: changing one flag copies one shard's pointers and no flag.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::compile::CompiledFlag;
use crate::same::same;

/// A flag key's hash, computed once for keys that are known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    #[inline]
    pub(crate) fn of(key: &str) -> Self {
        // A fixed seed is safe: what is looked up may come from anyone, but what is stored is the tenant's own.
        Self(FixedState::with_seed(2).hash_one(key))
    }
}

type Shard = HashTable<Arc<CompiledFlag>>;

/// A persistent map: a changed copy shares all shards but one.
#[derive(Debug, Clone)]
pub(crate) struct FlagMap {
    /// As many as a power of two.
    shards: Box<[Arc<Shard>]>,
    len: usize,
}

/// Flags per shard that new maps are laid out for. A change copies so many pointers, and one per shard.
const SHARD_SIZE: usize = 64;

/// The table inside a shard takes a flag's place from the hash's low bits and its tag from the top seven, so the shard
/// is taken from the middle.
#[inline]
fn shard_of(hash: KeyHash, count: usize) -> usize {
    (hash.0 >> 32) as usize & (count - 1)
}

fn insert_into(shard: &mut Shard, flag: Arc<CompiledFlag>) {
    shard.insert_unique(KeyHash::of(flag.key.as_str()).0, flag, |f| KeyHash::of(f.key.as_str()).0);
}

impl FlagMap {
    pub(crate) fn new(flags: impl ExactSizeIterator<Item = Arc<CompiledFlag>>) -> Self {
        let len = flags.len();
        let count = (len / SHARD_SIZE).max(1).next_power_of_two();
        let mut shards: Vec<_> = (0..count).map(|_| Shard::with_capacity(len / count)).collect();
        for flag in flags {
            let index = shard_of(KeyHash::of(flag.key.as_str()), count);
            if let Some(shard) = shards.get_mut(index) {
                insert_into(shard, flag);
            }
        }
        Self { shards: shards.into_iter().map(Arc::new).collect(), len }
    }

    #[inline]
    fn index(&self, hash: KeyHash) -> usize {
        shard_of(hash, self.shards.len())
    }

    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<CompiledFlag>> {
        self.get_hashed(KeyHash::of(key), key)
    }

    #[inline]
    pub(crate) fn get_hashed(&self, hash: KeyHash, key: &str) -> Option<&Arc<CompiledFlag>> {
        self.shards.get(self.index(hash))?.find(hash.0, |flag| same(flag.key.as_str().as_bytes(), key.as_bytes()))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All flags, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<CompiledFlag>> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// This map with the flag put in place of the one with its key, or added.
    pub(crate) fn with(&self, flag: Arc<CompiledFlag>) -> Self {
        let key = flag.key.clone();
        let is_new = self.get(key.as_str()).is_none();
        if is_new && self.len >= self.shards.len() * SHARD_SIZE * 2 {
            let all: Vec<_> = self.iter().cloned().chain([flag]).collect();
            return Self::new(all.into_iter());
        }
        let mut changed = self.changed(key.as_str(), |shard| insert_into(shard, flag));
        changed.len = self.len + usize::from(is_new);
        changed
    }

    /// This map without the flag of that key.
    pub(crate) fn without(&self, key: &str) -> Self {
        if self.get(key).is_none() {
            return self.clone();
        }
        let mut changed = self.changed(key, |_| {});
        changed.len = self.len - 1;
        changed
    }

    /// A copy in which the key's shard has lost that key and was then changed.
    fn changed(&self, key: &str, change: impl FnOnce(&mut Shard)) -> Self {
        let hash = KeyHash::of(key);
        let mut shards = self.shards.clone();
        if let Some(slot) = shards.get_mut(self.index(hash)) {
            let mut shard = Shard::clone(slot);
            if let Ok(entry) = shard.find_entry(hash.0, |flag| flag.key.as_str() == key) {
                entry.remove();
            }
            change(&mut shard);
            *slot = Arc::new(shard);
        }
        Self { shards, len: self.len }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Flag;
    use crate::fault::Findings;

    fn flag(number: usize) -> Arc<CompiledFlag> {
        let flag = Flag::from_value(&json!({"key": format!("flag-{number}"), "variants": [{"key": "a", "weight": 1}]})).unwrap();
        Arc::new(CompiledFlag::new(&flag, &"acme".parse().unwrap(), &|_| None, &mut Findings::default()))
    }

    fn map(count: usize) -> FlagMap {
        FlagMap::new((0..count).map(flag).collect::<Vec<_>>().into_iter())
    }

    fn holds(map: &FlagMap, count: usize) -> bool {
        map.len() == count && map.iter().count() == count && (0..count).all(|i| map.get(&format!("flag-{i}")).is_some())
    }

    #[test]
    fn a_map_that_has_outgrown_its_shards_gets_more() {
        let mut grown = map(0);
        for count in 1..=2 * SHARD_SIZE {
            grown = grown.with(flag(count - 1));
        }
        assert!(holds(&grown, 2 * SHARD_SIZE) && grown.shards.len() == 1);
        let again = grown.with(flag(7));
        assert!(holds(&again, 2 * SHARD_SIZE) && again.shards.len() == 1, "one in place of another needs no more room");
        let more = grown.with(flag(2 * SHARD_SIZE));
        assert!(holds(&more, 2 * SHARD_SIZE + 1) && more.shards.len() == 2);
    }

    #[test]
    fn flags_are_spread_over_the_shards() {
        let map = map(64 * SHARD_SIZE);
        assert_eq!(map.shards.len(), 64);
        // Of 64 shards with 64 flags on average; fixed keys and a fixed hash, so this holds always or never.
        assert!(map.shards.iter().all(|shard| (SHARD_SIZE / 2..=SHARD_SIZE * 2).contains(&shard.len())));
    }

    #[test]
    fn a_changed_copy_shares_all_shards_but_one() {
        let map = map(16 * SHARD_SIZE);
        let copied = |other: &FlagMap| map.shards.iter().zip(&other.shards).filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
        assert_eq!(copied(&map.with(flag(3))), 1);
        assert_eq!(copied(&map.with(flag(1_000_000))), 1);
        let without = map.without("flag-3");
        assert_eq!((copied(&without), without.len(), without.get("flag-3").is_none()), (1, 16 * SHARD_SIZE - 1, true));
        assert_eq!(copied(&map.without("no-such-flag")), 0);
    }
}
