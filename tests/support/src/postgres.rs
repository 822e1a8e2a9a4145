//! Finding PostgreSQL, and databases on it.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel::{Connection, PgConnection, RunQueryDsl, select};
use ff_store::Store;

use crate::database::TestDatabase;
use crate::process::eventually;
use crate::server::Server;
use crate::store::patient;

/// Names a server to use instead of one of one's own: a URL of a user who may create databases.
const URL_VARIABLE: &str = "FF_TEST_POSTGRES_URL";

/// A PostgreSQL server for tests.
pub struct Postgres {
    server: Mutex<Option<Server>>,
    /// Up to the database's name, and what follows it.
    url: (String, String),
    template: OnceLock<String>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Postgres {
    /// The server that all tests of this process share; none, if there is no PostgreSQL here.
    ///
    /// # Panics
    /// If there is none though `CI` is set.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(|| env::var(URL_VARIABLE).ok().map(|url| Self::at(&url)).or_else(Self::start)).as_ref()
    }

    /// A server of one's own, that may be stopped; none, if PostgreSQL's binaries are not here.
    ///
    /// # Panics
    /// If there are none though `CI` is set (and no other server is named), and if the server does not start.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with further options for the server program: `-c name=value`.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(options: &str) -> Option<Self> {
        Self::prepare(options, |_| {})
    }

    /// The same, with `prepare` run on the server's folder before it starts: for files that `options` name.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn prepare(options: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let Some(bin) = binaries() else {
            let is_bearable = env::var_os("CI").is_none() || env::var_os(URL_VARIABLE).is_some();
            assert!(is_bearable, "no PostgreSQL: neither {URL_VARIABLE} nor its binaries; in CI that is a failure");
            eprintln!("NOTICE: PostgreSQL's binaries are not here, so what needs a server of its own is skipped");
            return None;
        };
        let mut server = Server::new(&bin, options);
        prepare(server.folder());
        server.hand_over();
        server.tell("start");
        // The port is part of the socket's name.
        let port = options.rsplit_once("port=").and_then(|(_, rest)| rest.split(' ').next()).unwrap_or("5432");
        Some(Self::own(server, port))
    }

    fn own(server: Server, port: &str) -> Self {
        let url = ("postgres://postgres@/".to_owned(), format!("?host={}&port={port}", server.folder().display()));
        Self { server: Mutex::new(Some(server)), url, template: OnceLock::new() }
    }

    /// A standby that follows this server until it is [promoted](Self::promote), and takes no writes before.
    ///
    /// # Panics
    /// If this is not a server of one's own, on the usual port.
    pub fn standby(&self) -> Self {
        let mut standby = Server::copy(&binaries().unwrap(), &self.folder());
        standby.tell("start");
        Self::own(standby, "5432")
    }

    /// Makes a standby a server of its own, which takes writes.
    ///
    /// # Panics
    /// If it is none, or does not run.
    pub fn promote(&self) {
        self.server.lock().unwrap().as_mut().expect("a server of one's own").tell("promote");
    }

    fn at(url: &str) -> Self {
        let (address, parameters) = url.split_once('?').map_or((url, String::new()), |(address, rest)| (address, format!("?{rest}")));
        let host = address.find("://").map_or(0, |at| at + 3);
        let end = address[host..].find('/').map_or(address.len(), |at| host + at);
        Self { server: Mutex::new(None), url: (format!("{}/", &address[..end]), parameters), template: OnceLock::new() }
    }

    /// The folder with the server's socket.
    pub fn folder(&self) -> PathBuf {
        self.server.lock().unwrap().as_ref().expect("a server of one's own").folder().to_owned()
    }

    /// A fresh database with all tables and without rows.
    pub fn database(&'static self) -> TestDatabase {
        match self.template() {
            Some(template) => self.create(&format!("TEMPLATE {template}")),
            None => {
                let database = self.create("");
                migrate(database.dsn());
                database
            }
        }
    }

    /// A fresh database without any table.
    pub fn database_without_tables(&'static self) -> TestDatabase {
        self.create("")
    }

    fn create(&'static self, options: &str) -> TestDatabase {
        let name = unique_name();
        self.administer(&format!("CREATE DATABASE {name} {options}"));
        TestDatabase::postgres(self.dsn(&name), move || self.administer(&format!("DROP DATABASE {name} WITH (FORCE)")))
    }

    /// A fresh database without any table, which lasts as long as the server: for servers of one's own.
    pub fn empty_database(&self) -> String {
        let name = unique_name();
        self.administer(&format!("CREATE DATABASE {name}"));
        self.dsn(&name)
    }

    /// Stops the server at once, as a crash would.
    ///
    /// # Panics
    /// If the server is not one's own.
    pub fn stop(&self) {
        self.server.lock().unwrap().as_mut().expect("a server of one's own").tell("stop");
    }

    /// Starts it again after [`stop`](Self::stop).
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&self) {
        self.server.lock().unwrap().as_mut().expect("a server of one's own").tell("start");
    }

    /// Stops all of the server's processes where they are until the answer is dropped, as if its disk had been taken away: connections
    /// stand, further ones can be made, and none is answered. Linux only.
    ///
    /// # Panics
    /// If the server is not one's own.
    #[must_use = "it thaws when this is dropped"]
    pub fn freeze(&self) -> Frozen<'_> {
        self.server.lock().unwrap().as_mut().expect("a server of one's own").tell("freeze");
        Frozen(self)
    }

    /// The DSN of a database on this server.
    pub fn dsn(&self, database: &str) -> String {
        format!("{}{database}{}", self.url.0, self.url.1)
    }

    /// A migrated database to copy. On somebody else's server nothing is left lying around, so there is none.
    fn template(&self) -> Option<&str> {
        self.server.lock().unwrap().as_ref()?;
        let template = self.template.get_or_init(|| {
            let name = "ff_template".to_owned();
            self.administer(&format!("CREATE DATABASE {name}"));
            migrate(&self.dsn(&name));
            // A template that somebody is connected to cannot be copied, and the pool of whoever has migrated it may be at it still.
            self.administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
            self.administer(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
            name
        });
        Some(template)
    }

    /// Runs a statement as the server's administrator, outside of any test's database.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn administer(&self, sql: &str) {
        // PostgreSQL waits 5 s for those to leave whose connections to a database that is copied, renamed or dropped are closed already.
        eventually(sql, || match self.try_administer(sql) {
            Err(error) if error.contains("being accessed by other users") => None,
            Err(error) => panic!("{sql}: {error}"),
            Ok(()) => Some(()),
        });
    }

    /// The same where it may fail.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn try_administer(&self, sql: &str) -> Result<(), String> {
        let mut connection = PgConnection::establish(&self.dsn("postgres")).map_err(|error| error.to_string())?;
        connection.batch_execute(sql).map_err(|error| error.to_string())
    }

    /// Waits until `condition` holds, as the server sees it from outside of any test's database.
    ///
    /// # Panics
    /// If it does not in time.
    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: &str) {
        wait_until(&self.dsn("postgres"), what, condition);
    }

    /// One of PostgreSQL's programs as a command, of the version that servers of one's own have: another one in the `PATH` may be older, and
    /// refuse. None, if it is not here.
    pub fn program(name: &str) -> Option<Command> {
        binaries().map(|bin| bin.join(name)).filter(|program| program.is_file()).map(Command::new)
    }
}

