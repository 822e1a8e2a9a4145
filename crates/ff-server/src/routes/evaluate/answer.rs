//! Evaluations as JSON, written piece by piece.
//!
//! An answer with 200 flags is 25 kB, nearly all of which a server does for it is writing. serde would ask each field of each
//! flag for its name and its type; here the names stand in the text that goes between the values, and keys, which hold
//! nothing that needs an escape, are copied as they are. A test holds the bytes to those of serde.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use ff_core::{Evaluation, Timestamp, User, VariantValue};
use serde::Serialize;

use super::{QUOTED_MAX, seen};
use crate::cache::ServedRuleset;
use crate::clock;
use crate::problem::ProblemType;
use crate::service::Missing;
use crate::service::evaluate::Count;
use crate::state::AppState;

/// Room for one evaluation with keys of usual lengths, in bytes. Longer ones make the buffer grow.
const EVALUATION_BYTES: usize = 192;

/// Room for what stands around the items of a list.
const FRAME_BYTES: usize = 128;

/// One evaluation.
pub(super) fn one(ruleset: &ServedRuleset, evaluation: &Evaluation<'_>) -> HttpResponse {
    let mut body = Vec::with_capacity(EVALUATION_BYTES);
    write(&mut body, evaluation);
    respond(ruleset, body)
}

/// All flags, by key.
pub(super) fn all(state: &AppState, ruleset: &ServedRuleset, user: &User, at: Option<Timestamp>) -> HttpResponse {
    let now = at.unwrap_or_else(clock::now);
    let keys = ruleset.keys_in_order();
    let items = keys.iter().filter_map(|key| ruleset.evaluate(key.as_str(), user, now));
    list(state, ruleset, keys.len(), items, Vec::new)
}

/// The named flags, by key, each once; those that are not there are errors.
pub(super) fn named(
    state: &AppState,
    ruleset: &ServedRuleset,
    keys: &[impl AsRef<str>],
    user: &User,
    at: Option<Timestamp>,
) -> HttpResponse {
    let now = at.unwrap_or_else(clock::now);
    let mut sorted: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let items = sorted.iter().filter_map(|key| ruleset.evaluate(key, user, now));
    // Errors keep the order in which they were asked for.
    let errors = || keys.iter().map(AsRef::as_ref).filter(|key| !ruleset.contains(key)).map(NotEvaluated::unknown).collect();
    list(state, ruleset, sorted.len(), items, errors)
}

/// `{"environment", "revision", "items", "errors"}`; `length` items are expected, and where there are fewer, `errors` says why.
fn list<'a>(
    state: &AppState,
    ruleset: &ServedRuleset,
    length: usize,
    items: impl Iterator<Item = Evaluation<'a>>,
    errors: impl FnOnce() -> Vec<NotEvaluated>,
) -> HttpResponse {
    let mut body = Vec::with_capacity(FRAME_BYTES + length * EVALUATION_BYTES);
    let mut count = Count::default();
    text(&mut body, "{\"environment\":\"");
    text(&mut body, ruleset.environment().as_str());
    text(&mut body, "\",\"revision\":");
    json(&mut body, &ruleset.revision());
    text(&mut body, ",\"items\":");
    body.push(b'[');
    let mut written = 0;
    for evaluation in items {
        if written > 0 {
            body.push(b',');
        }
        written += 1;
        write(&mut body, &evaluation);
        count.add(&evaluation);
    }
    text(&mut body, "],\"errors\":");
    json(&mut body, &if written == length { Vec::new() } else { errors() });
    body.push(b'}');
    count.report(&state.metrics.evaluations);
    respond(ruleset, body)
}

fn respond(ruleset: &ServedRuleset, body: Vec<u8>) -> HttpResponse {
    let [revision, age, unstored] = seen(ruleset);
    let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    HttpResponse::Ok().insert_header(revision).insert_header(age).insert_header(unstored).insert_header(json).body(body)
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
}

fn json(body: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // A buffer takes everything, and numbers, texts and values of flags always become JSON.
    serde_json::to_writer(body, value).ok();
}

/// As serde writes it.
fn write(body: &mut Vec<u8>, evaluation: &Evaluation<'_>) {
    // INVARIANT: keys of flags, variants and rules are letters, digits, `.`, `_` and `-`, as reasons are.
    text(body, "{\"flag_key\":\"");
    text(body, evaluation.flag_key().as_str());
    text(body, "\",\"variant\":\"");
    text(body, evaluation.variant().as_str());
    text(body, "\",\"value\":");
    match evaluation.value() {
        VariantValue::Bool(value) => text(body, if *value { "true" } else { "false" }),
        VariantValue::Json(raw) => text(body, raw.get()),
        value => json(body, value),
    }
    text(body, ",\"reason\":\"");
    text(body, evaluation.reason().as_str());
    if let Some(rule_id) = evaluation.rule_id() {
        text(body, "\",\"rule_id\":\"");
        text(body, rule_id.as_str());
    }
    text(body, "\",\"details\":{\"bucket\":");
    json(body, &evaluation.bucket().as_f64());
    if let Some(bucket) = evaluation.percentage_bucket() {
        text(body, ",\"percentage_bucket\":");
        json(body, &bucket.as_f64());
    }
    text(body, "}}");
}

/// A flag of a batch that gave nothing.
#[derive(Serialize)]
struct NotEvaluated {
    flag_key: String,
    code: &'static str,
    detail: String,
}

impl NotEvaluated {
    fn unknown(key: &str) -> Self {
        let flag_key: String = key.chars().take(QUOTED_MAX).collect();
        Self { code: ProblemType::FlagNotFound.code(), detail: Missing::Flag(flag_key.clone()).to_string(), flag_key }
    }
}

#[cfg(test)]
mod tests {
    use ff_core::{EnvironmentKey, Flag, Ruleset};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_evaluation_is_written_as_serde_writes_it() {
        let rules = json!([
            {"id": "r.1", "when": {"attr": {"a": 1}, "percentage": 50}, "rollout": {"variant": "x"}},
            {"id": "r-2", "when": {"attr": {"a": 2}}, "rollout": {"distribution": [{"variant": "x", "weight": 1}, {"variant": "y", "weight": 2}]}},
        ]);
        let values: [(&str, [Value; 2]); 4] = [
            ("boolean", [json!(true), json!(false)]),
            ("string", [json!("x"), json!("\"ü\" \\ \n\u{1}")]),
            ("number", [json!(3), json!(-0.25e-7)]),
            ("json", [json!({"k": [1, null, "\u{e9}\""]}), json!([])]),
        ];
        for (i, (kind, [x, y])) in values.into_iter().enumerate() {
            let variants = json!([{"key": "x", "weight": 1, "value": x}, {"key": "y", "weight": 1, "value": y}]);
            for state in ["on", "off"] {
                let flag = json!({"key": format!("F_{i}.a-b"), "type": kind, "state": state, "variants": variants, "off_variant": "y", "rules": rules});
                let flags = [Flag::from_value(&flag).unwrap()];
                let ruleset = Ruleset::compile("t".parse().unwrap(), EnvironmentKey::production(), 1, &flags, &[]).unwrap();
                for user in (0..60).map(|n| User::new(&format!("u{n}")).unwrap().with("a", n % 3)) {
                    let evaluation = ruleset.evaluate(flags[0].key().as_str(), &user, Timestamp::EPOCH).unwrap();
                    let mut written = Vec::new();
                    write(&mut written, &evaluation);
                    assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&evaluation).unwrap());
                }
            }
        }
    }
}
