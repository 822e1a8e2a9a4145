//! The end of the process, in good order.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ff_test_support::{Server, eventually};
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
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    drop(idle);
}

#[test]
fn a_request_that_never_ends_is_not_waited_for_for_ever() {
    let server = setup().variable("SHUTDOWN_TIMEOUT_S", "1").start();
    let in_flight = InFlight::begin(&server, "f");
    let started = Instant::now();
    server.terminate();
    server.wait();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
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
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    drop(in_flight);
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
