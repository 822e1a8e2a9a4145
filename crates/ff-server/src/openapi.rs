//! The OpenAPI document: paths from the handlers, access from the route table, shapes from `components.json`.
//!
//! The shapes of flags, segments and conditions are written by hand, since the engine that defines them does not know
//! HTTP; the examples in them are read by the engine in the tests. What holds for many routes alike (tenant headers,
//! credentials, problems) is added from the route table, so no route can forget it.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::auth::TokenScope;
use crate::routes::{self, Access, ROUTES, Route};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ff",
        description = "A multi-tenant feature-flag and experimentation service.\n\nEverything under `/v1` but the token route needs a credential and the header `X-Tenant-ID`. Errors are problem details (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        routes::ops::healthz, routes::ops::readyz, routes::ops::metrics,
        routes::auth::token,
        routes::flags::list, routes::flags::create, routes::flags::show, routes::flags::update, routes::flags::patch,
        routes::flags::delete, routes::flags::history, routes::flags::rollback,
        routes::segments::list, routes::segments::create, routes::segments::show, routes::segments::update,
        routes::segments::patch, routes::segments::delete,
        routes::environments::list, routes::environments::create, routes::environments::show, routes::environments::delete,
        routes::evaluate::evaluate, routes::evaluate::show, routes::evaluate::batch, routes::evaluate::preview,
        routes::evaluate::user_flags, routes::evaluate::user_flag,
        routes::webhooks::list, routes::webhooks::create, routes::webhooks::show, routes::webhooks::update, routes::webhooks::delete,
        routes::webhooks::test, routes::webhooks::rotate, routes::webhooks::deliveries, routes::webhooks::redeliver,
        routes::audit::list,
        routes::events::follow,
        routes::ruleset::show, routes::ruleset::changes,
        routes::docs::openapi, routes::docs::index, routes::docs::file, routes::docs::problem,
    ),
    tags(
        (name = "auth", description = "Tokens."),
        (name = "flags", description = "Named decisions with typed variants, configured for each environment."),
        (name = "segments", description = "Named, reusable conditions of a tenant, the same in all environments."),
        (name = "evaluation", description = "Which variant a user gets, and why."),
        (name = "environments", description = "The stages of a tenant."),
        (name = "webhooks", description = "Changes told to other services by HTTP, as Standard Webhooks has it."),
        (name = "audit", description = "Who changed what."),
        (name = "delivery", description = "What changes, for those who follow."),
        (name = "ops", description = "For orchestrators and Prometheus."),
        (name = "docs", description = "This document and its pages."),
    ),
)]
struct Handlers;

/// The document, complete.
pub fn document() -> Value {
    // Both texts are part of the binary, and a test reads them; what could not be read would be left out.
    let mut document = serde_json::to_value(Handlers::openapi()).unwrap_or_default();
    let components: Value = serde_json::from_str(include_str!("openapi/components.json")).unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, operations) in paths.into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let route = ROUTES.iter().find(|route| route.method.eq_ignore_ascii_case(method) && documented_path(route) == *path);
            if let (Some(route), Some(operation)) = (route, operation.as_object_mut()) {
                complete(operation, route, &components);
            }
        }
    }
    if let Some(document) = document.as_object_mut() {
        document.insert("components".to_owned(), components);
    }
    document
}

/// The route's path without the pattern of a value: `{file:.*}` is actix's, not OpenAPI's.
pub(crate) fn documented_path(route: &Route) -> String {
    let mut shown = String::new();
    let mut is_pattern = false;
    for c in route.path.chars() {
        is_pattern = (is_pattern || c == ':') && c != '}';
        if !is_pattern {
            shown.push(c);
        }
    }
    shown
}

