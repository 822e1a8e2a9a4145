//! The whole route table, in one place.
//!
//! From it come the resources that actix serves, the `Allow` of a 405, the security of the OpenAPI document and the walks
//! of the tests, so none of them can forget a route.

mod answer;
pub mod audit;
pub mod auth;
pub mod docs;
pub mod environments;
pub mod evaluate;
pub mod events;
pub mod flags;
pub mod ops;
pub mod ruleset;
pub mod segments;
pub mod webhooks;

use std::rc::Rc;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, Route as ActixRoute, guard, web};

use self::Access::{Needs, Open, OwnRule};
use crate::auth::TokenScope;
use crate::middleware::{AnswerOnce, CatchPanics, Template};
use crate::problem::{Problem, ProblemType};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Open,
    /// Whoever a rule of its own lets in: the token route.
    OwnRule,
    /// A caller with this scope, in a tenant that they may enter.
    Needs(TokenScope),
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its method; every `GET` also answers `HEAD`.
    pub method: &'static str,
    /// Its path, with `{…}` where a value stands.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Its name in the OpenAPI document: group and handler.
    pub operation: &'static str,
}

impl Route {
    /// The scope for changes that it needs, if it changes something in a tenant. Such a route takes an `Idempotency-Key`.
    pub fn changes(&self) -> Option<TokenScope> {
        changes(self.method, self.operation, self.access)
    }
}

/// What these routes do is done outside the database, so no transaction can hold it together with an answer.
const ONLY_SENDING: [&str; 2] = ["webhooks_test", "webhooks_redeliver"];

fn changes(method: &str, operation: &str, access: Access) -> Option<TokenScope> {
    match access {
        Needs(scope) if method != "GET" && scope.is_for_changes() && !ONLY_SENDING.contains(&operation) => Some(scope),
        Needs(_) | Open | OwnRule => None,
    }
}

macro_rules! operation {
    ($group:ident::$handler:ident) => {
        concat!(stringify!($group), "_", stringify!($handler))
    };
}

macro_rules! routes {
    ($($path:literal { $($method:ident $group:ident::$handler:ident $access:expr;)+ })*) => {
        /// Every route, in the order in which paths are tried.
        pub const ROUTES: &[Route] = &[$($(Route {
            method: stringify!($method),
            path: $path,
            access: $access,
            operation: operation!($group::$handler),
        },)+)*];

        /// Puts every route into an application.
        pub fn configure(config: &mut web::ServiceConfig) {
            let mut index = 0;
            $({
                let methods = [$(stringify!($method)),+];
                let resource = web::resource($path)
                    .guard(guard::fn_guard(|context| !yields($path, &context.head().method)))
                    .app_data(Template { index, path: $path })
                    .wrap(CatchPanics)
                    $(.route(answering_once(method(stringify!($method)).to($group::$handler), stringify!($method), operation!($group::$handler), $access)))+
                    .default_service(method_not_allowed(&methods));
                config.service(resource);
                index += 1;
            })*
            let _ = index;
            config.default_service(web::to(route_not_found));
            // What actix's own extractors refuse comes out as a problem too.
            config.app_data(web::JsonConfig::default().error_handler(|error, _| Problem::from(error).into()));
            config.app_data(web::QueryConfig::default().error_handler(|error, _| Problem::from(error).into()));
            config.app_data(web::PathConfig::default().error_handler(|error, _| Problem::from(error).into()));
        }
    };
}

