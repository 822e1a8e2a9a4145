//! `GET /v1/ruleset`.

use std::io::Read;

use ff_core::RulesetDocument;
use ff_test_support::{Answer, Client};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::harness::{each, each_own};
use crate::sample::{boolean, environment, on_when, text};

fn gzipped(api: &Client) -> Client {
    api.with("Accept-Encoding", "gzip")
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(answer.is(200).bytes()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn plant(api: &Client) {
    environment(api, "staging");
    api.post("/v1/segments", &json!({"key": "s", "name": "S", "included": ["u"]})).created();
    api.post("/v1/flags", &on_when("b", json!({"segment": "s"}))).created();
    api.post("/v1/flags", &text("a")).created();
}

#[test]
fn it_holds_what_evaluation_needs_of_one_environment_at_one_revision() {
    each(|api| {
        plant(api);
        let answer = api.get("/v1/ruleset");
        let document = answer.ok();
        assert_eq!(
            (&document["format"], &document["tenant"], &document["environment"]),
            (&json!(1), &json!(api.tenant_id()), &json!("production"))
        );
        assert_eq!(document["revision"], 4);
        assert_eq!(answer.header("x-revision"), Some("4"));
        let keys =
            |list: &Value| list.as_array().unwrap().iter().map(|entity| entity["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!((keys(&document["flags"]), keys(&document["segments"])), (vec!["a".to_owned(), "b".to_owned()], vec!["s".to_owned()]));
        for left_out in ["name", "description", "tags", "owner", "metadata", "id", "version", "created_at"] {
            assert_eq!((&document["flags"][0][left_out], &document["segments"][0][left_out]), (&Value::Null, &Value::Null), "{left_out}");
        }
        // The engine writes the same bytes.
        let read = RulesetDocument::from_json(&answer.text()).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), answer.text());
        read.compile().unwrap();
        let staging = api.environment("staging").get("/v1/ruleset").ok();
        assert_eq!((&staging["environment"], &staging["flags"][1]["state"]), (&json!("staging"), &json!("off")));
    });
}

#[test]
fn a_tenant_without_a_change_has_an_empty_one_and_an_unknown_environment_none() {
    each(|api| {
        let empty = api.get("/v1/ruleset").ok();
        assert_eq!((&empty["revision"], &empty["flags"], &empty["segments"]), (&json!(0), &json!([]), &json!([])));
        api.environment("nowhere").get("/v1/ruleset").problem(404, "environment_not_found");
        api.get("/v1/ruleset?since=1").problem(400, "invalid_query");
        api.with("If-None-Match", "abc").get("/v1/ruleset").problem(400, "invalid_header");
    });
}

#[test]
fn both_encodings_are_the_same_document_under_tags_of_their_own() {
    each(|api| {
        plant(api);
        let plain = api.get("/v1/ruleset");
        let zipped = gzipped(api).get("/v1/ruleset");
        assert_eq!((plain.header("content-encoding"), zipped.header("content-encoding")), (None, Some("gzip")));
        assert_eq!(unpacked(&zipped), plain.bytes());
        assert_ne!(plain.etag(), zipped.etag());
        for answer in [&plain, &zipped] {
            assert!(answer.etag().starts_with('"'), "a strong tag: {answer}");
            assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
            let vary = answer.header("vary").unwrap();
            for name in ["Accept-Encoding", "Authorization", "X-Tenant-ID", "X-Environment"] {
                assert!(vary.contains(name), "{vary}");
            }
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
        assert_eq!(api.with("Accept-Encoding", "gzip;q=0, *").get("/v1/ruleset").header("content-encoding"), None);
    });
}

#[test]
fn who_has_it_already_is_told_so_until_it_changes() {
    each(|api| {
        plant(api);
        for client in [api.clone(), gzipped(api)] {
            let tag = client.get("/v1/ruleset").etag();
            let seen = client.with("If-None-Match", &format!("\"old\", {tag}"));
            let answer = seen.get("/v1/ruleset");
            assert_eq!((answer.is(304).bytes(), answer.etag(), answer.header("x-revision").is_some()), (&[] as &[u8], tag.clone(), true));
            seen.send("HEAD", "/v1/ruleset", None).is(304);
            let state = if api.get("/v1/flags/a").ok()["state"] == "on" { "off" } else { "on" };
            api.put("/v1/flags/a", &json!({"state": state})).ok();
            let changed = seen.get("/v1/ruleset");
            assert_ne!(changed.is(200).etag(), tag);
        }
    });
}

#[test]
fn a_write_is_in_what_is_downloaded_after_it() {
    each(|api| {
        plant(api);
        let flag = |key: &str| {
            let document = api.get("/v1/ruleset").ok();
            document["flags"].as_array().unwrap().iter().find(|flag| flag["key"] == key).cloned()
        };
        assert!(flag("c").is_none());
        api.post("/v1/flags", &boolean("c")).created();
        assert_eq!(flag("c").unwrap()["state"], "on");
        api.put("/v1/flags/c", &json!({"state": "off"})).ok();
        assert_eq!(flag("c").unwrap()["state"], "off");
        api.delete("/v1/flags/c").is(204);
        assert!(flag("c").is_none());
    });
}

#[test]
fn whoever_knows_of_a_revision_gets_no_earlier_one() {
    each(|api| {
        plant(api);
        let made = api.get("/v1/ruleset").ok()["revision"].as_u64().unwrap();
        for path in ["/v1/ruleset", "/v1/ruleset/changes?since=1"] {
            let min = |revision: &str| api.with("X-Min-Revision", revision).get(path);
            assert_eq!(min(&made.to_string()).ok()["revision"], made);
            min(&(made + 1).to_string()).problem(503, "revision_not_served");
            min("x").problem(400, "invalid_header");
        }
    });
}

#[test]
fn what_followed_the_log_is_byte_for_byte_what_a_new_server_reads() {
    each_own(
        |setup| setup,
        |server| {
            let api = server.client().admin("test").tenant("acme");
            plant(&api);
            let staging = api.environment("staging");
            let numbers = json!({"key": "n", "type": "number", "state": "on",
                "variants": [{"key": "x", "weight": 0.1, "value": 1.50}, {"key": "y", "weight": 3, "value": 1e21}]});
            let steps: [&dyn Fn(); 12] = [
                &|| drop(api.get("/v1/ruleset").ok()),
                &|| drop(staging.get("/v1/ruleset").ok()),
                &|| drop(api.post("/v1/flags", &numbers).created()),
                &|| drop(staging.put("/v1/flags/n", &json!({"state": "on", "salt": "wave-1"})).ok()),
                &|| drop(api.put("/v1/segments/s", &json!({"criteria": {"attr": {"z": {"gte": 1.0}}}})).ok()),
                &|| drop(api.post("/v1/segments", &json!({"key": "t", "criteria": {"segment": "s"}})).created()),
                &|| drop(api.put("/v1/flags/a", &json!({"variants": [{"key": "new", "weight": 1}, {"key": "b", "weight": 1}]}))),
                &|| {
                    api.delete("/v1/flags/b").is(204);
                },
                &|| drop(api.post("/v1/flags", &boolean("b")).created()),
                &|| drop(api.post("/v1/environments", &json!({"key": "testing"})).created()),
                &|| drop(api.post("/v1/environments", &json!({"key": "testing", "name": "T"})).ok()),
                &|| {
                    api.delete("/v1/segments/t").is(204);
                },
            ];
            let both = || [api.get("/v1/ruleset"), staging.get("/v1/ruleset"), gzipped(&api).get("/v1/ruleset")];
            for step in steps {
                step();
                // Each of these is made from the one before.
                both();
            }
            let followed = both();
            server.kill_9();
            server.start_again();
            let api = server.client().admin("test").tenant("acme");
            let read = [api.get("/v1/ruleset"), api.environment("staging").get("/v1/ruleset"), gzipped(&api).get("/v1/ruleset")];
            for (followed, read) in followed.iter().zip(&read) {
                assert_eq!((followed.text(), followed.etag()), (read.is(200).text(), read.etag()));
            }
        },
    );
}

#[test]
fn many_who_ask_at_once_while_others_write_get_whole_documents() {
    each(|api| {
        plant(api);
        std::thread::scope(|scope| {
            let reading: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(move || {
                        let mut last = 0;
                        for _ in 0..20 {
                            let answer = api.get("/v1/ruleset");
                            let document = RulesetDocument::from_json(&answer.is(200).text()).unwrap();
                            document.compile().unwrap();
                            assert_eq!(answer.header("x-revision"), Some(document.revision.to_string().as_str()));
                            assert!(document.revision >= last, "{} after {last}", document.revision);
                            last = document.revision;
                        }
                    })
                })
                .collect();
            for i in 0..40 {
                api.put("/v1/flags/a", &json!({"owner": format!("{i}")})).ok();
            }
            reading.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
}
