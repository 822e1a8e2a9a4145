//! Valid conditions, of every kind and operator.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::oracle::nanoseconds;
use crate::pools::{self, INSTANTS, NAMES, NETWORKS, PATTERNS, VERSIONS};

/// What a condition may refer to: entities that come before its own, so that no cycle can arise.
pub(crate) struct Known {
    /// Keys of segments.
    pub(crate) segments: Vec<String>,
    /// Keys of flags, each with the keys of its variants.
    pub(crate) flags: Vec<(String, Vec<String>)>,
}

pub(crate) fn condition(dice: &mut Dice<'_>, known: &Known, depth: usize) -> Value {
    let mut clauses = Map::new();
    for _ in 0..dice.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 3, 0]) {
        let (name, operand) = clause(dice, known, depth);
        clauses.insert(name.to_owned(), operand);
    }
    Value::Object(clauses)
}

/// That one of two attributes has one of some texts; often with something else that must hold too, before it or after.
pub(crate) fn equality(dice: &mut Dice<'_>, known: &Known) -> Value {
    let name = dice.pick(&NAMES[..2]);
    let text = |dice: &mut Dice<'_>| json!(pools::text(dice, name));
    let wanted = if dice.chance(60) { text(dice) } else { Value::Array(dice.some(4, text)) };
    let equality = json!({"attr": {name: wanted}});
    match dice.below(8) {
        0 => json!({"all": [equality, condition(dice, known, 2)]}),
        1 => json!({"all": [condition(dice, known, 2), equality]}),
        2 => json!({"any": [equality, self::equality(dice, known)]}),
        3 => json!({"attr": equality["attr"], "percentage": percentage(dice)}),
        _ => equality,
    }
}

fn clause(dice: &mut Dice<'_>, known: &Known, depth: usize) -> (&'static str, Value) {
    match dice.below(if depth == 0 { 14 } else { 18 }) {
        0..=5 => {
            let mut tests = Map::new();
            for _ in 0..dice.pick(&[1, 1, 1, 2]) {
                let name = dice.pick(&NAMES);
                tests.insert(name.to_owned(), test(dice, name));
            }
            ("attr", Value::Object(tests))
        }
        6 => ("user_id", user_id_test(dice)),
        7 | 8 if !known.segments.is_empty() => {
            let one = dice.pick(&known.segments);
            let several = dice.chance(40);
            ("segment", if several { json!([one, dice.pick(&known.segments)]) } else { json!(one) })
        }
        7..=10 => ("percentage", percentage(dice)),
        11 => ("time", window(dice)),
        12 | 13 if !known.flags.is_empty() => {
            let (key, variants) = dice.pick(&known.flags);
            let one = dice.pick(&variants);
            let several = dice.chance(30);
            ("flag", json!({"key": key, "variant": if several { json!([one, dice.pick(&variants)]) } else { json!(one) }}))
        }
        12 | 13 => ("time", window(dice)),
        14 => ("all", Value::Array(dice.some(3, |dice| condition(dice, known, depth - 1)))),
        15 => ("any", Value::Array(dice.some(3, |dice| condition(dice, known, depth - 1)))),
        _ => ("not", condition(dice, known, depth - 1)),
    }
}

fn user_id_test(dice: &mut Dice<'_>) -> Value {
    let id = |dice: &mut Dice<'_>| json!(format!("u{}", dice.below(6)));
    match dice.below(4) {
        0 => id(dice),
        1 => Value::Array(dice.some(3, id)),
        2 => json!({"ne": id(dice)}),
        _ => test(dice, "user_id"),
    }
}

/// A scalar, a list, or one to three operators.
pub(crate) fn test(dice: &mut Dice<'_>, name: &str) -> Value {
    match dice.below(8) {
        0 => pools::scalar(dice, name),
        1 => list(dice, |dice| pools::scalar(dice, name)),
        _ => {
            let mut operators = Map::new();
            for _ in 0..dice.pick(&[1, 1, 1, 2, 3]) {
                let (operator, operand) = operation(dice, name);
                operators.insert(operator.to_owned(), operand);
            }
            Value::Object(operators)
        }
    }
}

