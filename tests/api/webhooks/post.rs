//! `POST /v1/webhooks`.

use serde_json::{Value, json};

use crate::harness::{each, each_own};
use crate::sample::{everything, is_instant, is_uuid, with};

fn draft() -> Value {
    json!({"url": "https://hooks.example.com/ff", "events": ["flag.*", "segment.updated"], "description": "d", "enabled": false})
}

#[test]
fn a_webhook_is_created_and_its_secret_is_shown_this_once() {
    each(|api| {
        let answer = api.post("/v1/webhooks", &draft());
        let created = answer.created();
        assert_eq!(answer.header("location"), Some(format!("/v1/webhooks/{}", created["id"].as_str().unwrap()).as_str()));
        assert_eq!(answer.etag(), "\"1\"");
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        let secret = created["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{} characters", secret.len());
        assert!(is_uuid(&created["id"]) && is_instant(&created["created_at"]));
        let mut shown = created.clone();
        shown.as_object_mut().unwrap().remove("secret");
        let expected = with(
            draft(),
            json!({
                "id": created["id"], "version": 1, "disabled_reason": null, "old_secret_until": null,
                "created_at": created["created_at"], "updated_at": created["created_at"],
                "delivery": {"revision": 1, "failing_since": null, "next_attempt_at": null}
            }),
        );
        assert_eq!(shown, expected);
        let path = format!("/v1/webhooks/{}", created["id"].as_str().unwrap());
        assert_eq!(api.get(&path).ok(), expected);
        assert_eq!(api.all("/v1/webhooks"), std::slice::from_ref(&expected));
        // What an answer showed can be sent back.
        assert_eq!(api.put(&path, &expected).ok(), expected);
        let entry = &api.all("/v1/audit?entity=webhook")[0];
        assert_eq!((&entry["action"], &entry["entity_key"], &entry["before"]), (&json!("created"), &created["id"], &Value::Null));
        assert_eq!(entry["after"]["url"], "https://hooks.example.com/…", "a path may be a secret");
        for place in [api.get(&path), api.get("/v1/webhooks"), api.get("/v1/audit"), api.get(&format!("{path}/deliveries"))] {
            assert!(!place.text().contains(&secret[6..]), "the secret is shown again: {place}");
        }
    });
}

#[test]
fn each_has_an_id_and_a_secret_of_its_own() {
    each(|api| {
        let (a, b) = (api.post("/v1/webhooks", &draft()).created(), api.post("/v1/webhooks", &draft()).created());
        assert!(a["id"] != b["id"] && a["secret"] != b["secret"]);
        assert_eq!(api.all("/v1/webhooks").len(), 2);
    });
}

#[test]
fn every_fault_is_named_at_its_place() {
    each(|api| {
        let before = everything(api);
        api.post("/v1/webhooks", &json!({})).invalid(&["/url", "/events"]);
        api.post("/v1/webhooks", &json!([])).problem(422, "invalid_body");
        let bad = json!({"url": "http:/", "events": ["flag.*", "flags.*", 7], "enabled": "yes", "description": 1, "secret": "whsec_x", "evnets": 1});
        api.post("/v1/webhooks", &bad).invalid(&["/url", "/events/1", "/events/2", "/enabled", "/description", "/secret", "/evnets"]);
        for url in [
            json!(7),
            json!(null),
            json!("ftp://example.com/"),
            json!("https://user:password@example.com/"),
            json!("https://example.com/#fragment"),
            json!("https://example.com/a b"),
            json!(format!("https://example.com/{}", "x".repeat(2_048))),
            json!("https://10.0.0.1/"),
            json!("https://169.254.169.254/latest/meta-data"),
            json!("https://[::ffff:10.0.0.1]/"),
            json!("http://8.8.8.8/"),
        ] {
            api.post("/v1/webhooks", &with(draft(), json!({"url": url}))).invalid(&["/url"]);
        }
        for events in [json!([]), json!("*"), json!(null), json!(vec!["flag.*"; 21])] {
            api.post("/v1/webhooks", &with(draft(), json!({"events": events}))).invalid(&["/events"]);
        }
        for event in ["", "flag", "flags.*", "flag.changed", "webhook.created", "webhook.*", "**", "\u{0}"] {
            api.post("/v1/webhooks", &with(draft(), json!({"events": [event]}))).invalid(&["/events/0"]);
        }
        api.post("/v1/webhooks?x=1", &draft()).problem(400, "invalid_query");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn plain_http_and_private_addresses_need_the_servers_permission() {
    each_own(
        |setup| setup.without("WEBHOOK_ALLOW_NETWORKS"),
        |server| {
            let api = crate::harness::admin_of(server);
            for url in [
                "http://127.0.0.1/",
                "http://example.com/",
                "https://127.0.0.1/",
                "https://[::1]:8443/",
                "https://192.168.0.1/",
                "https://2130706433/",
            ] {
                api.post("/v1/webhooks", &with(draft(), json!({"url": url}))).invalid(&["/url"]);
            }
            api.post("/v1/webhooks", &draft()).created();
        },
    );
}

#[test]
fn a_tenant_has_fifty_at_most() {
    each(|api| {
        let first = api.post("/v1/webhooks", &draft()).created();
        (1..50).for_each(|_| drop(api.post("/v1/webhooks", &draft()).created()));
        let before = everything(api);
        let problem = api.post("/v1/webhooks", &draft()).problem(409, "webhook_limit_reached");
        assert!(problem["detail"].as_str().unwrap().contains("50"), "{problem}");
        assert_eq!(everything(api), before);
        assert_eq!(api.pages("/v1/webhooks", 20).iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 10]);
        api.delete(&format!("/v1/webhooks/{}", first["id"].as_str().unwrap())).is(204);
        api.post("/v1/webhooks", &draft()).created();
    });
}
