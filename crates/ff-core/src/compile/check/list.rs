//! A test on a list: it passes where one of the values does.

use super::{Check, Mixed, compare, has_number};
use crate::model::Ordering;
use crate::user::{AttributeValue, List};

impl Check {
    /// Whether one of the values passes, which are the list. Finds it by the list's order, and looks at all values only for
    /// a regular expression.
    pub(super) fn passes_list(&self, list: &List, values: &[AttributeValue]) -> bool {
        match self {
            Self::Exists => true,
            Self::EqualsText(wanted) => list.texts.contains(wanted),
            Self::EqualsNumber(wanted) => has_number(&list.numbers, *wanted),
            Self::EqualsBool(wanted) => list.has_bool(*wanted),
            Self::EqualsFolded(wanted) => list.folded().contains(wanted.as_str()),
            Self::InTexts(wanted) => list.texts.share_one_with(wanted),
            Self::InMixed(mixed) => mixed.shares_one_with(list),
            Self::InFolded(wanted) => list.folded().share_one_with(wanted),
            Self::Number(ordering, operand) => match ends(&list.numbers, *ordering) {
                Some(number) => compare(*ordering, *number, *operand),
                None => *ordering == Ordering::Equal && has_number(&list.numbers, *operand),
            },
            Self::Text(ordering, operand) => {
                let end = match ordering {
                    Ordering::Less | Ordering::AtMost => list.texts.least(),
                    Ordering::Greater | Ordering::AtLeast => list.texts.greatest(),
                    Ordering::Equal => return list.texts.contains(operand),
                };
                end.is_some_and(|text| ordering.holds(text.cmp(operand.as_bytes())))
            }
            Self::Starts(wanted) => list.texts.any_begins_with(wanted),
            Self::Ends(wanted) => list.texts.any_ends_with(&wanted.backwards),
            Self::Contains(wanted) => list.texts.any_holds(wanted),
            Self::StartsFolded(wanted) => list.folded().any_begins_with(wanted.as_str()),
            Self::EndsFolded(wanted) => list.folded().any_ends_with(&wanted.backwards),
            Self::ContainsFolded(wanted) => list.folded().any_holds(wanted),
            Self::Matches(pattern) => values.iter().any(|value| match value {
                AttributeValue::String(text) => pattern.regex().is_match(text),
                _ => false,
            }),
            Self::Before(at) => list.instants.is_some_and(|(first, _)| first < *at),
            Self::After(at) => list.instants.is_some_and(|(_, last)| last > *at),
            Self::Version(ordering, operand) => {
                let Some(operand) = &operand.version else { return false };
                match ends(&list.versions, *ordering) {
                    Some(version) => ordering.holds(version.precedence(operand)),
                    None => list.versions.binary_search_by(|version| version.precedence(operand)).is_ok(),
                }
            }
            Self::Network(networks) => networks.contain_one_of(list),
        }
    }
}

/// The value that passes a comparison if any of these does, which are in order. None, if there is none, or if it is not a matter
/// of order.
fn ends<T>(values: &[T], ordering: Ordering) -> Option<&T> {
    match ordering {
        Ordering::Less | Ordering::AtMost => values.first(),
        Ordering::Greater | Ordering::AtLeast => values.last(),
        Ordering::Equal => None,
    }
}

