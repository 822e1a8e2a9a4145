//! The command line. `ff-server` alone serves.

pub mod check;
pub mod eval;
pub mod flag_file;
mod migrate;
mod seed;
mod serve;
mod token;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ff_core::{LintCode, TenantId, Timestamp};

use crate::config::{LogLevel, Overrides, Variables, manual};
use crate::telemetry::chain;

/// A feature-flag service.
///
/// Configured by environment variables and a `.env` file, which these options override; `--help` lists them.
#[derive(Debug, Parser)]
#[command(name = "ff-server", version, after_long_help = manual::page())]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

// Taken in front of every command, and behind those that they are for.
#[derive(Debug, Default, Args)]
struct Options {
    /// Development mode: loopback only, a token for whoever asks on this machine, a random secret, the demo tenant `acme`
    #[arg(long)]
    dev: bool,
    /// Address and port to listen on, instead of BIND
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// The database, instead of DB_DSN: `sqlite://ff.db`, `postgres://…`
    #[arg(long)]
    dsn: Option<String>,
    /// What to log, instead of LOG_LEVEL
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
}

impl Options {
    /// What was said behind the command counts before what was said in front of it.
    fn overrides(self, behind: Self) -> Overrides {
        Overrides {
            dev: self.dev || behind.dev,
            bind: behind.bind.or(self.bind),
            dsn: behind.dsn.or(self.dsn),
            log_level: behind.log_level.or(self.log_level),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (the default)
    Serve(Options),
    /// Bring the database up to date and exit
    Migrate(Options),
    /// Write the demo tenant `acme`; what is there already stays as it is
    Seed(Options),
    /// Print a token, signed with JWT_SECRET
    Token {
        #[command(flatten)]
        wanted: token::Wanted,
        #[command(flatten)]
        options: Options,
    },
    /// Check a file of flags and segments; exits with 1 if it has faults, 2 if it cannot be read. Warnings do not count
    Check {
        /// `{"flags": […], "segments": […]}`; `-` for standard input
        file: PathBuf,
        /// Exit with 1 if anything is found that is legal and probably a mistake
        #[arg(long)]
        deny_warnings: bool,
        /// A warning that is meant: not shown and not counted; may be given several times
        #[arg(long, value_name = "CODE")]
        allow: Vec<LintCode>,
    },
    /// Evaluate a flag from a file, without a server
    Eval(EvalArgs),
}

#[derive(Debug, Args)]
struct EvalArgs {
    /// `{"tenant": …, "flags": […], "segments": […]}`; `-` for standard input
    file: PathBuf,
    /// The flag's key
    #[arg(long, value_name = "KEY")]
    flag: String,
    /// The user's id
    #[arg(long, value_name = "ID")]
    user: String,
    /// An attribute of the user; given several times under one name, a list
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    attr: Vec<(String, String)>,
    /// The tenant to evaluate as, instead of the file's
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The instant (RFC 3339), instead of now
    #[arg(long)]
    at: Option<Timestamp>,
    /// Show everything that was looked at
    #[arg(long)]
    explain: bool,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Does what the command line says. What goes wrong is said on standard error.
pub fn run(cli: Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            // There is nobody left to tell, should this fail.
            let _ = writeln!(io::stderr().lock(), "ff-server: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Box<dyn Error>> {
    let Cli { options: in_front, command } = cli;
    let variables = Variables::from_process;
    let mut out = io::stdout().lock();
    match command.unwrap_or_else(|| Command::Serve(Options::default())) {
        Command::Serve(options) => serve::run(&variables()?, &in_front.overrides(options)).map(|()| ExitCode::SUCCESS),
        Command::Migrate(options) => migrate::run(&variables()?, &in_front.overrides(options), &mut out).map(|()| ExitCode::SUCCESS),
        Command::Seed(options) => seed::run(&variables()?, &in_front.overrides(options), &mut out).map(|()| ExitCode::SUCCESS),
        Command::Token { wanted, options } => {
            token::run(&wanted, &variables()?, &in_front.overrides(options), &mut out).map(|()| ExitCode::SUCCESS)
        }
        Command::Check { file, deny_warnings, allow } => {
            Ok(check::run(&file, &check::Warnings { are_denied: deny_warnings, allowed: allow }, &mut out)?)
        }
        Command::Eval(args) => {
            let question = eval::Question {
                flag_key: &args.flag,
                user_id: &args.user,
                attributes: &args.attr,
                tenant: args.tenant.as_ref(),
                at: args.at,
                explain: args.explain,
            };
            eval::run(&args.file, &question, &mut out)
        }
    }
}

#[cfg(test)]
mod tests;
