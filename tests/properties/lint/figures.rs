//! What the linter says of shares, measured on users.
//!
//! Bounds are Hoeffding's, as in `statistics.rs`: of `n` users a counted share lies further than `sqrt(15 / n)` from the true
//! one with a probability of 2 exp(-30), about 2e-13. A run counts some thousand shares: a false alarm in 1e9 runs.

use std::sync::LazyLock;

use ff_core::{Finding, Flag, LintCode, Ruleset, Segment, User};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Value, json};

use super::{Held, held};
use crate::check::holds;
use crate::dice::Dice;
use crate::pools::INSTANTS;
use crate::world::compile;

/// Users with attributes that say nothing of one another, and for most an `org` of their own.
static USERS: LazyLock<Vec<User>> = LazyLock::new(|| {
    let of = |i: u64| {
        let mixed = (i ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let user = User::new(&format!("user-{i}")).unwrap().with("a", mixed % 3).with("b", mixed / 3 % 2).with("c", mixed / 6 % 2);
        if (mixed / 12).is_multiple_of(5) { user } else { user.with("org", format!("org-{i}")) }
    };
    (0..6_000).map(of).collect()
});

/// A boolean flag whose rules are percentages and something else, among segments and flags that may choose by its buckets.
#[derive(Debug, Clone)]
struct Dealt {
    salt: String,
    rules: Vec<Rule>,
    percentage: u8,
    off_variant: &'static str,
}

#[derive(Debug, Clone)]
struct Rule {
    gates: Vec<Value>,
    others: Vec<Value>,
    rollout: Value,
}

fn gate(dice: &mut Dice<'_>, salt: &str) -> Value {
    let mut gate = json!({"value": dice.pick(&[10, 20, 30, 30, 50, 60, 80, 100])});
    if dice.chance(5) {
        let value = |dice: &mut Dice<'_>| dice.pick(&[10, 40, 80]);
        gate = json!({"from": {"value": value(dice), "at": INSTANTS[6]}, "to": {"value": value(dice), "at": INSTANTS[9]}});
    }
    if dice.chance(10) {
        gate["by"] = json!("org");
    }
    if dice.chance(30) {
        gate["salt"] = json!(dice.pick(&[salt, "one more", "one more"]));
    }
    json!({ "percentage": gate })
}

fn other(dice: &mut Dice<'_>, salt: &str) -> Value {
    match dice.below(9) {
        0 => json!({"segment": dice.pick(&["plain", "wave", "own"])}),
        1 => json!({"flag": {"key": dice.pick(&["twin", "stranger", "waving"]), "variant": "on"}}),
        2 => json!({ "not": gate(dice, salt) }),
        3 => json!({"any": [gate(dice, salt), {"attr": {"b": 1}}]}),
        4 => json!({"time": {"after": dice.pick(&INSTANTS[..8])}}),
        5 => json!({"user_id": {"ends_with": dice.pick(&["1", "7"])}}),
        _ => json!({"attr": {dice.pick(&["a", "b", "c"]): dice.below(2)}}),
    }
}

impl Dealt {
    fn any(dice: &mut Dice<'_>) -> Self {
        let salt = format!("salt-{}", dice.below(1_000_000_000));
        let rule = |dice: &mut Dice<'_>| {
            let gates = dice.pick(&[0, 0, 1, 1, 1, 1, 1, 2]);
            // A rule for everybody would be the end.
            let others = usize::from(gates == 0) + dice.pick(&[0, 0, 0, 1, 2]);
            let weights = dice.pick(&[[1, 1], [1, 1], [1, 3], [4, 1], [1, 0], [0, 1]]);
            let rollout = match dice.below(4) {
                0 => json!({"variant": "off"}),
                1 => json!({"variant": "on"}),
                _ => json!({"distribution": [{"variant": "on", "weight": weights[0]}, {"variant": "off", "weight": weights[1]}]}),
            };
            Rule {
                gates: (0..gates).map(|_| gate(dice, &salt)).collect(),
                others: (0..others).map(|_| other(dice, &salt)).collect(),
                rollout,
            }
        };
        let rules = (0..dice.pick(&[1, 2, 2, 2, 3])).map(|_| rule(dice)).collect();
        Self { salt, rules, percentage: dice.pick(&[0, 0, 0, 25, 60, 100]), off_variant: dice.pick(&["off", "off", "off", "on"]) }
    }
}

