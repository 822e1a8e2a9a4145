//! Tokens, for whoever may have one.

mod issuer;
mod wish;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use self::issuer::MayIssue;
use self::wish::Wish;
use crate::auth::{TOKEN_TTL_S, Tenants, TokenScope};
use crate::extract::OptionalJsonBody;
use crate::problem::Problem;
use crate::state::AppState;

/// Issues a token.
///
/// Needs the admin key. On a server in development mode whoever is on the same machine may ask, and what the body leaves
/// out gets a default: `sub` `dev`, scope `admin`, all tenants.
#[utoipa::path(post, path = "/v1/auth/token", operation_id = "auth_token", tag = "auth",
    request_body(content = ref("#/components/schemas/TokenRequest"), content_type = "application/json"),
    responses((status = 200, description = "The token, which holds for six hours.", body = ref("#/components/schemas/Token"), content_type = "application/json")))]
pub async fn token(state: web::Data<AppState>, issuer: MayIssue, body: OptionalJsonBody) -> Result<HttpResponse, Problem> {
    let wish = Wish::read(body.0.as_ref(), issuer.has_defaults()).map_err(Problem::invalid_body)?;
    let token = state.auth.issue(&wish.subject, &wish.scopes, &wish.tenants).map_err(Problem::internal)?;
    let issued =
        Issued { access_token: &token, token_type: "Bearer", expires_in: TOKEN_TTL_S, scopes: &wish.scopes, tenants: &wish.tenants };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(issued))
}

/// A token and what it is good for, in the words of OAuth 2.0 (RFC 6749, section 5.1).
#[derive(Serialize)]
struct Issued<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    scopes: &'a [TokenScope],
    tenants: &'a Tenants,
}
