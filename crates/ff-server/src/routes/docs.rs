//! The API's description, a page to read and try it, and a page for each type of problem. All from the binary: no file
//! beside it and no other host is needed.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ContentType, LOCATION};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::openapi;
use crate::problem::{Problem, ProblemType};

/// The files of a release do not change while it runs, but another release may bring others.
const CACHE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "public, max-age=300");

/// The OpenAPI document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "docs_openapi", tag = "docs",
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json")))]
pub async fn openapi() -> HttpResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi::document().to_string().into());
    HttpResponse::Ok().content_type(ContentType::json()).insert_header(CACHE).body(DOCUMENT.clone())
}

/// Leads to the documentation page.
#[utoipa::path(get, path = "/docs", operation_id = "docs_index", tag = "docs",
    responses((status = 302, description = "To `/docs/`, whose files are named relative to it.")))]
pub async fn index() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, "/docs/")).finish()
}

/// The documentation page and its files.
#[utoipa::path(get, path = "/docs/{file}", operation_id = "docs_file", tag = "docs",
    params(("file" = String, Path, description = "A file of the page; none for the page itself.")),
    responses((status = 200, description = "The page or one of its files.")))]
pub async fn file(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    // It is told where the document is, and asks no validator on the internet about it.
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none").persist_authorization(true)));
    match utoipa_swagger_ui::serve(&path, CONFIG.clone()).map_err(|error| Problem::internal(error.to_string()))? {
        Some(file) => Ok(answer(file)),
        None => Err(Problem::new(ProblemType::RouteNotFound, "the documentation has no such file")),
    }
}

fn answer(file: SwaggerFile<'_>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(file.content_type).insert_header(CACHE);
    // The page runs scripts of its own only. Its styles are partly inline.
    response.insert_header((
        "Content-Security-Policy",
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    ));
    response.insert_header(("X-Content-Type-Options", "nosniff"));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    response.body(file.bytes.into_owned())
}

/// What a type of problem means and what to do about it: the page behind the `type` of every error.
#[utoipa::path(get, path = "/problems/{code}", operation_id = "docs_problem", tag = "docs",
    params(("code" = String, Path, description = "The problem's `code`.", example = "flag_not_found")),
    responses((status = 200, description = "The page.", body = String)))]
pub async fn problem(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    match ProblemType::from_code(&code) {
        Some(kind) => Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).insert_header(CACHE).body(kind.text())),
        None => Err(Problem::new(ProblemType::RouteNotFound, "there is no such type of problem")),
    }
}