/// What is held on samples, and of whom the message speaks.
pub(super) const KINDS: [(LintCode, &str); 12] = [
    (LintCode::PercentageThenWeights, "in all"),
    (LintCode::PercentageThenWeights, "of those whom the rule is for"),
    (LintCode::PercentageThenWeights, "of those who get to this rule"),
    (LintCode::PercentageThenWeights, "of those whom the rule is for and who get to it"),
    (LintCode::PercentageTimesWeight, "in all,"),
    (LintCode::PercentageTimesWeight, "of those whom the rule is for,"),
    (LintCode::PercentageTimesWeight, "of those who get to this rule,"),
    (LintCode::PercentageTimesWeight, "of those whom the rule is for and who get to it,"),
    (LintCode::PercentageRemainder, ""),
    (LintCode::SplitIgnoresBy, ""),
    (LintCode::OneSidedDistribution, ""),
    (LintCode::PercentagesOverlap, ""),
];

/// Flags in which something is found that is held here, each kind as often as the others.
impl Arbitrary for Dealt {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let (code, part) = dice.pick(&KINDS);
        let is_wanted = |finding: &Finding| finding.code == code && finding.message.contains(part);
        let mut tries = std::iter::repeat_with(|| Self::any(dice)).take(20_000);
        tries.find(|dealt| findings(dealt).iter().any(is_wanted)).unwrap_or_else(|| panic!("`{code}` {part} is never found"))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        let fewer = (0..self.rules.len()).flat_map(move |at| {
            let mut without = whole.clone();
            without.rules.remove(at);
            let plainer = (0..whole.rules[at].others.len()).map({
                let whole = whole.clone();
                move |other| {
                    let mut plainer = whole.clone();
                    plainer.rules[at].others.remove(other);
                    plainer
                }
            });
            std::iter::once(without).chain(plainer)
        });
        Box::new(fewer)
    }
}

/// Which rule decided about each user, and what the user got.
type Answers = Vec<(Option<usize>, String)>;

impl Dealt {
    fn rule(&self, i: usize, conditions: &[Value]) -> Value {
        json!({"id": format!("r{i}"), "when": {"all": conditions}, "rollout": self.rules[i].rollout})
    }

    fn rules(&self) -> Vec<Value> {
        self.rules.iter().enumerate().map(|(i, rule)| self.rule(i, &[&rule.gates[..], &rule.others[..]].concat())).collect()
    }

