//! A test in words of JSON: its operator and its operand, for showing.

use serde_json::{Value, json};

use super::Check;
use crate::model::{Ordering, plain_number};

impl Check {
    /// The operator's name and operand, for showing; of a long list only the beginning.
    pub(crate) fn describe(&self, negated: bool) -> (&'static str, Value) {
        let either = |plain, negative| if negated { negative } else { plain };
        match self {
            Self::EqualsText(text) => (either("eq", "ne"), json!(text)),
            Self::EqualsNumber(number) => (either("eq", "ne"), plain_number(*number)),
            Self::EqualsBool(value) => (either("eq", "ne"), json!(value)),
            Self::EqualsFolded(folded) => (either("ieq", "ine"), json!(folded.as_str())),
            Self::InTexts(set) => (either("in", "not_in"), shown(set.iter().map(|text| json!(text)))),
            Self::InMixed(mixed) => {
                let numbers = mixed.numbers.iter().map(|n| plain_number(*n));
                let bools = mixed.bools.iter().map(|b| json!(b));
                (either("in", "not_in"), shown(mixed.texts.iter().map(|t| json!(t)).chain(numbers).chain(bools)))
            }
            Self::InFolded(set) => (either("iin", "inot_in"), shown(set.iter().map(|text| json!(text)))),
            Self::Number(ordering, operand) => (order_name(*ordering), plain_number(*operand)),
            Self::Text(ordering, operand) => (order_name(*ordering), json!(operand)),
            Self::Starts(text) => ("starts_with", json!(text)),
            Self::Ends(ending) => ("ends_with", json!(ending.text)),
            Self::Contains(needle) => ("contains", json!(needle.as_str())),
            Self::StartsFolded(text) => ("istarts_with", json!(text.as_str())),
            Self::EndsFolded(ending) => ("iends_with", json!(ending.text)),
            Self::ContainsFolded(needle) => ("icontains", json!(needle.as_str())),
            Self::Matches(pattern) => (if pattern.ignores_case() { "imatches" } else { "matches" }, json!(pattern.as_str())),
            Self::Exists => ("exists", json!(!negated)),
            Self::Before(at) => ("before", json!(at)),
            Self::After(at) => ("after", json!(at)),
            Self::Version(ordering, operand) => (version_order_name(*ordering), json!(operand.text)),
            Self::Network(networks) => ("ip_in", shown(networks.iter().map(|network| json!(network)))),
        }
    }
}

/// The most operands of a list that are shown.
const SHOWN_MAX: usize = 20;

fn shown(operands: impl Iterator<Item = Value>) -> Value {
    let mut operands = operands.fuse();
    let mut list: Vec<_> = operands.by_ref().take(SHOWN_MAX).collect();
    let rest = operands.count();
    if rest > 0 {
        list.push(json!(format!("… and {rest} more")));
    }
    Value::Array(list)
}

fn order_name(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Equal => "eq",
        Ordering::Less => "lt",
        Ordering::AtMost => "lte",
        Ordering::Greater => "gt",
        Ordering::AtLeast => "gte",
    }
}

fn version_order_name(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Equal => "semver_eq",
        Ordering::Less => "semver_lt",
        Ordering::AtMost => "semver_lte",
        Ordering::Greater => "semver_gt",
        Ordering::AtLeast => "semver_gte",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile_test as compile;

    #[test]
    fn every_operator_is_shown_as_it_was_written() {
        let shown = [
            json!({"eq": "a"}),
            json!({"eq": 1.5}),
            json!({"eq": true}),
            json!({"ne": "a"}),
            json!({"ne": 2}),
            json!({"ne": false}),
            json!({"in": ["a", "b"]}),
            json!({"not_in": ["a", "b"]}),
            json!({"in": ["a", 1, 2.5, true]}),
            json!({"not_in": [1]}),
            json!({"lt": 1}),
            json!({"lte": 1}),
            json!({"gt": "a"}),
            json!({"gte": "a"}),
            json!({"starts_with": "a"}),
            json!({"ends_with": "a"}),
            json!({"contains": "a"}),
            json!({"istarts_with": "a"}),
            json!({"iends_with": "a"}),
            json!({"icontains": "a"}),
            json!({"matches": "^a"}),
            json!({"imatches": "^a"}),
            json!({"exists": true}),
            json!({"exists": false}),
            json!({"before": "2026-01-01T00:00:00Z"}),
            json!({"after": "2026-01-01T00:00:00Z"}),
            json!({"semver_eq": "1.2"}),
            json!({"semver_lt": "1.2"}),
            json!({"semver_lte": "1.2"}),
            json!({"semver_gt": "1.2"}),
            json!({"semver_gte": "1.2"}),
            json!({"ip_in": ["10.0.0.0/8", "::1/128"]}),
            json!({"ieq": "a"}),
            json!({"ine": "a"}),
            json!({"iin": ["a", "b"]}),
            json!({"inot_in": ["a"]}),
        ];
        for operation in shown {
            let condition = crate::Condition::from_value(&json!({"attr": {"x": operation}})).unwrap();
            let crate::model::Clause::Attr(tests) = &condition.clauses[0] else { panic!("a test") };
            let (check, negated) = &compile(&tests[0].1).next().unwrap();
            let (operator, operand) = check.describe(*negated);
            assert_eq!(json!({ (operator): operand }), operation);
        }
    }

    #[test]
    fn of_a_long_list_the_beginning_is_shown_and_how_many_more_there_are() {
        let texts: Vec<_> = (0..SHOWN_MAX + 7).map(|i| format!("t{i:02}")).collect();
        let networks: Vec<_> = (0..SHOWN_MAX + 7).map(|i| format!("10.0.{i}.0/24")).collect();
        for (test, is_listed) in
            [(json!({ "in": texts }), false), (json!({ "ip_in": networks }), true), (json!({"in": texts[..SHOWN_MAX]}), false)]
        {
            let condition = crate::Condition::from_value(&json!({"attr": {"x": test}})).unwrap();
            let crate::model::Clause::Attr(tests) = &condition.clauses[0] else { panic!("a test") };
            let (operator, operand) = compile(&tests[0].1).next().unwrap().0.describe(false);
            let all = test[operator].as_array().unwrap().len();
            let shown = operand.as_array().unwrap();
            assert_eq!(shown.len(), all.min(SHOWN_MAX + 1), "{operand}");
            assert_eq!(shown.last() == Some(&json!("… and 7 more")), all > SHOWN_MAX, "{operand}");
            assert!(!is_listed || shown[0] == "10.0.0.0/24");
        }
    }
}
