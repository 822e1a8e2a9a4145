//! Which encoding of an answer the client would rather have (RFC 9110, section 12.5.3).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{AcceptEncoding, Encoding, Header};
use actix_web::{FromRequest, HttpRequest};

use crate::problem::Problem;

/// Whether the client would rather have an answer compressed with gzip than as it is. A header that cannot be read is none: an
/// answer as it is can be read by everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptsGzip(pub bool);

impl FromRequest for AcceptsGzip {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let supported = [Encoding::gzip(), Encoding::identity()];
        let accepted = AcceptEncoding::parse(request).ok().and_then(|accepted| accepted.negotiate(supported.iter()));
        ready(Ok(Self(accepted == Some(Encoding::gzip()))))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn accepts(headers: &[&str]) -> bool {
        let request = headers.iter().fold(TestRequest::default(), |request, value| request.append_header(("Accept-Encoding", *value)));
        AcceptsGzip::extract(&request.to_http_request()).await.unwrap().0
    }

    #[actix_web::test]
    async fn gzip_is_chosen_where_it_is_wanted_and_not_refused() {
        let yes: [&[&str]; 8] = [
            &["gzip"],
            &["GZIP"],
            &["deflate, gzip;q=1.0, *;q=0.5"],
            &["br", "gzip"],
            &["identity;q=0.5, gzip;q=0.8"],
            &["gzip;q=0.001"],
            &["gzip, *;q=0"],
            &["identity;q=0, gzip;q=0.1"],
        ];
        for headers in yes {
            assert!(accepts(headers).await, "{headers:?}");
        }
        let no: [&[&str]; 9] = [
            &[],
            &[""],
            &["identity"],
            &["br, deflate"],
            &["gzip;q=0"],
            &["gzip;q=0.0, *"],
            &["gzip;q=0.2, identity"],
            &["identity;q=0"],
            &["gzip;q=much"],
        ];
        for headers in no {
            assert!(!accepts(headers).await, "{headers:?}");
        }
    }
}
