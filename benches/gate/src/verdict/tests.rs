use super::*;

fn with(rustc: &str) -> Conditions {
    [("rustc".to_owned(), rustc.to_owned()), ("target".to_owned(), "x86_64".to_owned())].into()
}

fn baseline<const N: usize>(counts: [(&str, u64); N]) -> Baseline {
    Baseline { reason: "first".to_owned(), measured_with: with("1.95.0"), instructions: counts.into() }
}

fn report<const N: usize, const M: usize>(old: [(&str, u64); N], new: [(&str, u64); M]) -> Report {
    Report::new(&baseline(old), &new.into(), &with("1.95.0"))
}

#[test]
fn three_percent_above_the_baseline_passes_and_one_instruction_more_fails() {
    assert!(report([("w1", 1_000)], [("w1", 1_030)]).passes(true));
    assert!(!report([("w1", 1_000)], [("w1", 1_031)]).passes(true));
    assert!(!report([("w1", 1_000)], [("w1", 1_031)]).passes(false));
}

#[test]
fn one_regression_fails_though_all_others_got_better() {
    let report = report([("w1", 1_000), ("w2", 1_000), ("w3", 1_000)], [("w1", 500), ("w2", 1_050), ("w3", 500)]);
    assert!(!report.passes(false));
    let marked: Vec<_> = report.rows.iter().map(Row::verdict).collect();
    assert_eq!(marked, [Verdict::Better, Verdict::Worse, Verdict::Better]);
    assert!(report.to_text(false).contains("FAILED"), "{}", report.to_text(false));
}

#[test]
fn an_improvement_beyond_three_percent_passes_with_a_hint_to_lower_the_baseline() {
    let hint = "Lower the baseline";
    let better = report([("w1", 1_000)], [("w1", 969)]);
    assert!(better.passes(true));
    assert!(better.to_text(true).contains(hint));
    let same = report([("w1", 1_000)], [("w1", 970)]);
    assert!(same.passes(true));
    assert!(!same.to_text(true).contains(hint));
}

#[test]
fn a_workload_without_a_baseline_fails() {
    let report = report([("w1", 1_000)], [("w1", 1_000), ("w2", 1)]);
    assert!(!report.passes(false));
    assert!(report.table().contains("has no baseline"));
}

#[test]
fn a_workload_that_is_not_measured_any_more_fails() {
    let report = report([("w1", 1_000), ("w2", 1)], [("w1", 1_000)]);
    assert!(!report.passes(false));
    assert!(report.table().contains("is not measured"));
}

#[test]
fn under_other_conditions_nothing_is_judged_and_only_the_strict_fail() {
    for new in [500, 1_000, 2_000] {
        let report = Report::new(&baseline([("w1", 1_000)]), &[("w1", new)].into(), &with("1.96.0"));
        assert!(report.passes(false), "{new}");
        assert!(!report.passes(true), "{new}");
        let text = report.to_text(true);
        assert!(text.contains("rustc: 1.95.0 then, 1.96.0 now"), "{text}");
        assert!(!text.contains("target:"), "{text}");
    }
}

#[test]
fn a_condition_that_only_one_side_knows_is_a_difference() {
    let mut fewer = with("1.95.0");
    fewer.remove("target");
    let report = Report::new(&baseline([("w1", 1)]), &[("w1", 1)].into(), &fewer);
    assert!(report.to_text(false).contains("target: x86_64 then, unknown now"));
    assert!(!report.passes(true));
}

#[test]
fn the_table_shows_old_new_and_ratio_of_every_workload_in_the_order_measured() {
    let report = report([("w10", 2_000), ("w9", 1_234_567)], [("w9", 1_234_567), ("w10", 1_000)]);
    let expected = "\
instructions          old          new   ratio
w9              1,234,567    1,234,567   1.000
w10                 2,000        1,000   0.500  better
";
    assert_eq!(report.table(), expected);
}

#[test]
fn the_largest_counts_are_compared_without_overflow() {
    assert!(!report([("w1", 1)], [("w1", u64::MAX)]).passes(true));
    assert!(report([("w1", u64::MAX)], [("w1", u64::MAX)]).passes(true));
}