// Paths are tried in this order: what is asked by the thousand each second stands first.
routes! {
    "/v1/evaluate" {
        POST evaluate::evaluate Needs(TokenScope::Evaluate);
    }
    "/v1/evaluate/batch" {
        POST evaluate::batch Needs(TokenScope::Evaluate);
    }
    "/v1/evaluate/preview" {
        POST evaluate::preview Needs(TokenScope::FlagsRead);
    }
    "/v1/evaluate/{flag_key}" {
        GET evaluate::show Needs(TokenScope::Evaluate);
    }
    "/v1/users/{user_id}/flags" {
        GET evaluate::user_flags Needs(TokenScope::Evaluate);
    }
    "/v1/users/{user_id}/flags/{flag_key}" {
        GET evaluate::user_flag Needs(TokenScope::Evaluate);
    }
    "/healthz" {
        GET ops::healthz Open;
    }
    "/readyz" {
        GET ops::readyz Open;
    }
    "/metrics" {
        GET ops::metrics Open;
    }
    "/openapi.json" {
        GET docs::openapi Open;
    }
    "/docs" {
        GET docs::index Open;
    }
    "/docs/{file:.*}" {
        GET docs::file Open;
    }
    "/problems/{code}" {
        GET docs::problem Open;
    }
    "/v1/auth/token" {
        POST auth::token OwnRule;
    }
    "/v1/flags" {
        GET flags::list Needs(TokenScope::FlagsRead);
        POST flags::create Needs(TokenScope::FlagsWrite);
    }
    "/v1/flags/{key}" {
        GET flags::show Needs(TokenScope::FlagsRead);
        PUT flags::update Needs(TokenScope::FlagsWrite);
        PATCH flags::patch Needs(TokenScope::FlagsWrite);
        DELETE flags::delete Needs(TokenScope::FlagsWrite);
    }
    "/v1/flags/{key}/history" {
        GET flags::history Needs(TokenScope::FlagsRead);
    }
    "/v1/flags/{key}/rollback" {
        POST flags::rollback Needs(TokenScope::FlagsWrite);
    }
    "/v1/segments" {
        GET segments::list Needs(TokenScope::SegmentsRead);
        POST segments::create Needs(TokenScope::SegmentsWrite);
    }
    "/v1/segments/{key}" {
        GET segments::show Needs(TokenScope::SegmentsRead);
        PUT segments::update Needs(TokenScope::SegmentsWrite);
        PATCH segments::patch Needs(TokenScope::SegmentsWrite);
        DELETE segments::delete Needs(TokenScope::SegmentsWrite);
    }
    "/v1/environments" {
        GET environments::list Needs(TokenScope::EnvironmentsRead);
        POST environments::create Needs(TokenScope::EnvironmentsWrite);
    }
    "/v1/environments/{key}" {
        GET environments::show Needs(TokenScope::EnvironmentsRead);
        DELETE environments::delete Needs(TokenScope::EnvironmentsWrite);
    }
    "/v1/ruleset" {
        GET ruleset::show Needs(TokenScope::RulesetRead);
    }
    "/v1/ruleset/changes" {
        GET ruleset::changes Needs(TokenScope::RulesetRead);
    }
    "/v1/webhooks" {
        GET webhooks::list Needs(TokenScope::WebhooksWrite);
        POST webhooks::create Needs(TokenScope::WebhooksWrite);
    }
    "/v1/webhooks/{id}" {
        GET webhooks::show Needs(TokenScope::WebhooksWrite);
        PUT webhooks::update Needs(TokenScope::WebhooksWrite);
        DELETE webhooks::delete Needs(TokenScope::WebhooksWrite);
    }
    "/v1/webhooks/{id}/test" {
        POST webhooks::test Needs(TokenScope::WebhooksWrite);
    }
    "/v1/webhooks/{id}/rotate" {
        POST webhooks::rotate Needs(TokenScope::WebhooksWrite);
    }
    "/v1/webhooks/{id}/deliveries" {
        GET webhooks::deliveries Needs(TokenScope::WebhooksWrite);
    }
    "/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver" {
        POST webhooks::redeliver Needs(TokenScope::WebhooksWrite);
    }
    "/v1/audit" {
        GET audit::list Needs(TokenScope::AuditRead);
    }
    "/v1/events" {
        GET events::follow Needs(TokenScope::EventsRead);
    }
}

/// A flag may be called `batch` or `preview`: a `GET` under these paths is for `/v1/evaluate/{flag_key}`.
fn yields(path: &str, method: &Method) -> bool {
    matches!(path, "/v1/evaluate/batch" | "/v1/evaluate/preview") && matches!(*method, Method::GET | Method::HEAD)
}

fn method(name: &str) -> ActixRoute {
    match name {
        // RFC 9110, 9.3.2: the same without the body, which actix leaves out by itself.
        "GET" => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        other => match Method::from_bytes(other.as_bytes()) {
            Ok(method) => web::method(method),
            // Every name in the table above is a method.
            Err(_) => web::route().guard(guard::fn_guard(|_| false)),
        },
    }
}

/// A route that changes something answers a request with a key once.
fn answering_once(route: ActixRoute, method: &str, operation: &str, access: Access) -> ActixRoute {
    match changes(method, operation, access) {
        Some(scope) => route.wrap(AnswerOnce(scope)),
        None => route,
    }
}

fn method_not_allowed(methods: &[&str]) -> ActixRoute {
    let allowed: Vec<_> = methods.iter().flat_map(|name| if *name == "GET" { vec!["GET", "HEAD"] } else { vec![*name] }).collect();
    let allowed: Rc<str> = allowed.join(", ").into();
    web::to(move |request: HttpRequest| {
        let problem = Problem::method_not_allowed(request.method(), &allowed);
        async move { Err::<HttpResponse, _>(problem) }
    })
}

async fn route_not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemType::RouteNotFound, "nothing lives under this path; `/openapi.json` lists what does"))
}

#[cfg(test)]
mod tests;
