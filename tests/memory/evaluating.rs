//! An evaluation allocates nothing.

use ff_core::{Ruleset, Timestamp, User};

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
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}
