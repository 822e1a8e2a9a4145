//! Evaluation: from memory, and nothing else on the way.

mod answer;

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use ff_core::{Evaluation, Fault, Faults, Timestamp, User};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::seen;
use crate::cache::ServedRuleset;
use crate::clock;
use crate::extract::{Allowed, Evaluate, FlagsRead, JsonBody, JsonBytes, MinRevision, Params, PathKey, PathUserId, read_json_body};
use crate::problem::{Problem, ProblemType};
use crate::service::evaluate as service;
use crate::service::{Missing, ServiceError};
use crate::state::AppState;

/// The longest key that an answer quotes, in characters.
const QUOTED_MAX: usize = 128;

/// The most flags that a batch may name.
const BATCH_MAX: usize = 1_000;

/// Evaluates one flag for one user.
#[utoipa::path(post, path = "/v1/evaluate", operation_id = "evaluate_evaluate", tag = "evaluation",
    request_body(content = ref("#/components/schemas/EvaluateRequest"), content_type = "application/json"),
    responses((status = 200, description = "Which variant the user gets, and why.", body = ref("#/components/schemas/Evaluation"), content_type = "application/json")))]
pub async fn evaluate(
    state: web::Data<AppState>,
    context: Allowed<Evaluate>,
    min: MinRevision,
    body: JsonBytes,
) -> Result<HttpResponse, Problem> {
    let request = EvaluateRequest::read(&body.0)?;
    let ruleset = service::ruleset_from(&state, &context.scope, min.0).await?;
    Ok(answer::one(&ruleset, &evaluated(&state, &ruleset, &request.flag_key, &request.user, request.at)?))
}

/// Evaluates one flag for the user that the query describes.
#[utoipa::path(get, path = "/v1/evaluate/{flag_key}", operation_id = "evaluate_show", tag = "evaluation",
    params(("flag_key" = String, Path, description = "The flag."), ("user_id" = String, Query, description = "The user's id."),
        ("at" = Option<String>, Query, description = "The instant, in RFC 3339; now, where it is missing. Every other parameter is an attribute of the user; one that stands several times is a list.")),
    responses((status = 200, description = "Which variant the user gets, and why.", body = ref("#/components/schemas/Evaluation"), content_type = "application/json")))]
pub async fn show(
    state: web::Data<AppState>,
    context: Allowed<Evaluate>,
    min: MinRevision,
    key: PathKey<ff_core::FlagKey>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut params = Params::parse(request.query_string())?;
    let Some(id) = params.text("user_id")? else {
        return Err(Problem::new(ProblemType::InvalidQuery, "the parameter `user_id` is missing"));
    };
    let (user, at) = user_and_instant(&id, params)?;
    let ruleset = service::ruleset_from(&state, &context.scope, min.0).await?;
    Ok(answer::one(&ruleset, &evaluated(&state, &ruleset, key.0.as_str(), &user, at)?))
}

/// Evaluates some or all flags for one user, at one revision.
#[utoipa::path(post, path = "/v1/evaluate/batch", operation_id = "evaluate_batch", tag = "evaluation",
    request_body(content = ref("#/components/schemas/BatchRequest"), content_type = "application/json"),
    responses((status = 200, description = "What each flag gives, ordered by key; flags that do not exist are listed under `errors`.", body = ref("#/components/schemas/EvaluationList"), content_type = "application/json")))]
pub async fn batch(
    state: web::Data<AppState>,
    context: Allowed<Evaluate>,
    min: MinRevision,
    body: JsonBytes,
) -> Result<HttpResponse, Problem> {
    let BatchRequest { flag_keys, user, at } = BatchRequest::read(&body.0)?;
    let ruleset = service::ruleset_from(&state, &context.scope, min.0).await?;
    Ok(match flag_keys {
        Some(keys) => answer::named(&state, &ruleset, &keys, &user, at),
        None => answer::all(&state, &ruleset, &user, at),
    })
}

