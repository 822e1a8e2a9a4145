//! `ff-server` and `ff-server serve`: when it starts, and when it had better not.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;

use ff_test_support::token::SECRET;
use ff_test_support::{ADMIN_KEY, Authority, Setup};

use super::run;
use crate::harness::setup;

/// What it says when it does not start; never a secret.
#[track_caller]
fn refuses(setup: &Setup, expected: &str) {
    let said = run(&mut setup.command()).badly();
    assert!(said.contains(expected), "{expected} in {said}");
    for secret in [SECRET, ADMIN_KEY, "too-short-a-secret", "open-sesame"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn it_does_not_start_without_a_good_secret_unless_in_development() {
    refuses(&setup().without("JWT_SECRET"), "JWT_SECRET");
    refuses(&setup().variable("JWT_SECRET", ""), "JWT_SECRET");
    refuses(&setup().variable("JWT_SECRET", "too-short-a-secret"), "JWT_SECRET");
    refuses(&setup().argument("--dev").variable("JWT_SECRET", "too-short-a-secret"), "JWT_SECRET");
    refuses(&setup().variable("ADMIN_KEY", "too-short-a-secret"), "ADMIN_KEY");
    setup().dev().start();
}

#[test]
fn development_is_for_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        refuses(&setup().dev().variable("BIND", address), "loopback");
        refuses(&setup().dev().argument("--bind").argument(address), "loopback");
    }
    // Elsewhere, with a secret, any address will do.
    let server = setup().variable("BIND", "0.0.0.0:0").start();
    assert!(server.address().starts_with("0.0.0.0:"));
}

#[test]
fn without_the_authorities_that_webhooks_are_to_trust_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authorities.pem").display().to_string();
    let trusting = || setup().variable("WEBHOOK_CA_FILE", &path);
    refuses(&trusting(), &format!("WEBHOOK_CA_FILE: `{path}` cannot be read: entity not found"));
    let good = Authority::new("ours").pem();
    for (text, why) in [("", "holds no certificate"), ("garbage", "holds no certificate"), (&good[..good.len() / 2], "is not PEM")] {
        fs::write(&path, text).unwrap();
        refuses(&trusting(), &format!("WEBHOOK_CA_FILE: `{path}` {why}"));
    }
    fs::write(&path, good).unwrap();
    trusting().start();
}

#[test]
fn a_variable_that_is_no_text_is_not_taken_for_one_that_is_not_set() {
    let setup = setup();
    let mut command = setup.command();
    command.env("JWT_SECRET", OsStr::from_bytes(b"open-sesame-\xff-open-sesame-open-sesame"));
    let said = run(&mut command).badly();
    assert!(said.contains("JWT_SECRET: is not UTF-8") && !said.contains("open-sesame"), "{said}");
}

#[test]
fn variables_that_do_not_fit_are_named() {
    for (name, value) in [
        ("BIND", "nowhere"),
        ("LOG_LEVEL", "loud"),
        ("RULESET_REFRESH_MS", "soon"),
        ("RULESET_REFRESH_MS", "0"),
        ("BODY_BYTES_MAX", "-1"),
        ("SHUTDOWN_TIMEOUT_S", "1.5"),
        ("WORKERS", "0"),
        ("DB_CONNECTIONS_MAX", "0"),
        ("DB_DSN", "mysql://user:open-sesame@host/db"),
        ("DB_DSN", "postgres://user:open-sesame@127.0.0.1:1/nowhere?connect_timeout=2"),
    ] {
        let expected = if value.starts_with("postgres") { "database" } else { name };
        refuses(&setup().variable("DB_ACQUIRE_TIMEOUT_MS", "500").variable(name, value), expected);
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(&setup().variable("BIND", &address), &address);
}

#[test]
fn an_env_file_is_read_and_variables_and_options_override_it() {
    let from_file = setup();
    fs::write(from_file.folder().join(".env"), format!("JWT_SECRET={SECRET}\nBIND=127.0.0.1:0\nLOG_LEVEL=loud\n")).unwrap();
    refuses(&from_file.without("JWT_SECRET").without("BIND"), "LOG_LEVEL");
    let overridden = setup();
    fs::write(overridden.folder().join(".env"), format!("JWT_SECRET={SECRET}\nBIND=nowhere\nLOG_LEVEL=loud\n")).unwrap();
    let server =
        overridden.without("JWT_SECRET").without("BIND").variable("LOG_LEVEL", "info").argument("--bind").argument("127.0.0.1:0").start();
    server.client().admin("test").tenant("t").get("/v1/flags").ok();
    let faulty = setup();
    fs::write(faulty.folder().join(".env"), "JWT_SECRET open-sesame\n").unwrap();
    refuses(&faulty, ".env");
}

#[test]
fn serve_is_what_it_does_without_a_command() {
    let server = setup().argument("serve").start();
    server.client().get("/healthz").is(200);
    assert!(server.folder().join("ff.db").exists());
}

#[test]
fn help_and_version_say_what_there_is() {
    let help = run(setup().command().arg("--help")).well();
    for word in ["serve", "migrate", "seed", "token", "check", "eval", "--dev", "--bind", "--dsn"] {
        assert!(help.contains(word), "{word} in {help}");
    }
    assert!(run(setup().command().arg("--version")).well().contains(env!("CARGO_PKG_VERSION")));
    for bad in ["--no-such-option", "no-such-command"] {
        let said = run(setup().command().arg(bad)).badly();
        assert!(said.contains(bad), "{said}");
    }
}
