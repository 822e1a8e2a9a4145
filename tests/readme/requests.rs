//! `docs/requests.http`: every request of the API.

use std::collections::HashMap;

use ff_server::routes::{ROUTES, Route};
use ureq::http;

use crate::markdown;
use crate::server::Server;

/// A request of the file.
struct Request {
    title: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    /// What a comment says that it answers; any 2xx, where none does.
    status: Option<u16>,
}

/// The file's variables and requests.
fn read() -> (HashMap<String, String>, Vec<Request>) {
    let text = markdown::read("docs/requests.http");
    let mut parts = text.split("\n###");
    let mut variables = HashMap::new();
    for line in parts.next().unwrap().lines().filter_map(|line| line.strip_prefix('@')) {
        let (name, value) = line.split_once('=').unwrap();
        variables.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    (variables, parts.map(request).collect())
}

fn request(part: &str) -> Request {
    let mut lines = part.lines();
    let title = lines.next().unwrap_or_default().trim().to_owned();
    let mut status = None;
    let line = lines.by_ref().find(|line| {
        status = line.strip_prefix("# answers ").map(|status| status.trim().parse().unwrap()).or(status);
        !line.starts_with('#') && !line.trim().is_empty()
    });
    let (method, url) = line.unwrap_or_else(|| panic!("`{title}` has no request")).split_once(' ').unwrap();
    let headers = lines.by_ref().take_while(|line| !line.trim().is_empty()).map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.trim().to_owned(), value.trim().to_owned())
    });
    let headers = headers.collect();
    let body = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
    Request { title, method: method.to_owned(), url: url.trim().to_owned(), headers, body, status }
}

fn filled(text: &str, variables: &HashMap<String, String>) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

fn is_for(request: &Request, route: &Route) -> bool {
    let path = request.url.trim_start_matches("{{host}}").split('?').next().unwrap_or_default();
    let (path, template): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.path.split('/').collect());
    request.method == route.method
        && path.len() == template.len()
        && path.iter().zip(template).all(|(part, wanted)| wanted.starts_with('{') || *part == wanted)
}

#[test]
fn every_request_is_answered_as_the_file_says() {
    let (mut variables, requests) = read();
    let server = Server::start(&[("ADMIN_KEY", &variables["credential"])]);
    variables.insert("host".to_owned(), server.address().to_owned());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    for request in &requests {
        let mut builder = http::Request::builder().method(request.method.as_str()).uri(filled(&request.url, &variables));
        for (name, value) in &request.headers {
            builder = builder.header(name, filled(value, &variables));
        }
        let body = filled(&request.body, &variables);
        let answer = if body.is_empty() { agent.run(builder.body(()).unwrap()) } else { agent.run(builder.body(body).unwrap()) };
        let mut answer = answer.unwrap_or_else(|error| panic!("`{}`: {error}", request.title));
        let status = answer.status();
        // A stream has no end to be read to.
        let is_stream = answer.headers().get("content-type").is_some_and(|value| value == "text/event-stream");
        let text = if is_stream { String::new() } else { answer.body_mut().read_to_string().unwrap() };
        let is_right = match request.status {
            Some(wanted) => status.as_u16() == wanted,
            None => status.is_success(),
        };
        assert!(is_right, "`{}` was answered with {status}: {text}", request.title);
    }
}

#[test]
fn every_route_has_a_request() {
    let (_, requests) = read();
    let missing: Vec<_> = ROUTES.iter().filter(|route| !requests.iter().any(|request| is_for(request, route))).collect();
    assert!(missing.is_empty(), "docs/requests.http lacks {missing:?}");
}
