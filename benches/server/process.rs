//! Servers as processes on a core of their own, and what the system says of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::bare;
use crate::data::{ADMIN_KEY, Data, SECRET};

/// The cores of the servers and of the client.
const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";

fn has_taskset() -> bool {
    Command::new("taskset").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Moves this process, and the threads that it will make, away from the servers.
pub(crate) fn pin_client() {
    let me = std::process::id().to_string();
    let is_pinned = Command::new("taskset").args(["-a", "-cp", CLIENT_CORE, &me]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !is_pinned.is_ok_and(|status| status.success()) {
        println!("not pinned: there is no `taskset`, or no second core");
    }
}

fn pinned(program: &str, cores: &str) -> Command {
    if !has_taskset() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", cores, program]);
    command
}

/// A server that answers; killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Server {
    /// The program, with its usual configuration but for one worker.
    pub(crate) fn real(data: &Data) -> Self {
        Self::configured(data, SERVER_CORE, 1)
    }

    /// The program on both cores, as it runs where it is alone.
    pub(crate) fn unpinned(data: &Data) -> Self {
        Self::configured(data, "0-1", 2)
    }

    fn configured(data: &Data, cores: &str, workers: usize) -> Self {
        let mut command = pinned(env!("CARGO_BIN_EXE_ff-server"), cores);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("DB_DSN", data.dsn()).env("JWT_SECRET", SECRET).env("ADMIN_KEY", ADMIN_KEY);
        command.env("BIND", "127.0.0.1:0").env("WORKERS", workers.to_string()).current_dir(data.folder());
        let log = data.folder().join("server.log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let mut process = command.spawn().unwrap();
        let address = address_in(&log, &mut process);
        Self { process, address }
    }

    /// The yardstick, giving the answers in this file.
    pub(crate) fn bare(answers: &std::path::Path) -> Self {
        let me = std::env::current_exe().unwrap();
        let mut command = pinned(me.to_str().unwrap(), SERVER_CORE);
        command.env(bare::ANSWERS, answers).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, address: line.trim().parse().unwrap() }
    }

    /// The CPU time that all its threads have consumed, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        // A thread may end while it is looked at; the servers' threads live as long as they do.
        let times = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
        times.map(|text| text.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// The memory that it has, in MiB.
    pub(crate) fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
    }
}

/// Where the server listens, as its log says. The log is a file, as it would be in service, so it is looked at again until
/// the line is there.
fn address_in(log: &std::path::Path, process: &mut Child) -> SocketAddr {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let (never, wait) = mpsc::channel::<()>();
    loop {
        let text = fs::read_to_string(log).unwrap();
        // To its end: what is looked at may be half written.
        if let Some((address, _)) = text.split_once("listening on http://").and_then(|(_, rest)| rest.split_once('"')) {
            drop(never);
            return address.parse().unwrap();
        }
        assert!(process.try_wait().unwrap().is_none(), "the server ended: {text}");
        assert!(std::time::Instant::now() < deadline, "the server does not listen: {text}");
        wait.recv_timeout(std::time::Duration::from_micros(500)).ok();
    }
}
