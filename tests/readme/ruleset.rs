//! `docs/ruleset.md`: what it shows is what the engine reads, and its fields are those that a server sends.

use std::collections::BTreeSet;

use ff_core::{RulesetChanges, RulesetDocument};
use serde_json::Value;

use crate::markdown::{self, code};
use crate::server::Server;

const PATH: &str = "docs/ruleset.md";

/// The document and the changes that are shown.
fn shown() -> [String; 2] {
    let blocks = markdown::blocks(&markdown::read(PATH));
    let examples: Vec<_> = blocks.into_iter().filter(|block| block.language() == "json").map(|block| block.text).collect();
    examples.try_into().unwrap_or_else(|examples: Vec<_>| panic!("{PATH} has {} examples", examples.len()))
}

fn names(document: &Value) -> BTreeSet<String> {
    document.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_document_and_the_changes_are_read_and_lead_to_one_ruleset() {
    let [document, changes] = shown();
    let now = RulesetDocument::from_json(&document).unwrap().compile().unwrap();
    let changes = RulesetChanges::from_json(&changes).unwrap();
    // As it was where the changes begin: with what they remove, and without what they bring.
    let mut before: Value = serde_json::from_str(&document).unwrap();
    before["revision"] = 42.into();
    before["segments"][0]["included"] = serde_json::json!([]);
    let mut removed = before["flags"][0].clone();
    removed["key"] = "old-checkout".into();
    before["flags"].as_array_mut().unwrap().push(removed);
    let before = RulesetDocument::from_json(&before.to_string()).unwrap().compile().unwrap();
    assert!(before.contains("old-checkout"));
    let after = before.with_changes(&changes).unwrap();
    assert_eq!(after.revision(), now.revision());
    assert_eq!(after.flag_keys().map(ToString::to_string).collect::<Vec<_>>(), ["checkout-redesign"]);
}

#[test]
fn a_server_sends_the_fields_that_are_shown_and_told_of() {
    let server = Server::start(&[]);
    let issued = ureq::post(format!("{}/v1/auth/token", server.address())).send_empty().unwrap().body_mut().read_json::<Value>().unwrap();
    let get = |path: &str| {
        let request = ureq::get(format!("{}{path}", server.address())).header("X-Tenant-ID", "acme");
        let request = request.header("Authorization", format!("Bearer {}", issued["access_token"].as_str().unwrap()));
        request.call().unwrap().body_mut().read_json::<Value>().unwrap()
    };
    let [document, changes] = shown().map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let sent = get("/v1/ruleset");
    assert_eq!(names(&sent), names(&document));
    assert_eq!(names(&get("/v1/ruleset/changes?since=1")), names(&changes));
    let rows = markdown::rows(&markdown::read(PATH), &["field", "meaning"]);
    assert_eq!(rows.iter().map(|row| code(&row[0]).to_owned()).collect::<BTreeSet<_>>(), names(&sent));
    for (list, row) in [("flags", 4), ("segments", 5)] {
        let told: BTreeSet<&str> = rows[row][1].split('`').skip(1).step_by(2).collect();
        for entity in sent[list].as_array().unwrap() {
            assert!(names(entity).iter().all(|name| told.contains(name.as_str())), "{PATH} does not tell of all of {entity}");
        }
    }
}
