//! The order of steps, in every order in which threads may take them.
//!
//! `shuttle` runs the very code of the server with threads of its own and chooses, at each step, which one goes on: all orders
//! where they are few enough (`check_dfs`), else at random. It changes threads only where it is told of a step ([`Pause`]), where a
//! lock is taken and where a thread waits. That is where they matter: the operations between two such places are one atomic one each,
//! of `arc-swap` and `dashmap`, whose own insides are not tried here.

use std::cell::Cell;
use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use super::{Latest, Pause, Versioned};

struct Announced;

impl Pause for Announced {
    fn pause() {
        thread::yield_now();
    }
}

#[derive(Debug)]
struct Value(u64);

impl Versioned for Value {
    fn version(&self) -> u64 {
        self.0
    }
}

const KEY: u8 = 1;

/// A server: what it has in memory, and its database, where a version is committed before it is published.
struct Server {
    latest: Latest<u8, Value, Announced>,
    committed: Mutex<u64>,
    loads: AtomicU64,
    /// Loads that fail, from the first on.
    failing: u64,
}

impl Server {
    fn new(committed: u64, failing: u64) -> Arc<Self> {
        Arc::new(Self { latest: Latest::new(), committed: Mutex::new(committed), loads: AtomicU64::new(0), failing })
    }

    fn committed(&self) -> u64 {
        *self.committed.lock().unwrap()
    }

    /// One transaction, then its publication; what is returned has been answered.
    fn write(&self) -> u64 {
        let version = {
            let mut committed = self.committed.lock().unwrap();
            *committed += 1;
            *committed
        };
        self.latest.publish(&KEY, Arc::new(Value(version)));
        version
    }

    fn read(&self) -> Result<u64, &'static str> {
        let load = async || {
            let loads = self.loads.fetch_add(1, Ordering::SeqCst);
            let version = self.committed();
            // Between reading the database and having the value, as compiling takes its time.
            Announced::pause();
            if loads < self.failing { Err("the database is away") } else { Ok(Arc::new(Value(version))) }
        };
        block_on(self.latest.get_or_load(&KEY, load)).map(|value| value.0)
    }

    /// What another server has written is loaded, where what is in memory is behind.
    fn refresh(&self) {
        let behind: Vec<u8> = self.latest.all().into_iter().filter(|(_, value)| value.0 < self.committed()).map(|(key, _)| key).collect();
        for key in behind {
            let version = self.committed();
            Announced::pause();
            self.latest.publish(&key, Arc::new(Value(version)));
        }
    }
}

fn threads(works: Vec<Box<dyn FnOnce() + Send>>) {
    let running: Vec<_> = works.into_iter().map(thread::spawn).collect();
    running.into_iter().for_each(|thread| thread.join().unwrap());
}

fn boxed(server: &Arc<Server>, work: impl FnOnce(&Server) + Send + 'static) -> Box<dyn FnOnce() + Send> {
    let server = server.clone();
    Box::new(move || work(&server))
}

/// Writes, and reads back what it has written, or later.
fn write_and_read(server: &Server) {
    let written = server.write();
    let seen = server.read().unwrap();
    assert!(seen >= written, "wrote {written}, read {seen}");
}

/// Reads twice, and never an earlier version after a later one, nor one that was never committed.
fn read_twice(server: &Server) {
    let one = server.read().unwrap();
    let two = server.read().unwrap();
    assert!(one <= two, "{one}, then {two}");
    assert!(two <= server.committed());
}

/// Tries all, and sees to it that there were at least so many: shuttle does not tell.
fn every_order(least: usize, body: impl Fn() + Send + Sync + 'static) {
    thread_local!(static TRIED: Cell<usize> = const { Cell::new(0) });
    TRIED.set(0);
    shuttle::check_dfs(
        move || {
            TRIED.set(TRIED.get() + 1);
            body();
        },
        None,
    );
    assert!(TRIED.get() >= least, "only {} orders", TRIED.get());
}

