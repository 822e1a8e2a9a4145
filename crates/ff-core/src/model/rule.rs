//! Rules: an ordered list of conditions, each with what its users get.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::condition::Condition;
use super::flag::Variant;
use super::weight::Weight;
use crate::fault::{Findings, Place};
use crate::json::{Json, unknown};
use crate::key::{RuleId, VariantKey};
use crate::limits::{DESCRIPTION_LENGTH_MAX, VARIANTS_MAX};

/// Who (`when`) gets what (`rollout`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rule {
    /// Unique in its flag; survives updates and reordering.
    pub id: RuleId,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The users that it is for.
    pub when: Condition,
    /// What they get.
    pub rollout: Rollout,
}

/// One variant, or a distribution over several.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Rollout {
    /// Everyone gets this variant.
    Variant(VariantKey),
    /// Each user gets one of these, always the same, in proportion to the weights.
    Distribution(Vec<Share>),
}

/// A variant's part in a distribution.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Share {
    /// The variant.
    pub variant: VariantKey,
    /// Its proportion among the shares.
    pub weight: Weight,
}

impl Rollout {
    /// Whether some user can be given `variant`, or it is at least named.
    pub fn names(&self, variant: &VariantKey) -> bool {
        match self {
            Self::Variant(key) => key == variant,
            Self::Distribution(shares) => shares.iter().any(|share| share.variant == *variant),
        }
    }

    fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let (mut variant, mut distribution) = (None, None);
        for (name, json) in json.fields(at, found)? {
            match *name {
                "variant" => variant = Some(json.key(&at.field(name), found)),
                "distribution" => distribution = Some(read_shares(json, &at.field(name), found)),
                _ => unknown(name, &["variant", "distribution"], at, found),
            }
        }
        match (variant, distribution) {
            (Some(variant), None) => variant.map(Self::Variant),
            (None, Some(shares)) => shares.map(Self::Distribution),
            _ => {
                found.add(at, "must have either `variant` or `distribution`");
                None
            }
        }
    }

    /// Every variant must be one of the flag's.
    pub(crate) fn check(&self, variants: &[Variant], at: &Place<'_>, found: &mut Findings) {
        let known = |key: &VariantKey| variants.iter().any(|v| v.key == *key);
        match self {
            Self::Variant(key) if !known(key) => found.add(&at.field("variant"), format!("the flag has no variant `{key}`")),
            Self::Variant(_) => {}
            Self::Distribution(shares) => {
                let at = at.field("distribution");
                for (i, share) in shares.iter().enumerate().filter(|(_, share)| !known(&share.variant)) {
                    found.add(&at.item(i).field("variant"), format!("the flag has no variant `{}`", share.variant));
                }
            }
        }
    }
}

fn read_shares(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Vec<Share>> {
    let items = json.array(at, found)?;
    if items.is_empty() {
        found.add(at, "must have at least one variant");
        return None;
    }
    let shares = super::scalar::list(items, VARIANTS_MAX, at, found, Share::read)?;
    for (i, share) in shares.iter().enumerate() {
        if shares.iter().take(i).any(|other| other.variant == share.variant) {
            found.add(&at.item(i).field("variant"), format!("`{}` stands twice in the distribution", share.variant));
        }
    }
    Weight::check_sum(shares.iter().map(|share| share.weight), at, found);
    Some(shares)
}

impl Share {
    fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let (mut variant, mut weight) = (None, None);
        for (name, json) in json.fields(at, found)? {
            match *name {
                "variant" => variant = Some(json.key(&at.field(name), found)),
                "weight" => weight = Some(Weight::read(json, &at.field(name), found)),
                _ => unknown(name, &["variant", "weight"], at, found),
            }
        }
        for (name, is_missing) in [("variant", variant.is_none()), ("weight", weight.is_none())] {
            if is_missing {
                found.add(&at.field(name), "is required");
            }
        }
        Some(Self { variant: variant??, weight: weight?? })
    }
}

/// A rule as it was sent: perhaps without an id.
pub(super) struct UnnamedRule {
    id: Option<RuleId>,
    description: String,
    when: Condition,
    rollout: Rollout,
}

impl UnnamedRule {
    pub(super) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let (mut id, mut description, mut when, mut rollout) = (Some(None), Some(String::new()), Some(Condition::everyone()), None);
        for (name, json) in json.fields(at, found)? {
            let at_field = &at.field(name);
            match (*name, json) {
                ("id" | "description" | "when", Json::Null) => {}
                ("id", json) => id = json.key(at_field, found).map(Some),
                ("description", json) => description = json.short_string(DESCRIPTION_LENGTH_MAX, at_field, found),
                ("when", json) => when = Condition::read(json, at_field, found),
                ("rollout", json) => rollout = Some(Rollout::read(json, at_field, found)),
                _ => unknown(name, &["id", "description", "when", "rollout"], at, found),
            }
        }
        if rollout.is_none() {
            found.add(&at.field("rollout"), "is required");
        }
        Some(Self { id: id?, description: description?, when: when?, rollout: rollout?? })
    }

    /// Gives every rule an id.
    ///
    /// One without takes the id of the `former` rule with the same content, so that sending the same rules again
    /// changes nothing; a new one gets the first free `rule-N`, counted from its position.
    pub(super) fn name_all(unnamed: Vec<Self>, former: &[Rule], at: &Place<'_>, found: &mut Findings) -> Vec<Rule> {
        // Only whoever looks for an id has to know which ones are taken.
        let all_named = unnamed.iter().all(|rule| rule.id.is_some());
        let mut taken: Vec<_> = if all_named { Vec::new() } else { unnamed.iter().filter_map(|rule| rule.id.clone()).collect() };
        for (i, rule) in unnamed.iter().enumerate() {
            if let Some(id) = &rule.id
                && unnamed.iter().take(i).any(|other| other.id.as_ref() == Some(id))
            {
                found.add(&at.item(i).field("id"), format!("`{id}` is another rule's id"));
            }
        }
        let mut rules = Vec::with_capacity(unnamed.len());
        for (i, rule) in unnamed.into_iter().enumerate() {
            let Self { id, description, when, rollout } = rule;
            if let Some(id) = id {
                rules.push(Rule { id, description, when, rollout });
                continue;
            }
            let same =
                |old: &&Rule| old.description == description && old.when == when && old.rollout == rollout && !taken.contains(&old.id);
            let id = former.iter().find(same).map(|old| old.id.clone()).or_else(|| {
                let is_free = |id: &RuleId| !taken.contains(id) && former.iter().all(|old| old.id != *id);
                (i + 1..).filter_map(|n| format!("rule-{n}").parse().ok()).find(is_free)
            });
            // The range above never ends, so there always is an id.
            if let Some(id) = id {
                taken.push(id.clone());
                rules.push(Rule { id, description, when, rollout });
            }
        }
        rules
    }
}

impl Serialize for Rollout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Variant(key) => map.serialize_entry("variant", key)?,
            Self::Distribution(shares) => map.serialize_entry("distribution", shares)?,
        }
        map.end()
    }
}
