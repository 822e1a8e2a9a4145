//! Flag files: flags and segments in one JSON document, for checks in CI and for evaluating without a server.

use std::path::Path;

use ff_core::{EnvironmentKey, FAULTS_MAX, Fault, Faults, Flag, Ruleset, Segment, TenantId};
use serde_json::Value;

use crate::extract::read_json;

/// `{"tenant"?, "environment"?, "flags": [Flag…], "segments": [Segment…]}`.
///
/// The tenant goes into bucketing, so evaluating from a file gives what the server gives only if it is the server's
/// tenant.
#[derive(Debug)]
pub struct FlagFile {
    tenant: TenantId,
    environment: EnvironmentKey,
    flags: Vec<Flag>,
    segments: Vec<Segment>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FlagFileError {
    /// It cannot be read at all.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        reason: std::io::Error,
    },
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Every fault in it.
    #[error("{0}")]
    Invalid(#[from] Faults),
}

const FIELDS: [&str; 4] = ["tenant", "environment", "flags", "segments"];

/// What a file that names no tenant is evaluated as.
const DEFAULT_TENANT: &str = "default";

impl FlagFile {
    /// Reads a file; `tenant`, if given, counts in place of the file's own.
    ///
    /// # Errors
    /// It cannot be read, is not JSON, or has faults: all of them are listed, with pointers into the file.
    pub fn read(path: &Path, tenant: Option<&TenantId>) -> Result<Self, FlagFileError> {
        let text =
            std::fs::read_to_string(path).map_err(|reason| FlagFileError::Unreadable { path: path.display().to_string(), reason })?;
        Self::parse(&text, tenant)
    }

    fn parse(text: &str, tenant: Option<&TenantId>) -> Result<Self, FlagFileError> {
        let (document, mut faults) = read_json(text.as_bytes())?;
        let Value::Object(fields) = &document else {
            return Err(Faults::one("", "expected an object with `flags` and `segments`").into());
        };
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            faults.push(fault(format!("/{name}"), "unknown field; known here: `tenant`, `environment`, `flags`, `segments`"));
        }
        let named = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let mut text_of = |name: &str, default: &str| match named(name) {
            None => default.to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(_) => {
                faults.push(fault(format!("/{name}"), "expected a string"));
                default.to_owned()
            }
        };
        let (own_tenant, environment) = (text_of("tenant", DEFAULT_TENANT), text_of("environment", "production"));
        let own_tenant =
            own_tenant.parse().map_err(|error: ff_core::KeyError| faults.push(fault("/tenant".to_owned(), &error.to_string())));
        let environment =
            environment.parse().map_err(|error: ff_core::KeyError| faults.push(fault("/environment".to_owned(), &error.to_string())));
        let flags = list(named("flags"), "/flags", Flag::from_value, &mut faults);
        let segments = list(named("segments"), "/segments", Segment::from_value, &mut faults);
        match (own_tenant, environment) {
            (Ok(own_tenant), Ok(environment)) if faults.is_empty() => {
                Ok(Self { tenant: tenant.cloned().unwrap_or(own_tenant), environment, flags, segments })
            }
            _ => Err(joined(faults).into()),
        }
    }

    /// The file's ruleset.
    ///
    /// # Errors
    /// Every fault between its flags and segments: unknown references, cycles, duplicates.
    pub fn compile(&self) -> Result<Ruleset, Faults> {
        Ruleset::compile(self.tenant.clone(), self.environment.clone(), 0, &self.flags, &self.segments)
    }

    /// How many flags and segments there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.flags.len(), self.segments.len())
    }
}

fn fault(pointer: String, message: &str) -> Fault {
    Fault { pointer, message: message.to_owned() }
}

/// The non-empty list as one error.
fn joined(faults: Vec<Fault>) -> Faults {
    Faults::from_iter(faults.into_iter().take(FAULTS_MAX))
}

fn list<T>(value: Option<&Value>, pointer: &str, read: impl Fn(&Value) -> Result<T, Faults>, faults: &mut Vec<Fault>) -> Vec<T> {
    let items = match value {
        None => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            faults.push(fault(pointer.to_owned(), "expected a list"));
            return Vec::new();
        }
    };
    let mut all = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        match read(item) {
            Ok(item) => all.push(item),
            Err(found) => faults.extend(Vec::from(found.below(&format!("{pointer}/{i}")))),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        match FlagFile::parse(text, None).map(|file| file.compile()) {
            Ok(Err(faults)) | Err(FlagFileError::Invalid(faults)) => faults.to_string(),
            other => panic!("expected faults, got {other:?}"),
        }
    }

    #[test]
    fn every_fault_of_a_file_is_listed_with_its_place() {
        let text =
            r#"{"flag": 1, "tenant": "a b", "flags": [{"key": "f"}, {"key": "g", "type": "boolean", "state": "onn"}], "segments": {}}"#;
        let listed = faults(text);
        for pointer in ["/flag:", "/tenant:", "/flags/0/variants:", "/flags/1/state:", "/segments:"] {
            assert!(listed.contains(pointer), "{pointer} in {listed}");
        }
        assert!(
            faults(r#"{"flags": [{"key": "f", "type": "boolean", "rules": [{"when": {"segment": "s"}, "rollout": {"variant": "on"}}]}]}"#)
                .contains("/flags/0/rules/0/when/segment")
        );
        assert!(faults("[]").contains("document"));
    }

    #[test]
    fn the_tenant_of_the_command_counts_before_the_files() {
        let tenant = "acme".parse().unwrap();
        let file = FlagFile::parse(r#"{"tenant": "other", "flags": []}"#, Some(&tenant)).unwrap();
        assert_eq!(file.compile().unwrap().tenant(), &tenant);
    }
}
