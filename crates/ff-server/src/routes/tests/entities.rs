use serde_json::{Value, json};

use crate::testing::Fixture;

#[actix_web::test]
async fn a_flag_from_its_creation_to_its_end() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let flag = json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": 25, "tags": ["a"]});
    let created = app(fixture.admin("POST", "/v1/flags").set_json(&flag)).await;
    assert_eq!((created.status, created.header("location"), created.header("etag")), (201, "/v1/flags/f", "\"1\""));
    assert_eq!(created.json()["rollout_percentage"], 25);
    let again = app(fixture.admin("POST", "/v1/flags").set_json(&flag)).await;
    assert_eq!((again.status, again.header("location"), again.header("etag")), (200, "", "\"1\""));

    let shown = app(fixture.admin("GET", "/v1/flags/f")).await;
    assert_eq!((shown.status, shown.header("etag")), (200, "\"1\""));
    assert_eq!(app(fixture.admin("POST", "/v1/flags").set_json(shown.json())).await.status, 200, "what GET gave can be sent back");
    let seen = app(fixture.admin("GET", "/v1/flags/f").insert_header(("If-None-Match", "W/\"1\""))).await;
    assert_eq!((seen.status, seen.header("etag"), seen.body.len()), (304, "\"1\"", 0));

    let put = |version: &'static str, body: Value| fixture.admin("PUT", "/v1/flags/f").insert_header(("If-Match", version)).set_json(body);
    let updated = app(put("\"1\"", json!({"name": "F"}))).await;
    assert_eq!((updated.status, updated.header("etag")), (200, "\"2\""));
    assert_eq!(
        (&updated.json()["rollout_percentage"], &updated.json()["tags"]),
        (&json!(25), &json!(["a"])),
        "fields left out keep their value"
    );
    assert_eq!(app(put("\"1\"", json!({"name": "G"}))).await.problem(), (412, "version_mismatch".to_owned()));
    assert_eq!(app(put("W/\"2\"", json!({"name": "G"}))).await.problem().0, 412);
    let create_only = fixture.admin("POST", "/v1/flags").insert_header(("If-None-Match", "*")).set_json(&flag);
    assert_eq!(app(create_only).await.problem().0, 412);
    let patched = app(fixture.admin("PATCH", "/v1/flags/f").set_json(json!({"state": "off"}))).await;
    assert_eq!((patched.status, &patched.json()["state"]), (200, &json!("off")));

    let rolled = app(fixture.admin("POST", "/v1/flags/f/rollback").set_json(json!({"version": 1}))).await;
    assert_eq!((rolled.status, &rolled.json()["name"], &rolled.json()["state"]), (200, &json!("f"), &json!("on")));
    assert_eq!(app(fixture.admin("POST", "/v1/flags/f/rollback").set_json(json!({"version": 77}))).await.problem().0, 404);
    assert_eq!(app(fixture.admin("POST", "/v1/flags/f/rollback").set_json(json!({}))).await.problem().0, 422);

    assert_eq!(app(fixture.admin("DELETE", "/v1/flags/f").insert_header(("If-Match", "\"1\""))).await.problem().0, 412);
    let deleted = app(fixture.admin("DELETE", "/v1/flags/f")).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    for (method, path) in [("GET", "/v1/flags/f"), ("DELETE", "/v1/flags/f")] {
        assert_eq!(app(fixture.admin(method, path)).await.problem(), (404, "flag_not_found".to_owned()), "{method}");
    }
    for method in ["PUT", "PATCH"] {
        assert_eq!(app(fixture.admin(method, "/v1/flags/f").set_json(json!({}))).await.problem().0, 404, "{method} creates nothing");
    }

    let history = app(fixture.admin("GET", "/v1/flags/f/history?limit=2")).await.json();
    assert_eq!((&history["items"][0]["action"], &history["items"][1]["action"]), (&json!("deleted"), &json!("updated")));
    let token = history["next_page_token"].as_str().unwrap();
    let rest = app(fixture.admin("GET", &format!("/v1/flags/f/history?page_token={token}"))).await.json();
    assert_eq!(rest["items"].as_array().unwrap().last().unwrap()["action"], "created");
    assert_eq!(rest["next_page_token"], Value::Null);
    assert_eq!(app(fixture.admin("GET", "/v1/flags/never/history")).await.problem(), (404, "flag_not_found".to_owned()));
    assert_eq!(app(fixture.admin("GET", "/v1/flags/f/history?environment=staging")).await.json()["items"], json!([]));
}

