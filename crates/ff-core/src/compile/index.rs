//! Which rules can hold at all for a user: found by a few lookups, so that a flag with many rules tries only some.
//!
//! Most rules demand that some attribute equals one of a few texts, alone or among other things. For those the index maps
//! (attribute, text) to the set of rules that demand it. A user's candidates are the rules that are found by the user's
//! attributes, and the rules that demand nothing of the kind; the others cannot hold. Candidates are then tried in order as
//! ever, so the index decides nothing: it only leaves out what would fail.

use hashbrown::HashTable;

use crate::compile::check::Check;
use crate::compile::condition::Cond;
use crate::compile::flag::CompiledRule;
use crate::limits::RULES_MAX;
use crate::same::same;
use crate::string_set::hash;
use crate::user::{AttributeName, Texts, User};

/// A set of rules, one bit each, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidates([u64; WORDS]);

/// As many words as the rules that a flag may have need.
const WORDS: usize = RULES_MAX.div_ceil(64);

/// A rule that lists more texts than this is always tried: its own set finds out as quickly.
const TEXTS_MAX: usize = 16;

/// So many rules must be spared per attribute that is looked up, else trying all of them is quicker.
const RULES_PER_ATTRIBUTE: usize = 3;

/// The index of one flag.
#[derive(Debug)]
pub(crate) struct RuleIndex {
    attributes: Box<[Attribute]>,
    /// Rules that are always candidates.
    always: Candidates,
}

#[derive(Debug)]
struct Attribute {
    name: AttributeName,
    rules: HashTable<(Box<str>, Candidates)>,
    /// Of the texts in `rules`, side by side: most are not in a user's list.
    hashes: Box<[u64]>,
}

/// What must be for a condition to hold: one of these attributes equals its text. Where none does, trying the condition asks
/// no percentage either, so that leaving it out leaves no trace in the answer's last percentage.
type Demand<'a> = Vec<(&'a AttributeName, &'a str)>;

impl Candidates {
    fn none() -> Self {
        Self([0; WORDS])
    }

    fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    #[inline]
    fn unite(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// Positions of rules, in order.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(i, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                // The lowest bit is cleared; there is none in 0.
                word &= word.checked_sub(1)?;
                Some(i * 64 + bit as usize)
            })
        })
    }
}

impl RuleIndex {
    /// An index, if it is worth its while.
    pub(crate) fn new(rules: &[CompiledRule]) -> Option<Box<Self>> {
        if rules.len() > RULES_MAX {
            return None;
        }
        // Most flags have so few rules that nothing need be known of them.
        if rules.len() <= RULES_PER_ATTRIBUTE {
            return None;
        }
        let demands: Vec<_> = rules.iter().map(|rule| demand(&rule.when)).collect();
        let mut names: Vec<&AttributeName> = Vec::new();
        for (name, _) in demands.iter().flatten().flatten() {
            if names.iter().all(|known| known.as_str() != name.as_str()) {
                names.push(name);
            }
        }
        if demands.iter().flatten().count() <= names.len() * RULES_PER_ATTRIBUTE {
            return None;
        }
        let attribute = |name: &&AttributeName| Attribute { name: (*name).clone(), rules: HashTable::new(), hashes: Box::default() };
        let mut index: Vec<_> = names.iter().map(attribute).collect();
        let mut always = Candidates::none();
        for (i, demand) in demands.into_iter().enumerate() {
            let Some(demand) = demand else {
                always.insert(i);
                continue;
            };
            for (name, text) in demand {
                if let Some(attribute) = index.iter_mut().find(|attribute| attribute.name.as_str() == name.as_str()) {
                    attribute.insert(text, i);
                }
            }
        }
        for attribute in &mut index {
            attribute.hashes = attribute.rules.iter().map(|(text, _)| hash(text)).collect();
        }
        Some(Box::new(Self { attributes: index.into(), always }))
    }

    /// The rules that may hold for this user; the others do not.
    #[inline]
    pub(crate) fn candidates(&self, user: &User) -> Candidates {
        let mut candidates = self.always;
        for attribute in &self.attributes {
            let Some(value) = user.get(&attribute.name) else { continue };
            // No value equals a text but a text.
            if let Some(text) = value.text() {
                attribute.add(hash(text.plain), text.plain.as_bytes(), &mut candidates);
            } else if let Some((list, _)) = value.list() {
                attribute.add_all(&list.texts, &mut candidates);
            }
        }
        candidates
    }
}

impl Attribute {
    fn insert(&mut self, text: &str, rule: usize) {
        let entry = self.rules.entry(hash(text), |(known, _)| same(known.as_bytes(), text.as_bytes()), |(known, _)| hash(known));
        entry.or_insert_with(|| (text.into(), Candidates::none())).into_mut().1.insert(rule);
    }

    #[inline]
    fn add(&self, hash: u64, text: &[u8], candidates: &mut Candidates) {
        if let Some((_, rules)) = self.rules.find(hash, |(known, _)| same(known.as_bytes(), text)) {
            candidates.unite(rules);
        }
    }

    /// Looks the fewer texts up among the others, so that a long list costs no more than the rules do.
    fn add_all(&self, texts: &Texts, candidates: &mut Candidates) {
        if self.hashes.len() < texts.len() {
            for hash in &self.hashes {
                texts.with_hash(*hash).for_each(|text| self.add(*hash, text, candidates));
            }
        } else {
            texts.iter().for_each(|(hash, text)| self.add(hash, text, candidates));
        }
    }
}

/// What the condition demands, if it comes down to a few equalities.
fn demand(condition: &Cond) -> Option<Demand<'_>> {
    let demand = match condition {
        Cond::Attr { name, check: Check::EqualsText(text), negated: false } => vec![(name, &**text)],
        Cond::Attr { name, check: Check::InTexts(texts), negated: false } => {
            texts.iter().take(TEXTS_MAX + 1).map(|text| (name, text)).collect()
        }
        // Each of several demands must be met: any of them will do, so the one with the fewest texts.
        Cond::All(inner) => {
            let loud = inner.iter().position(|condition| !is_quiet(condition)).unwrap_or(inner.len());
            inner.iter().take(loud + 1).filter_map(demand).min_by_key(Vec::len)?
        }
        Cond::Any(inner) => {
            let mut united = Vec::new();
            for condition in inner {
                united.extend(self::demand(condition)?);
            }
            united
        }
        _ => return None,
    };
    (demand.len() <= TEXTS_MAX).then_some(demand)
}

/// Whether trying the condition asks no percentage of the flag's own.
fn is_quiet(condition: &Cond) -> bool {
    match condition {
        Cond::Percentage(_) | Cond::Segments(_) => false,
        Cond::All(inner) | Cond::Any(inner) => inner.iter().all(is_quiet),
        Cond::Not(inner) => is_quiet(inner),
        Cond::Everyone | Cond::Attr { .. } | Cond::UserId { .. } | Cond::Time { .. } | Cond::Flag(_) => true,
    }
}
