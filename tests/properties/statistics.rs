//! Proportions and independence, on samples of users.
//!
//! All bounds are Hoeffding's: of `n` independent users, each counted with probability `p`, the counted share lies further
//! than `e` from `p` with a probability of at most `2 exp(-2 n e²)`. Each test states its sample, its bound and its chance of
//! a false alarm in one run; together they are below one in a million runs.

use ff_core::{Flag, Ruleset, Segment, Timestamp, User};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Value, json};

use crate::check::holds;
use crate::dice::Dice;
use crate::world::{compile, weights};

/// A salt, and where in the natural numbers the users begin.
#[derive(Debug, Clone)]
struct Sample {
    salt: String,
    first: u64,
    weights: Vec<f64>,
}

impl Arbitrary for Sample {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let count = 1 + dice.below(5);
        // Together from a millionth to a thousand millions.
        let scale = 10_f64.powf(dice.fraction() * 15.0 - 6.0) / 100.0;
        let weights = weights(dice, count).iter().map(|weight| weight.as_f64().unwrap() * scale).collect();
        Self { salt: format!("salt-{}", dice.below(1_000_000_000)), first: dice.below(1_000_000_000) as u64, weights }
    }
}

impl Sample {
    fn users(&self, count: u64) -> impl Iterator<Item = User> {
        (self.first..self.first + count).map(|n| User::new(&format!("user-{n}")).unwrap())
    }
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn variant<'a>(ruleset: &'a Ruleset, flag_key: &str, user: &'a User) -> &'a str {
    ruleset.evaluate(flag_key, user, now()).unwrap().variant().as_str()
}

/// `on` or `off`, half and half.
fn half(key: &str, salt: &Value) -> Flag {
    Flag::from_value(
        &json!({"key": key, "state": "on", "salt": salt, "variants": [{"key": "on", "weight": 1}, {"key": "off", "weight": 1}]}),
    )
    .unwrap()
}

/// 20,000 users, e = 0.03: 2 exp(-36), about 5e-16 for a variant; 20 inputs of at most 5 variants: 5e-14.
#[test]
fn variants_are_given_in_proportion_to_their_weights() {
    const USERS: u64 = 20_000;
    fn proportional(sample: Sample) -> bool {
        let variants: Vec<Value> =
            sample.weights.iter().enumerate().map(|(i, weight)| json!({"key": format!("v{i}"), "weight": weight})).collect();
        let flag = Flag::from_value(&json!({"key": "f", "state": "on", "salt": sample.salt, "variants": variants})).unwrap();
        let ruleset = compile("acme", &[flag], &[]).unwrap();
        let mut counts = vec![0_u64; sample.weights.len()];
        for user in sample.users(USERS) {
            counts[variant(&ruleset, "f", &user)[1..].parse::<usize>().unwrap()] += 1;
        }
        let total: f64 = sample.weights.iter().sum();
        counts.iter().zip(&sample.weights).all(|(count, weight)| {
            let share = *count as f64 / USERS as f64;
            (share - weight / total).abs() <= 0.03 && (*weight > 0.0 || *count == 0)
        })
    }
    holds(20, proportional as fn(Sample) -> bool);
}

/// 20,000 users, e = 0.03: 2 exp(-36), about 5e-16 for a percentage; 20 inputs of 3: 3e-14.
#[test]
fn a_percentage_lets_through_its_share() {
    const USERS: u64 = 20_000;
    fn proportional(sample: Sample) -> bool {
        [1.0, 10.0, 62.5].into_iter().all(|percentage| {
            let ruleset = compile("acme", &[crate::rollout::gate("f", &sample.salt, &json!(percentage))], &[]).unwrap();
            let inside = sample.users(USERS).filter(|user| variant(&ruleset, "f", user) == "on").count();
            (inside as f64 / USERS as f64 - percentage / 100.0).abs() <= 0.03
        })
    }
    holds(20, proportional as fn(Sample) -> bool);
}

/// 20,000 users, e = 0.03: 2 exp(-36), about 5e-16 for each of the four pairs of variants; 20 inputs: 4e-14.
#[test]
fn two_flags_are_independent_of_each_other() {
    const USERS: u64 = 20_000;
    fn independent(sample: Sample) -> bool {
        let flags = [half("one", &json!(sample.salt)), half("other", &json!(format!("{}-too", sample.salt)))];
        let ruleset = compile("acme", &flags, &[]).unwrap();
        let pairs: Vec<_> =
            sample.users(USERS).map(|user| (variant(&ruleset, "one", &user) == "on", variant(&ruleset, "other", &user) == "on")).collect();
        [(true, true), (true, false), (false, true), (false, false)].into_iter().all(|wanted| {
            let share = pairs.iter().filter(|pair| **pair == wanted).count() as f64 / USERS as f64;
            (share - 0.25).abs() <= 0.03
        })
    }
    holds(20, independent as fn(Sample) -> bool);
}

/// As above, for one flag in two tenants.
#[test]
fn two_tenants_are_independent_of_each_other() {
    const USERS: u64 = 20_000;
    fn independent(sample: Sample) -> bool {
        let [one, other] = ["acme", "globex"].map(|tenant| compile(tenant, &[half("f", &json!(sample.salt))], &[]).unwrap());
        let both = sample.users(USERS).filter(|user| variant(&one, "f", user) == "on" && variant(&other, "f", user) == "on").count();
        (both as f64 / USERS as f64 - 0.25).abs() <= 0.03
    }
    holds(20, independent as fn(Sample) -> bool);
}

/// The classic mistake: one number for gate and split would send everybody whom a 10 % gate lets through to the first variant.
///
/// 100,000 users. Of all, a share of 0.05 is let through and gets `first`; e = 0.0125: 2 exp(-31), about 5e-14; for both
/// variants, three gates and 5 inputs 2e-12. The bound allows 37.5 % to 62.5 % behind the gate; the mistake would give 100 %.
#[test]
fn a_gate_in_front_of_a_split_leaves_the_split_even() {
    const USERS: u64 = 100_000;
    fn even(sample: Sample) -> bool {
        let split = |key: &str, when: Value| {
            let variants = json!([{"key": "none", "weight": 1}, {"key": "first", "weight": 0}, {"key": "second", "weight": 0}]);
            let rollout = json!({"distribution": [{"variant": "first", "weight": 50}, {"variant": "second", "weight": 50}]});
            let rules = json!([{"id": "gate", "when": when, "rollout": rollout}]);
            Flag::from_value(&json!({"key": key, "state": "on", "salt": sample.salt, "variants": variants, "rules": rules})).unwrap()
        };
        let tenth = Segment::from_value(&json!({"key": sample.salt, "criteria": {"percentage": 10}})).unwrap();
        // The gate in the rule, with the flag's salt written out, and in a segment whose key is the flag's salt.
        let flags = [
            split("rule", json!({"percentage": 10})),
            split("salted", json!({"percentage": {"value": 10, "salt": sample.salt}})),
            split("segment", json!({"segment": sample.salt})),
        ];
        let ruleset = compile("acme", &flags, &[tenth]).unwrap();
        ["rule", "salted", "segment"].into_iter().all(|key| {
            let (mut first, mut second) = (0_u64, 0_u64);
            for user in sample.users(USERS) {
                match variant(&ruleset, key, &user) {
                    "first" => first += 1,
                    "second" => second += 1,
                    _ => {}
                }
            }
            [first, second].into_iter().all(|count| (count as f64 / USERS as f64 - 0.05).abs() <= 0.0125)
        })
    }
    holds(5, even as fn(Sample) -> bool);
}

/// A flag's own percentage says nothing about a segment's, nor a segment's about another's.
///
/// 20,000 users, e = 0.03: 2 exp(-36), about 5e-16; 2 pairs, 20 inputs: 2e-14.
#[test]
fn percentages_of_flags_and_segments_are_independent() {
    const USERS: u64 = 20_000;
    fn independent(sample: Sample) -> bool {
        let segment = |key: &str| Segment::from_value(&json!({"key": key, "criteria": {"percentage": 50}})).unwrap();
        let gate = |key: &str, when: Value| {
            let rules = json!([{"id": "r", "when": when, "rollout": {"variant": "on"}}]);
            let variants = json!([{"key": "on", "weight": 0}, {"key": "off", "weight": 1}]);
            Flag::from_value(&json!({"key": key, "state": "on", "salt": sample.salt, "variants": variants, "rules": rules})).unwrap()
        };
        let other = format!("{}-too", sample.salt);
        let flags = [
            gate("flag-and-segment", json!({"all": [{"percentage": 50}, {"segment": sample.salt}]})),
            gate("two-segments", json!({"all": [{"segment": sample.salt}, {"segment": other}]})),
        ];
        let ruleset = compile("acme", &flags, &[segment(&sample.salt), segment(&other)]).unwrap();
        ["flag-and-segment", "two-segments"].into_iter().all(|key| {
            let share = sample.users(USERS).filter(|user| variant(&ruleset, key, user) == "on").count() as f64 / USERS as f64;
            (share - 0.25).abs() <= 0.03
        })
    }
    holds(20, independent as fn(Sample) -> bool);
}
