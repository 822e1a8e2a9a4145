use std::collections::BTreeSet;

use actix_web::body::MessageBody;
use actix_web::http::header::CONTENT_TYPE;
use ff_core::Faults;
use ff_store::{Entity, StoreError, Version};
use serde_json::{Value, json};

use super::*;

fn body(response: HttpResponse) -> Value {
    serde_json::from_slice(&response.into_body().try_into_bytes().unwrap()).unwrap()
}

#[test]
fn every_type_has_its_status_code_title_and_page() {
    for kind in ProblemType::ALL.iter().copied() {
        let answer = Problem::new(kind, "what happened").response(Some(&RequestId::taken(b"r-1").unwrap()));
        assert_eq!(answer.status(), kind.status());
        assert_eq!(answer.headers().get(CONTENT_TYPE).unwrap(), PROBLEM_JSON);
        assert_eq!(answer.headers().get("x-request-id").unwrap(), "r-1");
        let shown = body(answer);
        let expected = json!({
            "type": format!("/problems/{}", kind.code()), "title": kind.title(), "status": kind.status().as_u16(),
            "detail": "what happened", "code": kind.code(), "request_id": "r-1",
        });
        assert_eq!(shown, expected);
        assert_eq!(ProblemType::from_code(kind.code()), Some(kind));
        let page = kind.text();
        assert!(page.contains(kind.code()) && page.contains(kind.title()) && page.contains(kind.status().as_str()), "{page}");
        assert!(kind.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", kind.code());
    }
    let codes: BTreeSet<_> = ProblemType::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(codes.len(), ProblemType::ALL.len());
}

#[test]
fn statuses_that_promise_a_header_have_it() {
    let header =
        |kind, name: &str| Problem::new(kind, "x").error_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    for kind in ProblemType::ALL.iter().copied() {
        assert_eq!(header(kind, "www-authenticate"), (kind.status() == 401).then(|| "Bearer".to_owned()));
        assert_eq!(header(kind, "retry-after").is_some(), kind.status() == 503);
    }
    let limited = Problem::too_many_requests("x", 7).error_response();
    assert_eq!((limited.status().as_u16(), limited.headers().get("retry-after").unwrap().as_bytes()), (429, b"7".as_slice()));
    let wrong = Problem::method_not_allowed(&Method::PUT, "GET, HEAD").error_response();
    assert_eq!((wrong.status().as_u16(), wrong.headers().get("allow").unwrap().as_bytes()), (405, b"GET, HEAD".as_slice()));
}

fn broken() -> BoxError {
    "connection to 10.0.0.7 refused for user ff".into()
}

/// One of each. A variant more makes the match in `From<ServiceError>` fail to compile; this is the place to add it then.
fn all_service_errors() -> Vec<(ServiceError, u16, &'static str)> {
    vec![
        (ServiceError::Invalid(Faults::one("/key", "must not be empty")), 422, "invalid_body"),
        (ServiceError::NotFound(Missing::Flag("x".to_owned())), 404, "flag_not_found"),
        (ServiceError::NotFound(Missing::Segment("x".to_owned())), 404, "segment_not_found"),
        (ServiceError::NotFound(Missing::Environment("x".to_owned())), 404, "environment_not_found"),
        (ServiceError::NotFound(Missing::Revision("version 7 of flag `x`".to_owned())), 404, "revision_not_found"),
        (ServiceError::NotFound(Missing::Webhook("x".to_owned())), 404, "webhook_not_found"),
        (ServiceError::NotFound(Missing::Delivery("x".to_owned())), 404, "delivery_not_found"),
        (
            ServiceError::Conflict { code: "segment_in_use", message: "x".to_owned(), used_by: vec!["flag `f`".to_owned()] },
            409,
            "segment_in_use",
        ),
        (ServiceError::Conflict { code: "unheard_of", message: "x".to_owned(), used_by: vec![] }, 409, "conflict"),
        (ServiceError::Stale { current: Some(Version::new(7)) }, 412, "version_mismatch"),
        (ServiceError::Stale { current: None }, 412, "version_mismatch"),
        (ServiceError::PageToken, 400, "invalid_query"),
        (ServiceError::Forbidden("x".to_owned()), 403, "forbidden"),
        (ServiceError::Repeated, 409, "idempotency_key_busy"),
        (ServiceError::Unavailable(broken()), 503, "unavailable"),
        (ServiceError::Internal(broken()), 500, "internal"),
    ]
}

fn all_store_errors() -> Vec<(StoreError, u16, &'static str)> {
    let corrupt = StoreError::Corrupt { table: "flags", id: "secret-id".to_owned(), reason: "x".to_owned() };
    vec![
        (StoreError::NotFound { entity: Entity::Flag, key: "x".to_owned() }, 404, "flag_not_found"),
        (StoreError::NotFound { entity: Entity::Segment, key: "x".to_owned() }, 404, "segment_not_found"),
        (StoreError::NotFound { entity: Entity::Environment, key: "x".to_owned() }, 404, "environment_not_found"),
        (StoreError::NotFound { entity: Entity::Webhook, key: "x".to_owned() }, 404, "webhook_not_found"),
        (StoreError::Conflict { code: "webhook_limit_reached", message: "x".to_owned(), used_by: vec![] }, 409, "webhook_limit_reached"),
        (StoreError::Conflict { code: "variant_in_use", message: "x".to_owned(), used_by: vec![] }, 409, "variant_in_use"),
        (StoreError::Conflict { code: "environment_in_use", message: "x".to_owned(), used_by: vec![] }, 409, "environment_in_use"),
        (StoreError::Conflict { code: "environment_protected", message: "x".to_owned(), used_by: vec![] }, 409, "environment_protected"),
        (StoreError::PageToken, 400, "invalid_query"),
        (StoreError::Unavailable(broken()), 503, "unavailable"),
        (StoreError::Query(broken()), 500, "internal"),
        (corrupt, 500, "internal"),
        (StoreError::Migration(broken()), 500, "internal"),
        (StoreError::Dsn(ff_store::DsnError::Scheme), 500, "internal"),
    ]
}

#[test]
fn every_error_has_a_status_and_a_code_and_leaks_nothing() {
    let from_store = all_store_errors().into_iter().map(|(error, status, code)| (ServiceError::from(error), status, code));
    for (error, status, code) in all_service_errors().into_iter().chain(from_store) {
        let shown = format!("{error:?}");
        let problem = Problem::from(error);
        if status >= 500 {
            assert!(problem.causes().is_some(), "{shown} has nothing for the log");
        }
        let answer = problem.error_response();
        assert_eq!(answer.status().as_u16(), status, "{shown}");
        let body = body(answer);
        assert_eq!(body["code"], code, "{shown}");
        for leak in ["10.0.0.7", "secret-id", "flags`", "connection"] {
            assert!(!body.to_string().contains(leak), "{body}");
        }
    }
}

#[test]
fn the_log_gets_the_whole_chain() {
    let problem = Problem::from(ServiceError::from(StoreError::Query(broken())));
    assert_eq!(problem.causes().unwrap(), "a database query failed: connection to 10.0.0.7 refused for user ff");
}

#[test]
fn all_faults_and_users_are_listed() {
    let faults: Vec<Fault> = ["/a", "/b"].map(|pointer| Fault::new(pointer, "bad")).into();
    let shown = body(Problem::invalid_body(faults).error_response());
    assert_eq!(shown["errors"], json!([{"pointer": "/a", "message": "bad"}, {"pointer": "/b", "message": "bad"}]));
    let conflict = ServiceError::Conflict { code: "segment_in_use", message: "in use".to_owned(), used_by: vec!["flag `f`".to_owned()] };
    assert_eq!(body(Problem::from(conflict).error_response())["used_by"], json!(["flag `f`"]));
}

#[test]
fn what_actix_refuses_becomes_a_problem() {
    let kinds = [
        (Problem::from(JsonPayloadError::ContentType).kind(), ProblemType::UnsupportedMediaType),
        (Problem::from(JsonPayloadError::Overflow { limit: 1 }).kind(), ProblemType::BodyTooLarge),
        (Problem::from(PayloadError::Overflow).kind(), ProblemType::BodyTooLarge),
        (Problem::from(PayloadError::Incomplete(None)).kind(), ProblemType::MalformedBody),
    ];
    for (found, expected) in kinds {
        assert_eq!(found, expected);
    }
}
