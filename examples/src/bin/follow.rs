//! Flags that live in ff-server, evaluated in-process: download the ruleset, then only what changed.
//!
//! `TOKEN=… cargo run -p ff-examples --bin follow -- http://127.0.0.1:8080 acme new-checkout user-42`
//!
//! The token needs the scope `ruleset:r`. The client here speaks plain HTTP; turn on a TLS feature of `ureq`, or take the client that
//! your service has.

use std::time::SystemTime;

use ff_core::{EnvironmentKey, Ruleset, RulesetChanges, RulesetDocument, TenantId, Timestamp, User};

/// Whatever went wrong, for showing.
pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The ruleset as it is now. `get` is given a path and answers with the status and the body, by whatever client.
///
/// # Errors
/// The client's, a status that is not 200, or an answer that this release of the engine does not understand.
pub(crate) fn download(get: &impl Fn(&str) -> Result<(u16, String), AnyError>) -> Result<Ruleset, AnyError> {
    match get("/v1/ruleset")? {
        (200, document) => Ok(RulesetDocument::from_json(&document)?.compile()?),
        (status, problem) => Err(format!("{status}: {problem}").into()),
    }
}

/// The ruleset after what changed since; where the changes do not lead on from it, as it is now. Two requests at most.
///
/// # Errors
/// As [`download`], and where the server cannot tell at present: the ruleset is good until it can.
pub(crate) fn follow(ruleset: &Ruleset, get: &impl Fn(&str) -> Result<(u16, String), AnyError>) -> Result<Ruleset, AnyError> {
    let changed = match get(&format!("/v1/ruleset/changes?since={}", ruleset.revision()))? {
        (200, changes) => RulesetChanges::from_json(&changes).ok().and_then(|changes| ruleset.with_changes(&changes).ok()),
        // A download now might be of a server that knows less than this ruleset does.
        (status @ (429 | 500..), problem) => return Err(format!("{status}: {problem}").into()),
        // The revision is one that is yet to come, for example, since the database was restored.
        _ => None,
    };
    changed.map_or_else(|| download(get), Ok)
}

/// Asks ff-server at this address.
pub(crate) fn client(
    server: &str,
    token: &str,
    tenant: &TenantId,
    environment: &EnvironmentKey,
) -> impl Fn(&str) -> Result<(u16, String), AnyError> + use<> {
    let (server, authorization) = (server.to_owned(), format!("Bearer {token}"));
    let (tenant, environment) = (tenant.clone(), environment.clone());
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    move |path| {
        let request = agent
            .get(format!("{server}{path}"))
            .header("Authorization", &authorization)
            .header("X-Tenant-ID", tenant.as_str())
            .header("X-Environment", environment.as_str());
        let mut answer = request.call()?;
        Ok((answer.status().as_u16(), answer.body_mut().with_config().limit(256 << 20).read_to_string()?))
    }
}

#[allow(clippy::print_stdout, reason = "an example shows its answer")]
#[allow(dead_code, reason = "the tests that include this file call what it is made of")]
fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, tenant, flag_key, user_id] = arguments.as_slice() else {
        return Err("usage: follow SERVER TENANT FLAG USER".into());
    };
    let token = std::env::var("TOKEN").map_err(|_| "TOKEN must hold a token")?;
    let get = client(server, &token, &tenant.parse()?, &EnvironmentKey::production());
    let ruleset = download(&get)?;
    // A service would do this every few seconds, or whenever it hears of a change, and swap the ruleset in. Where it fails, the service
    // goes on with the one that it has.
    let ruleset = follow(&ruleset, &get)?;

    let user = User::new(user_id)?;
    let answer = ruleset.evaluate(flag_key, &user, Timestamp::from(SystemTime::now())).ok_or("there is no such flag")?;
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}
