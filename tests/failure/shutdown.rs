//! The end of the process, in good order.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ff_test_support::{Client, ClientError, PATIENCE, Server, eventually};
use serde_json::json;

use crate::{admin, flag, setup};

/// A request whose head and half of whose body were sent, and which the server has begun to serve.
struct InFlight {
    connection: TcpStream,
    rest: String,
}

impl InFlight {
    fn begin(server: &Server, key: &str) -> Self {
        let api = admin(server);
        let body = flag(key).to_string();
        let (half, rest) = body.split_at(body.len() / 2);
        let mut connection = api.connection();
        // The answer to `Expect` shows that a handler waits for the body.
        let head = format!(
            "{}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            api.head("POST", "/v1/flags"),
            body.len()
        );
        connection.write_all(head.as_bytes()).unwrap();
        let mut seen = [0; 25];
        connection.read_exact(&mut seen).unwrap();
        assert!(seen.starts_with(b"HTTP/1.1 100 Continue\r\n\r\n"), "{}", String::from_utf8_lossy(&seen));
        connection.write_all(half.as_bytes()).unwrap();
        Self { connection, rest: rest.to_owned() }
    }

    fn finish(mut self) -> String {
        self.connection.write_all(self.rest.as_bytes()).unwrap();
        let mut answer = String::new();
        self.connection.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn admin_at(address: &str) -> Client {
    Client::new(address.to_owned()).admin("test").tenant("acme")
}

fn is_stopping(server: &Server) {
    server.output().wait_for("the server to stop", |line| line["message"].as_str()?.starts_with("stopping").then_some(()));
}

fn refuses_connections(address: &str) {
    eventually("new connections to be refused", || TcpStream::connect(address).is_err().then_some(()));
}

#[test]
fn a_request_in_flight_is_finished_before_the_end() {
    for setup in [Some(setup()), ff_test_support::Setup::on(crate::PROGRAM, ff_store::Backend::Postgres)].into_iter().flatten() {
        let server: Arc<Server> = setup.start();
        let in_flight = InFlight::begin(&server, "f");
        let address = server.address();
        server.terminate();
        is_stopping(&server);
        refuses_connections(&address);
        let answer = in_flight.finish();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert_eq!(server.wait().code(), Some(0));
        server.start_again();
        admin(&server).get("/v1/flags/f").ok();
    }
}

#[test]
fn an_idle_connection_holds_nothing_up() {
    let server = setup().variable("SHUTDOWN_TIMEOUT_S", "60").start();
    let api = admin(&server);
    api.get("/healthz").is(200);
    let idle = api.connection();
    let started = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < PATIENCE, "{:?} where one may wait for 60 s after the drain", started.elapsed());
    drop(idle);
}

#[test]
fn a_request_that_never_ends_is_not_waited_for_for_ever() {
    let server = setup().variable("SHUTDOWN_TIMEOUT_S", "1").start();
    let in_flight = InFlight::begin(&server, "f");
    let started = Instant::now();
    server.terminate();
    server.wait();
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    drop(in_flight);
    server.start_again();
    assert_eq!(admin(&server).get("/v1/audit").ok()["items"], json!([]), "half a request is none");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = setup().variable("SHUTDOWN_TIMEOUT_S", "60").start();
    let in_flight = InFlight::begin(&server, "f");
    let started = Instant::now();
    server.terminate();
    is_stopping(&server);
    server.terminate();
    server.wait();
    assert!(started.elapsed() < Duration::from_secs(50), "{:?} where one may wait for 60 s", started.elapsed());
    drop(in_flight);
}

#[test]
fn before_it_refuses_anyone_it_tells_everyone_to_go() {
    // The drain is longer than the test, which does not wait for its end.
    let server = setup().variable("DRAIN_S", "600").start();
    let api = admin(&server);
    api.post("/v1/flags", &flag("f")).created();
    // A connection that is used again and again, until the server closes it.
    let mut kept = api.connection();
    let request = format!("{}\r\n", api.head("GET", "/v1/evaluate/f?user_id=u").replace("Connection: close\r\n", ""));
    let mut ask = || {
        kept.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") && kept.read(&mut byte).unwrap() == 1 {
            answer.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
        let mut body = vec![0; length];
        kept.read_exact(&mut body).unwrap();
        head
    };
    assert!(!ask().contains("connection: close"));
    server.terminate();
    is_stopping(&server);
    let answer = server.client().get("/readyz");
    assert_eq!((answer.is(503).text().as_str(), answer.header("connection")), ("stopping", Some("close")));
    // New connections are served still, and the one that was kept gets its answer before it is closed.
    assert_eq!(api.get("/v1/evaluate/f?user_id=u").ok()["value"], true);
    let last = ask();
    assert!(last.starts_with("http/1.1 200 ") && last.contains("connection: close"), "{last}");
    assert_eq!(kept.read(&mut [0]).unwrap(), 0, "closed, and nothing was lost");
    assert_eq!(api.get("/v1/evaluate/f?user_id=u").ok()["value"], true, "nobody is refused yet");
    server.terminate();
    server.wait();
}

/// Whoever connects and then takes as long as this to ask may find the connection closed. The server gives them a little more.
const SLOW: Duration = Duration::from_millis(200);

#[test]
fn clients_under_load_are_answered_until_they_cannot_connect() {
    let server = setup().variable("DRAIN_S", "2").start();
    let api = admin(&server);
    api.post("/v1/flags", &flag("f")).created();
    let answers: [AtomicU32; 4] = Default::default();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|i| {
                let api = &api;
                // Half of them keep their connection, half of them make a new one for each request.
                let answers = &answers;
                scope.spawn(move || {
                    loop {
                        let client = if i % 2 == 0 { api.clone() } else { admin_at(api.address()) };
                        let begun = Instant::now();
                        match client.try_send("GET", "/v1/evaluate/f?user_id=u", None) {
                            Ok(answer) => drop(answer.ok()),
                            Err(error) => return (error, begun.elapsed()),
                        }
                        answers[i].fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let least = || answers.iter().map(|answers| answers.load(Ordering::Relaxed)).min();
        eventually("answers to all", || (least() > Some(10)).then_some(()));
        server.terminate();
        for thread in asking {
            let (error, took) = thread.join().unwrap();
            // Whoever connects in the very moment in which the socket is closed sees his connection reset before it was accepted.
            let ends = [ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset];
            let is_the_end = matches!(&error, ClientError::Io(error) if ends.contains(&error.kind()));
            assert!(is_the_end || took >= SLOW, "after {answers:?} answers, in {took:?}: {error:?}");
            assert!(TcpStream::connect(api.address()).is_err(), "it was not the end");
        }
    });
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn what_it_said_at_the_end_is_written() {
    let server = setup().start();
    let request_id = admin(&server).get("/v1/flags").request_id();
    server.terminate();
    assert!(server.wait().success());
    let text = eventually("the last line", || Some(server.output().text()).filter(|text| text.contains("\"stopped\"")));
    assert!(text.contains(&request_id), "{text}");
}
