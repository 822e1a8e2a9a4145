use std::collections::BTreeSet;

use ff_core::{FlagType, User};
use ff_store::{AuditFilter, PageRequest, audit, flag};

use super::*;
use crate::clock;
use crate::testing::Fixture;

fn key(text: &str) -> FlagKey {
    text.parse().unwrap()
}

#[actix_web::test]
async fn the_demo_tenant_shows_what_there_is() {
    let fixture = Fixture::new();
    let planted = plant(&fixture.state).unwrap();
    assert_eq!(planted, Planted { created: 14, kept: 0 });
    let production = context(&tenant().unwrap(), EnvironmentKey::production()).scope;
    let flags = flag::list(&fixture.state.store, &production, &Default::default(), &PageRequest::default()).unwrap().items;
    let kinds: BTreeSet<_> = flags.iter().map(|record| record.flag.kind().name()).collect();
    assert_eq!(kinds.len(), 4, "every type of flag");
    assert!(flags.iter().any(|record| record.flag.kind() == FlagType::Json));
    let clauses: String = flags.iter().map(|record| record.flag.to_value().to_string()).collect();
    for clause in
        ["\"segment\"", "\"percentage\"", "\"time\"", "\"flag\"", "\"not\"", "\"from\"", "\"semver_lt\"", "\"ip_in\"", "\"distribution\""]
    {
        assert!(clauses.contains(clause), "no {clause} is shown");
    }
}

#[actix_web::test]
async fn it_evaluates_as_it_says() {
    let fixture = Fixture::new();
    plant(&fixture.state).unwrap();
    let rulesets = fixture.state.rulesets.peek(&tenant().unwrap()).unwrap();
    let ruleset = rulesets.get(&EnvironmentKey::production()).unwrap();
    let at = |text: &str| text.parse().unwrap();
    let staff = User::new("u").unwrap().with("email", "Ada@Acme.Example");
    assert_eq!(ruleset.evaluate("search-ranking", &staff, clock::now()).unwrap().variant().as_str(), "semantic");
    assert_eq!(ruleset.evaluate("checkout-redesign", &staff, clock::now()).unwrap().rule_id().unwrap().as_str(), "beta");
    let old = User::new("u").unwrap().with("app_version", "3.1.9");
    assert_eq!(ruleset.evaluate("results-per-page", &old, clock::now()).unwrap().variant().as_str(), "few");
    let anyone = User::new("u").unwrap();
    let banner = |now| ruleset.evaluate("banner", &anyone, at(now)).unwrap().variant().to_string();
    assert_eq!((banner("2026-11-30T23:59:59Z"), banner("2026-12-01T00:00:00Z")), ("none".to_owned(), "winter-sale".to_owned()));
    let staging = rulesets.get(&"staging".parse().unwrap()).unwrap();
    let office = staff.clone().with("ip", "10.1.2.3");
    assert_eq!(ruleset.evaluate("internal-tools", &office, clock::now()).unwrap().variant().as_str(), "off");
    assert_eq!(staging.evaluate("internal-tools", &office, clock::now()).unwrap().variant().as_str(), "on");
}

#[actix_web::test]
async fn a_second_time_changes_nothing_and_a_newcomers_own_changes_stay() {
    let fixture = Fixture::new();
    plant(&fixture.state).unwrap();
    let production = context(&tenant().unwrap(), EnvironmentKey::production());
    let target = flags::Target::Existing(key("dark-mode"));
    flags::put(&fixture.state, &production, &target, &serde_json::json!({"state": "off"}), &Precondition::default()).unwrap();
    let newest = || {
        audit::page(&fixture.state.store, &production.scope.tenant, &AuditFilter::default(), &PageRequest::default()).unwrap().items[0]
            .revision
    };
    let before = newest();
    assert_eq!(plant(&fixture.state).unwrap(), Planted { created: 0, kept: 14 });
    assert_eq!(newest(), before);
    // What was deleted comes back with `seed`, but not with a restart.
    flags::delete(&fixture.state, &production, &key("banner"), &Precondition::default()).unwrap();
    assert_eq!(plant_if_new(&fixture.state).unwrap(), Planted::default());
    assert_eq!(plant(&fixture.state).unwrap(), Planted { created: 1, kept: 13 });
}

#[actix_web::test]
async fn an_untouched_tenant_is_new() {
    let fixture = Fixture::new();
    assert_eq!(plant_if_new(&fixture.state).unwrap().created, 14);
}