#[test]
fn a_value_is_loaded_once_however_many_wait() {
    every_order(1_000, || {
        let server = Server::new(5, 0);
        threads((0..2).map(|_| boxed(&server, |server| assert_eq!(server.read(), Ok(5)))).collect());
        assert_eq!(server.loads.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_write_is_read_after_its_answer_in_every_order() {
    every_order(1_000, || {
        // The first write of a tenant that somebody asks for: what is loaded may be kept or not.
        let server = Server::new(0, 0);
        threads(vec![boxed(&server, write_and_read), boxed(&server, |server| assert!(server.read().unwrap() <= server.committed()))]);
    });
}

#[test]
fn what_was_published_stays_in_memory_in_every_order() {
    every_order(100, || {
        let server = Server::new(0, 0);
        // The reader finds no version yet, and takes the key out again while the writer puts its value in.
        threads(vec![
            boxed(&server, |server| assert_eq!(server.write(), 1)),
            boxed(&server, |server| assert!(server.read().unwrap() <= 1)),
        ]);
        assert_eq!(server.latest.peek(&KEY).map(|value| value.0), Some(1));
    });
}

#[test]
fn of_two_writers_the_later_one_stays_in_every_order() {
    every_order(100, || {
        let server = Server::new(0, 0);
        threads(vec![boxed(&server, write_and_read), boxed(&server, write_and_read)]);
        assert_eq!(server.latest.peek(&KEY).map(|value| value.0), Some(2));
    });
}

#[test]
fn after_a_failure_the_next_one_tries_again() {
    every_order(1_000, || {
        let server = Server::new(3, 1);
        threads((0..2).map(|_| boxed(&server, |server| assert!(matches!(server.read(), Ok(3) | Err(_))))).collect());
        assert_eq!(server.read(), Ok(3));
        assert_eq!(server.loads.load(Ordering::SeqCst), 2, "one that failed, and one more");
    });
}

#[test]
fn what_nobody_has_written_is_not_kept() {
    every_order(1_000, || {
        let server = Server::new(0, 0);
        threads((0..2).map(|_| boxed(&server, |server| assert_eq!(server.read(), Ok(0)))).collect());
        assert!(server.latest.slots.is_empty());
    });
}

/// Too many orders to try all: 5,000 at random, and 5,000 that change threads rarely, which finds what needs one unlucky moment.
#[test]
fn writers_readers_and_a_refresh_go_on_together() {
    fn body() {
        let server = Server::new(0, 0);
        let elsewhere = boxed(&server, |server| {
            // Another server's write: committed, and not published here.
            *server.committed.lock().unwrap() += 1;
            server.refresh();
        });
        let mut works = vec![elsewhere];
        works.extend((0..2).map(|_| boxed(&server, write_and_read)));
        works.extend((0..2).map(|_| boxed(&server, read_twice)));
        threads(works);
        server.refresh();
        assert_eq!(server.latest.peek(&KEY).map(|value| value.0), Some(3));
    }
    shuttle::check_random(body, 5_000);
    shuttle::check_pct(body, 5_000, 3);
}

/// The database was restored to an earlier version than what is in memory.
#[test]
fn what_is_ahead_of_its_source_is_replaced_and_a_write_meanwhile_stays_in_every_order() {
    every_order(100, || {
        let server = Server::new(2, 0);
        server.latest.publish(&KEY, Arc::new(Value(9)));
        let seen = server.latest.peek(&KEY).unwrap();
        let again = seen.clone();
        // One goes back to what is there; one writes, having seen the same.
        let goes_back = boxed(&server, move |server| {
            let version = server.committed();
            Announced::pause();
            server.latest.publish_instead_of(&KEY, &seen, Arc::new(Value(version)));
        });
        let writes = boxed(&server, move |server| {
            let version = {
                let mut committed = server.committed.lock().unwrap();
                *committed += 1;
                *committed
            };
            server.latest.publish_instead_of(&KEY, &again, Arc::new(Value(version)));
            assert_eq!(server.read(), Ok(3));
        });
        threads(vec![goes_back, writes]);
        assert_eq!(server.latest.peek(&KEY).map(|value| value.0), Some(3));
    });
}