#[actix_web::test]
async fn a_bad_flag_is_refused_with_every_fault_and_leaves_nothing() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let bad = json!({"key": "a b", "type": "boolean", "rollout_percentage": 101, "nmae": "x"});
    let answer = app(fixture.admin("POST", "/v1/flags").set_json(bad)).await;
    assert_eq!(answer.problem(), (422, "invalid_body".to_owned()));
    let body = answer.json();
    let pointers: Vec<_> = body["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    for pointer in ["/key", "/rollout_percentage", "/nmae"] {
        assert!(pointers.contains(&pointer), "{pointers:?}");
    }
    assert_eq!(app(fixture.admin("GET", "/v1/flags")).await.json()["items"], json!([]));
    assert_eq!(app(fixture.admin("GET", "/v1/audit")).await.json()["items"], json!([]));
}

#[actix_web::test]
async fn lists_come_in_pages_and_filters_narrow_them() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    for i in 0..5 {
        let state = if i % 2 == 0 { "on" } else { "off" };
        let flag =
            json!({"key": format!("f{i}"), "type": "boolean", "state": state, "tags": [format!("t{i}")], "description": "100% _literal_"});
        assert_eq!(app(fixture.admin("POST", "/v1/flags").set_json(flag)).await.status, 201);
    }
    let list = async |query: &str| app(fixture.admin("GET", &format!("/v1/flags{query}"))).await.json();
    let keys =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let first = list("?limit=2").await;
    assert_eq!(keys(&first), ["f0", "f1"]);
    let second = list(&format!("?limit=2&page_token={}", first["next_page_token"].as_str().unwrap())).await;
    assert_eq!(keys(&second), ["f2", "f3"]);
    assert_eq!(keys(&list("?state=off").await), ["f1", "f3"]);
    assert_eq!(keys(&list("?tag=t4").await), ["f4"]);
    assert_eq!(keys(&list("?q=100%25").await).len(), 5);
    assert_eq!(keys(&list("?q=%25literal").await).len(), 0, "no character is a wildcard");
    assert_eq!(list("").await["next_page_token"], Value::Null);
    let foreign = app(fixture.admin("GET", "/v1/audit?limit=1")).await.json()["next_page_token"].as_str().unwrap().to_owned();
    let answer = app(fixture.admin("GET", &format!("/v1/flags?page_token={foreign}"))).await;
    assert_eq!(answer.problem(), (400, "invalid_query".to_owned()), "another list's token");
}

#[actix_web::test]
async fn a_segment_in_use_stays() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let segment = json!({"key": "beta", "criteria": {"attr": {"beta": true}}});
    let created = app(fixture.admin("POST", "/v1/segments").set_json(&segment)).await;
    assert_eq!((created.status, created.header("location"), created.header("etag")), (201, "/v1/segments/beta", "\"1\""));
    assert_eq!(app(fixture.admin("POST", "/v1/segments").set_json(&segment)).await.status, 200);
    let flag = json!({"key": "f", "type": "boolean", "rules": [{"when": {"segment": "beta"}, "rollout": {"variant": "on"}}]});
    assert_eq!(app(fixture.admin("POST", "/v1/flags").set_json(flag)).await.status, 201);
    let refused = app(fixture.admin("DELETE", "/v1/segments/beta")).await;
    assert_eq!(refused.problem(), (409, "segment_in_use".to_owned()));
    assert!(refused.json()["used_by"][0].as_str().unwrap().contains("flag `f`"));
    let patched = app(fixture.admin("PATCH", "/v1/segments/beta").set_json(json!({"included": ["u"]}))).await;
    assert_eq!((patched.status, patched.header("etag"), &patched.json()["criteria"]), (200, "\"2\"", &segment["criteria"]));
    assert_eq!(app(fixture.admin("PUT", "/v1/segments/none").set_json(json!({}))).await.problem(), (404, "segment_not_found".to_owned()));
    assert_eq!(app(fixture.admin("DELETE", "/v1/flags/f")).await.status, 204);
    assert_eq!(app(fixture.admin("DELETE", "/v1/segments/beta")).await.status, 204);
    assert_eq!(app(fixture.admin("GET", "/v1/segments/beta")).await.problem().0, 404);
    assert_eq!(app(fixture.admin("GET", "/v1/segments")).await.json()["items"], json!([]));
}

