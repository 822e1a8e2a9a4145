//! Rulesets that follow the log are like rulesets that are compiled from what the database holds.

use std::sync::Arc;

use ff_core::{Timestamp, User};
use ff_store::{EnvironmentDraft, Scope, Store};
use quickcheck::{Arbitrary, Gen, QuickCheck};
use serde_json::json;

use super::*;
use crate::auth::{Caller, Tenants, TokenScope};
use crate::news::Said;
use crate::service::{Context, Precondition, RequestId, environments, flags, segments};
use crate::testing::Fixture;

const ENVIRONMENTS: [&str; 2] = ["production", "staging"];

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

fn context(environment: &str) -> Context {
    let caller = Arc::new(Caller::new("ann", [TokenScope::Admin].into_iter().collect(), Tenants::All));
    Context { scope: Scope::new(tenant(), environment.parse().unwrap()), caller, request_id: RequestId::made(), once: None }
}

/// One write, which may be refused: it may name what is not there, or take away what others need.
#[derive(Debug, Clone)]
enum Step {
    PutFlag(&'static str, Value),
    DeleteFlag(String),
    PutSegment(Value),
    DeleteSegment(String),
    CreateEnvironment,
    RenameEnvironment(String),
    DeleteEnvironment,
}

impl Step {
    /// Whether it was done and changed something shows in the revision.
    fn take(&self, state: &AppState) {
        let none = Precondition::default();
        let production = context("production");
        let draft = |name: &str| EnvironmentDraft { key: "staging".parse().unwrap(), name: name.to_owned(), description: String::new() };
        match self {
            Self::PutFlag(environment, body) => {
                flags::put(state, &context(environment), &flags::Target::Named, body, &none).ok();
            }
            Self::DeleteFlag(key) => drop(flags::delete(state, &production, &key.parse().unwrap(), &none).ok()),
            Self::PutSegment(body) => {
                segments::put(state, &production, &segments::Target::Named, body, &none).ok();
            }
            Self::DeleteSegment(key) => drop(segments::delete(state, &production, &key.parse().unwrap(), &none).ok()),
            Self::CreateEnvironment => drop(environments::put(state, &production, draft("staging")).ok()),
            Self::RenameEnvironment(name) => drop(environments::put(state, &production, draft(name)).ok()),
            Self::DeleteEnvironment => drop(environments::delete(state, &production, &"staging".parse().unwrap()).ok()),
        }
    }
}

impl Arbitrary for Step {
    fn arbitrary(source: &mut Gen) -> Self {
        let mut below = |bound: usize| usize::arbitrary(source) % bound;
        let (flag, segment) = (format!("f{}", below(4)), format!("s{}", below(3)));
        match below(20) {
            0..=9 => {
                let mut variants = vec![json!({"key": "a", "weight": below(4)}), json!({"key": "b", "weight": 1 + below(4)})];
                if below(3) == 0 {
                    variants.push(json!({"key": "c", "weight": below(2)}));
                }
                let when = match below(4) {
                    0 => json!({}),
                    1 => json!({"segment": format!("s{}", below(3))}),
                    2 => json!({"flag": {"key": format!("f{}", below(4)), "variant": (["a", "c"][below(2)])}}),
                    _ => json!({"percentage": below(101)}),
                };
                let rules = if below(3) == 0 { json!([]) } else { json!([{"id": "r", "when": when, "rollout": {"variant": "a"}}]) };
                let environment = ENVIRONMENTS[below(2)];
                let mut body =
                    json!({"key": flag, "state": (["on", "off"][below(2)]), "variants": variants, "rules": rules, "off_variant": "b"});
                if below(4) == 0 {
                    body["name"] = json!(format!("name {}", below(5)));
                }
                Self::PutFlag(environment, body)
            }
            10 | 11 => Self::DeleteFlag(flag),
            12..=15 => {
                let criteria = if below(2) == 0 { json!({"percentage": 50}) } else { json!({"segment": format!("s{}", below(3))}) };
                Self::PutSegment(json!({"key": segment, "criteria": criteria, "included": [format!("u{}", below(6))]}))
            }
            16 | 17 => Self::DeleteSegment(segment),
            18 => Self::CreateEnvironment,
            _ if below(3) == 0 => Self::DeleteEnvironment,
            _ => Self::RenameEnvironment(format!("name {}", below(5))),
        }
    }
}

/// Everything that an evaluation may show, of every flag in every environment.
fn shown(rulesets: &TenantRulesets) -> Vec<String> {
    let at = Timestamp::from_millis(1_795_248_000_000);
    let mut shown = vec![format!("revision {}", rulesets.revision())];
    let mut segments: Vec<_> = rulesets.segments().keys().map(|key| format!("segment {key}")).collect();
    segments.sort_unstable();
    shown.append(&mut segments);
    let mut environments: Vec<_> = rulesets.iter().collect();
    environments.sort_by_key(|(key, _)| *key);
    for (environment, ruleset) in environments {
        shown.push(format!("{environment} at {} with {} flags", ruleset.revision(), ruleset.len()));
        for key in ruleset.keys_in_order() {
            for user in 0..6 {
                let user = User::from_value(&json!({"id": format!("u{user}")})).unwrap();
                let evaluation = ruleset.evaluate(key.as_str(), &user, at).unwrap();
                shown.push(format!("{environment}: {}", serde_json::to_string(&evaluation).unwrap()));
            }
        }
    }
    shown
}

fn compiled(store: &Store) -> TenantRulesets {
    ruleset::read(store, &tenant(), |reading| TenantRulesets::compile(&tenant(), reading)).unwrap()
}

fn log_after(store: &Store, revision: Revision) -> Vec<Logged> {
    audit::after(store, &tenant(), revision, 1_000).unwrap()
}

#[test]
fn following_the_log_entry_by_entry_gives_what_compiling_anew_gives() {
    fn same(steps: Vec<Step>) -> bool {
        let fixture = Fixture::new();
        let state = &fixture.state;
        let mut following = compiled(&state.store);
        for step in [Step::CreateEnvironment].iter().chain(&steps) {
            step.take(state);
            for logged in log_after(&state.store, following.revision()) {
                following = match after(&following, &logged) {
                    Ok(next) => next,
                    Err(gap) => {
                        // Its flags are not in the log; nothing else may stop here.
                        assert!((logged.entry.entity, logged.entry.action) == (Entity::Environment, Action::Created), "{gap}");
                        compiled(&state.store)
                    }
                };
            }
            let fresh = shown(&compiled(&state.store));
            assert_eq!(shown(&following), fresh, "after {step:?}");
            // So are the rulesets of the writer, made change by change.
            if state.rulesets.peek(&tenant()).is_some_and(|served| shown(&served) != fresh) {
                return false;
            }
        }
        true
    }
    QuickCheck::new().rng(Gen::new(40)).tests(40).quickcheck(same as fn(Vec<Step>) -> bool);
}

#[test]
fn following_many_entries_at_once_gives_the_same() {
    fn same(steps: Vec<Step>) -> bool {
        let fixture = Fixture::new();
        let state = &fixture.state;
        Step::CreateEnvironment.take(state);
        let start = compiled(&state.store);
        steps.iter().filter(|step| !matches!(step, Step::DeleteEnvironment)).for_each(|step| step.take(state));
        let fresh = compiled(&state.store);
        match along_the_log(&start, fresh.revision(), &mut Stored(&state.store, &tenant())).unwrap().unwrap() {
            Some(reached) => {
                let count = fresh.revision().get() - start.revision().get();
                reached.made_at.len() as i64 == count && shown(&reached.rulesets) == shown(&fresh)
            }
            None => start.revision() == fresh.revision(),
        }
    }
    // Longer than what is read at once.
    QuickCheck::new().rng(Gen::new(150)).tests(10).quickcheck(same as fn(Vec<Step>) -> bool);
}

/// A tenant at revision 3: staging, a segment, a flag that names it.
fn small(state: &AppState) -> (TenantRulesets, Vec<Logged>) {
    Step::CreateEnvironment.take(state);
    let start = compiled(&state.store);
    Step::PutSegment(json!({"key": "s", "included": ["u0"]})).take(state);
    let rules = json!([{"id": "r", "when": {"segment": "s"}, "rollout": {"variant": "on"}}]);
    Step::PutFlag("production", json!({"key": "f", "type": "boolean", "rules": rules})).take(state);
    let log = log_after(&state.store, start.revision());
    assert_eq!(log.len(), 2);
    (start, log)
}

#[test]
fn what_does_not_fit_is_not_guessed_at() {
    let fixture = Fixture::new();
    let (start, log) = small(&fixture.state);
    let [segment, flag] = &log[..] else { panic!("{log:?}") };
    let with_segment = after(&start, segment).unwrap();
    assert!(after(&with_segment, flag).is_ok());

    assert_eq!(after(&start, flag).unwrap_err(), Gap::Missing(Revision::new(1), Revision::new(3)));
    assert_eq!(after(&with_segment, segment).unwrap_err(), Gap::Missing(Revision::new(2), Revision::new(2)));
    let changed = |change: &dyn Fn(&mut Logged)| {
        let mut logged = flag.clone();
        change(&mut logged);
        after(&with_segment, &logged).unwrap_err().to_string()
    };
    assert!(changed(&|logged| logged.elsewhere.clear()).contains("no flag for environment `staging`"));
    assert!(changed(&|logged| logged.entry.after = None).contains("no flag for environment `production`"));
    assert!(changed(&|logged| logged.entry.environment = None).contains("names no environment"));
    assert!(changed(&|logged| logged.entry.environment = Some("elsewhere".parse().unwrap())).contains("`elsewhere` is not known"));
    let bad = changed(&|logged| logged.entry.after.as_mut().unwrap()["surprise"] = json!(1));
    assert!(bad.starts_with("revision 3: ") && bad.contains("surprise"), "{bad}");
    let dangling = changed(&|logged| logged.entry.after.as_mut().unwrap()["rules"][0]["when"] = json!({"segment": "gone"}));
    assert!(dangling.contains("gone"), "{dangling}");
}

#[test]
fn a_log_that_is_too_long_or_too_short_is_not_followed() {
    let fixture = Fixture::new();
    let (start, log) = small(&fixture.state);
    let known = |revision| along_the_log(&start, Revision::new(revision), &mut List(&log, &[])).unwrap();
    assert_eq!(known(0).unwrap().unwrap().rulesets.revision(), Revision::new(3));
    assert_eq!(known(3).unwrap().unwrap().made_at.len(), 2);
    assert_eq!(known(4).unwrap_err(), Gap::Short(Revision::new(3)));
    assert_eq!(known(1_002).unwrap_err(), Gap::Far(1_001));
    let reached = known(3).unwrap().unwrap().rulesets;
    assert!(along_the_log(&reached, Revision::new(3), &mut List(&log, &[])).unwrap().unwrap().is_none());
}

/// A log, and the changes before it that it tells by their ids.
struct List<'a>(&'a [Logged], &'a [(Revision, ChangeId)]);

impl Log for List<'_> {
    type Error = ServiceError;

