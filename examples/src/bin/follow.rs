//! Flags that live in ff-server, evaluated in-process: read them over HTTP, page by page, and compile them.
//!
//! `TOKEN=… cargo run -p ff-examples --bin follow -- http://127.0.0.1:8080 acme new-checkout user-42`
//!
//! The token needs the scopes `flags:r` and `segments:r`. The client here speaks plain HTTP; turn on a TLS feature of `ureq`, or take
//! the client that your service has.

use std::time::SystemTime;

use ff_core::{EnvironmentKey, Flag, FlagSet, Segment, TenantId, Timestamp, User};
use serde::Deserialize;
use serde_json::Value;

/// Whatever went wrong, for showing.
pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A page of a list, as the server answers it.
#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next_page_token: Option<String>,
}

/// All items of a list, page after page. `get` is given a path with a query.
fn all(path: &str, get: &impl Fn(&str) -> Result<Value, AnyError>) -> Result<Vec<Value>, AnyError> {
    let (mut items, mut token) = (Vec::new(), None);
    loop {
        let query = token.map_or_else(String::new, |token: String| format!("&page_token={token}"));
        let page: Page = serde_json::from_value(get(&format!("{path}?limit=100{query}"))?)?;
        items.extend(page.items);
        token = page.next_page_token;
        if token.is_none() {
            return Ok(items);
        }
    }
}

/// The flags and segments of one tenant and environment, by whatever client `get` is.
///
/// # Errors
/// The client's, or an answer that this release of the engine does not understand.
pub(crate) fn load(
    tenant: TenantId,
    environment: EnvironmentKey,
    get: impl Fn(&str) -> Result<Value, AnyError>,
) -> Result<FlagSet, AnyError> {
    let mut set = FlagSet::new(tenant).in_environment(environment);
    // Segments last: a flag may name a segment that was made after the segments were read, and hardly ever the other way round.
    for flag in all("/v1/flags", &get)? {
        set = set.flag(Flag::from_value(&flag)?);
    }
    for segment in all("/v1/segments", &get)? {
        set = set.segment(Segment::from_value(&segment)?);
    }
    Ok(set)
}

/// Asks ff-server at this address.
///
/// # Errors
/// No connection, or another status than 2xx.
pub(crate) fn load_from(server: &str, token: &str, tenant: TenantId, environment: EnvironmentKey) -> Result<FlagSet, AnyError> {
    let (tenant_name, environment_name) = (tenant.clone(), environment.clone());
    load(tenant, environment, |path| {
        let request = ureq::get(format!("{server}{path}"))
            .header("Authorization", format!("Bearer {token}"))
            .header("X-Tenant-ID", tenant_name.as_str())
            .header("X-Environment", environment_name.as_str());
        Ok(request.call()?.body_mut().with_config().limit(64 << 20).read_json()?)
    })
}

#[allow(clippy::print_stdout, reason = "an example shows its answer")]
#[allow(dead_code, reason = "the tests that include this file call what it is made of")]
fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, tenant, flag_key, user_id] = arguments.as_slice() else {
        return Err("usage: follow SERVER TENANT FLAG USER".into());
    };
    let token = std::env::var("TOKEN").map_err(|_| "TOKEN must hold a token")?;
    let set = load_from(server, &token, tenant.parse()?, EnvironmentKey::production())?;
    // A service would do the above every few seconds, compile, and swap the ruleset in; one that does not compile is left out.
    let ruleset = set.compile(1)?;

    let user = User::new(user_id)?;
    let answer = ruleset.evaluate(flag_key, &user, Timestamp::from(SystemTime::now())).ok_or("there is no such flag")?;
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}
