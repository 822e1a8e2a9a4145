use clap::CommandFactory;

use super::*;
use crate::auth::{Auth, TokenScope};
use crate::config::AuthConfig;

const SECRET: &str = "a secret of thirty-two bytes or more";

fn parsed(line: &str) -> Cli {
    Cli::try_parse_from(line.split(' ')).unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn options_may_stand_before_or_behind_the_command() {
    for line in
        ["ff-server --dev --bind 127.0.0.1:0", "ff-server serve --dev --bind 127.0.0.1:0", "ff-server --dev serve --bind 127.0.0.1:0"]
    {
        let cli = parsed(line);
        let behind = match cli.command {
            None => Options::default(),
            Some(Command::Serve(options)) => options,
            other => panic!("{line}: {other:?}"),
        };
        let overrides = cli.options.overrides(behind);
        assert!(overrides.dev && overrides.bind == Some(SocketAddr::from(([127, 0, 0, 1], 0))), "{line}");
        assert!(overrides.dsn.is_none() && overrides.log_level.is_none(), "{line}");
    }
    let cli = parsed("ff-server --dsn sqlite://a.db --log-level off --bind 127.0.0.1:1 migrate --dsn sqlite://b.db --log-level warn");
    let Some(Command::Migrate(behind)) = cli.command else { panic!("not a migration") };
    let overrides = cli.options.overrides(behind);
    assert_eq!((overrides.dev, overrides.dsn.as_deref(), overrides.bind), (false, Some("sqlite://b.db"), "127.0.0.1:1".parse().ok()));
    assert_eq!(overrides.log_level, Some(LogLevel::Warn));
}

#[test]
fn a_command_that_reads_a_file_has_no_options_of_the_server() {
    for (name, has_options) in [("serve", true), ("migrate", true), ("seed", true), ("token", true), ("check", false), ("eval", false)] {
        let mut cli = Cli::command();
        let help = cli.find_subcommand_mut(name).unwrap().render_long_help().to_string();
        for option in ["--dev", "--bind", "--dsn", "--log-level"] {
            assert_eq!(help.contains(option), has_options, "{option} in {help}");
        }
    }
    assert!(Cli::try_parse_from(["ff-server", "check", "flags.json", "--dsn", "sqlite://ff.db"]).is_err());
    assert!(Cli::try_parse_from(["ff-server", "--log-level", "off", "check", "-"]).is_ok());
}

#[test]
fn an_evaluation_takes_attributes_and_an_instant() {
    let cli = parsed("ff-server eval flags.json --flag f --user u --attr country=CA --attr tag=a=b --at 2026-11-21T08:00:00Z");
    let Some(Command::Eval(args)) = cli.command else { panic!("not an evaluation") };
    assert_eq!(args.attr, [("country".to_owned(), "CA".to_owned()), ("tag".to_owned(), "a=b".to_owned())]);
    assert_eq!(args.at.unwrap().to_string(), "2026-11-21T08:00:00Z");
    for bad in ["--attr x", "--attr =x", "--at yesterday", "--tenant a/b"] {
        let line = format!("ff-server eval flags.json --flag f --user u {bad}");
        assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{bad}");
    }
}

#[test]
fn a_printed_token_is_one_that_the_server_accepts() {
    let variables = Variables::from([("JWT_SECRET", SECRET)]);
    let Some(Command::Token { wanted, .. }) = parsed("ff-server token --sub ci --scope flags:rw --scope audit:r --tenant acme").command
    else {
        panic!("not a token")
    };
    let mut out = Vec::new();
    token::run(&wanted, &variables, &Overrides::default(), &mut out).unwrap();
    let printed = String::from_utf8(out).unwrap();
    let auth = Auth::new(&AuthConfig::load(&variables, &Overrides::default()).unwrap()).unwrap();
    let (caller, _) = auth.caller(printed.trim_end().as_bytes()).unwrap();
    assert_eq!(caller.subject(), "ci");
    assert!(caller.may(TokenScope::FlagsRead) && caller.may(TokenScope::AuditRead) && !caller.may(TokenScope::SegmentsRead));
    assert!(caller.may_enter(&"acme".parse().unwrap()) && !caller.may_enter(&"other".parse().unwrap()));
    // Not even --dev makes up a secret for this.
    let refused = token::run(&wanted, &Variables::default(), &Overrides { dev: true, ..Overrides::default() }, &mut Vec::new());
    assert!(refused.unwrap_err().to_string().starts_with("JWT_SECRET"));
    assert!(Cli::try_parse_from(["ff-server", "token", "--sub", "x"]).is_err(), "a token for nothing");
}

#[test]
fn migrating_and_seeding_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = Some(format!("sqlite://{}", folder.path().join("ff.db").display()));
    let overrides = Overrides { dsn, log_level: Some(LogLevel::Off), ..Overrides::default() };
    // An address that --dev would refuse has nothing to do with seeding.
    let variables = Variables::from([("BIND", "0.0.0.0:80")]);
    let mut out = Vec::new();
    for _ in 0..2 {
        migrate::run(&variables, &overrides, &mut out).unwrap();
        seed::run(&variables, &overrides, &mut out).unwrap();
    }
    let said = String::from_utf8(out).unwrap();
    assert!(said.starts_with("applied "), "{said}");
    let rest: Vec<_> = said.lines().filter(|line| !line.starts_with("applied ")).collect();
    assert_eq!(rest, ["tenant `acme`: 14 created, 0 as they were", "up to date", "tenant `acme`: 0 created, 14 as they were"]);
}