#[actix_web::test]
async fn environments_come_and_go_but_production_stays() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    assert_eq!(app(fixture.admin("GET", "/v1/environments")).await.json()["items"][0]["key"], "production");
    let staging = json!({"key": "staging", "name": "Staging"});
    let created = app(fixture.admin("POST", "/v1/environments").set_json(&staging)).await;
    assert_eq!((created.status, created.header("location")), (201, "/v1/environments/staging"));
    assert_eq!(app(fixture.admin("POST", "/v1/environments").set_json(&staging)).await.status, 200);
    assert_eq!(app(fixture.admin("GET", "/v1/environments/staging")).await.json()["name"], "Staging");
    assert_eq!(app(fixture.admin("POST", "/v1/environments").set_json(json!({"key": "a b"}))).await.problem().0, 422);
    assert_eq!(app(fixture.admin("DELETE", "/v1/environments/production")).await.problem(), (409, "environment_protected".to_owned()));
    let flag = json!({"key": "f", "type": "boolean", "state": "on"});
    assert_eq!(app(fixture.admin("POST", "/v1/flags").insert_header(("X-Environment", "staging")).set_json(flag)).await.status, 201);
    assert_eq!(app(fixture.admin("GET", "/v1/flags/f")).await.json()["state"], "off", "elsewhere it starts off");
    assert_eq!(app(fixture.admin("DELETE", "/v1/environments/staging")).await.problem(), (409, "environment_in_use".to_owned()));
    let off = fixture.admin("PATCH", "/v1/flags/f").insert_header(("X-Environment", "staging")).set_json(json!({"state": "off"}));
    assert_eq!(app(off).await.status, 200);
    assert_eq!(app(fixture.admin("DELETE", "/v1/environments/staging")).await.status, 204);
    let gone = fixture.admin("GET", "/v1/flags").insert_header(("X-Environment", "staging"));
    assert_eq!(app(gone).await.problem(), (404, "environment_not_found".to_owned()));
}

#[actix_web::test]
async fn the_audit_log_says_who_did_what_on_which_request() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let create = fixture.admin("POST", "/v1/flags").insert_header(("X-Request-ID", "r-1")).set_json(json!({"key": "f", "type": "boolean"}));
    assert_eq!(app(create).await.status, 201);
    assert_eq!(app(fixture.admin("POST", "/v1/segments").set_json(json!({"key": "s"}))).await.status, 201);
    let all = app(fixture.admin("GET", "/v1/audit")).await.json();
    let entities: Vec<_> = all["items"].as_array().unwrap().iter().map(|entry| entry["entity"].as_str().unwrap()).collect();
    assert_eq!(entities, ["segment", "flag"], "newest first");
    let entry = &all["items"][1];
    assert_eq!((&entry["actor"], &entry["request_id"], &entry["action"]), (&json!("tester"), &json!("r-1"), &json!("created")));
    assert_eq!((&entry["before"], &entry["after"]["key"]), (&Value::Null, &json!("f")));
    for (query, count) in [
        ("entity=flag", 1),
        ("entity_key=s", 1),
        ("actor=tester", 2),
        ("actor=other", 0),
        ("environment=production", 1),
        ("until=2020-01-01T00:00:00Z", 0),
    ] {
        let found = app(fixture.admin("GET", &format!("/v1/audit?{query}"))).await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
}
