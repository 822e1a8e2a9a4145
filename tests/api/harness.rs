//! Servers and tenants for tests.
//!
//! Tenants are isolated from one another, so tests can share a server: each gets a tenant of its own. What looks at a
//! whole server (its counters, its log, its end) starts one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use ff_store::Backend;
use ff_test_support::{Client, Server, Setup};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ff-server");

const BACKENDS: [Backend; 2] = [Backend::Sqlite, Backend::Postgres];

/// Runs `test` against the server on SQLite and the one on PostgreSQL that all tests share, each time as the admin `test`
/// in a tenant that nobody has written to.
pub(crate) fn each(test: impl Fn(&Client)) {
    for backend in BACKENDS {
        if let Some(server) = shared(backend) {
            naming(backend, || test(&admin_of(&server)));
        }
    }
}

/// Runs `test` with a server of its own on SQLite, and with one on PostgreSQL.
pub(crate) fn each_own(change: impl Fn(Setup) -> Setup, test: impl Fn(&Arc<Server>)) {
    for backend in BACKENDS {
        if let Some(setup) = patient(backend) {
            naming(backend, || test(&change(setup).start()));
        }
    }
}

/// The program on a database of this kind, with limits that no machine reaches on which these tests end at all: a write that waits behind
/// others, or for a connection, is late and not refused, and a stream is silent for longer than any test lasts.
fn patient(backend: Backend) -> Option<Setup> {
    let limits = [("DB_ACQUIRE_TIMEOUT_MS", "60000"), ("DB_BUSY_TIMEOUT_MS", "60000"), ("EVENT_HEARTBEAT_MS", "3600000")];
    Setup::on(PROGRAM, backend).map(|setup| limits.into_iter().fold(setup, |setup, (name, value)| setup.variable(name, value)))
}

/// The program, to be set up by the test, on SQLite.
pub(crate) fn setup() -> Setup {
    patient(Backend::Sqlite).expect("SQLite is part of the program")
}

/// The program on a PostgreSQL database of its own, if there is PostgreSQL.
pub(crate) fn setup_on_postgres() -> Option<Setup> {
    patient(Backend::Postgres)
}

/// The admin `test` in a tenant that nobody has written to.
pub(crate) fn admin_of(server: &Server) -> Client {
    server.client().admin("test").tenant(&fresh_tenant())
}

/// A tenant that no other test uses.
pub(crate) fn fresh_tenant() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("tenant-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// Runs `test` and says which database it failed on.
fn naming(backend: Backend, test: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(test)) {
        eprintln!("NOTICE: this failed on {backend}");
        resume_unwind(panic);
    }
}

/// The server that tests share. It lives to the end of the process, and its database ends with the test's own PostgreSQL.
/// On somebody else's PostgreSQL it lives only as long as a test uses it, since nothing may be left behind there.
fn shared(backend: Backend) -> Option<Arc<Server>> {
    static SHARED: Mutex<[Option<Weak<Server>>; 2]> = Mutex::new([None, None]);
    static KEPT: Mutex<Vec<Arc<Server>>> = Mutex::new(Vec::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let place = &mut shared[backend as usize];
    if let Some(server) = place.as_ref().and_then(Weak::upgrade) {
        return Some(server);
    }
    let server = patient(backend)?.start();
    *place = Some(Arc::downgrade(&server));
    if backend == Backend::Sqlite || std::env::var_os("FF_TEST_POSTGRES_URL").is_none() {
        KEPT.lock().unwrap().push(server.clone());
    }
    Some(server)
}