    fn after(&mut self, revision: Revision) -> Result<Vec<Logged>, ServiceError> {
        let after = self.0.iter().filter(|logged| logged.entry.revision > revision);
        Ok(after.take(ENTRIES_PER_READ as usize).cloned().collect())
    }

    fn change_at(&mut self, revision: Revision) -> Result<Option<ChangeId>, ServiceError> {
        let logged = self.0.iter().map(|logged| (logged.entry.revision, logged.entry.id()));
        Ok(self.1.iter().copied().chain(logged).find(|(known, _)| *known == revision).map(|(_, id)| id))
    }
}

#[test]
fn a_log_in_which_another_change_made_what_is_in_memory_is_not_followed() {
    let fixture = Fixture::new();
    let (start, log) = small(&fixture.state);
    let mut another = log.clone();
    another.iter_mut().for_each(|logged| logged.entry.request_id = Some("another".to_owned()));
    let along = |before: &TenantRulesets, log: &[Logged], ids: &[(Revision, ChangeId)]| {
        along_the_log(before, Revision::ZERO, &mut List(log, ids)).unwrap().map(|reached| reached.map(|reached| reached.rulesets))
    };
    // It is known which change made each revision, wherever the rulesets come from.
    assert_eq!(start.position().change, audit::change_at(&fixture.state.store, &tenant(), start.revision()).unwrap());
    let mine = (start.revision(), start.position().change.unwrap());
    let reached = along(&start, &log, &[mine]).unwrap().unwrap();
    assert_eq!(reached.position(), log[1].entry.position());
    assert_eq!(reached.position(), fixture.state.rulesets.peek(&tenant()).unwrap().position());

    assert_eq!(along(&start, &log, &[(mine.0, log[0].entry.id())]).unwrap_err(), Gap::Rewritten(mine.0));
    assert_eq!(along(&reached, &another, &[]).unwrap_err(), Gap::Rewritten(reached.revision()), "though it leads nowhere else");
    // What is not known proves nothing.
    assert!(along(&start, &another, &[]).unwrap().is_some());
    assert!(along(&start.clone().made_by(None), &log, &[(mine.0, log[0].entry.id())]).unwrap().is_some());
}

