//! Bodies: the right media type, within the bound, in time, and JSON.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::mime;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;

use super::{json, state};
use crate::problem::{Problem, ProblemType};

/// How long a body may take to arrive in full.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body, as it came: for a reader that builds no tree.
#[derive(Debug, Clone)]
pub struct JsonBytes(pub Bytes);

/// A JSON body.
#[derive(Debug, Clone)]
pub struct JsonBody(pub Value);

/// The JSON body of a `PATCH`, which may also call itself a merge patch (RFC 7396).
#[derive(Debug, Clone)]
pub struct PatchBody(pub Value);

/// A JSON body, or none: no bytes and no media type are needed then.
#[derive(Debug, Clone)]
pub struct OptionalJsonBody(pub Option<Value>);

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for JsonBytes {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_media_type(request, false).and_then(|()| Reading::new(request, payload));
        Box::pin(async move { checked?.bytes().await.map(Self) })
    }
}

impl FromRequest for JsonBody {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_media_type(request, false).and_then(|()| Reading::new(request, payload));
        Box::pin(async move { json::read(&checked?.bytes().await?).map(Self) })
    }
}

impl FromRequest for PatchBody {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_media_type(request, true).and_then(|()| Reading::new(request, payload));
        Box::pin(async move { json::read(&checked?.bytes().await?).map(Self) })
    }
}

impl FromRequest for OptionalJsonBody {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = check_media_type(request, false);
        let reading = Reading::new(request, payload);
        Box::pin(async move {
            let bytes = reading?.bytes().await?;
            if bytes.is_empty() {
                return Ok(Self(None));
            }
            media_type?;
            json::read(&bytes).map(|value| Self(Some(value)))
        })
    }
}

/// JSON in UTF-8, which is all that JSON can be (RFC 8259), and not compressed.
fn check_media_type(request: &HttpRequest, is_patch: bool) -> Result<(), Problem> {
    let refuse = |detail: &'static str| Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
    let expected = if is_patch { "expected `application/json` or `application/merge-patch+json`" } else { "expected `application/json`" };
    let is_plain = request.headers().get_all(CONTENT_ENCODING).all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !is_plain {
        return refuse("a body with a content encoding is not accepted");
    }
    // Spares nearly every request the parser.
    if request.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"application/json") {
        return Ok(());
    }
    let Ok(Some(given)) = request.mime_type() else {
        return refuse(expected);
    };
    let is_expected = given.essence_str() == "application/json" || (is_patch && given.essence_str() == "application/merge-patch+json");
    if !is_expected {
        return refuse(expected);
    }
    match given.get_param(mime::CHARSET) {
        None => Ok(()),
        Some(charset) if charset == mime::UTF_8 => Ok(()),
        Some(_) => refuse("a JSON body must be in UTF-8"),
    }
}

/// The body as it came, whatever it is: within the bound and in time.
///
/// # Errors
/// 400, 408 and 413.
pub(crate) async fn read_bytes(request: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Problem> {
    Reading::new(request, payload)?.bytes().await
}

struct Reading {
    payload: Payload,
    bytes_max: usize,
}

impl Reading {
    fn new(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Problem> {
        let reading = Self { bytes_max: state(request)?.http.body_bytes_max, payload: payload.take() };
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > reading.bytes_max as u64) { Err(reading.too_large()) } else { Ok(reading) }
    }

    async fn bytes(mut self) -> Result<Bytes, Problem> {
        let mut arrival = std::pin::pin!(self.collect());
        // A small body is there already, together with its head; a timer is made only for one that is not.
        if let Some(bytes) = arrival.as_mut().now_or_never() {
            return bytes;
        }
        match timeout(ARRIVAL_TIMEOUT, arrival).await {
            Ok(bytes) => bytes,
            Err(_) => Err(Problem::new(
                ProblemType::RequestTimeout,
                format!("the body did not arrive within {} seconds", ARRIVAL_TIMEOUT.as_secs()),
            )),
        }
    }

    async fn collect(&mut self) -> Result<Bytes, Problem> {
        let mut gathered: Option<Gathered> = None;
        while let Some(piece) = self.payload.next().await {
            let piece: Bytes = piece.map_err(|error: PayloadError| Problem::from(error))?;
            let length = gathered.as_ref().map_or(0, Gathered::len) + piece.len();
            if length > self.bytes_max {
                return Err(self.too_large());
            }
            gathered = Some(match gathered {
                None => Gathered::One(piece),
                Some(before) => Gathered::Many(before.with(&piece)),
            });
        }
        Ok(gathered.map_or_else(Bytes::new, Gathered::freeze))
    }

    fn too_large(&self) -> Problem {
        Problem::new(ProblemType::BodyTooLarge, format!("the body must have at most {} bytes", self.bytes_max))
    }
}

/// What has arrived. One piece is taken as it is, without a copy.
enum Gathered {
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::One(piece) => piece.len(),
            Self::Many(pieces) => pieces.len(),
        }
    }

    fn with(self, piece: &[u8]) -> BytesMut {
        let mut pieces = match self {
            Self::One(first) => BytesMut::from(first.as_ref()),
            Self::Many(pieces) => pieces,
        };
        pieces.extend_from_slice(piece);
        pieces
    }

    fn freeze(self) -> Bytes {
        match self {
            Self::One(piece) => piece,
            Self::Many(pieces) => pieces.freeze(),
        }
    }
}
