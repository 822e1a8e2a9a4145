//! The server on real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use slog::{Discard, o};

use super::*;
use crate::testing::{ADMIN_KEY, Fixture};

fn quiet() -> Logger {
    Logger::root(Discard, o!())
}

/// A client that has sent the head of a request, and whom the server waits for.
fn begin(address: SocketAddr) -> TcpStream {
    let body = r#"{"key":"f","type":"boolean"}"#;
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "POST /v1/flags HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {ADMIN_KEY}\r\nX-Tenant-ID: acme\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream
}

fn finish(mut stream: TcpStream) -> String {
    stream.write_all(br#"{"key":"f","type":"boolean"}"#).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[actix_web::test]
async fn a_request_in_flight_is_finished_before_the_server_stops() {
    let fixture = Fixture::new();
    let running = start(fixture.config.clone(), quiet()).await.unwrap();
    let (address, handle) = (running.address(), running.handle());
    let stream = web::block(move || begin(address)).await.unwrap();
    let stopped = rt::spawn(handle.stop(true));
    // The stop has begun when nobody is let in any more.
    web::block(move || while TcpStream::connect(address).is_ok() {}).await.unwrap();
    let answer = web::block(move || finish(stream)).await.unwrap();
    assert!(answer.contains("HTTP/1.1 201 Created"), "{answer}");
    stopped.await.unwrap();
    running.wait().await.unwrap();
}

#[actix_web::test]
async fn a_client_that_never_finishes_cannot_hold_the_server() {
    let fixture = Fixture::with(|config| config.http.shutdown_timeout = Duration::from_secs(1), quiet());
    let running = start(fixture.config.clone(), quiet()).await.unwrap();
    let address = running.address();
    let stream = web::block(move || begin(address)).await.unwrap();
    rt::spawn(running.handle().stop(true));
    // Without the limit it would wait for ever.
    rt::time::timeout(Duration::from_secs(60), running.wait()).await.expect("the server stops").unwrap();
    drop(stream);
}

#[actix_web::test]
async fn an_address_in_use_stops_the_start_and_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let fixture = Fixture::with(|config| config.http.bind = address, quiet());
    let error = start(fixture.config.clone(), quiet()).await.unwrap_err();
    assert!(matches!(error, StartError::Bind { .. }) && error.to_string().contains(&address.to_string()), "{error}");
}

#[actix_web::test]
async fn in_development_the_demo_tenant_is_there_from_the_start() {
    let fixture = Fixture::with(|config| config.seeds_demo = true, quiet());
    let running = start(fixture.config.clone(), quiet()).await.unwrap();
    let address = running.address();
    let answer = web::block(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "GET /v1/flags/banner HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {ADMIN_KEY}\r\nX-Tenant-ID: acme\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 200 OK"));
    running.handle().stop(true).await;
    running.wait().await.unwrap();
}