#[test]
fn a_writer_that_is_behind_follows_the_log_too() {
    let fixture = Fixture::new();
    let one = &fixture.state;
    let other = fixture.another();
    small(one);
    let context = context("production");
    let body = json!({"key": "g", "type": "boolean"});
    flags::put(&other, &context, &flags::Target::Named, &body, &Precondition::default()).unwrap();
    // It is behind now, and has something in memory to go on from.
    Step::PutFlag("staging", json!({"key": "f", "type": "boolean", "state": "on"})).take(one);
    Step::DeleteSegment("s".to_owned()).take(one);
    let body = json!({"key": "h", "type": "boolean"});
    flags::put(&other, &context, &flags::Target::Named, &body, &Precondition::default()).unwrap();
    assert_eq!(shown(&other.rulesets.peek(&tenant()).unwrap()), shown(&compiled(&one.store)));
}

#[test]
fn a_tenant_that_is_behind_is_brought_up_and_one_that_is_not_in_memory_is_left_alone() {
    let fixture = Fixture::new();
    let (one, other) = (&fixture.state, fixture.another());
    small(one);
    bring_up(&other, &tenant(), Revision::new(3)).unwrap();
    assert!(other.rulesets.peek(&tenant()).is_none());
    other.rulesets.reload(&other.store, &tenant()).unwrap();
    let before = other.rulesets.peek(&tenant()).unwrap();
    bring_up(&other, &tenant(), Revision::ZERO).unwrap();
    assert!(Arc::ptr_eq(&before, &other.rulesets.peek(&tenant()).unwrap()), "nothing was new");

    Step::PutFlag("staging", json!({"key": "f", "type": "boolean", "state": "on"})).take(one);
    let mut news = other.news.follow(&tenant());
    let comparison = compare(&other, Depth::All).unwrap();
    assert_eq!(comparison.behind, [(tenant(), Revision::new(4))]);
    bring_up(&other, &tenant(), Revision::new(4)).unwrap();
    assert_eq!(news.borrow_and_update().revision, Revision::new(4));
    let now = other.rulesets.peek(&tenant()).unwrap();
    assert_eq!(shown(&now), shown(&compiled(&one.store)));
    assert!(compare(&other, Depth::All).unwrap().behind.is_empty());
    assert!(other.metrics.render(other.store.pool_state()).contains("ff_change_propagation_seconds_count 1"));
}

