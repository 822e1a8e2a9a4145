//! `GET /v1/audit`.

use serde_json::{Value, json};

use crate::harness::{each, fresh_tenant};
use crate::sample::{environment, is_instant, is_uuid, text, with};

fn revisions(entries: &[Value]) -> Vec<i64> {
    entries.iter().map(|entry| entry["revision"].as_i64().unwrap()).collect()
}

#[test]
fn every_change_is_on_record_with_what_was_and_what_is() {
    each(|api| {
        let created = api.with("X-Request-ID", "create-f").post("/v1/flags", &text("f")).created();
        let updated = api.admin("somebody else").with("X-Request-ID", "update f").put("/v1/flags/f", &json!({"owner": "x"})).ok();
        let deletion = api.delete("/v1/flags/f");
        let entries = api.all("/v1/audit");
        assert_eq!(revisions(&entries), [3, 2, 1], "newest first, without gaps");
        let expected = [
            json!({"revision": 3, "actor": "test", "action": "deleted", "before": updated, "after": null, "request_id": deletion.request_id()}),
            json!({"revision": 2, "actor": "somebody else", "action": "updated", "before": created, "after": updated, "request_id": "update f"}),
            json!({"revision": 1, "actor": "test", "action": "created", "before": null, "after": created, "request_id": "create-f"}),
        ];
        for (entry, expected) in entries.iter().zip(expected) {
            let same = json!({"entity": "flag", "entity_key": "f", "entity_id": created["id"], "environment": "production"});
            assert_eq!(with(with(entry.clone(), expected), same), *entry);
            assert!(is_instant(&entry["timestamp"]), "{entry}");
            assert_eq!(entry.as_object().unwrap().len(), 11, "{entry}");
        }
        assert_eq!(entries[1]["timestamp"], updated["updated_at"]);
    });
}

#[test]
fn segments_and_environments_are_on_record_too() {
    each(|api| {
        let segment = api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
        let staging = api.post("/v1/environments", &json!({"key": "staging"})).created();
        api.delete("/v1/environments/staging").is(204);
        api.delete("/v1/segments/s").is(204);
        let entries = api.all("/v1/audit");
        let seen: Vec<_> = entries
            .iter()
            .map(|e| (e["action"].as_str().unwrap(), e["entity"].as_str().unwrap(), e["entity_key"].as_str().unwrap()))
            .collect();
        assert_eq!(
            seen,
            [
                ("deleted", "segment", "s"),
                ("deleted", "environment", "staging"),
                ("created", "environment", "staging"),
                ("created", "segment", "s")
            ]
        );
        assert_eq!((&entries[3]["after"], &entries[3]["environment"]), (&segment, &Value::Null));
        assert_eq!(entries[2]["after"], staging);
        assert!(entries.iter().all(|entry| is_uuid(&entry["entity_id"])), "{entries:?}");
    });
}

#[test]
fn filters_narrow_it_down() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("f")).created();
        api.admin("ann").environment("staging").put("/v1/flags/f", &json!({"state": "on"})).ok();
        api.admin("ann").post("/v1/segments", &json!({"key": "f"})).created();
        let instants: Vec<String> =
            api.all("/v1/audit").iter().rev().map(|entry| entry["timestamp"].as_str().unwrap().to_owned()).collect();
        let since_third = format!("since={}", instants[2]);
        for (query, expected) in [
            ("entity=flag", vec![3, 2]),
            ("entity=segment", vec![4]),
            ("entity=environment", vec![1]),
            ("entity_key=f", vec![4, 3, 2]),
            ("entity_key=f&entity=flag", vec![3, 2]),
            ("entity_key=%25", vec![]),
            ("actor=ann", vec![4, 3]),
            ("actor=an", vec![]),
            ("actor=%C3%A4", vec![]),
            ("environment=staging&entity=flag", vec![3]),
            ("environment=production", vec![2]),
            ("since=2000-01-01T00:00:00Z", vec![4, 3, 2, 1]),
            ("until=2000-01-01T00:00:00Z", vec![]),
            ("since=2999-01-01T00:00:00%2B02:00", vec![]),
            (&format!("until={}", instants[0]), vec![]),
        ] {
            assert_eq!(revisions(&api.all(&format!("/v1/audit?{query}"))), expected, "{query}");
            assert_eq!(revisions(&api.pages(&format!("/v1/audit?{query}"), 1).concat()), expected, "{query}, page by page");
        }
        // Changes of the same millisecond cannot be told apart by time; those before and after can.
        let since = revisions(&api.all(&format!("/v1/audit?{since_third}")));
        let until = revisions(&api.all(&format!("/v1/audit?until={}", instants[2])));
        assert!(since.starts_with(&[4, 3]), "{since:?}");
        assert_eq!([since, until].concat(), [4, 3, 2, 1], "since is the first instant, until the first one after");
    });
}

#[test]
fn pages_of_one_lead_to_the_end() {
    each(|api| {
        for i in 0..5 {
            api.post("/v1/segments", &json!({"key": format!("s{i}")})).created();
        }
        let pages = api.pages("/v1/audit", 1);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1; 5]);
        assert_eq!(revisions(&pages.concat()), [5, 4, 3, 2, 1]);
        // What comes in while somebody reads moves nothing.
        let first = api.get("/v1/audit?limit=2").ok();
        api.post("/v1/segments", &json!({"key": "s9"})).created();
        let second = api.get(&format!("/v1/audit?limit=2&page_token={}", first["next_page_token"].as_str().unwrap())).ok();
        assert_eq!(revisions(second["items"].as_array().unwrap()), [3, 2]);
        api.get("/v1/audit?limit=200").ok();
    });
}

#[test]
fn a_parameter_that_does_not_fit_is_refused_by_name() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.post("/v1/flags", &text("g")).created();
        let flags_token = api.get("/v1/flags?limit=1").ok()["next_page_token"].as_str().unwrap().to_owned();
        for (query, name) in [
            ("limit=0".to_owned(), "limit"),
            ("limit=201".to_owned(), "limit"),
            ("limit=all".to_owned(), "limit"),
            ("page_token=x".to_owned(), "page_token"),
            (format!("page_token={flags_token}"), "page_token"),
            ("entity=flags".to_owned(), "entity"),
            ("entity=".to_owned(), "entity"),
            ("environment=a%20b".to_owned(), "environment"),
            ("since=yesterday".to_owned(), "since"),
            ("since=2026-01-01".to_owned(), "since"),
            ("until=2026-13-01T00:00:00Z".to_owned(), "until"),
            ("until=1700000000".to_owned(), "until"),
            ("entity_key=%00".to_owned(), "entity_key"),
            ("user=x".to_owned(), "user"),
        ] {
            let problem = api.get(&format!("/v1/audit?{query}")).problem(400, "invalid_query");
            assert!(problem["detail"].as_str().unwrap().contains(name), "{query}: {problem}");
        }
    });
}

#[test]
fn each_tenant_has_its_own_record() {
    each(|api| {
        let other = api.tenant(&fresh_tenant());
        api.post("/v1/flags", &text("f")).created();
        other.post("/v1/flags", &text("g")).created();
        api.put("/v1/flags/f", &json!({"owner": "x"})).ok();
        assert_eq!(revisions(&api.all("/v1/audit")), [2, 1]);
        let theirs = other.all("/v1/audit");
        assert_eq!((revisions(&theirs), &theirs[0]["entity_key"]), (vec![1], &"g".into()));
    });
}
