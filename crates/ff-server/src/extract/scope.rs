//! Where: the tenant and environment that a request names.

use std::str::FromStr;
use std::sync::LazyLock;

use actix_web::http::header::{HeaderMap, HeaderName};
use ff_core::{EnvironmentKey, KeyError, TenantId};
use ff_store::Scope;

use crate::problem::{Problem, ProblemType};

/// Names the tenant; required.
pub const X_TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");

/// Names the environment; `production`, where it is missing.
pub const X_ENVIRONMENT: HeaderName = HeaderName::from_static("x-environment");

/// Made once: nearly every request means it.
static PRODUCTION: LazyLock<EnvironmentKey> = LazyLock::new(EnvironmentKey::production);

/// Why a header gives no key.
#[derive(Debug)]
pub enum Unnamed {
    /// It is not there.
    Missing,
    /// It is there several times, or not as text.
    Unreadable,
    /// It is no key.
    Key(KeyError),
}

/// The tenant that the headers name.
///
/// # Errors
/// Why there is none.
pub fn tenant_named(headers: &HeaderMap) -> Result<TenantId, Unnamed> {
    named(headers, X_TENANT_ID)
}

fn named<K: FromStr<Err = KeyError>>(headers: &HeaderMap, name: HeaderName) -> Result<K, Unnamed> {
    let mut values = headers.get_all(name);
    let value = values.next().ok_or(Unnamed::Missing)?;
    if values.next().is_some() {
        return Err(Unnamed::Unreadable);
    }
    value.to_str().map_err(|_| Unnamed::Unreadable)?.parse().map_err(Unnamed::Key)
}

/// The tenant and environment that the headers name. Whether the environment exists is the service's to say. The tenant may
/// be known already.
///
/// # Errors
/// 400 without a tenant, or where either is no key.
pub fn scope_of(headers: &HeaderMap, tenant: Option<TenantId>) -> Result<Scope, Problem> {
    let tenant = tenant.map_or_else(|| tenant_named(headers), Ok).map_err(|unnamed| match unnamed {
        Unnamed::Missing => Problem::new(ProblemType::TenantMissing, "the header `X-Tenant-ID` is missing"),
        Unnamed::Unreadable => Problem::new(ProblemType::TenantMissing, "the header `X-Tenant-ID` must be there once, as a tenant id"),
        Unnamed::Key(error) => Problem::new(ProblemType::TenantMissing, format!("the header `X-Tenant-ID` does not fit: {error}")),
    })?;
    let environment = match named(headers, X_ENVIRONMENT) {
        Ok(environment) => environment,
        Err(Unnamed::Missing) => PRODUCTION.clone(),
        Err(Unnamed::Unreadable) => {
            return Err(Problem::new(
                ProblemType::InvalidHeader,
                "the header `X-Environment` must be there once at most, as an environment key",
            ));
        }
        Err(Unnamed::Key(error)) => {
            return Err(Problem::new(ProblemType::InvalidHeader, format!("the header `X-Environment` does not fit: {error}")));
        }
    };
    Ok(Scope { tenant, environment })
}
