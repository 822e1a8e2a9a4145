//! Buckets of ids as people have them: even, and unrelated from one decision to another.
//!
//! Pearson's statistic over 100 cells that expect `n / 100` each: the sum of (found - expected)² / expected. For even and independent
//! buckets it follows, with a thousand expected in each cell, the χ² distribution with 99 degrees of freedom, of which Laurent and Massart
//! (2000, lemma 1) give P(X ≥ d + 2√(d t) + 2 t) ≤ exp(-t). With d = 99 and t = 23 that is 241: at most 1.1e-10 a statistic. The 63
//! statistics of a run: 7e-9. An unevenness of 4 % (root mean square over the cells) adds 160 and is found almost surely.

use ff_core::TenantId;
use ff_core::bucket::{self, Domain, Seed, Threshold};
use quickcheck::{Arbitrary, Gen};

use crate::check::holds;
use crate::dice::Dice;

const CELLS: usize = 100;
const BOUND: f64 = 241.0;
const IDS: u64 = 100_000;

fn statistic(cells: impl Iterator<Item = usize>) -> f64 {
    let (mut counts, mut total) = ([0_u64; CELLS], 0_u64);
    for cell in cells {
        counts[cell] += 1;
        total += 1;
    }
    let expected = total as f64 / CELLS as f64;
    counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum()
}

/// Which of so many equal parts of `[0, 1)` the bucket lies in.
fn part(bucket: bucket::Bucket, parts: usize) -> usize {
    (bucket.as_f64() * parts as f64) as usize
}

/// How ids look.
const KINDS: [&str; 5] = ["sequential", "numbered", "random", "e-mail", "uuid"];

/// `count` different ids of that kind, from a place that the number chooses.
fn ids(kind: &str, place: u64, count: u64) -> impl Iterator<Item = String> {
    let first = place % 1_000_000_000;
    let kind = kind.to_owned();
    (first..first + count).map(move |n| {
        // SplitMix64's finisher: different for different numbers.
        let mix = |n: u64| {
            let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            n ^ (n >> 31)
        };
        match kind.as_str() {
            "sequential" => n.to_string(),
            "numbered" => format!("user-{n:09}"),
            "random" => format!("{:016x}", mix(n)),
            "e-mail" => {
                format!("{}.{}{}@example.com", ["ada", "grace", "alan", "edsger"][n as usize % 4], ["a", "lee", "ng"][n as usize % 3], n)
            }
            // The time-ordered form: neighbours share their first half.
            _ => {
                let (time, rest) = (0x0192_0000_0000 + n / 7, mix(n));
                format!(
                    "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
                    time >> 16,
                    time & 0xffff,
                    rest >> 52,
                    0x8000 | (rest & 0x3fff),
                    rest >> 16 & 0xffff_ffff_ffff
                )
            }
        }
    })
}

/// A decision that somebody may make.
#[derive(Debug, Clone)]
struct Decision {
    tenant: TenantId,
    text: String,
    place: u64,
}

impl Arbitrary for Decision {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let tenant = dice.pick(&["acme", "globex", "a"]).parse().unwrap();
        Self { tenant, text: format!("flag-{}", dice.below(1_000_000)), place: u64::arbitrary(dice.0) }
    }
}

impl Decision {
    fn seed(&self, domain: Domain) -> Seed {
        Seed::new(domain, &self.tenant, &self.text)
    }

    /// Of pairs of buckets in 10 × 10 cells.
    fn together(&self, kind: &str, one: &Seed, other: &Seed) -> f64 {
        statistic(ids(kind, self.place, IDS).map(|id| 10 * part(one.bucket(&id), 10) + part(other.bucket(&id), 10)))
    }
}

const DOMAINS: [Domain; 3] = [Domain::Distribution, Domain::Percentage, Domain::SegmentPercentage];

/// 3 decisions × 5 kinds of ids, in the domain that the kind's turn brings: 15 statistics.
#[test]
fn buckets_of_every_kind_of_id_are_even() {
    fn even(decision: Decision) -> bool {
        KINDS.iter().enumerate().all(|(i, kind)| {
            let seed = decision.seed(DOMAINS[(decision.place as usize).wrapping_add(i) % 3]);
            let found = statistic(ids(kind, decision.place, IDS).map(|id| part(seed.bucket(&id), CELLS)));
            println!("{kind}: {found:.0}");
            found <= BOUND
        })
    }
    holds(3, even as fn(Decision) -> bool);
}

/// The bucket of an id says nothing of its successor's. 3 decisions × 5 kinds: 15 statistics, of 50,000 pairs each.
#[test]
fn neighbouring_ids_are_independent() {
    fn independent(decision: Decision) -> bool {
        KINDS.iter().all(|kind| {
            let seed = decision.seed(Domain::Distribution);
            let parts: Vec<usize> = ids(kind, decision.place, IDS).map(|id| part(seed.bucket(&id), 10)).collect();
            statistic(parts.chunks_exact(2).map(|pair| 10 * pair[0] + pair[1])) <= BOUND
        })
    }
    holds(3, independent as fn(Decision) -> bool);
}

