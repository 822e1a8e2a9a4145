//! Tests that meet on one attribute, against every value that they tell apart.
//!
//! A test that must hold is passed by a list where one element passes it, one that must not where none does. So if some list
//! passes all, then so does one with a single element for each test that must hold, of those that no other test forbids.

use ff_core::{Finding, Flag, LintCode, Ruleset, User};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Value, json};

use crate::check::{holds, number_from_environment};
use crate::dice::Dice;
use crate::generate::operation;
use crate::pools::{self, ADDRESSES, INSTANTS, NAMES, TEXTS, VERSIONS};
use crate::world::compile;

/// Conditions with one operator each, on one attribute or on the user's id.
#[derive(Debug, Clone)]
pub(super) struct Meeting {
    name: &'static str,
    is_user_id: bool,
    /// The test, and whether a `not` stands around it.
    tests: Vec<(Value, bool)>,
}

impl Arbitrary for Meeting {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let name = dice.pick(&NAMES[..8]);
        let only_equalities = dice.chance(50);
        let few: Vec<Value> = (0..3).map(|_| pools::scalar(dice, name)).collect();
        let test = |dice: &mut Dice<'_>| {
            let test = if only_equalities || dice.chance(30) {
                match dice.below(5) {
                    0 => json!({dice.pick(&["eq", "ne"]): dice.pick(&few)}),
                    1 => json!({"exists": dice.chance(80)}),
                    _ => {
                        let least = usize::from(dice.chance(95));
                        let values: Vec<_> = (0..least + dice.below(3)).map(|_| dice.pick(&few)).collect();
                        json!({dice.pick(&["in", "not_in"]): values})
                    }
                }
            } else {
                let (operator, operand) = operation(dice, name);
                json!({ operator: operand })
            };
            (test, dice.chance(20))
        };
        let mut tests: Vec<_> = (0..2 + dice.below(5)).map(|_| test(dice)).collect();
        if dice.chance(15) {
            // Each of some values, or almost each, forbidden by a test of its own.
            tests.truncate(dice.below(3));
            tests.push((json!(dice.pick(&[json!({"in": few}), json!({ "in": few[1..] })])), false));
            let forbidden = few.iter().skip(usize::from(dice.chance(30)));
            tests.extend(
                forbidden.map(|value| if dice.chance(50) { (json!({ "ne": value }), false) } else { (json!({ "in": [value] }), true) }),
            );
        }
        Self { name, is_user_id: dice.chance(20), tests }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        Box::new((0..self.tests.len()).map(move |at| {
            let mut fewer = whole.clone();
            fewer.tests.remove(at);
            fewer
        }))
    }
}

const FORBIDDING: [&str; 4] = ["ne", "not_in", "ine", "inot_in"];

impl Meeting {
    fn condition(&self, (test, is_wrapped): &(Value, bool)) -> Value {
        let plain = if self.is_user_id { json!({ "user_id": test }) } else { json!({"attr": {self.name: test}}) };
        if *is_wrapped { json!({ "not": plain }) } else { plain }
    }

    fn conditions(&self) -> Vec<Value> {
        self.tests.iter().map(|test| self.condition(test)).collect()
    }

    /// Whether the test is one that must not hold.
    fn forbids((test, is_wrapped): &(Value, bool)) -> bool {
        let (operator, operand) = test.as_object().unwrap().iter().next().unwrap();
        *is_wrapped != (FORBIDDING.contains(&operator.as_str()) || *operand == json!(false) && operator == "exists")
    }

    fn is_of_equalities(&self) -> bool {
        self.tests.iter().all(|(test, _)| ["eq", "ne", "in", "not_in", "exists"].iter().any(|operator| test.get(operator).is_some()))
    }

    fn user(&self, value: Option<&Value>) -> Option<User> {
        let user = match value {
            Some(Value::String(id)) if self.is_user_id => json!({ "id": id }),
            _ if self.is_user_id => return None,
            Some(value) => json!({"id": "u", "attributes": {self.name: value}}),
            None => json!({"id": "u"}),
        };
        User::from_value(&user).ok()
    }

