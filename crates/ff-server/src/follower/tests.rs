use super::*;

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn reach(revision: i64) -> Need {
    Need::Reach(Revision::new(revision))
}

#[test]
fn hints_about_one_tenant_are_one_hint() {
    let hints = Hints::default();
    for revision in [3, 5, 4] {
        hints.changed(&tenant("acme"), Revision::new(revision));
    }
    hints.look_at(&tenant("acme"));
    hints.look_at(&tenant("globex"));
    hints.compare();
    let Inbox { tenants, compares } = hints.take();
    assert_eq!(tenants, HashMap::from([(tenant("acme"), Revision::new(5)), (tenant("globex"), Revision::ZERO)]));
    assert!(compares);
    assert!(hints.take().tenants.is_empty() && !hints.take().compares);
}

#[test]
fn a_tenant_has_one_job_at_a_time_and_what_comes_meanwhile_is_not_lost() {
    let mut work = Work::new(JOBS_MAX);
    work.add(tenant("acme"), reach(5));
    work.add(tenant("acme"), reach(7));
    assert_eq!(work.begin(), Some((tenant("acme"), reach(7))));
    work.add(tenant("acme"), reach(8));
    work.add(tenant("acme"), reach(0));
    assert_eq!(work.begin(), None);
    work.end(tenant("acme"), true);
    assert_eq!(work.begin(), Some((tenant("acme"), reach(8))));
    work.end(tenant("acme"), true);
    assert_eq!(work.begin(), None);
    assert!(work.tenants.is_empty());
}

#[test]
fn going_back_is_done_once() {
    let mut work = Work::new(JOBS_MAX);
    work.add(tenant("acme"), reach(5));
    work.add(tenant("acme"), Need::ReadAnew);
    work.add(tenant("acme"), reach(6));
    assert_eq!(work.begin(), Some((tenant("acme"), Need::ReadAnew)));
    work.add(tenant("acme"), reach(3));
    work.end(tenant("acme"), true);
    assert_eq!(work.begin(), Some((tenant("acme"), reach(3))));
}

#[test]
fn tenants_go_side_by_side_up_to_a_bound_in_the_order_in_which_they_came() {
    let mut work = Work::new(JOBS_MAX);
    let ids: Vec<_> = (0..JOBS_MAX + 2).map(|i| tenant(&format!("t{i}"))).collect();
    ids.iter().for_each(|id| work.add(id.clone(), reach(1)));
    let begun: Vec<_> = std::iter::from_fn(|| work.begin()).map(|(id, _)| id).collect();
    assert_eq!(begun, ids[..JOBS_MAX]);
    work.end(ids[1].clone(), true);
    assert_eq!(work.begin(), Some((ids[JOBS_MAX].clone(), reach(1))));
    assert_eq!(work.begin(), None);
}

#[test]
fn what_failed_waits_for_a_comparison_and_counts_as_behind_until_then() {
    let mut work = Work::new(JOBS_MAX);
    let served = |_: &TenantId| Some(Revision::new(3));
    work.add(tenant("acme"), reach(5));
    work.add(tenant("globex"), reach(4));
    assert_eq!(work.lag(served), 2);
    while work.begin().is_some() {}
    work.end(tenant("acme"), false);
    work.end(tenant("globex"), true);
    assert_eq!((work.begin(), work.lag(served)), (None, 2));
    work.compared(Comparison { behind: vec![(tenant("acme"), Revision::new(9))], astray: vec![tenant("globex")] });
    assert_eq!(work.lag(served), 6);
    assert_eq!(work.begin(), Some((tenant("acme"), reach(9))));
    assert_eq!(work.begin(), Some((tenant("globex"), Need::ReadAnew)));
    work.end(tenant("acme"), false);
    work.end(tenant("globex"), true);
    work.compared(Comparison::default());
    assert_eq!((work.begin(), work.lag(served)), (None, 0));
}

#[test]
fn jobs_leave_connections_to_requests() {
    assert_eq!([1, 2, 3, 4, 8, 100].map(jobs_max), [1, 1, 1, 2, 4, JOBS_MAX]);
}
