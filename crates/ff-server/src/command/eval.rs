//! `ff-server eval FILE --flag KEY --user ID`: an evaluation from a file, without a server.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use ff_core::{TenantId, Timestamp};

use super::flag_file::FlagFile;
use crate::clock;
use crate::service::evaluate::user_from_text;

/// What is asked.
#[derive(Debug)]
pub struct Question<'a> {
    /// The flag's key.
    pub flag_key: &'a str,
    /// The user's id.
    pub user_id: &'a str,
    /// The user's attributes, as `name=text`.
    pub attributes: &'a [(String, String)],
    /// The tenant to evaluate as, if not the file's.
    pub tenant: Option<&'a TenantId>,
    /// The instant, if not now.
    pub at: Option<Timestamp>,
    /// Whether to show everything that was looked at.
    pub explain: bool,
}

/// Evaluates and writes the answer as JSON.
///
/// # Errors
/// The file is unusable, the user is no user, or `out` cannot be written to.
pub fn run(path: &Path, question: &Question<'_>, out: &mut impl Write) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let ruleset = FlagFile::read(path, question.tenant)?.compile()?;
    let user = user_from_text(question.user_id, question.attributes)?;
    let now = question.at.unwrap_or_else(clock::now);
    let Some(answer) = ruleset.explain(question.flag_key, &user, now) else {
        return Err(format!("there is no flag `{}` in `{}`", question.flag_key, path.display()).into());
    };
    if question.explain {
        serde_json::to_writer_pretty(&mut *out, &answer)?;
    } else {
        serde_json::to_writer_pretty(&mut *out, &answer.evaluation)?;
    }
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}
