//! Percentages that are raised, by hand or by time, and what else must not move a user.

use ff_core::{Flag, Ruleset, Timestamp, User};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Value, json};

use crate::check::holds;
use crate::dice::Dice;
use crate::generate::percentage_value;
use crate::world::{compile, user_id};

/// A gate in front of a boolean flag.
pub(crate) fn gate(key: &str, salt: &str, percentage: &Value) -> Flag {
    let variants = json!([{"key": "on", "weight": 0, "value": true}, {"key": "off", "weight": 1, "value": false}]);
    let rules = json!([{"id": "r", "when": {"percentage": percentage}, "rollout": {"variant": "on"}}]);
    Flag::from_value(&json!({"key": key, "type": "boolean", "state": "on", "salt": salt, "variants": variants, "rules": rules})).unwrap()
}

pub(crate) fn is_on(ruleset: &Ruleset, flag_key: &str, user: &User, now: Timestamp) -> bool {
    ruleset.evaluate(flag_key, user, now).unwrap().variant().as_str() == "on"
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// An instant within two hundred days around the beginning of 2026.
fn instant(dice: &mut Dice<'_>) -> Timestamp {
    let beginning = now().as_millis();
    let day = 86_400_000;
    Timestamp::from_millis(beginning + dice.below(200 * day) as i64 - 100 * day as i64)
}

#[derive(Debug, Clone)]
struct Raise {
    salt: String,
    ids: Vec<String>,
    lower: f64,
    higher: f64,
    from: Timestamp,
    to: Timestamp,
    earlier: Timestamp,
    later: Timestamp,
}

impl Arbitrary for Raise {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let (a, b) = (percentage_value(dice).as_f64().unwrap(), percentage_value(dice).as_f64().unwrap());
        let mut instants = [instant(dice), instant(dice)];
        instants.sort();
        let mut ends = [instant(dice), instant(dice)];
        ends.sort();
        if ends[0] == ends[1] {
            ends[1] = Timestamp::from_millis(ends[0].as_millis() + 1);
        }
        Self {
            salt: format!("salt-{}", dice.below(1_000_000)),
            ids: (0..20).map(|_| user_id(dice)).collect(),
            lower: a.min(b),
            higher: a.max(b),
            from: ends[0],
            to: ends[1],
            earlier: instants[0],
            later: instants[1],
        }
    }
}

#[test]
fn raising_a_percentage_never_removes_a_user() {
    fn keeps(raise: Raise) -> bool {
        let flags = [gate("lower", &raise.salt, &json!(raise.lower)), gate("higher", &raise.salt, &json!(raise.higher))];
        let ruleset = compile("acme", &flags, &[]).unwrap();
        raise.ids.iter().all(|id| {
            let user = User::new(id).unwrap();
            !is_on(&ruleset, "lower", &user, now()) || is_on(&ruleset, "higher", &user, now())
        })
    }
    holds(2_000, keeps as fn(Raise) -> bool);
}

#[test]
fn a_percentage_that_grows_with_time_never_removes_a_user() {
    fn keeps(raise: Raise) -> bool {
        let (low, high) = (raise.lower, raise.higher);
        let line = |first: f64, last: f64| json!({"from": {"value": first, "at": raise.from}, "to": {"value": last, "at": raise.to}});
        let flags = [
            gate("growing", &raise.salt, &line(low, high)),
            gate("shrinking", &raise.salt, &line(high, low)),
            gate("lowest", &raise.salt, &json!(low)),
            gate("highest", &raise.salt, &json!(high)),
        ];
        let ruleset = compile("acme", &flags, &[]).unwrap();
        let instants = [raise.earlier, raise.later];
        raise.ids.iter().all(|id| {
            let user = User::new(id).unwrap();
            let [growing_earlier, growing_later] = instants.map(|at| is_on(&ruleset, "growing", &user, at));
            let [shrinking_earlier, shrinking_later] = instants.map(|at| is_on(&ruleset, "shrinking", &user, at));
            let (lowest, highest) = (is_on(&ruleset, "lowest", &user, now()), is_on(&ruleset, "highest", &user, now()));
            // Never out again, never in again, and never beyond either end.
            (!growing_earlier || growing_later)
                && (shrinking_earlier || !shrinking_later)
                && [growing_earlier, growing_later, shrinking_earlier, shrinking_later]
                    .iter()
                    .all(|on| (!lowest || *on) && (highest || !*on))
        })
    }
    holds(2_000, keeps as fn(Raise) -> bool);
}

#[test]
fn raising_the_first_weight_never_takes_a_user_out_of_the_first_variant() {
    fn keeps(raise: Raise) -> bool {
        let flag = |key: &str, first: f64| {
            let variants = json!([{"key": "first", "weight": first}, {"key": "second", "weight": 100.0 - first}]);
            Flag::from_value(&json!({"key": key, "state": "on", "salt": raise.salt, "variants": variants})).unwrap()
        };
        let ruleset = compile("acme", &[flag("lower", raise.lower), flag("higher", raise.higher)], &[]).unwrap();
        raise.ids.iter().all(|id| {
            let user = User::new(id).unwrap();
            let is_first = |key: &str| ruleset.evaluate(key, &user, now()).unwrap().variant().as_str() == "first";
            !is_first("lower") || is_first("higher")
        })
    }
    holds(2_000, keeps as fn(Raise) -> bool);
}

#[test]
fn attributes_do_not_move_a_user() {
    fn stays(raise: Raise) -> bool {
        let ruleset = compile("acme", &[gate("f", &raise.salt, &json!(raise.higher))], &[]).unwrap();
        raise.ids.iter().all(|id| {
            let (bare, dressed) = (User::new(id).unwrap(), User::new(id).unwrap().with("country", "CA").with("age", 30));
            is_on(&ruleset, "f", &bare, now()) == is_on(&ruleset, "f", &dressed, now())
        })
    }
    holds(500, stays as fn(Raise) -> bool);
}
