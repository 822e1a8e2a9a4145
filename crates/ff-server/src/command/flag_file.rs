//! Flag files: flags and segments in one JSON document, for checks in CI and for evaluating without a server.

use std::io;
use std::path::Path;

use ff_core::{Faults, Finding, FlagSet, Ruleset, TenantId};
use serde::de::IgnoredAny;

/// A [`FlagSet`] from a file.
///
/// The tenant goes into bucketing, so evaluating from a file gives what the server gives only if it is the server's
/// tenant.
#[derive(Debug)]
pub struct FlagFile(FlagSet);

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

impl FlagFile {
    /// Reads a file, or standard input where the path is `-`; `tenant`, if given, counts in place of the file's own.
    ///
    /// # Errors
    /// It cannot be read, is not JSON, or has faults: all of them are listed, with pointers into the file.
    pub fn read(path: &Path, tenant: Option<&TenantId>) -> Result<Self, FlagFileError> {
        let text = if path == Path::new("-") { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
        let text = text.map_err(|reason| FlagFileError::Unreadable { path: path.display().to_string(), reason })?;
        // Some editors put a byte order mark in front of what they save.
        Self::parse(text.strip_prefix('\u{feff}').unwrap_or(&text), tenant)
    }

    fn parse(text: &str, tenant: Option<&TenantId>) -> Result<Self, FlagFileError> {
        // Text that is no JSON at all is another failure than a document with faults.
        serde_json::from_str::<IgnoredAny>(text)?;
        let mut set = FlagSet::from_json(text)?;
        if let Some(tenant) = tenant {
            set.tenant = tenant.clone();
        }
        Ok(Self(set))
    }

    /// The file's ruleset.
    ///
    /// # Errors
    /// Every fault between its flags and segments: unknown references, cycles, duplicates.
    pub fn compile(&self) -> Result<Ruleset, Faults> {
        self.0.compile(0)
    }

    /// What is legal in it and probably a mistake, with pointers into the file: flags first.
    pub fn lint(&self, ruleset: &Ruleset) -> Vec<Finding> {
        let below = |list: &str, i: usize, findings: Vec<Finding>| {
            let prefix = format!("/{list}/{i}");
            findings.into_iter().map(move |mut finding| {
                finding.pointer.insert_str(0, &prefix);
                finding
            })
        };
        let flags = self.0.flags.iter().enumerate().flat_map(|(i, flag)| below("flags", i, ruleset.lint(flag)));
        let segments = self.0.segments.iter().enumerate().flat_map(|(i, segment)| below("segments", i, ruleset.lint_segment(segment)));
        flags.chain(segments).collect()
    }

    /// How many flags and segments there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.0.flags.len(), self.0.segments.len())
    }
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
