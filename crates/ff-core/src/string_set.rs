//! Sets of texts: the operands of `in`, and the members of segments.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// An exact, immutable set. Looking a text up takes constant time whatever the size.
#[derive(Debug, Clone)]
pub(crate) enum StringSet {
    /// Few enough that comparing beats hashing.
    Small(Box<[Box<str>]>),
    /// All texts in one, and a table of where each lies.
    Large(Packed),
}

/// Sets up to this size are compared one by one.
const SMALL_MAX: usize = 4;

#[derive(Debug, Clone)]
pub(crate) struct Packed {
    text: Box<str>,
    /// Where each member ends; it begins where its predecessor ends.
    ends: Box<[u32]>,
    /// Numbers of members, by the hash of their text.
    table: HashTable<u32>,
}

fn hash(text: &str) -> u64 {
    FixedState::with_seed(1).hash_one(text)
}

impl StringSet {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Self {
        if texts.clone().nth(SMALL_MAX).is_none() {
            return Self::Small(texts.map(Box::from).collect());
        }
        let mut packed = PackedBuilder::default();
        texts.for_each(|text| packed.add(text));
        Self::Large(packed.finish())
    }

    #[inline]
    pub(crate) fn contains(&self, text: &str) -> bool {
        match self {
            Self::Small(members) => members.iter().any(|member| **member == *text),
            Self::Large(packed) => packed.contains(text),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Small(members) if members.is_empty())
    }

    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Small(members) => Box::new(members.iter().map(|member| &**member)),
            Self::Large(packed) => Box::new((0..packed.ends.len()).map(|i| member(&packed.text, &packed.ends, i))),
        }
    }
}

fn member<'a>(text: &'a str, ends: &[u32], index: usize) -> &'a str {
    let start = index.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
    let end = ends.get(index).map_or(0, |end| *end as usize);
    text.get(start..end).unwrap_or_default()
}

#[derive(Default)]
struct PackedBuilder {
    text: String,
    ends: Vec<u32>,
    table: HashTable<u32>,
}

impl PackedBuilder {
    fn add(&mut self, text: &str) {
        let Self { text: all, ends, table } = self;
        let hash_of = hash(text);
        // INVARIANT: lengths and counts are bounded (limits.rs), 2^20 members of 2^10 bytes at most, so u32 holds both.
        if table.find(hash_of, |i| member(all, ends, *i as usize) == text).is_none() {
            all.push_str(text);
            ends.push(all.len() as u32);
            table.insert_unique(hash_of, (ends.len() - 1) as u32, |i| hash(member(all, ends, *i as usize)));
        }
    }

    fn finish(self) -> Packed {
        Packed { text: self.text.into(), ends: self.ends.into(), table: self.table }
    }
}

impl Packed {
    #[inline]
    fn contains(&self, text: &str) -> bool {
        self.table.find(hash(text), |i| member(&self.text, &self.ends, *i as usize) == text).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_its_members_and_nothing_else_at_every_size() {
        for n in [0, 1, SMALL_MAX, SMALL_MAX + 1, 1000] {
            let texts: Vec<_> = (0..n).map(|i| format!("user-{i}")).collect();
            let set = StringSet::new(texts.iter().chain(texts.iter()).map(String::as_str));
            assert!(texts.iter().all(|t| set.contains(t)));
            assert!(!set.contains(&format!("user-{n}")) && !set.contains("") && !set.contains("user-"));
            assert_eq!(set.is_empty(), n == 0);
            let mut listed: Vec<_> = set.iter().collect();
            listed.sort_unstable();
            listed.dedup();
            assert_eq!(listed.len(), n);
        }
    }
}
