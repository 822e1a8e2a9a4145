//! A file with a tenant's rulesets: a line that names and seals it, then JSON.
//!
//! ```text
//! ff-state 1 acme 5f2c…(SHA-256 of all that follows)
//! {"tenant":"acme","database":"…","revision":44,"change":"…","segments":[…],"environments":{"production":[…],"staging":[…]}}
//! ```

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use ff_core::{EnvironmentKey, Flag, Segment, TenantId};
use ff_store::{ChangeId, Position, Revision};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::cache::TenantRulesets;
use crate::document::contents::Contents;
use crate::document::entities::Entities;

/// What a file begins with, and the version of its form. It holds entities in the engine's own form, so it changes with that too.
const MAGIC: &str = "ff-state 1";

/// Longer than any first line: a key and a hash.
const FIRST_LINE_MAX: u64 = 512;

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Damage {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its first line is none of ours, or of another version.
    #[error("it does not begin as a file of this version does")]
    Foreign,
    /// It is not what was written.
    #[error("it is damaged: its checksum does not match")]
    Checksum,
    /// It belongs to another tenant or another database.
    #[error("it belongs to another {0}")]
    Other(&'static str),
    /// It is what was written, and still cannot be read.
    #[error("its contents do not parse: {0}")]
    Contents(String),
}

/// A file that is whole.
#[derive(Debug)]
pub(crate) struct Saved {
    text: String,
    body: usize,
}

#[derive(Deserialize)]
struct Body<'a> {
    tenant: TenantId,
    database: &'a str,
    revision: Revision,
    /// Which change made that revision, if it is known.
    change: Option<ChangeId>,
    #[serde(borrow)]
    segments: Vec<&'a RawValue>,
    #[serde(borrow)]
    environments: BTreeMap<EnvironmentKey, Vec<&'a RawValue>>,
}

/// The tenant that the file's first line names.
pub(crate) fn tenant_in(file: impl Read) -> Result<TenantId, Damage> {
    let mut line = String::new();
    BufReader::new(file.take(FIRST_LINE_MAX)).read_line(&mut line).map_err(|_| Damage::Foreign)?;
    first_line(&line).map(|(tenant, _)| tenant)
}

/// Tenant and checksum.
fn first_line(line: &str) -> Result<(TenantId, &str), Damage> {
    let parts = line.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(' ')?.strip_suffix('\n')?.split_once(' '));
    let (tenant, checksum) = parts.ok_or(Damage::Foreign)?;
    Ok((tenant.parse().map_err(|_| Damage::Foreign)?, checksum))
}

fn checksum(tenant: &TenantId, body: &str) -> String {
    let digest = Sha256::new().chain_update(tenant.as_str()).chain_update("\n").chain_update(body).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a file.
pub(crate) fn written(tenant: &TenantId, database: &str, contents: &Contents<'_>) -> Vec<u8> {
    let size: usize = contents.environments.values().map(|flags| flags.bytes() + 64).sum();
    let mut body = String::with_capacity(size + contents.segments.bytes() + 512);
    let Position { revision, change } = contents.position;
    // Keys, hashes and numbers need no escape.
    body.push_str(&format!(r#"{{"tenant":"{tenant}","database":"{database}","revision":{},"#, revision));
    if let Some(Ok(change)) = change.map(|change| serde_json::to_string(&change)) {
        body.push_str(&format!(r#""change":{change},"#));
    }
    body.push_str(r#""segments":"#);
    contents.segments.write(&mut body);
    body.push_str(r#","environments":{"#);
    for (i, (environment, flags)) in contents.environments.iter().enumerate() {
        body.push_str(&format!(r#"{}"{environment}":"#, if i == 0 { "" } else { "," }));
        flags.write(&mut body);
    }
    body.push_str("}}\n");
    let mut text = format!("{MAGIC} {tenant} {}\n", checksum(tenant, &body));
    text.push_str(&body);
    text.into_bytes()
}

impl Saved {
    /// The file that `bytes` are, if they are what was written for this tenant of this database.
    pub(crate) fn read(bytes: Vec<u8>, tenant: &TenantId, database: &str) -> Result<Self, Damage> {
        let text = String::from_utf8(bytes).map_err(|_| Damage::Checksum)?;
        let line_end = text.find('\n').map_or(text.len(), |at| at + 1);
        let (line, body) = text.split_at(line_end);
        let (named, sum) = first_line(line)?;
        if checksum(&named, body) != sum {
            return Err(Damage::Checksum);
        }
        let saved = Self { body: line_end, text };
        let body = saved.body()?;
        if named != *tenant || body.tenant != *tenant {
            return Err(Damage::Other("tenant"));
        }
        if body.database != database {
            return Err(Damage::Other("database"));
        }
        Ok(saved)
    }

    fn body(&self) -> Result<Body<'_>, Damage> {
        serde_json::from_str(self.text.get(self.body..).unwrap_or_default()).map_err(|error| Damage::Contents(error.to_string()))
    }

    /// Where in the tenant's history it was made.
    pub(crate) fn position(&self) -> Result<Position, Damage> {
        self.body().map(|body| Position { revision: body.revision, change: body.change })
    }

    /// What it holds.
    pub(crate) fn contents(&self) -> Result<Contents<'_>, Damage> {
        let body = self.body()?;
        let environments = body.environments.into_iter().map(|(key, flags)| (key, entities(flags)));
        let position = Position { revision: body.revision, change: body.change };
        Ok(Contents { position, segments: entities(body.segments), environments: environments.collect() })
    }
}

fn entities(pieces: Vec<&RawValue>) -> Entities<'_> {
    Entities::borrowed(pieces.into_iter().map(RawValue::get))
}

/// The rulesets that the contents describe, which were saved so long ago.
pub(crate) fn compile(tenant: &TenantId, contents: &Contents<'_>, age: Duration) -> Result<TenantRulesets, Damage> {
    let bad = |faults: ff_core::Faults| Damage::Contents(faults.to_string());
    let segments = contents.segments.iter().map(|(_, json)| Segment::from_json(json).map_err(bad)).collect::<Result<Vec<_>, _>>()?;
    let mut environments = Vec::with_capacity(contents.environments.len());
    for (key, flags) in &contents.environments {
        let flags = flags.iter().map(|(_, json)| Flag::from_json(json).map_err(bad)).collect::<Result<Vec<_>, _>>()?;
        environments.push((key.clone(), flags));
    }
    Ok(TenantRulesets::of(tenant, contents.position, &segments, &environments, age))
}