#[test]
fn who_follows_a_tenant_that_is_not_in_memory_is_told_of_its_revision() {
    let fixture = Fixture::new();
    let other = fixture.another();
    small(&fixture.state);
    let mut news = other.news.follow(&tenant());
    compare(&other, Depth::All).unwrap();
    assert_eq!(news.borrow_and_update().revision, Revision::new(3));
    assert!(other.rulesets.peek(&tenant()).is_none());
    compare(&other, Depth::All).unwrap();
    assert!(!news.has_changed().unwrap());
}

#[test]
fn a_look_that_finds_nothing_new_makes_rulesets_as_good_as_new() {
    let fixture = Fixture::new();
    let (one, other) = (&fixture.state, fixture.another());
    small(one);
    for look in [
        |state: &AppState| drop(compare(state, Depth::All).unwrap()),
        |state: &AppState| bring_up(state, &tenant(), Revision::ZERO).unwrap(),
    ] {
        other.rulesets.reload(&other.store, &tenant()).unwrap();
        let served = other.rulesets.peek(&tenant()).unwrap();
        let production = served.get(&EnvironmentKey::production()).unwrap();
        // It cannot be older than the process.
        let old = production.age() + Duration::from_millis(20);
        while production.age() < old {
            std::hint::spin_loop();
        }
        let begun = clock::uptime();
        look(&other);
        // However long it took: it saw what there was after it began. (Ages are whole microseconds.)
        assert!(production.age() <= clock::uptime() - begun + Duration::from_micros(1));
        // One that finds something says nothing about what was served so far.
        while production.age() < old {
            std::hint::spin_loop();
        }
        Step::PutSegment(json!({"key": "s", "included": [format!("u{:?}", old)]})).take(one);
        compare(&other, Depth::All).unwrap();
        assert!(production.age() >= old);
    }
}