    /// Values of every kind, among them all that the tests name and what lies next to them.
    fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = [json!(true), json!(false), json!(1.7e308), json!(-1.7e308), json!("something else")].into();
        values.extend(
            ["0.0.0-0", "18446744073709551615.0.0", "::fffe:0:1", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"]
                .map(Value::from),
        );
        values.extend(TEXTS.iter().chain(&ADDRESSES).chain(&VERSIONS).chain(&INSTANTS).map(|text| json!(text)));
        for operand in self.tests.iter().flat_map(|(test, _)| test.as_object().unwrap().values()) {
            for operand in operand.as_array().map_or(std::slice::from_ref(operand), Vec::as_slice) {
                values.push(operand.clone());
                match operand {
                    Value::String(text) => {
                        let address = text.split('/').next().unwrap_or_default().to_owned();
                        values.extend(
                            [text.to_uppercase(), text.to_lowercase(), format!("{text}a"), format!("a{text}"), address].map(Value::from),
                        );
                    }
                    Value::Number(number) => {
                        let number = number.as_f64().unwrap();
                        values.extend([
                            json!(number.next_up()),
                            json!(number.next_down()),
                            json!(number.to_string()),
                            json!(format!("{number:e}")),
                        ]);
                    }
                    other => values.push(json!(other.to_string())),
                }
            }
        }
        values
    }
}

/// Which conditions hold for a user: one flag for each, and none of them is linted.
struct Judge(Ruleset, usize);

impl Judge {
    fn new(conditions: &[Value]) -> Self {
        let flags: Vec<_> = conditions.iter().enumerate().map(|(i, when)| flag(&format!("c{i}"), &json!([rule("r", when)]))).collect();
        Self(compile("acme", &flags, &[]).unwrap(), conditions.len())
    }

    fn met(&self, user: &User) -> Vec<bool> {
        let now = INSTANTS[0].parse().unwrap();
        (0..self.1).map(|i| self.0.evaluate(&format!("c{i}"), user, now).unwrap().rule_id().is_some()).collect()
    }
}

fn rule(id: &str, when: &Value) -> Value {
    json!({"id": id, "when": when, "rollout": {"variant": "on"}})
}

