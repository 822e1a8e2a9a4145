use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse};
use serde_json::Value;

use super::*;
use crate::config::LogLevel;
use crate::service::ServiceError;
use crate::telemetry::testing::recorded;
use crate::testing::{Answer, Fixture};

async fn boom() -> HttpResponse {
    panic!("a reason for the log")
}

async fn gone() -> Result<HttpResponse, Problem> {
    Err(ServiceError::Unavailable("no route to 10.0.0.7".into()).into())
}

async fn fine() -> HttpResponse {
    HttpResponse::new(StatusCode::OK)
}

/// Sends requests through the layer and gives the answers, the log lines and the metrics.
async fn observed(requests: Vec<TestRequest>) -> (Vec<Answer>, Vec<Value>, String) {
    let (logger, finish) = recorded(LogLevel::Info);
    let fixture = Fixture::with(|_| {}, logger);
    let resource = |index, path| web::resource(path).app_data(Template { index, path }).wrap(CatchPanics);
    let app = App::new()
        .wrap(Observe::new(fixture.state.clone()))
        .app_data(fixture.state.clone())
        .service(resource(0, "/boom/{x}").to(boom))
        .service(resource(1, "/gone").to(gone))
        .service(resource(2, "/fine/{x}").to(fine));
    let app = init_service(app).await;
    let mut answers = Vec::new();
    for request in requests {
        answers.push(Answer::read(call_service(&app, request.to_request()).await).await);
    }
    let metrics = fixture.state.metrics.render(fixture.state.store.pool_state());
    drop((app, fixture));
    (answers, finish(), metrics)
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

#[actix_web::test]
async fn a_usable_request_id_is_taken_and_returned_and_any_other_replaced() {
    let ids = ["my-id-1", "with space", &"x".repeat(128), "", &"x".repeat(129), "tab\there"];
    let mut requests: Vec<_> = ids.iter().map(|id| get("/fine/1").insert_header(("X-Request-ID", *id))).collect();
    requests.push(get("/fine/1"));
    requests.push(get("/nowhere"));
    let (answers, lines, _) = observed(requests).await;
    for (i, answer) in answers.iter().enumerate() {
        let returned = answer.header("x-request-id");
        match ids.get(i) {
            Some(id) if i < 3 => assert_eq!(returned, *id),
            _ => assert!(uuid::Uuid::parse_str(returned).is_ok(), "{returned:?}"),
        }
        assert_eq!(lines[i]["request_id"], returned);
    }
}

#[actix_web::test]
async fn a_panic_is_a_500_with_the_request_id_and_its_reason_in_the_log_only() {
    let (answers, lines, metrics) = observed(vec![get("/boom/7").insert_header(("X-Request-ID", "r-7")), get("/fine/1")]).await;
    assert_eq!(answers[0].problem(), (500, "internal".to_owned()));
    assert_eq!(answers[0].json()["request_id"], "r-7");
    assert!(!String::from_utf8_lossy(&answers[0].body).contains("a reason"));
    assert_eq!(answers[1].status, 200, "the worker goes on");
    let failure = lines.iter().find(|line| line["level"] == "error").unwrap();
    assert_eq!(failure["request_id"], "r-7");
    assert_eq!(failure["message"], "GET /boom/{x} failed: panic: a reason for the log");
    assert!(metrics.contains(r#"http_requests_total{path="/boom/{x}",method="GET",status="500"} 1"#), "{metrics}");
}

#[actix_web::test]
async fn a_database_that_is_away_is_a_warning_with_its_cause() {
    let (answers, lines, _) = observed(vec![get("/gone")]).await;
    assert_eq!(answers[0].problem(), (503, "unavailable".to_owned()));
    assert_eq!(answers[0].header("retry-after"), "1");
    assert!(!String::from_utf8_lossy(&answers[0].body).contains("10.0.0.7"));
    let warning = lines.iter().find(|line| line["level"] == "warn").unwrap();
    assert!(warning["message"].as_str().unwrap().contains("no route to 10.0.0.7"));
}

#[actix_web::test]
async fn a_line_shows_the_template_and_the_tenant_but_no_query_key_or_credential() {
    let request = get("/fine/a-flag-key?country=secret-country")
        .insert_header(("Authorization", "Bearer secret-token"))
        .insert_header(("X-API-Key", "secret-key"))
        .insert_header(("X-Tenant-ID", "acme"));
    let (_, lines, metrics) = observed(vec![request, get("/fine/1").insert_header(("X-Tenant-ID", "not a tenant"))]).await;
    assert_eq!((&lines[0]["path"], &lines[0]["tenant"], &lines[0]["status"]), (&"/fine/{x}".into(), &"acme".into(), &200.into()));
    assert_eq!(lines[1]["tenant"], Value::Null);
    for text in [lines[0].to_string(), metrics] {
        assert!(!text.contains("secret") && !text.contains("a-flag-key"), "{text}");
    }
}

#[actix_web::test]
async fn metrics_do_not_grow_with_what_clients_make_up() {
    let odd = |i: usize| TestRequest::default().method(format!("ODD{i}").parse().unwrap()).uri("/fine/1");
    let requests =
        (0..50).map(|i| get(&format!("/made/up/{i}"))).chain((0..50).map(odd)).chain((0..50).map(|i| get(&format!("/fine/{i}"))));
    let (_, _, metrics) = observed(requests.collect()).await;
    let series: Vec<_> = metrics.lines().filter(|line| line.starts_with("http_requests_total{")).collect();
    assert_eq!(series.len(), 3, "{series:#?}");
    assert!(metrics.contains(r#"http_requests_total{path="unmatched",method="GET",status="404"} 50"#), "{metrics}");
    assert!(metrics.contains(r#"http_requests_total{path="/fine/{x}",method="other",status="200"} 50"#), "{metrics}");
    assert!(metrics.contains(r#"http_request_duration_seconds_count{path="/fine/{x}",method="GET"} 50"#), "{metrics}");
}
