//! `GET /openapi.json`.

use ff_test_support::Client;
use serde_json::Value;

use crate::harness::{each, fresh_tenant};
use crate::tenancy::{CASES, plant};

/// The document.
pub(crate) fn document(api: &Client) -> Value {
    api.without("Authorization").without("X-Tenant-ID").get("/openapi.json").ok()
}

/// One operation of the document.
pub(crate) struct Operation {
    /// In capitals.
    pub(crate) method: String,
    /// With `{…}` where a value stands.
    pub(crate) path: String,
    /// What the document says about it.
    pub(crate) is: Value,
}

/// Every operation of the document.
pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, is) in methods.as_object().unwrap() {
            if ["get", "put", "post", "delete", "patch", "head", "options", "trace"].contains(&method.as_str()) {
                all.push(Operation { method: method.to_uppercase(), path: path.clone(), is: is.clone() });
            }
        }
    }
    assert!(all.len() >= 30, "{} operations", all.len());
    all
}

impl Operation {
    /// Whether it needs a credential and a tenant.
    pub(crate) fn is_guarded(&self) -> bool {
        self.path.starts_with("/v1/") && self.path != "/v1/auth/token"
    }

    /// `GET /v1/flags`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_openapi_3_1_and_its_references_lead_somewhere() {
    each(|api| {
        let document = document(api);
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
        assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        let kinds: Vec<_> = schemes
            .values()
            .map(|scheme| (scheme["type"].as_str().unwrap(), scheme["scheme"].as_str().or(scheme["name"].as_str()).unwrap()))
            .collect();
        assert!(kinds.contains(&("http", "bearer")) && kinds.contains(&("apiKey", "X-API-Key")), "{kinds:?}");
    });
}

#[test]
fn every_operation_is_described_with_its_scope_and_its_problems() {
    each(|api| {
        let document = document(api);
        let mut names = Vec::new();
        for operation in operations(&document) {
            let (name, is) = (operation.name(), &operation.is);
            names.push(is["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no id")).to_owned());
            assert!(is["summary"].as_str().or(is["description"].as_str()).is_some_and(|text| !text.is_empty()), "{name}");
            assert!(is["tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{name}");
            let responses = is["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2') || status.starts_with('3')), "{name}");
            if !operation.is_guarded() {
                continue;
            }
            for status in ["400", "401", "403"] {
                let response = responses.get(status).unwrap_or_else(|| panic!("{name} does not tell of {status}"));
                let response = response["$ref"].as_str().map_or(response, |reference| document.pointer(&reference[1..]).unwrap());
                assert!(response["content"].get("application/problem+json").is_some(), "{name} {status}: {response}");
            }
            assert!(is["security"].as_array().is_some_and(|all| !all.is_empty()), "{name} needs a credential");
            let told = is.to_string();
            let scopes = [
                "flags:r",
                "flags:rw",
                "segments:r",
                "segments:rw",
                "evaluate",
                "audit:r",
                "environments:r",
                "environments:rw",
                "events:r",
                "ruleset:r",
                "webhooks:rw",
            ];
            assert!(
                scopes.iter().any(|scope| told.contains(&format!("`{scope}`")) || told.contains(&format!("\"{scope}\""))),
                "{name} does not name its scope"
            );
            let parameters: Vec<String> = is["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|parameter| {
                    let parameter = parameter["$ref"].as_str().map_or(parameter, |reference| document.pointer(&reference[1..]).unwrap());
                    parameter["name"].as_str().unwrap().to_owned()
                })
                .collect();
            assert!(parameters.iter().any(|name| name.eq_ignore_ascii_case("X-Tenant-ID")), "{name}: {parameters:?}");
            for (at, _) in operation.path.match_indices('{') {
                let placeholder = operation.path[at + 1..].split('}').next().unwrap();
                assert!(parameters.iter().any(|name| name == placeholder), "{name} does not describe {placeholder}");
            }
            if ["POST", "PUT", "PATCH"].contains(&operation.method.as_str()) {
                let bodies = is["requestBody"]["content"].as_object().unwrap_or_else(|| panic!("{name} has no body"));
                for (media_type, body) in bodies {
                    let schema =
                        body["schema"]["$ref"].as_str().map_or(&body["schema"], |reference| document.pointer(&reference[1..]).unwrap());
                    let has_example = [body, schema].iter().any(|place| place.get("example").is_some() || place.get("examples").is_some());
                    assert!(has_example, "{name} has no example in {media_type}");
                }
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "an operation's id is its own");
    });
}

#[test]
fn every_group_of_the_design_is_there() {
    each(|api| {
        let names: Vec<String> = operations(&document(api)).iter().map(Operation::name).collect();
        for name in [
            "GET /healthz",
            "GET /readyz",
            "GET /metrics",
            "GET /openapi.json",
            "GET /docs",
            "POST /v1/auth/token",
            "POST /v1/flags",
            "GET /v1/flags",
            "GET /v1/flags/{key}",
            "PUT /v1/flags/{key}",
            "PATCH /v1/flags/{key}",
            "DELETE /v1/flags/{key}",
            "GET /v1/flags/{key}/history",
            "POST /v1/flags/{key}/rollback",
            "POST /v1/segments",
            "GET /v1/segments",
            "GET /v1/segments/{key}",
            "PUT /v1/segments/{key}",
            "PATCH /v1/segments/{key}",
            "DELETE /v1/segments/{key}",
            "POST /v1/evaluate",
            "GET /v1/evaluate/{flag_key}",
            "POST /v1/evaluate/batch",
            "POST /v1/evaluate/preview",
            "GET /v1/users/{user_id}/flags",
            "GET /v1/users/{user_id}/flags/{flag_key}",
            "GET /v1/audit",
            "GET /v1/events",
            "GET /v1/ruleset",
            "GET /v1/ruleset/changes",
            "GET /v1/environments",
            "POST /v1/environments",
            "GET /v1/environments/{key}",
            "DELETE /v1/environments/{key}",
            "GET /v1/webhooks",
            "POST /v1/webhooks",
            "GET /v1/webhooks/{id}",
            "PUT /v1/webhooks/{id}",
            "DELETE /v1/webhooks/{id}",
            "POST /v1/webhooks/{id}/test",
            "GET /v1/webhooks/{id}/deliveries",
            "POST /v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
        ] {
            assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
        }
    });
}

#[test]
fn the_document_tells_of_a_tag_where_an_answer_has_one_and_nowhere_else() {
    each(|api| {
        let all = operations(&document(api));
        for case in CASES {
            let owner = api.tenant(&fresh_tenant());
            plant(&owner);
            let answer = case.ask(&owner);
            let operation = all.iter().find(|operation| operation.name() == case.route).unwrap();
            let response = &operation.is["responses"][answer.status().to_string()];
            assert_eq!(response["headers"].get("ETag").is_some(), answer.header("etag").is_some(), "{}: {answer}", case.route);
        }
    });
}