impl Mixed {
    fn shares_one_with(&self, list: &List) -> bool {
        let (fewer, more) =
            if self.numbers.len() < list.numbers.len() { (&self.numbers, &list.numbers) } else { (&list.numbers, &self.numbers) };
        list.texts.share_one_with(&self.texts)
            || self.bools.iter().any(|wanted| list.has_bool(*wanted))
            || fewer.iter().any(|number| has_number(more, *number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::User;
    use crate::compile::{Check, compile_test};
    use crate::model::{Clause, Condition, Operation, Scalar, Test};
    use crate::user::{AttributeName, AttributeValue};

    fn checks(test: &Value) -> Vec<(Check, bool)> {
        let condition = Condition::from_value(&json!({"attr": {"x": test}})).unwrap_or_else(|faults| panic!("{test}: {faults}"));
        let Clause::Attr(tests) = &condition.clauses[0] else { panic!("a test") };
        compile_test(&tests[0].1).collect()
    }

    /// Every operator with operands that some of the values below pass, and some only just fail.
    fn operations() -> Vec<Value> {
        let texts = ["", "a", "B", "ab", "abc", "cab", "É", "true", "30", "ς", "zz"];
        let long = |step: usize| (0..60).map(|i| json!(format!("t{}", i * step))).collect::<Vec<_>>();
        let mut all = vec![json!(30), json!(-0.0), json!(31.5), json!(true), json!(false), json!({"exists": true})];
        for operator in ["eq", "ieq", "lt", "lte", "gt", "gte", "starts_with", "ends_with", "contains", "matches", "imatches"] {
            all.extend(texts.map(|text| json!({ operator: text })));
        }
        all.extend(["istarts_with", "iends_with", "icontains"].iter().flat_map(|operator| texts.map(|text| json!({ *operator: text }))));
        all.extend(["lt", "lte", "gt", "gte"].iter().flat_map(|operator| [-5.0, 0.0, 30.0, 1e300].map(|n| json!({ *operator: n }))));
        all.extend([json!([]), json!(["a"]), json!(["x", "a", "y", "z", "30"]), json!(long(7)), json!(long(1_001))]);
        all.extend([json!({"iin": ["A", "É"]}), json!({"iin": ["x"]}), json!({"iin": long(7)})]);
        all.extend([json!([1, 30, "x"]), json!([true]), json!([false, "abc"]), json!((0..40).map(|i| i * 3).collect::<Vec<_>>())]);
        for version in ["1.2.3", "1.2.3-rc.1", "2", "0.1", "99.0.0"] {
            for operator in ["semver_eq", "semver_lt", "semver_lte", "semver_gt", "semver_gte"] {
                all.push(json!({ operator: version }));
            }
        }
        for instant in ["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "1990-01-01T00:00:00Z"] {
            all.extend([json!({"before": instant}), json!({"after": instant})]);
        }
        let many = (0..50).map(|i| format!("10.9.{i}.0/24")).chain(["2001:db8::/64".to_owned()]).collect::<Vec<_>>();
        all.extend([json!({"ip_in": "10.0.0.0/8"}), json!({"ip_in": ["10.0.0.2", "::1"]}), json!({"ip_in": many})]);
        all
    }

    fn values() -> Vec<AttributeValue> {
        let texts = [
            "",
            "a",
            "A",
            "b",
            "B",
            "ab",
            "Ab",
            "abc",
            "cab",
            "é",
            "É",
            "ΟΔΟΣ",
            "οδος",
            "σ",
            "true",
            "false",
            "30",
            "-0",
            "3e1",
            "31.5",
            "t7",
            "t14",
            "1.2.3",
            "1.2.3-rc.1",
            "1.2.3-rc.2",
            "1.2.3+b",
            "2.0.0",
            "10",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.5Z",
            "2025-12-31T23:59:59Z",
            "10.0.0.1",
            "10.0.0.2",
            "10.9.7.1",
            "11.0.0.0",
            "::1",
            "::ffff:10.0.0.1",
            "2001:db8::7",
            "2001:db8:1::",
        ];
        let numbers = [0.0, -0.0, 30.0, 29.9, 31.5, -7.0, 1e301, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let others = [AttributeValue::Bool(true), AttributeValue::Bool(false), AttributeValue::Object, vec!["a"].into()];
        texts.map(AttributeValue::from).into_iter().chain(numbers.map(AttributeValue::from)).chain(others).collect()
    }

    fn user(value: AttributeValue) -> User {
        User::new("u").unwrap().with("x", value)
    }

    fn passes(check: &Check, user: &User) -> bool {
        check.passes(user.get(&AttributeName::new("x")))
    }

    /// Users with a list, each with users who have one of its values alone. Lists and objects in a list match nothing.
    fn users() -> Vec<(User, Vec<User>)> {
        let values = values();
        let fillers: Vec<AttributeValue> = (0..40).map(|i| format!("filler {i}").into()).collect();
        let mut lists: Vec<Vec<AttributeValue>> = vec![Vec::new(), fillers.clone()];
        lists.extend(values.iter().map(|value| vec![value.clone()]));
        lists.extend(values.iter().zip(values.iter().cycle().skip(11)).map(|(a, b)| vec![b.clone(), a.clone(), b.clone()]));
        lists.extend(values.iter().step_by(5).map(|value| [fillers.as_slice(), std::slice::from_ref(value)].concat()));
        lists.extend([1, 2, 3].map(|step| values.iter().skip(step).step_by(step + 1).cloned().collect()));
        lists.push((0..50).map(|i| (i * 3).into()).chain((0..50).map(|i| format!("10.9.{i}.1").into())).collect());
        let alone = |list: &[AttributeValue]| list.iter().filter(|value| value.is_scalar()).cloned().map(user).collect();
        lists.into_iter().map(|list| (user(list.clone().into()), alone(&list))).collect()
    }

    #[test]
    fn a_list_passes_every_test_that_one_of_its_values_passes_and_no_other() {
        let users = users();
        let (mut passed, mut failed) = (0, 0);
        for operation in operations() {
            for (check, _) in checks(&operation) {
                for (user, alone) in &users {
                    let expected = matches!(check, Check::Exists) || alone.iter().any(|user| passes(&check, user));
                    assert_eq!(passes(&check, user), expected, "{operation} on {user:?}");
                    *(if expected { &mut passed } else { &mut failed }) += 1;
                }
            }
        }
        assert!(passed > 1_000 && failed > 1_000, "{passed} {failed}");
    }

    #[test]
    fn comparing_for_equality_built_in_code_holds_for_lists_too() {
        for (value, list, holds) in [
            (json!("b"), AttributeValue::from(["a", "b", "c"]), true),
            (json!("b"), ["a", "c"].into(), false),
            (json!(2), [1, 2, 3].into(), true),
            (json!(2), [1, 3].into(), false),
        ] {
            let value = if let Some(text) = value.as_str() {
                Scalar::String(text.to_owned())
            } else {
                Scalar::Number(value.as_number().unwrap().clone())
            };
            let test = Test::Operations(vec![Operation::Order { ordering: crate::model::Ordering::Equal, value }]);
            assert_eq!(passes(&compile_test(&test).next().unwrap().0, &user(list)), holds);
        }
    }
}