    fn flag(&self, rules: &[Value]) -> Flag {
        let flag = json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": self.percentage,
            "off_variant": self.off_variant, "salt": self.salt, "rules": rules});
        Flag::from_value(&flag).unwrap_or_else(|faults| panic!("{flag}: {faults}"))
    }

    fn compile(&self, rules: &[Value]) -> (Ruleset, Flag) {
        let flag = self.flag(rules);
        let boolean = |key: &str, more: Value| {
            let mut other = json!({"key": key, "type": "boolean", "state": "on", "rollout_percentage": 50});
            other.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Flag::from_value(&other).unwrap()
        };
        let waving = json!({"rollout_percentage": 0, "rules": [{"when": {"segment": "wave"}, "rollout": {"variant": "on"}}]});
        let flags = [flag.clone(), boolean("twin", json!({"salt": self.salt})), boolean("stranger", json!({})), boolean("waving", waving)];
        let segments = [
            json!({"key": "plain", "criteria": {"attr": {"a": 1}}}),
            json!({"key": "wave", "criteria": {"percentage": {"value": 40, "salt": self.salt}}}),
            json!({"key": "own", "criteria": {"percentage": 40}}),
        ]
        .map(|segment| Segment::from_value(&segment).unwrap());
        (compile("acme", &flags, &segments).unwrap(), flag)
    }

    fn answers(&self, rules: &[Value], users: &[User]) -> Answers {
        let (ruleset, _) = self.compile(rules);
        let now = INSTANTS[5].parse().unwrap();
        let answer = |user: &User| {
            let answer = ruleset.evaluate("f", user, now).unwrap();
            let rule = answer.rule_id().map(|rule| rule.as_str()[1..].parse().unwrap());
            (rule, answer.variant().as_str().to_owned())
        };
        users.iter().map(answer).collect()
    }

    /// For which users these conditions hold.
    fn met(&self, i: usize, conditions: &[Value]) -> Vec<bool> {
        self.answers(&[self.rule(i, conditions)], &USERS).into_iter().map(|(rule, _)| rule.is_some()).collect()
    }

    /// What the rule asks of users but for its percentage.
    fn meant(&self, i: usize) -> Vec<bool> {
        let rule = &self.rules[i];
        let goes_by = rule.gates.iter().any(|gate| gate["percentage"].get("by").is_some());
        let has_org = goes_by.then(|| json!({"attr": {"org": {"exists": true}}}));
        self.met(i, &rule.others.iter().cloned().chain(has_org).collect::<Vec<_>>())
    }

    /// The users of whom the finding speaks.
    fn spoken_of(&self, i: usize, finding: &Finding) -> Vec<bool> {
        let (meant, before) = (self.meant(i), self.answers(&self.rules()[..i], &USERS));
        let is_all = finding.message.contains(" in all");
        let is_for = finding.message.contains("of those whom the rule is for");
        let get_there = finding.message.contains("who get to");
        assert!(is_all != (is_for || get_there), "{}", finding.message);
        meant.iter().zip(&before).map(|(meant, (rule, _))| (!is_for || *meant) && (!get_there || rule.is_none())).collect()
    }
}

/// The percentages that a message says, as shares.
fn said(finding: &Finding) -> Vec<f64> {
    let before = finding.message.split(" %").map(|part| part.rsplit(' ').next().unwrap());
    let all: Vec<_> = before.collect();
    all[..all.len() - 1].iter().map(|number| number.parse::<f64>().unwrap() / 100.0).collect()
}

/// The first word in backticks behind this.
fn named<'m>(finding: &'m Finding, behind: &str) -> &'m str {
    finding.message.split_once(behind).unwrap().1.split('`').nth(1).unwrap()
}

/// How many of these users are counted, against what may be. Few users tell nothing.
fn share(users: impl Iterator<Item = bool>) -> Option<(f64, f64)> {
    let counted: Vec<_> = users.collect();
    let n = counted.len() as f64;
    (n >= 400.0).then(|| (counted.into_iter().filter(|counted| *counted).count() as f64 / n, (15.0 / n).sqrt()))
}

fn is_share(users: impl Iterator<Item = bool>, said: f64) -> bool {
    share(users).is_none_or(|(share, error)| (share - said).abs() <= error)
}

