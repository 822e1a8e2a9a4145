//! Who, where, may they, what: in this order, at the real application.

use actix_web::test::TestRequest;
use serde_json::json;

use crate::auth::TokenScope::{self, *};
use crate::testing::{ADMIN_KEY, Fixture, request};

fn bearer(token: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {token}"))
}

const TENANT: (&str, &str) = ("X-Tenant-ID", "acme");

#[actix_web::test]
async fn a_request_needs_a_valid_credential_before_anything_else() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let get = || request("GET", "/v1/flags");
    for headers in [
        vec![],
        vec![("Authorization", "Basic dXNlcjpwYXNz")],
        vec![("Authorization", "Bearer")],
        vec![("Authorization", "Bearer ")],
        vec![("Authorization", "Bearer not.a.token")],
        vec![("Authorization", ADMIN_KEY)],
        vec![("X-API-Key", "wrong")],
        vec![("X-API-Key", "")],
        // A bad token is not saved by a good key next to it.
        vec![("Authorization", "Bearer x"), ("X-API-Key", ADMIN_KEY)],
        vec![("X-API-Key", ADMIN_KEY), ("X-API-Key", "other")],
    ] {
        let request = headers.iter().fold(get().insert_header(TENANT), |request, header| request.append_header(*header));
        let answer = app(request).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{headers:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    // Neither a missing tenant nor a bad body or query is looked at before.
    assert_eq!(app(request("POST", "/v1/flags?x=1").set_payload("{")).await.status, 401);
}

#[actix_web::test]
async fn either_credential_is_accepted_in_either_header() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let token = fixture.token(&[FlagsRead]);
    for credential in [token.as_str(), ADMIN_KEY] {
        for header in [bearer(credential), ("Authorization", format!("bearer  {credential}")), ("X-API-Key", credential.to_owned())] {
            let answer = app(request("GET", "/v1/flags").insert_header(header.clone()).insert_header(TENANT)).await;
            assert_eq!(answer.status, 200, "{}", header.0);
        }
    }
}

#[actix_web::test]
async fn then_it_needs_one_usable_tenant_and_environment() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    // Without the scope: a missing tenant is said before a missing permission.
    let get = || request("GET", "/v1/flags").insert_header(bearer(&fixture.token(&[AuditRead])));
    let long = "x".repeat(129);
    for tenant in ["", " ", "a/b", "a b", "-a", "ä", "..", &long] {
        assert_eq!(app(get().insert_header(("X-Tenant-ID", tenant))).await.problem(), (400, "tenant_missing".to_owned()), "{tenant:?}");
    }
    assert_eq!(app(get()).await.problem(), (400, "tenant_missing".to_owned()));
    let twice = get().append_header(TENANT).append_header(("X-Tenant-ID", "other"));
    assert_eq!(app(twice).await.problem(), (400, "tenant_missing".to_owned()));
    for environment in ["", "a b", "a/b", &long] {
        let request = get().insert_header(TENANT).insert_header(("X-Environment", environment));
        assert_eq!(app(request).await.problem(), (400, "invalid_header".to_owned()), "{environment:?}");
    }
    assert_eq!(app(get().insert_header(TENANT)).await.problem(), (403, "scope_missing".to_owned()));
}

#[actix_web::test]
async fn then_the_tenant_and_the_scope_must_be_granted() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let stranger = request("GET", "/v1/flags").insert_header(bearer(&fixture.token(&[Admin]))).insert_header(("X-Tenant-ID", "other"));
    assert_eq!(app(stranger).await.problem(), (403, "tenant_forbidden".to_owned()));
    let answer = app(fixture.request("POST", "/v1/flags", &[FlagsRead]).set_payload("{")).await;
    assert_eq!(answer.problem(), (403, "scope_missing".to_owned()), "before the body is looked at");
    assert!(answer.json()["detail"].as_str().unwrap().contains("`flags:rw`"));
    let unknown = fixture.admin("GET", "/v1/flags").insert_header(("X-Environment", "nowhere"));
    assert_eq!(app(unknown).await.problem(), (404, "environment_not_found".to_owned()));
}

fn post(fixture: &Fixture) -> TestRequest {
    fixture.admin("POST", "/v1/flags")
}

#[actix_web::test]
async fn a_body_must_be_json_by_name_and_by_nature() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let flag = json!({"key": "f", "type": "boolean"}).to_string();
    for good in ["application/json", "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"", "Application/JSON"] {
        let answer = app(post(&fixture).insert_header(("Content-Type", good)).set_payload(flag.clone())).await;
        assert!(matches!(answer.status, 200 | 201), "{good}: {answer:?}");
    }
    for bad in
        ["text/plain", "application/json; charset=latin1", "application/merge-patch+json", "application/x-www-form-urlencoded", "json", ""]
    {
        let answer = app(post(&fixture).insert_header(("Content-Type", bad)).set_payload(flag.clone())).await;
        assert_eq!(answer.problem(), (415, "unsupported_media_type".to_owned()), "{bad}");
    }
    assert_eq!(app(post(&fixture).set_payload(flag.clone())).await.status, 415, "without a media type");
    let zipped = post(&fixture).insert_header(("Content-Type", "application/json")).insert_header(("Content-Encoding", "gzip"));
    assert_eq!(app(zipped.set_payload(flag.clone())).await.status, 415);
    let patch = |media_type| fixture.admin("PATCH", "/v1/flags/f").insert_header(("Content-Type", media_type)).set_payload("{}");
    assert_eq!(app(patch("application/merge-patch+json")).await.status, 200);
    assert_eq!(app(patch("application/json")).await.status, 200);
    assert_eq!(app(patch("application/json-patch+json")).await.status, 415);
    for bad in ["", "{", "{\"key\":}", "nul", "{} {}", &"[".repeat(1_000)] {
        let answer = app(post(&fixture).insert_header(("Content-Type", "application/json")).set_payload(bad.to_owned())).await;
        assert_eq!(answer.problem(), (400, "malformed_body".to_owned()), "{bad:.20}");
    }
    let twice = post(&fixture).insert_header(("Content-Type", "application/json")).set_payload(r#"{"key":"f","key":"g"}"#);
    let answer = app(twice).await;
    assert_eq!((answer.problem(), &answer.json()["errors"][0]["pointer"]), ((422, "invalid_body".to_owned()), &json!("/key")));
}

