//! Starting while something is missing.

use ff_test_support::Postgres;

use crate::{admin, flag, setup};

#[test]
fn without_its_database_the_server_does_not_start_and_says_so_without_the_password() {
    for dsn in ["postgres://user:open-sesame@127.0.0.1:1/ff?connect_timeout=2", "sqlite:///no/such/folder/ff.db"] {
        let started = std::time::Instant::now();
        let ended = setup().variable("DB_DSN", dsn).variable("DB_ACQUIRE_TIMEOUT_MS", "500").command().output().unwrap();
        assert!(!ended.status.success());
        let said = String::from_utf8_lossy(&ended.stderr).into_owned() + &String::from_utf8_lossy(&ended.stdout);
        assert!(said.contains("database") && !said.contains("open-sesame") && !said.contains("panicked"), "{said}");
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    }
}

#[test]
fn it_starts_again_once_the_database_is_back() {
    let Some(postgres) = Postgres::start() else { return };
    let dsn = postgres.empty_database();
    let server = setup().variable("DB_DSN", &dsn).start();
    admin(&server).post("/v1/flags", &flag("f")).created();
    server.kill_9();
    postgres.stop();
    let ended = setup().variable("DB_DSN", &dsn).variable("DB_ACQUIRE_TIMEOUT_MS", "500").command().output().unwrap();
    assert!(!ended.status.success());
    postgres.restart();
    server.start_again();
    admin(&server).get("/v1/flags/f").ok();
}