/// Adds what the route table knows about a route, and examples where the shapes have some.
fn complete(operation: &mut Map<String, Value>, route: &Route, components: &Value) {
    let mut problems: Vec<(&str, &str)> = Vec::new();
    if route.path.contains("{key}") {
        add_parameter(operation, "Key");
    }
    match route.access {
        Access::Open => {
            operation.insert("security".to_owned(), json!([]));
        }
        Access::OwnRule => {
            operation.insert("security".to_owned(), json!([{}, {"api_key": []}, {"bearer": []}]));
            problems.extend([("401", "Unauthenticated"), ("403", "Forbidden")]);
        }
        Access::Needs(scope) => {
            operation.insert("security".to_owned(), json!([{"bearer": [scope.as_str()]}, {"api_key": [scope.as_str()]}]));
            describe_scope(operation, scope);
            add_parameter(operation, "Tenant");
            if has_environment(scope) {
                add_parameter(operation, "Environment");
                problems.push(("404", "NotFound"));
            }
            problems.extend([("400", "BadRequest"), ("401", "Unauthenticated"), ("403", "Forbidden"), ("503", "Unavailable")]);
        }
    }
    if route.path.starts_with("/v1/") {
        add_parameter(operation, "RequestId");
        problems.push(("500", "Internal"));
    }
    if operation.get("requestBody").is_some() {
        problems.extend([("400", "BadRequest"), ("413", "BodyTooLarge"), ("415", "UnsupportedMediaType"), ("422", "InvalidBody")]);
    }
    if is_guarded(operation) {
        add_parameter(operation, "IfMatch");
    }
    if route.changes().is_some() {
        add_parameter(operation, "IdempotencyKey");
        problems.extend([("400", "BadRequest"), ("409", "IdempotencyKeyBusy"), ("422", "IdempotencyKeyReused")]);
    }
    if is_evaluation(route) || is_download(route) {
        add_parameter(operation, "MinRevision");
    }
    let has_tag = operation.get("responses").is_some_and(|responses| responses.get("304").is_some());
    if has_tag {
        add_parameter(operation, "IfNoneMatch");
    }
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for (status, name) in problems {
            responses.entry(status).or_insert_with(|| json!({"$ref": format!("#/components/responses/{name}")}));
        }
        for (status, response) in responses.iter_mut() {
            complete_response(status, response);
            if has_tag && status == "200" {
                add_header(response, "ETag", "ETag");
            }
            if status == "201" {
                add_header(response, "Location", "Location");
            }
            if status.starts_with('2') && is_evaluation(route) {
                add_header(response, "X-Revision", "Revision");
                add_header(response, "X-Ruleset-Age", "RulesetAge");
            } else if status.starts_with('2') && (route.changes().is_some() || is_download(route)) {
                add_header(response, "X-Revision", "Revision");
            }
        }
        if route.changes().is_some() {
            responses.iter_mut().for_each(|(status, response)| tell_of_replays(status, response));
        }
    }
    if let Some(object) = operation.get_mut("requestBody") {
        add_examples(object, components);
    }
    for response in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
        add_examples(response.1, components);
    }
}

/// Segments and environments belong to the tenant; everything else is seen in one environment.
fn has_environment(scope: TokenScope) -> bool {
    matches!(scope, TokenScope::FlagsRead | TokenScope::FlagsWrite | TokenScope::Evaluate | TokenScope::RulesetRead)
}

fn is_evaluation(route: &Route) -> bool {
    route.operation.starts_with("evaluate_")
}

fn is_download(route: &Route) -> bool {
    route.operation.starts_with("ruleset_")
}

fn describe_scope(operation: &mut Map<String, Value>, scope: TokenScope) {
    let description = operation.entry("description").or_insert_with(|| json!(""));
    let text = format!("{}\n\nNeeds the scope `{scope}`.", description.as_str().unwrap_or_default());
    *description = json!(text.trim_start());
}

fn is_guarded(operation: &Map<String, Value>) -> bool {
    operation.get("responses").is_some_and(|responses| responses.get("412").is_some())
}

fn add_parameter(operation: &mut Map<String, Value>, name: &str) {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.push(json!({"$ref": format!("#/components/parameters/{name}")}));
    }
}

/// Shapes of answers that have a tag.
const TAGGED: [&str; 6] = ["Flag", "FlagWritten", "Segment", "SegmentWritten", "Webhook", "WebhookWithSecret"];

/// An error status that a handler describes in words has a problem as its body; an entity has its tag as a header.
fn complete_response(status: &str, response: &mut Value) {
    let Some(response) = response.as_object_mut() else {
        return;
    };
    if response.contains_key("$ref") {
        return;
    }
    if status.starts_with('4') {
        response.insert("content".to_owned(), json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}));
    }
    if TAGGED.iter().any(|name| is_body(response, name)) || status == "304" {
        response.insert("headers".to_owned(), json!({"ETag": {"$ref": "#/components/headers/ETag"}}));
    }
}

fn add_header(response: &mut Value, name: &str, component: &str) {
    let headers = response.as_object_mut().map(|response| response.entry("headers").or_insert_with(|| json!({})));
    if let Some(headers) = headers.and_then(Value::as_object_mut) {
        headers.insert(name.to_owned(), json!({"$ref": format!("#/components/headers/{component}")}));
    }
}

/// An answer below 500 may be one that was given before.
fn tell_of_replays(status: &str, response: &mut Value) {
    let Some(response) = response.as_object_mut().filter(|response| !response.contains_key("$ref") && !status.starts_with('5')) else {
        return;
    };
    let headers = response.entry("headers").or_insert_with(|| json!({}));
    if let Some(headers) = headers.as_object_mut() {
        headers.insert("Idempotency-Replayed".to_owned(), json!({"$ref": "#/components/headers/IdempotencyReplayed"}));
    }
}

fn is_body(response: &Map<String, Value>, name: &str) -> bool {
    let schema =
        response.get("content").and_then(|content| content.get("application/json")).and_then(|media| media.pointer("/schema/$ref"));
    schema.and_then(Value::as_str) == Some(&format!("#/components/schemas/{name}"))
}

/// The first example of a shape stands for the body that has it.
fn add_examples(object: &mut Value, components: &Value) {
    let contents = object.get_mut("content").and_then(Value::as_object_mut);
    for (_, media) in contents.into_iter().flatten() {
        let name = media.pointer("/schema/$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/components/schemas/"));
        let example = name.and_then(|name| components.pointer(&format!("/schemas/{name}/examples/0"))).cloned();
        if let (Some(example), Some(media)) = (example, media.as_object_mut()) {
            media.entry("example").or_insert(example);
        }
    }
}

#[cfg(test)]
mod tests;
