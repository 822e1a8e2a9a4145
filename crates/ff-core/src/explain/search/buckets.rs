//! Buckets: the one that a user has in a percentage, and those that would do.

use super::Search;
use super::demand::Leaf;
use crate::bucket::{Bucket, Threshold};
use crate::compile::{Cond, Gate};
use crate::matcher::{Matcher, Nobody};
use crate::timestamp::Timestamp;
use crate::user::User;

/// The user's bucket in a percentage, as the matcher sees it.
pub(super) fn bucket(search: &Search<'_>, user: &User, percentage: &Cond) -> Option<Bucket> {
    let mut matcher = Matcher { ruleset: search.ruleset, user, now: search.now, observer: Nobody, percentage_bucket: None };
    matcher.holds(percentage);
    matcher.percentage_bucket
}

/// The hashes that all percentages with the buckets of this one treat as demanded: from the first to below the second, which
/// may be 2^64.
pub(super) fn stretch(gate: &Gate, now: Timestamp, tests: &[(Leaf<'_>, bool)]) -> (u128, u128) {
    let (mut from, mut below) = (0, 1 << 64);
    for (leaf, want) in tests {
        let Some(other) = leaf.gate().filter(|other| other.decides_with(gate)) else { continue };
        let end = match other.limit.at(now) {
            Threshold::Below(end) => u128::from(end),
            Threshold::All => 1 << 64,
        };
        if *want { below = below.min(end) } else { from = from.max(end) }
    }
    (from, below)
}

/// Whether no bucket at all is treated as demanded.
pub(super) fn contradict(now: Timestamp, tests: &[(Leaf<'_>, bool)]) -> bool {
    tests.iter().filter_map(|(leaf, _)| leaf.gate()).any(|gate| {
        let (from, below) = stretch(gate, now, tests);
        from >= below
    })
}