fn is_right(dealt: &Dealt, finding: &Finding) -> bool {
    let i: usize = finding.pointer.split('/').nth(2).unwrap().parse().unwrap();
    let rules = dealt.rules();
    match finding.code {
        LintCode::PercentageRemainder => {
            let (meant, answers) = (dealt.meant(i), dealt.answers(&rules, &USERS));
            let alone = dealt.met(i, &[&dealt.rules[i].gates[..], &dealt.rules[i].others[..]].concat());
            let [whole, taken, left] = said(finding)[..] else { panic!("{}", finding.message) };
            let of_meant =
                || meant.iter().zip(&alone).zip(&answers).filter(|((meant, _), _)| **meant).map(|((_, alone), (rule, _))| (*alone, *rule));
            is_share(of_meant().map(|(alone, _)| alone), whole)
                && share(of_meant().map(|(_, rule)| rule == Some(i))).is_none_or(|(share, error)| share <= left + error)
                && share(of_meant().map(|(alone, rule)| alone && rule.is_some_and(|rule| rule < i)))
                    .is_none_or(|(share, error)| share >= taken - error)
        }
        LintCode::PercentageTimesWeight => {
            let [admitted, weight, product] = said(finding)[..] else { panic!("{}", finding.message) };
            let (spoken_of, answers) = (dealt.spoken_of(i, finding), dealt.answers(&rules, &USERS));
            let mut without = rules.clone();
            without.remove(i);
            let without = dealt.answers(&without, &USERS);
            let of = || answers.iter().zip(&without).zip(&spoken_of).filter(|(_, spoken_of)| **spoken_of).map(|(answers, _)| answers);
            let given = named(finding, "gives");
            let is_given = |variant: &str| variant == given;
            is_share(of().map(|((rule, _), _)| *rule == Some(i)), admitted)
                && is_share(of().filter(|((rule, _), _)| *rule == Some(i)).map(|((_, variant), _)| is_given(variant)), weight)
                && is_share(of().map(|((_, variant), _)| is_given(variant)), product)
                && of().all(|((_, with), (_, without))| (is_given(with) || with == dealt.off_variant) && without == dealt.off_variant)
        }
        LintCode::PercentageThenWeights => {
            let [admitted, weight, sum] = said(finding)[..] else { panic!("{}", finding.message) };
            let (spoken_of, answers) = (dealt.spoken_of(i, finding), dealt.answers(&rules, &USERS));
            let of = || answers.iter().zip(&spoken_of).filter(|(_, spoken_of)| **spoken_of).map(|(answer, _)| answer);
            let given = named(finding, "gives");
            is_share(of().map(|(rule, _)| *rule == Some(i)), admitted)
                && of().all(|(rule, variant)| *rule != Some(i) || variant == given)
                && is_share(of().filter(|(rule, _)| *rule != Some(i)).map(|(_, variant)| variant == given), weight)
                && is_share(of().map(|(_, variant)| variant == given), sum)
        }
        LintCode::OneSidedDistribution => {
            let given = named(finding, "");
            dealt.answers(&rules, &USERS).iter().all(|(rule, variant)| *rule != Some(i) || variant == given)
        }
        LintCode::SplitIgnoresBy => {
            // Alone with its percentage, the rule takes the users of one `org` together; those whom it takes get either variant.
            let alone: Vec<_> = dealt.rules[i].gates.iter().filter(|gate| gate["percentage"].get("by").is_some()).cloned().collect();
            let of = |org: usize, user: usize| User::new(&format!("user-{user}")).unwrap().with("org", format!("org-{org}"));
            let shared: Vec<_> = (0..30).flat_map(|org| (0..40).map(move |user| of(org, user))).collect();
            let answers = dealt.answers(&[dealt.rule(i, &alone)], &shared);
            let together = answers.chunks(40).all(|org| org.iter().all(|(rule, _)| *rule == org[0].0));
            let split = answers.chunks(40).all(|org| org[0].0.is_none() || org.iter().any(|(_, variant)| *variant != org[0].1));
            named(finding, "share") == "org" && together && split
        }
        LintCode::PercentagesOverlap => {
            // Of those that ask one bucket one admits just whom all admit.
            let same = |one: &Value, other: &Value| {
                let bucket = |gate: &Value| {
                    let salt = gate["percentage"].get("salt").map_or(dealt.salt.as_str(), |salt| salt.as_str().unwrap());
                    (salt.to_owned(), gate["percentage"].get("by").cloned())
                };
                bucket(one) == bucket(other)
            };
            let gates = &dealt.rules[i].gates;
            let [one, other] = &gates[..] else { panic!("{} of {gates:?}", finding.message) };
            let both = dealt.met(i, gates);
            same(one, other) && gates.iter().any(|gate| dealt.met(i, std::slice::from_ref(gate)) == both)
        }
        code => panic!("no figure of `{code}`"),
    }
}

#[test]
fn figures_and_shares_are_as_lint_says() {
    fn right(dealt: Dealt) -> bool {
        let (ruleset, flag) = dealt.compile(&dealt.rules());
        ruleset.lint(&flag).iter().all(|finding| {
            let is_right = held(finding.code) != Held::OnSamples || is_right(&dealt, finding);
            if !is_right {
                println!("{finding:?} of {}", serde_json::to_value(&flag).unwrap());
            }
            is_right
        })
    }
    holds(150, right as fn(Dealt) -> bool);
}

/// What is found in a flag of this kind.
fn findings(dealt: &Dealt) -> Vec<Finding> {
    let (ruleset, flag) = dealt.compile(&dealt.rules());
    ruleset.lint(&flag)
}
