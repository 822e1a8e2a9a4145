//! Keys in paths. A key that cannot exist is not found, without asking the database.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use ff_core::{EnvironmentKey, FlagKey, KeyError, SegmentKey};

use crate::problem::Problem;
use crate::service::Missing;

/// The longest piece of a path that an answer quotes, in characters.
const QUOTED_MAX: usize = 128;

/// A key that names an entity.
pub trait Named: FromStr<Err = KeyError> + 'static {
    /// What to say where there is none of this name.
    fn missing(name: String) -> Missing;
}

impl Named for FlagKey {
    fn missing(name: String) -> Missing {
        Missing::Flag(name)
    }
}

impl Named for SegmentKey {
    fn missing(name: String) -> Missing {
        Missing::Segment(name)
    }
}

impl Named for EnvironmentKey {
    fn missing(name: String) -> Missing {
        Missing::Environment(name)
    }
}

/// The `{key}` (or `{flag_key}`) of a path.
#[derive(Debug, Clone)]
pub struct PathKey<K>(pub K);

impl<K: Named> FromRequest for PathKey<K> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let info = request.match_info();
        let text = info.get("key").or_else(|| info.get("flag_key")).unwrap_or_default();
        ready(text.parse().map(Self).map_err(|_| K::missing(text.chars().take(QUOTED_MAX).collect()).into()))
    }
}
