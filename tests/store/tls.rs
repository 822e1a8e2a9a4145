//! TLS to PostgreSQL, as remote databases need it.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use ff_store::{Store, StoreConfig, StoreError};
use ff_test_support::Postgres;
use serde_json::json;

use crate::steps::{chain, find, put};

/// A certificate for `localhost` that signs itself, and so is its own authority.
fn make_certificate(folder: &Path, name: &str) {
    let status = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-out", &format!("{name}.crt"), "-keyout", &format!("{name}.key")])
        .current_dir(folder)
        .stderr(std::process::Stdio::null())
        .status();
    assert!(status.expect("the openssl program is needed to make a certificate").success());
}

/// A server that speaks TLS on a port of its own, which is the answer's second part.
fn start() -> Option<(Postgres, u16)> {
    // Nothing keeps the port until the server takes it; another program would have to be given it in that moment.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // Relative to the data folder.
    let tls = "-c ssl=on -c ssl_cert_file=../server.crt -c ssl_key_file=../server.key";
    let postgres = Postgres::prepare(&format!("{tls} -c listen_addresses=127.0.0.1 -c port={port}"), |folder| {
        make_certificate(folder, "server");
        make_certificate(folder, "stranger");
    })?;
    Some((postgres, port))
}

fn open(dsn: &str) -> Result<Store, StoreError> {
    Store::open(&StoreConfig::new(dsn.parse().unwrap()))
}

#[derive(QueryableByName)]
struct Session {
    #[diesel(sql_type = Bool)]
    ssl: bool,
    #[diesel(sql_type = Text)]
    version: String,
}

#[test]
fn a_store_speaks_tls_and_checks_whom_it_speaks_to() {
    let Some((postgres, port)) = start() else { return };
    let database = postgres.empty_database();
    let name = database.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let folder = postgres.folder();
    let certificate = |name: &str| folder.join(name).display().to_string();
    let dsn = |host: &str, tls: &str| format!("postgres://postgres@{host}:{port}/{name}?hostaddr=127.0.0.1&{tls}");

    let full = dsn("localhost", &format!("sslmode=verify-full&sslrootcert={}", certificate("server.crt")));
    let store = open(&full).unwrap();
    store.migrate().unwrap();
    put(&store, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
    find(&open(&dsn("localhost", "sslmode=require")).unwrap(), "production", "f").unwrap();

    let query = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let session: Session = diesel::sql_query(query).get_result(&mut PgConnection::establish(&full).unwrap()).unwrap();
    assert!(session.ssl && session.version.starts_with("TLSv1."), "{}", session.version);

    for (wrong, why) in [
        (dsn("localhost", &format!("sslmode=verify-full&sslrootcert={}", certificate("stranger.crt"))), "certificate verify failed"),
        (dsn("elsewhere", &format!("sslmode=verify-full&sslrootcert={}", certificate("server.crt"))), "does not match host name"),
    ] {
        let error = open(&wrong).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)));
        assert!(chain(&error).contains(why), "{}", chain(&error));
    }
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_required() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let Some(_postgres) = Postgres::start_with(&format!("-c listen_addresses=127.0.0.1 -c port={port}")) else { return };
    let error = open(&format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=require")).unwrap_err();
    assert!(chain(&error).contains("server does not support SSL"), "{}", chain(&error));
    open(&format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=prefer")).unwrap();
}