#[test]
fn a_comparison_finds_rulesets_whose_revision_another_change_has_made() {
    let fixture = Fixture::new();
    let state = &fixture.state;
    let (start, log) = small(state);
    let served = state.rulesets.peek(&tenant()).unwrap();
    assert!(compare(state, Depth::All).unwrap().astray.is_empty());
    let reloaded = |rulesets: TenantRulesets, doubtful: i64| {
        let fresh = fixture.another();
        fresh.rulesets.publish(&tenant(), Arc::new(rulesets));
        assert_eq!(compare(&fresh, Depth::All).unwrap().astray, [tenant()]);
        let news = fresh.news.follow(&tenant());
        fresh.rulesets.reload(&fresh.store, &tenant()).unwrap();
        assert_eq!(*news.borrow(), Said { revision: served.revision(), restores: 1 });
        assert_eq!(fresh.rulesets.peek(&tenant()).unwrap().position(), served.position());
        for revision in 0..6 {
            let is_doubtful = fresh.rulesets.is_doubtful(&tenant(), Revision::new(revision));
            assert_eq!(is_doubtful, (1..=doubtful).contains(&revision), "{revision}");
        }
        assert!(compare(&fresh, Depth::All).unwrap().astray.is_empty());
    };
    let another = Some(log[0].entry.id());
    reloaded((*served).clone().made_by(another), 3);
    reloaded(served.at(Revision::new(5)), 5);
    // One that is behind as well is found out when it is to be brought up.
    let behind = fixture.another();
    behind.rulesets.publish(&tenant(), Arc::new(start.made_by(another)));
    assert_eq!(compare(&behind, Depth::All).unwrap().behind, [(tenant(), Revision::new(3))]);
    bring_up(&behind, &tenant(), Revision::new(3)).unwrap();
    assert_eq!(behind.rulesets.peek(&tenant()).unwrap().position(), served.position());
    assert!(behind.rulesets.is_doubtful(&tenant(), Revision::new(1)) && !behind.rulesets.is_doubtful(&tenant(), Revision::new(2)));
}

#[test]
fn every_tenant_has_its_turn_and_no_turn_is_too_long() {
    let tenants: Vec<TenantId> = (0..3_000).map(|i| format!("tenant-{i}").parse().unwrap()).collect();
    let of_turn = |turn| tenants.iter().filter(|tenant| Depth::Turn(turn).includes(tenant, tenants.len())).count();
    let counts: Vec<_> = (7..13).map(of_turn).collect();
    assert_eq!(counts.iter().sum::<usize>(), tenants.len());
    assert!(counts.iter().all(|count| (400..=600).contains(count)), "{counts:?}");
    assert!(tenants.iter().all(|tenant| Depth::Turn(5).includes(tenant, LOOKED_AT_MAX) && Depth::All.includes(tenant, 3_000)));
}
