//! An evaluation allocates nothing.

use ff_core::{EnvironmentKey, Flag, Ruleset, Timestamp, User};
use serde_json::json;

use crate::workloads;

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

/// How often `evaluate` allocates, all users and keys taken.
fn allocations(ruleset: &Ruleset, users: &[User], keys: &[String]) -> u64 {
    let evaluate_all = || {
        for user in users {
            for key in keys {
                let answer = ruleset.evaluate(key, user, now()).unwrap();
                std::hint::black_box((answer.variant(), answer.value(), answer.reason(), answer.rule_id(), answer.bucket()));
            }
        }
    };
    allocation_counter::measure(evaluate_all).count_total
}

#[test]
fn one_evaluation_of_each_workload_allocates_nothing() {
    for workload in workloads::single() {
        assert_eq!(allocations(&workload.ruleset(), &workload.users(), &workload.keys), 0, "{}", workload.id);
    }
}

#[test]
fn evaluating_all_flags_allocates_nothing() {
    let w8 = workloads::w8();
    let (ruleset, users) = (w8.ruleset(), w8.users());
    let evaluate_all = || {
        for user in &users {
            assert_eq!(
                ruleset.evaluate_all(user, now()).map(|answer| usize::from(!answer.variant().as_str().is_empty())).sum::<usize>(),
                200
            );
        }
    };
    assert_eq!(allocation_counter::measure(evaluate_all).count_total, 0);
}

#[test]
fn tests_on_a_list_allocate_nothing_whatever_the_operator_and_the_texts() {
    let operations = [
        json!("x"),
        json!(7),
        json!(["x", "y"]),
        json!((0..40).map(|i| format!("nobody-{i}")).collect::<Vec<_>>()),
        json!([1, 2, "x", true]),
        json!({"ieq": "É"}),
        json!({"iin": ["É", "y"]}),
        json!({"gt": 1_000}),
        json!({"gt": "用", "lt": " "}),
        json!({"starts_with": "x", "ends_with": "x", "contains": "xy"}),
        json!({"istarts_with": "É", "iends_with": "É", "icontains": "éx"}),
        json!({"matches": "^x$"}),
        json!({"before": "1990-01-01T00:00:00Z", "after": "2030-01-01T00:00:00Z"}),
        json!({"semver_gt": "99", "semver_eq": "98"}),
        json!({"ip_in": ["10.0.0.0/8", "::1"]}),
    ];
    let rules: Vec<_> = operations.iter().map(|test| json!({"when": {"attr": {"list": test}}, "rollout": {"variant": "on"}})).collect();
    let flag = Flag::from_value(&json!({"key": "f", "type": "boolean", "state": "on", "rules": rules})).unwrap();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[flag], &[]).unwrap();
    let texts = (0..100).map(|i| format!("TEXT-{i}")).chain(["ж".repeat(300), "1.2.3".to_owned(), "2026-01-01T00:00:00Z".to_owned()]);
    let users = [User::new("u").unwrap().with("list", texts.collect::<Vec<_>>())];
    // A regular expression allocates while it is new.
    assert!(ruleset.evaluate("f", &users[0], now()).unwrap().rule_id().is_none(), "every rule is tried");
    assert_eq!(allocations(&ruleset, &users, &["f".to_owned()]), 0);
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}
