//! The real ff-server program as a process, on a database of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use ff_store::Backend;
use tempfile::TempDir;

use crate::client::Client;
use crate::database::TestDatabase;
use crate::keeper;
use crate::output::Output;
use crate::postgres::Postgres;
use crate::token::SECRET;

/// The bootstrap key of every server that is not in development mode.
pub const ADMIN_KEY: &str = "an-admin-key-for-tests-0123456789";

/// How long anything that is waited for may take. Far above what a loaded machine needs: reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at that nobody announces.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Waits until `look` gives something.
///
/// # Panics
/// If it gives nothing within [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A loopback address that no other server of any test has. Whoever still asks a server that has ended is refused there, and does not come
/// to another one that was given its port. Where a system has one such address only, that is it.
fn own_loopback() -> Ipv4Addr {
    static FIRST: OnceLock<u32> = OnceLock::new();
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Other test processes may run on this machine. The lower bits of an id are random.
    let first = *FIRST.get_or_init(|| uuid::Uuid::now_v7().as_u128() as u32);
    let number = first.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
    // Neither the network's own address nor the one that means all of it.
    let own = Ipv4Addr::new(127, 1 + (number / 254 / 256 % 254) as u8, (number / 254) as u8, 1 + (number % 254) as u8);
    if TcpListener::bind((own, 0)).is_ok() { own } else { Ipv4Addr::LOCALHOST }
}

/// A server to be started: the program, its options and variables, its database.
#[derive(Debug)]
pub struct Setup {
    program: &'static str,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    database: Option<TestDatabase>,
    folder: TempDir,
}

impl Setup {
    /// The program with a secret, an admin key and a SQLite file of its own, on a free port of a loopback address of its own. Its webhooks
    /// may lead to this machine, and it waits for a database that is there as long as anything is waited for: how long it usually does is
    /// less than a busy machine may take.
    pub fn new(program: &'static str) -> Self {
        let folder = tempfile::Builder::new().prefix("ff-server-").tempdir().unwrap();
        let dsn = format!("sqlite://{}", folder.path().join("ff.db").display());
        let setup = Self { program, arguments: Vec::new(), variables: Vec::new(), database: None, folder };
        setup
            .variable("JWT_SECRET", SECRET)
            .variable("ADMIN_KEY", ADMIN_KEY)
            .variable("DB_DSN", &dsn)
            .variable("DB_ACQUIRE_TIMEOUT_MS", &PATIENCE.as_millis().to_string())
            .variable("DB_BUSY_TIMEOUT_MS", &PATIENCE.as_millis().to_string())
            .variable("BIND", &format!("{}:0", own_loopback()))
            .variable("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/8")
    }

    /// The same on a database of this kind; none, if there is no PostgreSQL here.
    pub fn on(program: &'static str, backend: Backend) -> Option<Self> {
        let setup = Self::new(program);
        match backend {
            Backend::Sqlite => Some(setup),
            Backend::Postgres => Some(setup.database(Postgres::shared()?.database())),
        }
    }

    /// On this database, which is dropped after the server.
    #[must_use]
    pub fn database(mut self, database: TestDatabase) -> Self {
        self = self.variable("DB_DSN", database.dsn());
        self.database = Some(database);
        self
    }

    /// With this variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// With this argument on the command line.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// In development mode, without a secret and without a key.
    #[must_use]
    pub fn dev(self) -> Self {
        self.argument("--dev").without("JWT_SECRET").without("ADMIN_KEY")
    }

    /// The folder in which it runs, with nothing in it but its database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program as a command, with these variables and no others.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// If it ends, or is not ready in time.
    pub fn start(self) -> Arc<Server> {
        let server = Server { running: Mutex::new(None), output: Output::default(), setup: self };
        server.spawn("ready");
        Arc::new(server)
    }
}

/// A running server. Killed when dropped, or when the test process ends in whatever way.
#[derive(Debug)]
pub struct Server {
    // Before the setup, so that nothing is taken away from under the process.
    running: Mutex<Option<Running>>,
    output: Output,
    setup: Setup,
}

#[derive(Debug)]
struct Running {
    process: Child,
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // The second `wait` of a process that has ended already gives the same status again.
        self.process.kill().ok();
        self.process.wait().ok();
        keeper::forget(&self.process);
    }
}

impl Server {
    fn spawn(&self, word: &str) {
        let process = self.setup.command().spawn().unwrap();
        keeper::keep(&process, self.setup.folder());
        let mut running = Running { process, address: String::new() };
        self.output.capture(&mut running.process);
        let listening = |line: &serde_json::Value| Some(line.get("message")?.as_str()?.strip_prefix("listening on http://")?.to_owned());
        running.address = self.output.wait_for("the server to listen", listening);
        *self.running.lock().unwrap() = Some(running);
        eventually(&format!("/readyz says {word}"), || (self.client().get("/readyz").text() == word).then_some(()));
    }

    /// Where it listens: `127.…:…`.
    ///
    /// # Panics
    /// If it is not running.
    pub fn address(&self) -> String {
        self.running.lock().unwrap().as_ref().expect("a running server").address.clone()
    }

    /// The same; none, while it is not running.
    pub fn address_if_running(&self) -> Option<String> {
        self.running.lock().unwrap().as_ref().map(|running| running.address.clone())
    }

    /// A client without credentials.
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// Everything that it has written so far, since its first start.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The folder in which it runs.
    pub fn folder(&self) -> &Path {
        self.setup.folder()
    }

    /// The program with the server's own variables, and other arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.setup.command();
        command.args(arguments);
        command
    }

    /// The memory that the process has in RAM, in MiB. Linux only.
    ///
    /// # Panics
    /// If it is not running.
    pub fn resident_mib(&self) -> f64 {
        self.status("VmRSS") / 1_024.0
    }

    /// How many threads the process has. Linux only.
    ///
    /// # Panics
    /// If it is not running.
    pub fn threads(&self) -> usize {
        self.status("Threads") as usize
    }

    /// A number that the system knows of the process.
    fn status(&self, name: &str) -> f64 {
        let pid = self.running.lock().unwrap().as_ref().expect("a running server").process.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':')?.split_whitespace().next()?.parse().ok();
        status.lines().find_map(value).unwrap_or_else(|| panic!("{name} in {status}"))
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub fn kill_9(&self) {
        drop(self.running.lock().unwrap().take());
    }

    /// Sends it `SIGTERM`.
    ///
    /// # Panics
    /// If it is not running.
    pub fn terminate(&self) {
        let pid = self.running.lock().unwrap().as_ref().expect("a running server").process.id();
        // The standard library has no call for signals other than KILL; every shell has.
        assert!(Command::new("/bin/sh").args(["-c", &format!("kill -TERM {pid}")]).status().unwrap().success());
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If it does not in time, or is not running.
    pub fn wait(&self) -> ExitStatus {
        // Not under the lock all the time: others may ask for the address meanwhile.
        let status = eventually("the server to end", || {
            let mut running = self.running.lock().unwrap();
            running.as_mut().expect("a running server").process.try_wait().unwrap()
        });
        *self.running.lock().unwrap() = None;
        status
    }

    /// Starts it again, after it was killed or has ended. It listens on another port then.
    pub fn start_again(&self) {
        self.spawn("ready");
    }

    /// The same while its database is away: waits until it says that it is degraded.
    pub fn start_again_degraded(&self) {
        self.spawn("degraded");
    }
}
