//! Who may have a token.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{FORWARDED, HOST, HeaderName};
use actix_web::{FromRequest, HttpRequest};

use crate::auth::Credential;
use crate::extract::{caller_of, state};
use crate::problem::{Problem, ProblemType};

/// Proof that the client may be given a token: it holds the admin key, or it is on this machine and the server is in
/// development mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayIssue {
    /// By the admin key.
    ByKey,
    /// By being here.
    ByPlace,
}

impl MayIssue {
    /// Whether what the request leaves out has a default. A key's holder must say what the token is for.
    pub fn has_defaults(self) -> bool {
        self == Self::ByPlace
    }

    fn check(request: &HttpRequest) -> Result<Self, Problem> {
        if state(request)?.auth.is_open_to_loopback() && is_local(request) {
            return Ok(Self::ByPlace);
        }
        match caller_of(request)? {
            (_, Credential::AdminKey) => Ok(Self::ByKey),
            // Otherwise a token could be renewed for ever, and traded for one with more rights.
            (_, Credential::Token) => Err(Problem::new(ProblemType::Forbidden, "tokens are issued against the admin key only")),
        }
    }
}

impl FromRequest for MayIssue {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::check(request))
    }
}

/// Whether the client is a program on this machine that meant to speak to this server.
///
/// The connection comes from a loopback address, through no proxy, and the host that the client had in mind is this one by
/// a name that no DNS server can hand out. The last point is what stops DNS rebinding: a web page whose own name was made
/// to point at 127.0.0.1 still sends that name.
fn is_local(request: &HttpRequest) -> bool {
    const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    let headers = request.headers();
    let is_near = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let is_direct = !headers.contains_key(FORWARDED) && !headers.contains_key(X_FORWARDED_FOR);
    let mut named = headers
        .get_all(HOST)
        .map(|host| host.to_str().unwrap_or_default())
        .chain(request.uri().authority().map(|authority| authority.as_str()))
        .peekable();
    is_near && is_direct && named.peek().is_some() && named.all(names_this_machine)
}

fn names_this_machine(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<actix_web::http::uri::Authority>() else {
        return false;
    };
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_names_that_no_dns_server_gives_out_are_this_machine() {
        for good in [
            "localhost",
            "localhost:8080",
            "LocalHost",
            "127.0.0.1",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]",
            "[::1]:8080",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(names_this_machine(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]:80",
            "0.0.0.0",
            "localhost:x:y",
            " localhost",
        ] {
            assert!(!names_this_machine(bad), "{bad}");
        }
    }

    #[test]
    fn a_local_client_is_near_direct_and_meant_this_server() {
        let request = |peer: &str| TestRequest::post().peer_addr(peer.parse().unwrap());
        let host = |host: &'static str| (HOST, host);
        assert!(is_local(&request("127.0.0.1:5000").insert_header(host("localhost:8080")).to_http_request()));
        assert!(is_local(&request("[::1]:5000").insert_header(host("[::1]:8080")).to_http_request()));
        assert!(!is_local(&request("10.0.0.7:5000").insert_header(host("localhost:8080")).to_http_request()));
        assert!(!is_local(&request("127.0.0.1:5000").insert_header(host("evil.example")).to_http_request()));
        assert!(!is_local(&request("127.0.0.1:5000").to_http_request()));
        assert!(!is_local(&TestRequest::post().insert_header(host("localhost")).to_http_request()));
        let absolute = request("127.0.0.1:5000").uri("http://evil.example/v1/auth/token").insert_header(host("localhost"));
        assert!(!is_local(&absolute.to_http_request()));
        for proxy in ["Forwarded", "X-Forwarded-For"] {
            let forwarded = request("127.0.0.1:5000").insert_header(host("localhost")).insert_header((proxy, "for=10.0.0.7"));
            assert!(!is_local(&forwarded.to_http_request()), "{proxy}");
        }
    }
}