/// Explains what a flag, or an unsaved draft of one, would give to a user, and what would have to be otherwise. Stores nothing.
#[utoipa::path(post, path = "/v1/evaluate/preview", operation_id = "evaluate_preview", tag = "evaluation",
    request_body(content = ref("#/components/schemas/PreviewRequest"), content_type = "application/json"),
    responses((status = 200, description = "The evaluation with every rule tried and every test made, in words too; and why other rules did not decide.", body = ref("#/components/schemas/Explanation"), content_type = "application/json")))]
pub async fn preview(
    state: web::Data<AppState>,
    context: Allowed<FlagsRead>,
    min: MinRevision,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let request = PreviewRequest::read(body.0)?;
    let ruleset = service::ruleset_from(&state, &context.scope, min.0).await?;
    let at = request.at.unwrap_or_else(clock::now);
    let (subject, key) = match request.subject {
        Subject::Stored(key) => (ruleset.clone(), key),
        Subject::Draft(draft) => {
            let (changed, key) = service::with_draft(&state, &context.scope, &ruleset, draft).await?;
            (Arc::new(changed.into()), key.to_string())
        }
    };
    let explanation = service::explained(subject, key, request.why_not, request.user, at).await;
    let explanation = explanation.map_err(|error| Problem::from(error).with(seen(&ruleset)))?;
    let [revision, age, unstored] = seen(&ruleset);
    Ok(HttpResponse::Ok()
        .insert_header(revision)
        .insert_header(age)
        .insert_header(unstored)
        .content_type(ContentType::json())
        .body(explanation))
}

/// Evaluates all flags for the user that the path and the query describe.
#[utoipa::path(get, path = "/v1/users/{user_id}/flags", operation_id = "evaluate_user_flags", tag = "evaluation",
    params(("user_id" = String, Path, description = "The user's id."),
        ("at" = Option<String>, Query, description = "The instant, in RFC 3339; now, where it is missing. Every other parameter is an attribute of the user.")),
    responses((status = 200, description = "What each flag gives, ordered by key.", body = ref("#/components/schemas/EvaluationList"), content_type = "application/json")))]
pub async fn user_flags(
    state: web::Data<AppState>,
    context: Allowed<Evaluate>,
    min: MinRevision,
    PathUserId(id): PathUserId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (user, at) = user_and_instant(&id, Params::parse(request.query_string())?)?;
    let ruleset = service::ruleset_from(&state, &context.scope, min.0).await?;
    Ok(answer::all(&state, &ruleset, &user, at))
}

/// Evaluates one flag for the user that the path and the query describe.
#[utoipa::path(get, path = "/v1/users/{user_id}/flags/{flag_key}", operation_id = "evaluate_user_flag", tag = "evaluation",
    params(("user_id" = String, Path, description = "The user's id."), ("flag_key" = String, Path, description = "The flag."),
        ("at" = Option<String>, Query, description = "The instant, in RFC 3339; now, where it is missing. Every other parameter is an attribute of the user.")),
    responses((status = 200, description = "Which variant the user gets, and why.", body = ref("#/components/schemas/Evaluation"), content_type = "application/json")))]
pub async fn user_flag(
    state: web::Data<AppState>,
    context: Allowed<Evaluate>,
    min: MinRevision,
    key: PathKey<ff_core::FlagKey>,
    PathUserId(id): PathUserId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (user, at) = user_and_instant(&id, Params::parse(request.query_string())?)?;
    let ruleset = service::ruleset_from(&state, &context.scope, min.0).await?;
    Ok(answer::one(&ruleset, &evaluated(&state, &ruleset, key.0.as_str(), &user, at)?))
}

fn evaluated<'a>(
    state: &AppState,
    ruleset: &'a ServedRuleset,
    key: &str,
    user: &'a User,
    at: Option<Timestamp>,
) -> Result<Evaluation<'a>, Problem> {
    let evaluation = ruleset.evaluate(key, user, at.unwrap_or_else(clock::now)).ok_or_else(|| unknown(key).with(seen(ruleset)))?;
    let mut count = service::Count::default();
    count.add(&evaluation);
    count.report(&state.metrics.evaluations);
    Ok(evaluation)
}

fn unknown(key: &str) -> Problem {
    Missing::Flag(key.chars().take(QUOTED_MAX).collect()).into()
}