#[actix_web::test]
async fn a_body_has_a_largest_size_announced_or_not() {
    let fixture = Fixture::with(|config| config.http.body_bytes_max = 2_000, slog::Logger::root(slog::Discard, slog::o!()));
    let app = fixture.app().await;
    let flag = |length: usize| {
        let empty = json!({"key": "f", "type": "boolean", "description": ""}).to_string();
        let padding = "x".repeat(length - empty.len());
        json!({"key": "f", "type": "boolean", "description": padding}).to_string()
    };
    let post = || post(&fixture).insert_header(("Content-Type", "application/json"));
    assert_eq!(app(post().set_payload(flag(2_000))).await.status, 201);
    let answer = app(post().set_payload(flag(2_001))).await;
    assert_eq!(answer.problem(), (413, "body_too_large".to_owned()));
    assert!(answer.json()["detail"].as_str().unwrap().contains("2000"));
    let lying = post().set_payload("{}").insert_header(("Content-Length", "999999999999"));
    assert_eq!(app(lying).await.status, 413);
}

#[actix_web::test]
async fn unknown_repeated_and_bad_parameters_are_refused() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let long = format!("/v1/flags?limit={}", "9".repeat(40));
    for path in [
        "/v1/flags?limt=5",
        "/v1/flags?limit=0",
        "/v1/flags?limit=101",
        "/v1/flags?limit=-1",
        "/v1/flags?limit=ten",
        "/v1/flags?limit=",
        "/v1/flags?limit=5&limit=6",
        &long,
        "/v1/flags?state=maybe",
        "/v1/flags?page_token=nonsense",
        "/v1/flags?q=%00",
        "/v1/flags/f?x=1",
        "/v1/segments?state=on",
        "/v1/environments?q=x",
        "/v1/audit?limit=201",
        "/v1/audit?since=yesterday",
        "/v1/audit?until=2026-11-21",
        "/v1/audit?entity=user",
        "/v1/audit?environment=a/b",
        "/v1/flags/f/history?limit=201",
    ] {
        assert_eq!(app(fixture.admin("GET", path)).await.problem(), (400, "invalid_query".to_owned()), "{path}");
    }
    assert_eq!(app(fixture.admin("GET", "/v1/flags?limit=100&q=50%25_&state=on&tag=x")).await.status, 200);
    assert_eq!(app(fixture.admin("GET", "/v1/audit?limit=200&since=2026-11-21T08:00:00%2B02:00")).await.status, 200);
}

#[actix_web::test]
async fn keys_that_cannot_exist_are_not_found() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let long = format!("/v1/flags/{}", "x".repeat(129));
    for path in [
        "/v1/flags/%20",
        "/v1/flags/a%2Fb",
        "/v1/flags/a%00b",
        "/v1/flags/%C3%A4",
        "/v1/flags/..%2F..",
        "/v1/flags/-x",
        "/v1/flags/%25",
        &long,
    ] {
        assert_eq!(app(fixture.admin("GET", path)).await.problem(), (404, "flag_not_found".to_owned()), "{path}");
    }
    assert_eq!(app(fixture.admin("GET", "/v1/segments/a%20b")).await.problem().1, "segment_not_found");
    assert_eq!(app(fixture.admin("GET", "/v1/environments/a%20b")).await.problem().1, "environment_not_found");
}

#[actix_web::test]
async fn a_conditional_header_that_cannot_be_read_is_refused() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    for (header, value) in [("If-Match", "7"), ("If-Match", "\"7"), ("If-None-Match", "\"7\" \"8\"")] {
        let request = fixture.admin("DELETE", "/v1/flags/f").insert_header((header, value));
        assert_eq!(app(request).await.problem(), (400, "invalid_header".to_owned()), "{header}: {value}");
    }
}

#[actix_web::test]
async fn every_scope_opens_its_own_routes_only() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let open = |scope: TokenScope, method: &'static str, path: &'static str| fixture.request(method, path, &[scope]);
    for (scope, method, path, status) in [
        (Evaluate, "GET", "/v1/flags", 403),
        (Evaluate, "GET", "/v1/users/u/flags", 200),
        (FlagsRead, "GET", "/v1/users/u/flags", 200),
        (FlagsRead, "GET", "/v1/environments", 200),
        (FlagsRead, "GET", "/v1/segments", 403),
        (FlagsRead, "DELETE", "/v1/flags/f", 403),
        (FlagsWrite, "DELETE", "/v1/flags/f", 404),
        (FlagsWrite, "GET", "/v1/audit", 403),
        (SegmentsWrite, "GET", "/v1/segments", 200),
        (SegmentsWrite, "GET", "/v1/flags", 403),
        (EnvironmentsWrite, "GET", "/v1/environments", 200),
        (EnvironmentsWrite, "GET", "/v1/flags", 403),
        (AuditRead, "GET", "/v1/audit", 200),
        (Admin, "GET", "/v1/audit", 200),
    ] {
        assert_eq!(app(open(scope, method, path)).await.status, status, "{scope} {method} {path}");
    }
}
