//! The route table walked, and each group once around. What spans servers and databases is tested in `tests/api`.

mod auth;
mod entities;

use actix_web::test::TestRequest;
use serde_json::json;

use super::*;
use crate::openapi::documented_path;
use crate::testing::{Fixture, request};

/// The path of a route with something in place of its values.
fn concrete(route: &Route) -> String {
    let path = documented_path(route);
    path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/")
}

fn with_json(request: TestRequest) -> TestRequest {
    request.insert_header(("Content-Type", "application/json")).set_payload("{}")
}

#[actix_web::test]
async fn every_route_checks_credential_tenant_and_scope_in_this_order() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    for route in ROUTES {
        let Needs(scope) = route.access else { continue };
        let path = concrete(route);
        let place = format!("{} {path}", route.method);
        let naked = || with_json(request(route.method, &path));
        assert_eq!(app(naked()).await.problem().0, 401, "{place} without a credential");

        let token = fixture.token(&[TokenScope::Admin]);
        let bearer = ("Authorization", format!("Bearer {token}"));
        assert_eq!(app(naked().insert_header(bearer.clone())).await.problem().0, 400, "{place} without a tenant");

        let stranger = naked().insert_header(bearer).insert_header(("X-Tenant-ID", "other"));
        assert_eq!(app(stranger).await.problem(), (403, "tenant_forbidden".to_owned()), "{place} as a stranger");

        // Everything but what holds this scope.
        let others: Vec<_> =
            TokenScope::ALL.into_iter().filter(|other| ![*other].into_iter().collect::<crate::auth::TokenScopes>().allow(scope)).collect();
        let answer = app(with_json(fixture.request(route.method, &path, &others))).await;
        assert_eq!(answer.problem(), (403, "scope_missing".to_owned()), "{place} with all other scopes");
        assert!(answer.json()["detail"].as_str().unwrap().contains(scope.as_str()), "{place} needs what the table says");

        let answer = app(with_json(fixture.request(route.method, &path, &[scope]))).await;
        assert!(![401, 403, 405].contains(&answer.status), "{place} with its scope: {answer:?}");
    }
}

#[actix_web::test]
async fn every_path_refuses_other_methods_and_names_its_own() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    for route in ROUTES {
        let path = concrete(route);
        let answer = app(request("TRACE", &path)).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed".to_owned()), "{path}");
        let allowed: Vec<_> = answer.header("allow").split(", ").collect();
        let mut expected: Vec<_> = ROUTES.iter().filter(|other| other.path == route.path).map(|other| other.method).collect();
        if let Some(get) = expected.iter().position(|method| *method == "GET") {
            expected.insert(get + 1, "HEAD");
        }
        assert_eq!(allowed, expected, "{path}");
    }
}

#[test]
fn every_route_that_changes_a_tenant_takes_a_key() {
    for route in ROUTES {
        let is_guarded = matches!(route.access, Needs(_));
        let only_asks = route.method == "GET" || route.path.starts_with("/v1/evaluate");
        let only_sends = route.path.ends_with("/test") || route.path.ends_with("/redeliver");
        assert_eq!(route.changes().is_some(), is_guarded && !only_asks && !only_sends, "{} {}", route.method, route.path);
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    for path in ["/healthz", "/v1/flags"] {
        let head = app(fixture.admin("HEAD", path)).await;
        let get = app(fixture.admin("GET", path)).await;
        assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")));
    }
}

#[actix_web::test]
async fn unknown_paths_are_problems_too() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/flags/",
        "/v1/flags/a/b/c",
        "/v2/flags",
        "/healthz/",
        "//v1/flags",
        "/problems/nonsense",
        "/docs/nonsense.js",
    ] {
        assert_eq!(app(request("GET", path)).await.problem(), (404, "route_not_found".to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn ops_and_docs_are_open_to_everyone() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let get = async |path: &str| app(request("GET", path)).await;
    assert_eq!(get("/healthz").await.body, b"ok");
    assert_eq!(get("/readyz").await.body, b"ready");
    fixture.state.health.note(false);
    let degraded = get("/readyz").await;
    assert_eq!((degraded.status, degraded.body.as_slice()), (200, b"degraded".as_slice()));
    let metrics = get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(String::from_utf8(metrics.body).unwrap().contains("ff_build_info{"));
    let document = get("/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.json(), crate::openapi::document());
    let docs = get("/docs").await;
    assert_eq!((docs.status, docs.header("location")), (302, "/docs/"));
}

#[actix_web::test]
async fn the_documentation_page_needs_no_other_host() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let page = app(request("GET", "/docs/")).await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    let html = String::from_utf8(page.body).unwrap();
    let named: Vec<_> = html.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css")).collect();
    assert!(named.len() >= 3, "{html}");
    for file in named {
        assert!(!file.contains("//"), "{file} is elsewhere");
        let answer = app(request("GET", &format!("/docs/{}", file.trim_start_matches("./")))).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(!answer.body.is_empty());
    }
    let start = String::from_utf8(app(request("GET", "/docs/swagger-initializer.js")).await.body).unwrap();
    assert!(start.contains("/openapi.json") && !start.contains("https://"), "{start}");
}

#[actix_web::test]
async fn every_problem_has_a_page() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    for kind in ProblemType::ALL {
        let page = app(request("GET", &format!("/problems/{}", kind.code()))).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/plain; charset=utf-8"));
        assert!(String::from_utf8(page.body).unwrap().contains(kind.title()));
    }
}

#[actix_web::test]
async fn nothing_may_be_cached_for_someone_else() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let create = fixture.admin("POST", "/v1/flags").set_json(json!({"key": "f", "type": "boolean"}));
    assert_eq!(app(create).await.status, 201);
    for path in ["/v1/flags", "/v1/flags/f", "/v1/audit", "/v1/environments"] {
        let answer = app(fixture.admin("GET", path)).await;
        assert!(answer.header("cache-control").contains("private"), "{path}");
        assert!(answer.header("vary").contains("X-Tenant-ID"), "{path}");
    }
}