/// Mostly short; a long one is kept in another way than a short one.
fn list(dice: &mut Dice<'_>, make: impl FnMut(&mut Dice<'_>) -> Value) -> Value {
    let most = dice.pick(&[4, 4, 4, 30]);
    Value::Array(dice.some(most, make))
}

pub(crate) fn operation(dice: &mut Dice<'_>, name: &str) -> (&'static str, Value) {
    // Operators of a kind that the attribute is made for come up more often.
    let kind = match name {
        "version" if dice.chance(60) => 6,
        "ip" if dice.chance(60) => 7,
        "signup" if dice.chance(60) => 5,
        _ => dice.below(10),
    };
    match kind {
        0 => (dice.pick(&["eq", "ne"]), pools::scalar(dice, name)),
        1 => (dice.pick(&["in", "not_in"]), list(dice, |dice| pools::scalar(dice, name))),
        2 => {
            let operand = if dice.chance(60) { pools::number(dice) } else { json!(pools::text(dice, name)) };
            (dice.pick(&["lt", "lte", "gt", "gte"]), operand)
        }
        3 => {
            let operators = ["starts_with", "ends_with", "contains", "istarts_with", "iends_with", "icontains"];
            (dice.pick(&operators), json!(pools::part(dice, name)))
        }
        4 => (dice.pick(&["matches", "imatches"]), json!(dice.pick(&PATTERNS))),
        5 => (dice.pick(&["before", "after"]), json!(dice.pick(&INSTANTS))),
        6 => {
            // The last four of the pool are no versions, and so no operands.
            let operators = ["semver_eq", "semver_lt", "semver_lte", "semver_gt", "semver_gte"];
            (dice.pick(&operators), json!(dice.pick(&VERSIONS[..VERSIONS.len() - 4])))
        }
        7 if dice.chance(50) => ("ip_in", json!(dice.pick(&NETWORKS))),
        7 => ("ip_in", json!([dice.pick(&NETWORKS), dice.pick(&NETWORKS)])),
        8 if dice.chance(30) => ("exists", json!(dice.chance(50))),
        8 => {
            let text = pools::text(dice, name);
            (dice.pick(&["ieq", "ine"]), json!(dice.pick(&[text.to_owned(), text.to_uppercase(), text.to_lowercase()])))
        }
        _ => (dice.pick(&["iin", "inot_in"]), list(dice, |dice| json!(pools::text(dice, name)))),
    }
}

pub(crate) fn percentage_value(dice: &mut Dice<'_>) -> Value {
    match dice.below(6) {
        0 => json!(0),
        1 => json!(100),
        2 => json!(50),
        3 => json!(dice.fraction()),
        _ => json!(dice.fraction() * 100.0),
    }
}

fn percentage(dice: &mut Dice<'_>) -> Value {
    if dice.chance(40) {
        return percentage_value(dice);
    }
    let mut fields = Map::new();
    if dice.chance(50) {
        fields.insert("value".to_owned(), percentage_value(dice));
    } else {
        let (from, to) = ordered_instants(dice);
        fields.insert("from".to_owned(), json!({"value": percentage_value(dice), "at": from}));
        fields.insert("to".to_owned(), json!({"value": percentage_value(dice), "at": to}));
    }
    if dice.chance(30) {
        fields.insert("by".to_owned(), json!(dice.pick(&NAMES)));
    }
    if dice.chance(30) {
        fields.insert("salt".to_owned(), json!(dice.pick(&["wave-1", "s0", "f0", "🧂"])));
    }
    Value::Object(fields)
}

fn window(dice: &mut Dice<'_>) -> Value {
    let (after, before) = ordered_instants(dice);
    match dice.below(3) {
        0 => json!({ "after": after }),
        1 => json!({ "before": before }),
        _ => json!({"after": after, "before": before}),
    }
}

/// Two different instants of the pool, the earlier first; less than a hundred years apart, like all of the pool but the last.
fn ordered_instants(dice: &mut Dice<'_>) -> (&'static str, &'static str) {
    let instants = &INSTANTS[..INSTANTS.len() - 1];
    loop {
        let (a, b) = (dice.pick(instants), dice.pick(instants));
        if nanoseconds(a) < nanoseconds(b) {
            return (a, b);
        }
    }
}
