//! The real program, in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server started as the README says, on a free port.
pub(crate) struct Server {
    process: Child,
    folder: TempDir,
    address: String,
}

impl Server {
    /// Starts `ff-server --dev` with these variables and no others, and waits until it says that it listens.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_ff-server"))
            .args(["--dev", "--bind", "127.0.0.1:0"])
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut before = Vec::new();
        let address = loop {
            let Some(Ok(line)) = log.next() else { panic!("the server did not start:\n{}", before.join("\n")) };
            let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            match said["message"].as_str().and_then(|message| message.strip_prefix("listening on ")) {
                Some(address) => break address.to_owned(),
                None => before.push(line),
            }
        };
        // Whoever stops reading stops the writer, sooner or later.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, folder, address }
    }

    /// `http://127.0.0.1:…`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
