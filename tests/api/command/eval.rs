//! `ff-server eval FILE --flag … --user …`.

use std::fs;

use ff_test_support::Setup;
use serde_json::{Value, json};

use super::{Ended, run};
use crate::harness::setup;
use crate::sample::{on_when, text, with};

/// A folder with a file of flags in it.
fn with_file() -> Setup {
    let setup = setup();
    let rules = on_when("f", json!({"attr": {"country": "CA", "plan": "pro"}, "time": {"after": "2026-01-01T00:00:00Z"}}));
    let file = json!({"tenant": "acme", "flags": [rules, text("split")], "segments": [{"key": "s"}]});
    fs::write(setup.folder().join("flags.json"), file.to_string()).unwrap();
    setup
}

fn eval(setup: &Setup, arguments: &str) -> Ended {
    run(setup.command().args(["eval", "flags.json"]).args(arguments.split(' ')))
}

#[test]
fn it_gives_what_the_server_gives_in_the_same_tenant() {
    let setup = with_file().without("JWT_SECRET").without("ADMIN_KEY").without("DB_DSN");
    let said: Value = serde_json::from_str(&eval(&setup, "--flag split --user user-1").well()).unwrap();
    let other: Value = serde_json::from_str(&eval(&setup, "--flag split --user user-1 --tenant globex").well()).unwrap();
    assert_ne!(said["details"]["bucket"], other["details"]["bucket"]);
    let server = crate::harness::setup().start();
    let ask = |tenant: &str| {
        let api = server.client().admin("test").tenant(tenant);
        api.post("/v1/flags", &text("split")).created();
        api.get("/v1/evaluate/split?user_id=user-1").ok()
    };
    assert_eq!((said, other), (ask("acme"), ask("globex")));
}

#[test]
fn attributes_and_the_instant_can_be_given() {
    let setup = with_file();
    let variant = |arguments: &str| -> Value { serde_json::from_str::<Value>(&eval(&setup, arguments).well()).unwrap()["variant"].clone() };
    let user = "--flag f --user u --attr country=CA";
    assert_eq!(variant(&format!("{user} --attr plan=free --attr plan=pro --at 2026-06-01T00:00:00Z")), "on");
    assert_eq!(variant(&format!("{user} --attr plan=pro --at 2025-06-01T00:00:00Z")), "off");
    assert_eq!(variant(&format!("{user} --at 2026-06-01T00:00:00Z")), "off");
}

#[test]
fn explain_shows_what_was_looked_at() {
    let setup = with_file();
    let explained: Value = serde_json::from_str(&eval(&setup, "--flag f --user u --attr country=US --explain").well()).unwrap();
    assert_eq!((&explained["evaluation"]["variant"], &explained["rules"][0]["holds"]), (&"off".into(), &false.into()));
    assert!(explained["rules"][0]["tests"].to_string().contains("country"), "{explained}");
}

#[test]
fn what_is_not_there_or_not_right_ends_badly() {
    let setup = with_file();
    let said = eval(&setup, "--flag nope --user u").badly();
    assert!(said.contains("`nope`"), "{said}");
    for arguments in
        ["--flag f", "--user u", "--flag f --user u --attr country", "--flag f --user u --at yesterday", "--flag f --user u --tenant a/b"]
    {
        eval(&setup, arguments).badly();
    }
    run(setup.command().args(["eval", "flags.json", "--flag", "f", "--user", ""])).badly();
    run(setup.command().args(["eval", "missing.json", "--flag", "f", "--user", "u"])).badly();
    let faulty = with(text("f"), json!({"off_variant": "zzz"}));
    fs::write(setup.folder().join("flags.json"), json!({"flags": [faulty]}).to_string()).unwrap();
    let said = eval(&setup, "--flag f --user u").badly();
    assert!(said.contains("/flags/0/off_variant"), "{said}");
}
