//! The yardstick: the least that an actix-web server must do for the same answers.
//!
//! Each answer is given in two ways: `/typed/…` writes it from serde structures, as a handler that has just made them does;
//! `/ready/…` writes bytes that lay ready, which no server that computes its answers can.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::process::ExitCode;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// The variable that makes this program the bare server, and names the file with its answers: `{path: body}`.
pub(crate) const ANSWERS: &str = "FF_BENCH_BARE_ANSWERS";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading a body into a structure is what is measured")]
struct EvaluateBody {
    flag_key: String,
    user: UserBody,
    at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
struct BatchBody {
    flag_keys: Option<Vec<String>>,
    user: UserBody,
    at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
struct UserBody {
    id: String,
    attributes: serde_json::Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Evaluation {
    flag_key: String,
    variant: String,
    value: Scalar,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_id: Option<String>,
    details: Details,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Number(Number),
    Text(String),
}

#[derive(Serialize, Deserialize)]
struct Details {
    bucket: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    percentage_bucket: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct EvaluationList {
    environment: String,
    revision: u64,
    items: Vec<Evaluation>,
    errors: Vec<Value>,
}

/// The answers to the requests, as structures and as bytes.
struct Answers {
    one: (Evaluation, Bytes),
    batch: (EvaluationList, Bytes),
}

type State = web::Data<Answers>;

async fn one_typed(answers: State, body: web::Json<EvaluateBody>) -> HttpResponse {
    drop(body);
    HttpResponse::Ok().json(&answers.one.0)
}

async fn one_ready(answers: State, body: web::Json<EvaluateBody>) -> HttpResponse {
    drop(body);
    HttpResponse::Ok().content_type("application/json").body(answers.one.1.clone())
}

async fn batch_typed(answers: State, body: web::Json<BatchBody>) -> HttpResponse {
    drop(body);
    HttpResponse::Ok().json(&answers.batch.0)
}

async fn batch_ready(answers: State, body: web::Json<BatchBody>) -> HttpResponse {
    drop(body);
    HttpResponse::Ok().content_type("application/json").body(answers.batch.1.clone())
}

/// Serves for ever, after saying on standard output where.
pub(crate) fn serve(answers: &OsStr) -> ExitCode {
    let text = fs::read(answers).unwrap();
    let [one, batch]: [String; 2] = serde_json::from_slice(&text).unwrap();
    let answers = web::Data::new(Answers {
        one: (serde_json::from_str(&one).unwrap(), one.into()),
        batch: (serde_json::from_str(&batch).unwrap(), batch.into()),
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    let app = move || {
        App::new()
            .app_data(answers.clone())
            .route("/typed/v1/evaluate", web::post().to(one_typed))
            .route("/typed/v1/evaluate/batch", web::post().to(batch_typed))
            .route("/ready/v1/evaluate", web::post().to(one_ready))
            .route("/ready/v1/evaluate/batch", web::post().to(batch_ready))
    };
    actix_web::rt::System::new().block_on(async { HttpServer::new(app).workers(1).listen(listener).unwrap().run().await.unwrap() });
    ExitCode::SUCCESS
}
