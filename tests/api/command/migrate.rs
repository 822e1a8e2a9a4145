//! `ff-server migrate`.

use ff_test_support::{Postgres, TestDatabase};

use super::run;
use crate::harness::setup;

#[test]
fn it_brings_an_empty_database_up_to_date_and_can_be_repeated() {
    let databases = [Some(TestDatabase::sqlite_without_tables()), Postgres::shared().map(Postgres::database_without_tables)];
    for database in databases.into_iter().flatten() {
        let setup = setup().variable("DB_DSN", database.dsn()).without("JWT_SECRET").without("ADMIN_KEY");
        let first = run(setup.command().arg("migrate")).well();
        assert!(first.lines().count() >= 1 && first.lines().all(|line| line.starts_with("applied ")), "{first}");
        assert_eq!(run(setup.command().arg("migrate")).well(), "up to date\n");
        // The option wins over the variable.
        let other = TestDatabase::sqlite_without_tables();
        assert!(run(setup.command().args(["migrate", "--dsn", other.dsn()])).well().starts_with("applied "));
    }
}

#[test]
fn the_database_may_be_named_as_database_url_too() {
    let setup = setup().without("DB_DSN");
    let path = setup.folder().join("named-by-url.db");
    let setup = setup.variable("DATABASE_URL", &format!("sqlite://{}", path.display()));
    run(setup.command().arg("migrate")).well();
    assert!(path.exists());
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() {
    for dsn in [
        "postgres://user:open-sesame@127.0.0.1:1/nowhere?connect_timeout=2",
        "mysql://user:open-sesame@localhost/x",
        "sqlite:///nowhere/at/all/open-sesame.db?password=open-sesame",
        "postgres://user:open-sesame@@bad:port:1/x",
        "open-sesame",
    ] {
        let said = run(setup().variable("DB_DSN", dsn).variable("DB_ACQUIRE_TIMEOUT_MS", "500").command().arg("migrate")).badly();
        assert!(!said.is_empty(), "{dsn}");
        assert!(!said.contains(":open-sesame") && !said.contains("password=open"), "{said}");
    }
}