fn flag(key: &str, rules: &Value) -> Flag {
    Flag::from_value(&json!({"key": key, "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules})).unwrap()
}

/// What is found in a flag with these rules.
pub(super) fn found(rules: &Value) -> Vec<Finding> {
    let flag = flag("f", rules);
    compile("acme", std::slice::from_ref(&flag), &[]).unwrap().lint(&flag)
}

/// Whether some value passes all, and whether some list does.
fn passes(meeting: &Meeting) -> (bool, bool) {
    let judge = Judge::new(&meeting.conditions());
    let values = meeting.values();
    let met_by: Vec<_> = values.iter().filter_map(|value| Some((value, judge.met(&meeting.user(Some(value))?)))).collect();
    let missing = meeting.user(None).map(|user| judge.met(&user));
    let is_all = |met: &[bool]| met.iter().all(|met| *met);
    let single = met_by.iter().map(|(_, met)| met).chain(&missing).any(|met| is_all(met));
    let forbids: Vec<_> = meeting.tests.iter().map(Meeting::forbids).collect();
    let allowed = || met_by.iter().filter(|(_, met)| met.iter().zip(&forbids).all(|(met, forbids)| *met || !forbids));
    let wanted = || (0..forbids.len()).filter(|test| !forbids[*test]);
    let witnesses: Option<Vec<_>> = wanted().map(|test| allowed().find(|(_, met)| met[test]).map(|(value, _)| *value)).collect();
    let list = witnesses.is_some_and(|witnesses| meeting.user(Some(&json!(witnesses))).is_some_and(|user| is_all(&judge.met(&user))));
    (single, list)
}

fn is_said_dead(findings: &[Finding], rule: &str) -> bool {
    findings.iter().any(|finding| finding.dead_rule.as_ref().is_some_and(|dead| dead.as_str() == rule))
}

pub(super) fn findings(meeting: &Meeting) -> Vec<Finding> {
    found(&json!([rule("r", &json!({"all": meeting.conditions()}))]))
}

#[test]
fn of_tests_that_meet_lint_says_who_can_pass_them() {
    fn right(meeting: Meeting) -> bool {
        let (single, list) = passes(&meeting);
        let findings = findings(&meeting);
        let is_dead = is_said_dead(&findings, "r");
        let says =
            |ending: &str| findings.iter().any(|finding| finding.code == LintCode::OnlyListsMatch && finding.message.ends_with(ending));
        let is_true = (!is_dead || !(single || list)) && (!says("") || !single) && (!says("only an attribute that is a list can") || list);
        // Of equalities everything is found.
        let is_complete = !meeting.is_of_equalities()
            || (is_dead != (single || list) && (says("only an attribute that is a list can") == (list && !single)));
        // What nobody passes, everybody fails.
        let none: Vec<_> = meeting.conditions().into_iter().map(|condition| json!({ "not": condition })).collect();
        let opposite = found(&json!([rule("r", &json!({ "any": none }))]));
        let takes_all = opposite.iter().any(|finding| finding.message.ends_with("so rule `r` takes everybody who gets to it"));
        if !(is_true && is_complete && takes_all == is_dead) {
            println!("{findings:?} and of the opposite {opposite:?}, but a single value passes: {single}, a list: {list}");
        }
        is_true && is_complete && takes_all == is_dead
    }
    holds(number_from_environment("FF_LINT_CASES").unwrap_or(2_000), right as fn(Meeting) -> bool);
}

/// Two rules with one test each: if the second is said to come too late, then what passes it passes the first.
#[test]
fn a_rule_that_is_said_to_come_too_late_holds_where_the_earlier_one_does() {
    fn right(meeting: Meeting) -> bool {
        let conditions = meeting.conditions();
        let judge = Judge::new(&conditions);
        let values = meeting.values();
        let lists = values.chunks(3).map(|values| json!(values));
        let met: Vec<_> = values
            .iter()
            .cloned()
            .chain(lists)
            .map(Some)
            .chain([None])
            .filter_map(|value| Some(judge.met(&meeting.user(value.as_ref())?)))
            .collect();
        (1..conditions.len()).all(|i| {
            let findings = found(&json!([rule("first", &conditions[0]), rule("second", &conditions[i])]));
            let is_right = !is_said_dead(&findings, "second") || met.iter().all(|met| !met[i] || met[0]);
            if !is_right {
                println!("{findings:?} of {} and {}", conditions[0], conditions[i]);
            }
            is_right
        })
    }
    holds(number_from_environment("FF_LINT_CASES").unwrap_or(2_000), right as fn(Meeting) -> bool);
}

/// The generator is worth as much as what it meets.
#[test]
fn tests_that_meet_are_found_to_be_of_every_kind() {
    let mut kinds = [0; 5];
    for seed in 0..600 {
        let meeting = Meeting::arbitrary(&mut Gen::from_size_and_seed(40, seed));
        let findings = findings(&meeting);
        let lists: Vec<_> = findings.iter().filter(|finding| finding.code == LintCode::OnlyListsMatch).collect();
        kinds[0] += usize::from(is_said_dead(&findings, "r"));
        kinds[1] += usize::from(lists.iter().any(|finding| finding.message.ends_with("can")));
        kinds[2] += usize::from(lists.iter().any(|finding| finding.message.ends_with("might")));
        kinds[3] += usize::from(findings.iter().any(|finding| finding.message.contains("cannot all hold")));
        let conditions = meeting.conditions();
        kinds[4] += usize::from(is_said_dead(&found(&json!([rule("a", &conditions[0]), rule("b", &conditions[1])])), "b"));
    }
    assert!(kinds.iter().all(|count| *count >= 20), "{kinds:?}");
}
