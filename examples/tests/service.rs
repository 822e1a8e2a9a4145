//! The service as a process: it answers, takes a changed file, and goes on with the old flags where the new ones are wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// Ended with the test, however that ends.
struct Service {
    process: Child,
    address: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Service {
    fn start(file: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_service")).arg(file).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("said {line:?}")).to_owned();
        Self { process, address }
    }

    fn get(&self, path: &str) -> Value {
        ureq::get(format!("{}{path}", self.address)).call().unwrap().body_mut().read_json().unwrap()
    }

    fn reload(&self) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.post(format!("{}/reload", self.address)).send_empty().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }
}

#[test]
fn the_service_answers_and_takes_a_changed_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.json");
    let flags = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/flags.json")).unwrap();
    fs::write(&file, &flags).unwrap();
    let service = Service::start(&file);

    assert_eq!(service.get("/checkout/user-42"), json!({"is_new": true, "page_size": 20}));
    assert_eq!(service.get("/checkout/user-2?country=CA"), json!({"is_new": false, "page_size": 100}));

    fs::write(&file, flags.replace(r#""rollout_percentage": 25"#, r#""rollout_percentage": 100"#)).unwrap();
    assert_eq!(service.get("/checkout/user-2"), json!({"is_new": false, "page_size": 20}), "nobody said that the file has changed");
    assert_eq!(service.reload(), (200, json!({"revision": 2, "flags": 2})));
    assert_eq!(service.get("/checkout/user-2"), json!({"is_new": true, "page_size": 20}));

    fs::write(&file, flags.replace("beta-testers\"}", "testers\"}")).unwrap();
    let (status, refusal) = service.reload();
    assert_eq!((status, &refusal["faults"][0]["pointer"]), (422, &json!("/flags/0/rules/0/when/segment")), "{refusal}");
    assert_eq!(service.get("/checkout/user-2"), json!({"is_new": true, "page_size": 20}), "a refused file changes nothing");
}

#[test]
fn a_file_with_faults_does_not_start_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.json");
    fs::write(&file, r#"{"flags": [{"key": "f"}]}"#).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_service")).arg(&file).arg("127.0.0.1:0").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/flags/0/variants"));
}
