//! Replicas, and the database that they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ff_test_support::{Client, Postgres, Server, Setup};
use serde_json::{Value, json};

use crate::PROGRAM;

/// The tenant of these tests. Each has a database of its own.
pub(crate) const TENANT: &str = "acme";

/// Servers on one PostgreSQL that nobody else uses.
pub(crate) struct Fleet {
    servers: Vec<Arc<Server>>,
    turn: AtomicUsize,
    // Last, so that it goes after the servers.
    postgres: Postgres,
}

impl Fleet {
    /// Three replicas that start at the same moment on an empty database; none, if there is no PostgreSQL here.
    pub(crate) fn start(change: impl Fn(Setup) -> Setup + Sync) -> Option<Self> {
        let postgres = Postgres::start()?;
        let dsn = postgres.empty_database();
        let setup = || change(Setup::new(PROGRAM).variable("DB_DSN", &dsn));
        let servers = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..3).map(|_| scope.spawn(|| setup().start())).collect();
            starting.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        Some(Self { servers, turn: AtomicUsize::new(0), postgres })
    }

    pub(crate) fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    pub(crate) fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// An admin of the tenant at one of the replicas.
    pub(crate) fn admin(&self, replica: usize) -> Client {
        self.servers[replica % self.servers.len()].client().admin("test").tenant(TENANT)
    }

    /// The same, if the replica runs at the moment.
    pub(crate) fn admin_if_there(&self, replica: usize) -> Option<Client> {
        let address = self.servers[replica % self.servers.len()].address_if_running()?;
        Some(Client::new(address).admin("test").tenant(TENANT))
    }

    /// An admin at each of the replicas.
    pub(crate) fn admins(&self) -> Vec<Client> {
        (0..self.servers.len()).map(|replica| self.admin(replica)).collect()
    }

    /// The number of the replica whose turn it is.
    pub(crate) fn next(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.servers.len()
    }

    /// Ends the connections on which replicas listen for notifications, once each has one.
    pub(crate) fn cut_listeners(&self) {
        const LISTENERS: &str = "FROM pg_stat_activity WHERE application_name = 'ff listener'";
        // More, while those that were cut before are on their way out.
        self.postgres.wait_until("all to listen", &format!("(SELECT count(*) >= {} {LISTENERS})", self.servers.len()));
        self.postgres.administer(&format!("SELECT pg_terminate_backend(pid) {LISTENERS}"));
    }
}

/// A boolean flag that is on for everyone.
pub(crate) fn flag(key: &str) -> Value {
    json!({"key": key, "type": "boolean", "state": "on"})
}

/// What `POST /v1/evaluate` is asked in these tests.
pub(crate) fn question(flag: &str) -> Value {
    json!({"flag_key": flag, "user": {"id": "u"}})
}

/// The tenant's audit log, oldest first.
pub(crate) fn log(client: &Client) -> Vec<Value> {
    let mut entries = client.all("/v1/audit");
    entries.reverse();
    entries
}

/// The revisions of these entries are 1, 2, 3 … without a gap and without a repetition.
#[track_caller]
pub(crate) fn assert_without_gaps(entries: &[Value]) {
    let revisions: Vec<_> = entries.iter().map(|entry| entry["revision"].as_u64().unwrap()).collect();
    assert_eq!(revisions, (1..=entries.len() as u64).collect::<Vec<_>>());
}