/// A question on a connection of its own, asked again until the answer is yes.
#[track_caller]
pub(crate) fn wait_until(dsn: &str, what: &str, condition: &str) {
    let mut connection = PgConnection::establish(dsn).unwrap();
    eventually(what, || select(sql::<Bool>(condition)).get_result::<bool>(&mut connection).unwrap().then_some(()));
}

/// A server that answers nobody, until this is dropped.
#[derive(Debug)]
pub struct Frozen<'a>(&'a Postgres);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.server.lock().unwrap().as_mut().expect("a server of one's own").tell("thaw");
    }
}

fn unique_name() -> String {
    format!("ff_test_{}", uuid::Uuid::now_v7().simple())
}

pub(crate) fn migrate(dsn: &str) {
    Store::open(&patient(dsn)).unwrap().migrate().unwrap();
}

/// The folder of the newest installation, as Debian and others lay it out, or of what is in the PATH.
fn binaries() -> Option<PathBuf> {
    let has_all = |bin: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|program| bin.join(program).is_file());
    let roots = ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt"];
    let installed = roots.iter().filter_map(|root| std::fs::read_dir(root).ok()).flatten().flatten();
    let by_version: BTreeSet<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().trim_start_matches("postgresql@").to_owned();
            Some((name.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    let in_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    by_version.into_iter().rev().map(|(_, bin)| bin).chain(in_path).find(has_all)
}
