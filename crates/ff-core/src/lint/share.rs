//! Shares of all users, as the engine deals them: in integers.

use std::collections::BTreeMap;

use crate::bucket;
use crate::key::VariantKey;
use crate::model::{Rollout, Variant, plain_number};

/// All buckets: 2^64.
pub(super) const ALL: u128 = 1 << 64;

/// How many buckets each variant gets; a variant that nobody gets is not there.
pub(super) type Shares<'a> = BTreeMap<&'a VariantKey, u128>;

/// What the weights give where no rule does.
pub(super) fn of_weights(variants: &[Variant]) -> Shares<'_> {
    dealt(variants.iter().map(|variant| (&variant.key, variant.weight.get())))
}

/// What a rule gives to its users.
pub(super) fn of_rollout(rollout: &Rollout) -> Shares<'_> {
    match rollout {
        Rollout::Variant(key) => Shares::from([(key, ALL)]),
        Rollout::Distribution(shares) => dealt(shares.iter().map(|share| (&share.variant, share.weight.get()))),
    }
}

fn dealt<'a>(weights: impl Iterator<Item = (&'a VariantKey, f64)> + Clone) -> Shares<'a> {
    let ends = bucket::distribution(weights.clone().map(|(_, weight)| weight));
    let mut shares = Shares::new();
    let mut start = 0;
    for ((variant, _), end) in weights.zip(ends).filter(|((_, weight), _)| *weight > 0.0) {
        let end = end.end().max(start);
        if end > start {
            *shares.entry(variant).or_default() += end - start;
        }
        start = end;
    }
    shares
}

/// A number of buckets as people write it: `12.5 %`.
pub(super) fn percent(buckets: u128) -> String {
    let exact = buckets as f64 / ALL as f64 * 100.0;
    // Ten thousandths of a per cent are as much as anybody reads; what is smaller keeps its first digits.
    let rounded = (exact * 10_000.0).round() / 10_000.0;
    if rounded == 0.0 && exact > 0.0 { format!("{exact:.1e} %") } else { format!("{} %", plain_number(rounded)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Flag;

    #[test]
    fn shares_are_those_of_the_engine() {
        let flag = Flag::from_json(
            r#"{"key": "f", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 0}, {"key": "c", "weight": 3}, {"key": "d", "weight": 1e-30}]}"#,
        )
        .unwrap();
        let shown: Vec<_> = of_weights(&flag.variants).into_iter().map(|(key, share)| (key.as_str(), percent(share))).collect();
        // The last weight above 0 ends at the very end, but here nothing is left for it.
        assert_eq!(shown, [("a", "25 %".to_owned()), ("c", "75 %".to_owned())]);
    }

    #[test]
    fn percentages_are_written_short() {
        assert_eq!([ALL, ALL / 8, ALL / 3, 0, 1].map(percent), ["100 %", "12.5 %", "33.3333 %", "0 %", "5.4e-18 %"]);
    }
}