/// The user whose attributes are the parameters that mean nothing else.
fn user_and_instant(id: &str, mut params: Params) -> Result<(User, Option<Timestamp>), Problem> {
    let at = params.value("at")?;
    match service::user_from_text(id, &params.rest()) {
        Ok(user) => Ok((user, at)),
        // There is no body to be at fault.
        Err(ServiceError::Invalid(faults)) => Err(Problem::new(ProblemType::InvalidQuery, faults.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// `{"flag_key", "user", "at"?}`.
struct EvaluateRequest<'a> {
    flag_key: Cow<'a, str>,
    user: User,
    at: Option<Timestamp>,
}

impl<'a> EvaluateRequest<'a> {
    /// Reads a body in one go; only one with a fault is read again, for all its faults.
    fn read(body: &'a [u8]) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole<'a> {
            #[serde(borrow)]
            flag_key: Cow<'a, str>,
            user: User,
            at: Option<Timestamp>,
        }
        match serde_json::from_slice(body) {
            Ok(Whole { flag_key, user, at }) => Ok(Self { flag_key, user, at }),
            Err(_) => Self::read_slowly(body),
        }
    }

    /// Reads a body whose faults are wanted with their places.
    fn read_slowly(body: &'a [u8]) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shape<'a> {
            #[serde(borrow)]
            flag_key: Cow<'a, str>,
            #[serde(borrow)]
            user: &'a RawValue,
            at: Option<Timestamp>,
        }
        let shape: Result<Shape<'_>, _> = serde_json::from_slice(body);
        match shape {
            Ok(Shape { flag_key, user, at }) => {
                let user = User::from_json(user.get()).map_err(|faults| Problem::invalid_body(faults.below("/user")))?;
                Ok(Self { flag_key, user, at })
            }
            Err(error) if error.is_data() => Err(Self::faults(body, &error)),
            Err(error) => Err(Problem::new(ProblemType::MalformedBody, format!("not JSON: {error}"))),
        }
    }

    fn faults(body: &[u8], error: &serde_json::Error) -> Problem {
        let document: Value = match serde_json::from_slice(body) {
            Ok(document) => document,
            Err(error) => return Problem::new(ProblemType::MalformedBody, format!("not JSON: {error}")),
        };
        let mut fields = Fields::new(&document, &["flag_key", "user", "at"]);
        fields.text("flag_key");
        fields.user();
        fields.instant();
        if fields.faults.is_empty() {
            // What only the other reader objects to: a name that stands twice.
            fields.fault("", error.to_string());
        }
        Problem::invalid_body(fields.faults)
    }
}

/// `{"flag_keys"?, "user", "at"?}`.
struct BatchRequest<'a> {
    flag_keys: Option<Vec<Text<'a>>>,
    user: User,
    at: Option<Timestamp>,
}

/// A text that is borrowed from the body, unless it holds an escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'a> BatchRequest<'a> {
    fn read(body: &'a [u8]) -> Result<Self, Problem> {
        match Self::read_at_once(body) {
            Some(request) => Ok(request),
            None => Self::read_tree(&read_json_body(body)?),
        }
    }

    /// Reads a body without building a tree of it, if it has no fault; and none where the tree is needed to find one: of
    /// objects inside attributes this reader does not see whether a name stands in them twice.
    fn read_at_once(body: &'a [u8]) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shape<'a> {
            #[serde(borrow)]
            flag_keys: Option<Vec<Text<'a>>>,
            #[serde(borrow)]
            user: &'a RawValue,
            at: Option<Timestamp>,
        }
        /// The body, the user and the attributes.
        const OBJECTS: usize = 3;
        let Shape { flag_keys, user, at } = serde_json::from_slice(body).ok()?;
        let is_short = flag_keys.as_ref().is_none_or(|keys| keys.len() <= BATCH_MAX);
        let is_flat = body.iter().filter(|byte| **byte == b'{').count() <= OBJECTS;
        let user = User::from_json(user.get()).ok().filter(|_| is_short && is_flat)?;
        Some(Self { flag_keys, user, at })
    }

    fn read_tree(document: &Value) -> Result<Self, Problem> {
        let mut fields = Fields::new(document, &["flag_keys", "user", "at"]);
        let flag_keys = fields.texts("flag_keys", BATCH_MAX);
        let (user, at) = (fields.user(), fields.instant());
        match user {
            Some(user) if fields.faults.is_empty() => {
                Ok(Self { flag_keys: flag_keys.map(|keys| keys.into_iter().map(|key| Text(key.into())).collect()), user, at })
            }
            _ => Err(Problem::invalid_body(fields.faults)),
        }
    }
}

/// `{"flag_key" or "flag", "user", "at"?, "why_not"?}`.
struct PreviewRequest {
    subject: Subject,
    user: User,
    at: Option<Timestamp>,
    /// The id of a rule.
    why_not: Option<String>,
}

enum Subject {
    Stored(String),
    Draft(Value),
}

impl PreviewRequest {
    fn read(mut document: Value) -> Result<Self, Problem> {
        let draft = document.get_mut("flag").map(Value::take).filter(|draft| !draft.is_null());
        let mut fields = Fields::new(&document, &["flag_key", "flag", "user", "at", "why_not"]);
        let subject = match (fields.has("flag_key"), draft) {
            (true, None) => fields.text("flag_key").map(Subject::Stored),
            (false, Some(draft)) => Some(Subject::Draft(draft)),
            _ => {
                fields.fault("", "must have either `flag_key` or `flag`");
                None
            }
        };
        let (user, at) = (fields.user(), fields.instant());
        let why_not = if fields.has("why_not") { fields.text("why_not") } else { None };
        match (subject, user) {
            (Some(subject), Some(user)) if fields.faults.is_empty() => Ok(Self { subject, user, at, why_not }),
            _ => Err(Problem::invalid_body(fields.faults)),
        }
    }
}

/// The fields of a request body, with what is wrong with them.
struct Fields<'a> {
    document: &'a Value,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    fn new(document: &'a Value, known: &[&str]) -> Self {
        let mut fields = Self { document, faults: Vec::new() };
        match document {
            Value::Object(object) => {
                for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
                    let listed = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
                    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                    fields.fault(&pointer, format!("unknown field; known here: {listed}"));
                }
            }
            _ => fields.fault("", "expected an object"),
        }
        fields
    }

    fn fault(&mut self, pointer: &str, message: impl Into<String>) {
        self.faults.push(Fault::new(pointer, message));
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.document.get(name).filter(|value| !value.is_null())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let pointer = format!("/{name}");
        match self.get(name) {
            Some(Value::String(text)) => return Some(text.clone()),
            Some(_) => self.fault(&pointer, "expected a string"),
            None => self.fault(&pointer, "is required"),
        }
        None
    }

    /// An optional list of strings.
    fn texts(&mut self, name: &str, max: usize) -> Option<Vec<String>> {
        let pointer = format!("/{name}");
        let Value::Array(items) = self.get(name)? else {
            self.fault(&pointer, "expected a list");
            return None;
        };
        if items.len() > max {
            self.fault(&pointer, format!("must have at most {max} items, got {}", items.len()));
            return None;
        }
        for (i, item) in items.iter().enumerate().filter(|(_, item)| !item.is_string()) {
            self.fault(&format!("{pointer}/{i}"), format!("expected a string, got {item}"));
        }
        Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    fn user(&mut self) -> Option<User> {
        let Some(user) = self.get("user") else {
            self.fault("/user", "is required");
            return None;
        };
        match User::from_value(user) {
            Ok(user) => Some(user),
            Err(faults) => {
                let below: Faults = faults.below("/user");
                self.faults.extend(Vec::from(below));
                None
            }
        }
    }

    fn instant(&mut self) -> Option<Timestamp> {
        let text = match self.get("at")? {
            Value::String(text) => text,
            _ => {
                self.fault("/at", "expected a string");
                return None;
            }
        };
        text.parse().map_err(|error: ff_core::TimestampError| self.fault("/at", error.to_string())).ok()
    }
}

#[cfg(test)]
mod tests;