/// The domains of one text, two flags, two tenants, and a flag and the one whose key has a character more: 11 statistics × 3.
#[test]
fn two_decisions_about_the_same_ids_are_independent() {
    fn independent(decision: Decision) -> bool {
        let [distribution, percentage, segment] = DOMAINS.map(|domain| decision.seed(domain));
        let flag = Decision { text: format!("{}0", decision.text), ..decision.clone() }.seed(Domain::Distribution);
        let tenant = Decision { tenant: "initech".parse().unwrap(), ..decision.clone() }.seed(Domain::Distribution);
        let of_domains = [(distribution, percentage), (distribution, segment), (percentage, segment)];
        let pairs = of_domains.iter().map(|pair| ("numbered", *pair));
        let others = ["sequential", "random", "e-mail", "uuid"]
            .into_iter()
            .flat_map(|kind| [(kind, (distribution, flag)), (kind, (distribution, tenant))]);
        pairs.chain(others).all(|(kind, (one, other))| decision.together(kind, &one, &other) <= BOUND)
    }
    holds(3, independent as fn(Decision) -> bool);
}

/// The statistic can fail: it finds what it is there to find.
#[test]
fn what_is_uneven_or_related_is_found_out() {
    let seed = Seed::new(Domain::Distribution, &"acme".parse().unwrap(), "f");
    let buckets: Vec<f64> = ids("numbered", 0, IDS).map(|id| seed.bucket(&id).as_f64()).collect();
    let cells = |of: &dyn Fn(f64, usize) -> usize| statistic(buckets.iter().enumerate().map(|(i, bucket)| of(*bucket, i)));
    assert!(cells(&|bucket, _| (bucket * 100.0) as usize) <= BOUND);
    // One in eight of the users of one cell in ten lands beside it: 20 cells with an eighth too few or too many add 312.
    assert!(
        cells(&|bucket, i| {
            let cell = (bucket * 100.0) as usize;
            if cell.is_multiple_of(10) && i.is_multiple_of(8) { cell + 1 } else { cell }
        }) > BOUND
    );
    // A number of the id in place of a hash, and one bucket for two decisions.
    assert!(cells(&|_, i| i % 97) > BOUND);
    assert!(cells(&|bucket, _| 11 * (bucket * 10.0) as usize) > BOUND);
    // The bucket of one decision is the other's, moved a little for all.
    assert!(cells(&|bucket, _| 10 * (bucket * 10.0) as usize + ((bucket * 10.0 + 0.3) as usize % 10)) > BOUND);
}

/// Weights of one decision: of any size, and of sizes far apart.
#[derive(Debug, Clone)]
struct Weights {
    weights: Vec<f64>,
    scale: f64,
}

impl Arbitrary for Weights {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        // Even over the orders of magnitude from 1e-6 to 1e9.
        let size = |dice: &mut Dice<'_>| 10_f64.powf(dice.fraction() * 15.0 - 6.0);
        let count = 1 + dice.below(100);
        let mut weights: Vec<f64> = (0..count).map(|_| if dice.chance(10) { 0.0 } else { size(dice) }).collect();
        weights[0] = size(dice);
        Self { weights: dice.shuffled(weights), scale: size(dice) }
    }
}

fn end(threshold: Threshold) -> f64 {
    threshold.as_f64()
}

/// Not by sampling: a weight of 1e-6 beside 1e9 would never be drawn. The share that the thresholds give to each variant is its weight's part of
/// the sum. Up to 100 sums and a quotient, each off by at most 2^-53 of itself, and the cut to a whole number of 2^-64: with the same for the
/// neighbour, 2 × 201 × 2^-53 < 4.5e-14.
#[test]
fn shares_are_in_proportion_to_weights_from_a_millionth_to_a_thousand_millions() {
    fn proportional(of: Weights) -> bool {
        let total: f64 = of.weights.iter().sum();
        let ends: Vec<f64> = bucket::distribution(of.weights.iter().copied()).into_iter().map(end).collect();
        let mut start = 0.0;
        of.weights.iter().zip(&ends).all(|(weight, end)| {
            let share = end - start;
            start = f64::max(start, *end);
            // Behind the last weight above 0 there is nothing left.
            share >= 0.0 && (share - weight / total).abs() <= 4.5e-14 || *weight == 0.0 && share <= 4.5e-14
        }) && ends.last() == Some(&1.0)
    }
    holds(2_000, proportional as fn(Weights) -> bool);
}

/// As above, for the thresholds of weights that are all multiplied by one number.
#[test]
fn weights_count_by_their_proportion_alone() {
    fn same(of: Weights) -> bool {
        let plain = bucket::distribution(of.weights.iter().copied());
        let scaled = bucket::distribution(of.weights.iter().map(|weight| weight * of.scale));
        // A power of two changes no digit, so not even the last bit.
        let doubled = bucket::distribution(of.weights.iter().map(|weight| weight * 1024.0));
        plain == doubled && plain.iter().zip(&scaled).all(|(one, other)| (end(*one) - end(*other)).abs() <= 4.5e-14)
    }
    holds(2_000, same as fn(Weights) -> bool);
}
