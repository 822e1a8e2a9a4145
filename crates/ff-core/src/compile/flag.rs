//! Flags, ready to evaluate.

use crate::bucket::{self, Bucket, Domain, Seed, Threshold};
use crate::compile::condition::{Compiler, Cond, SegmentSlot};
use crate::compile::index::RuleIndex;
use crate::compile::{Outline, VariantValue};
use crate::fault::{Findings, Place};
use crate::key::{FlagKey, RuleId, SegmentKey, TenantId, VariantKey};
use crate::model::{Flag, Rollout, Variant, Weight};

/// A flag of one environment without what only people read.
#[derive(Debug)]
pub(crate) struct CompiledFlag {
    pub(crate) key: FlagKey,
    pub(crate) is_on: bool,
    pub(crate) off_variant: u32,
    pub(crate) default: Split,
    pub(crate) seed: Seed,
    pub(crate) rules: Box<[CompiledRule]>,
    /// Where there are so many rules that it helps.
    pub(crate) index: Option<Box<RuleIndex>>,
    pub(crate) variants: Box<[(VariantKey, VariantValue)]>,
    pub(crate) outline: Outline,
}

/// A rule.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) when: Cond,
    pub(crate) rollout: Split,
    pub(crate) id: RuleId,
}

/// Who gets which variant.
#[derive(Debug, Clone)]
pub(crate) enum Split {
    /// Everyone the same one.
    One(u32),
    /// By bucket: the first variant whose threshold admits it; the last admits all.
    Many(Box<[(Threshold, u32)]>),
}

impl Split {
    fn new(shares: impl Iterator<Item = (u32, Weight)> + Clone) -> Self {
        let is_positive = |(_, weight): &(u32, Weight)| *weight > Weight::ZERO;
        let mut positive = shares.clone().filter(is_positive);
        if let (Some((only, _)), None) = (positive.next(), positive.next()) {
            return Self::One(only);
        }
        let thresholds = bucket::thresholds(shares.clone().map(|(_, weight)| weight.get()));
        let mut split = Vec::with_capacity(shares.clone().filter(is_positive).count());
        let positive = shares.zip(thresholds).filter(|(share, _)| is_positive(share));
        split.extend(positive.map(|((variant, _), threshold)| (threshold, variant)));
        // INVARIANT: the last threshold of a split is `All`.
        Self::Many(split.into())
    }

    #[inline]
    pub(crate) fn pick(shares: &[(Threshold, u32)], bucket: Bucket) -> u32 {
        // INVARIANT: the last threshold is `All`, so one is found; 0 is a variant of every flag.
        shares.iter().find(|(threshold, _)| threshold.admits(bucket)).map_or(0, |(_, variant)| *variant)
    }
}

impl CompiledFlag {
    /// Compiles a flag; what it refers to is looked at later, when all is there. A flag that was read is right in itself;
    /// one that was built in code may be wrong, and is found out here.
    pub(crate) fn new(flag: &Flag, tenant: &TenantId, slot_of: &dyn Fn(&SegmentKey) -> Option<SegmentSlot>, found: &mut Findings) -> Self {
        let text = flag.salt.as_deref().unwrap_or(flag.key.as_str());
        check(flag, found);
        let mut compiler =
            Compiler { tenant, default_seed: (Domain::Percentage, text), slot_of, found, references: Vec::new(), steps: 0, depth: 0 };
        let root = Place::Root;
        let at_rules = root.field("rules");
        let rules: Box<[_]> = flag
            .rules
            .iter()
            .enumerate()
            .map(|(i, rule)| CompiledRule {
                when: compiler.condition(&rule.when, &at_rules.item(i).field("when")),
                rollout: rollout(&rule.rollout, &flag.variants),
                id: rule.id.clone(),
            })
            .collect();
        Self {
            key: flag.key.clone(),
            is_on: flag.state.is_on(),
            off_variant: number_of(&flag.variants, &flag.off_variant),
            default: Split::new(flag.variants.iter().enumerate().map(|(i, v)| (i as u32, v.weight))),
            seed: Seed::new(Domain::Distribution, tenant, text),
            index: RuleIndex::new(&rules),
            rules,
            variants: flag.variants.iter().map(|v| (v.key.clone(), VariantValue::new(&v.value, &v.key))).collect(),
            outline: Outline { steps: compiler.steps + 1, references: compiler.references.into() },
        }
    }

    pub(crate) fn has_variant(&self, key: &VariantKey) -> bool {
        self.variants.iter().any(|(known, _)| known == key)
    }
}

fn check(flag: &Flag, found: &mut Findings) {
    let root = Place::Root;
    let at_variants = root.field("variants");
    if flag.variants.is_empty() {
        found.add(&at_variants, "must have at least one variant");
    } else {
        Weight::check_sum(flag.variants.iter().map(|v| v.weight), &at_variants, found);
    }
    if flag.variants.iter().all(|v| v.key != flag.off_variant) {
        found.add(&root.field("off_variant"), format!("the flag has no variant `{}`", flag.off_variant));
    }
    let at_rules = root.field("rules");
    for (i, rule) in flag.rules.iter().enumerate() {
        let at_rule = at_rules.item(i);
        rule.rollout.check(&flag.variants, &at_rule.field("rollout"), found);
        if let Rollout::Distribution(shares) = &rule.rollout {
            Weight::check_sum(shares.iter().map(|share| share.weight), &at_rule.field("rollout").field("distribution"), found);
        }
    }
}

fn number_of(variants: &[Variant], key: &VariantKey) -> u32 {
    // INVARIANT: the model's flags name only variants that they have.
    variants.iter().position(|v| v.key == *key).unwrap_or_default() as u32
}

fn rollout(rollout: &Rollout, variants: &[Variant]) -> Split {
    match rollout {
        Rollout::Variant(key) => Split::One(number_of(variants, key)),
        Rollout::Distribution(shares) => Split::new(shares.iter().map(|share| (number_of(variants, &share.variant), share.weight))),
    }
}
