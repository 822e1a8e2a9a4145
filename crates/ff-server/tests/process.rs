//! The binary as its users start it: arguments, environment, `.env`, signals, exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::type_complexity,
    reason = "a test fails by panicking, and its tables are written out"
)]

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "a secret of thirty-two bytes or more";
const ADMIN_KEY: &str = "an-admin-key-of-32-characters-or-more";

/// The binary in a folder of its own, with nothing in its environment.
fn ff_server(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ff-server"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A server that listens. It is killed at the latest when the test ends.
struct Server {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
    url: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        let url = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it does not listen: {seen:#?}")).unwrap();
            if let Some((_, url)) = line.split_once("\"message\":\"listening on ") {
                break url.split('"').next().unwrap().to_owned();
            }
            seen.push(line);
        };
        Self { process, lines, url }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = headers.iter().fold(agent.get(format!("{}{path}", self.url)), |request, (name, value)| request.header(*name, *value));
        let mut answer = request.call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    /// Tells it to stop, and gives its exit code and last line.
    fn stop(mut self, signal: &str) -> (Option<i32>, Value) {
        // Every shell has the command; as a program of its own it is not everywhere.
        let status = Command::new("/bin/sh").args(["-c", &format!("kill {signal} {}", self.process.id())]).status().unwrap();
        assert!(status.success());
        let last = self.lines.by_ref().map(Result::unwrap).last().unwrap();
        (self.process.wait().unwrap().code(), serde_json::from_str(&last).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn one_command_gives_a_newcomer_a_working_service() {
    let folder = folder();
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(ff_server(folder.path(), &["--dev", "--bind", "127.0.0.1:0"]));
        let mut answer = ureq::post(format!("{}/v1/auth/token", server.url)).send_empty().unwrap();
        let token: Value = answer.body_mut().read_json().unwrap();
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let headers = [("Authorization", bearer.as_str()), ("X-Tenant-ID", "acme")];
        let (status, flags) = server.get("/v1/flags", &headers);
        assert_eq!((status, flags["items"].as_array().unwrap().len()), (200, 8));
        let (_, answer) = server.get("/v1/users/user-42/flags/checkout-redesign", &headers);
        assert_eq!((&answer["variant"], &answer["rule_id"]), (&json!("on"), &json!("beta")));
        let (code, last) = server.stop(signal);
        assert_eq!((code, &last["message"]), (Some(0), &json!("stopped")));
    }
    assert!(folder.path().join("ff.db").exists());
}

#[test]
fn the_env_file_configures_and_the_environment_overrides_it() {
    let folder = folder();
    let env = format!("JWT_SECRET={SECRET:?}\nADMIN_KEY={ADMIN_KEY}\nBIND=127.0.0.1:0\nDB_DSN=sqlite://from-file.db\nLOG_LEVEL=off\n");
    fs::write(folder.path().join(".env"), env).unwrap();
    let mut command = ff_server(folder.path(), &[]);
    command.env("LOG_LEVEL", "info").env("WORKERS", "1");
    let server = Server::start(command);
    assert!(folder.path().join("from-file.db").exists());
    let headers = [("X-API-Key", ADMIN_KEY), ("X-Tenant-ID", "acme")];
    assert_eq!(server.get("/v1/flags", &headers).1["items"], json!([]), "no demo tenant without --dev");
    assert_eq!(server.get("/v1/flags", &[("X-Tenant-ID", "acme")]).0, 401);
    let printed = ff_server(folder.path(), &["token", "--sub", "ci", "--scope", "flags:r"]).output().unwrap();
    let bearer = format!("Bearer {}", String::from_utf8(printed.stdout).unwrap().trim());
    assert_eq!(server.get("/v1/flags", &[("Authorization", &bearer), ("X-Tenant-ID", "acme")]).0, 200);
}

#[test]
fn it_does_not_start_unsafely() {
    let folder = folder();
    let refusals: [(&[&str], &[(&str, &str)], &str); 6] = [
        (&[], &[], "JWT_SECRET: is required"),
        (&[], &[("JWT_SECRET", "hunter2")], "JWT_SECRET: must have at least 32 bytes"),
        (&[], &[("JWT_SECRET", SECRET), ("ADMIN_KEY", "hunter2")], "ADMIN_KEY: must have at least 32 characters"),
        (&["--dev", "--bind", "0.0.0.0:0"], &[], "BIND: with --dev"),
        (&["--dev", "--dsn", "mysql://u:hunter2@h/d"], &[], "--dsn: "),
        (&["token", "--sub", "x", "--scope", "admin", "--dev"], &[], "JWT_SECRET: is required"),
    ];
    for (arguments, variables, message) in refusals {
        let output = ff_server(folder.path(), arguments).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(message) && !stderr(&output).contains("hunter2"), "{}", stderr(&output));
    }
    assert!(!folder.path().join("ff.db").exists());
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let folder = folder();
    let mut command = ff_server(folder.path(), &["migrate", "--dsn", "postgres://ff:hunter2@127.0.0.1:1/ff"]);
    let output = command.env("DB_ACQUIRE_TIMEOUT_MS", "500").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("unavailable") && !stderr(&output).contains("hunter2"), "{}", stderr(&output));
}

#[test]
fn a_file_is_checked_and_evaluated_without_a_server() {
    let folder = folder();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    let flag = json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": 0,
        "rules": [{"id": "ca", "when": {"attr": {"country": "CA"}}, "rollout": {"variant": "on"}}]});
    write("good.json", json!({"tenant": "acme", "flags": [flag], "segments": []}).to_string());
    write("bad.json", json!({"flags": [{"key": "a b"}]}).to_string());
    write("no.json", "{".to_owned());
    let check = |file: &str| ff_server(folder.path(), &["check", file]).output().unwrap();
    assert_eq!(check("good.json").status.code(), Some(0));
    let faulty = check("bad.json");
    assert_eq!(faulty.status.code(), Some(1));
    assert!(String::from_utf8(faulty.stdout).unwrap().contains("/flags/0/key"));
    assert_eq!(check("no.json").status.code(), Some(2));
    assert_eq!(check("none.json").status.code(), Some(2));
    let output = ff_server(folder.path(), &["eval", "good.json", "--flag", "f", "--user", "u", "--attr", "country=CA"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["variant"], &answer["rule_id"]), (&json!("on"), &json!("ca")));
    let unknown = ff_server(folder.path(), &["eval", "good.json", "--flag", "g", "--user", "u"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
}
