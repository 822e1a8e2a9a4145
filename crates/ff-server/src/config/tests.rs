use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn dev() -> Overrides {
    Overrides { dev: true, ..Overrides::default() }
}

fn refusal<const N: usize>(variables: [(&str, &str); N], overrides: &Overrides) -> String {
    Config::load(&Variables::from(variables), overrides).unwrap_err().to_string()
}

#[test]
fn without_dev_a_missing_or_short_secret_stops_the_start() {
    let overrides = Overrides::default();
    assert!(refusal([], &overrides).starts_with("JWT_SECRET: is required"));
    assert!(refusal([("JWT_SECRET", "")], &overrides).starts_with("JWT_SECRET: is required"));
    let shown = refusal([("JWT_SECRET", "hunter2")], &overrides);
    assert_eq!(shown, "JWT_SECRET: must have at least 32 bytes, got 7");
    let config = Config::load(&Variables::from([("JWT_SECRET", SECRET)]), &overrides).unwrap();
    assert!(!config.auth.open_to_loopback && !config.seeds_demo && config.auth.admin_key.is_none());
}

#[test]
fn with_dev_a_random_secret_will_do_but_a_short_one_will_not() {
    let config = Config::load(&Variables::default(), &dev()).unwrap();
    assert!(config.auth.open_to_loopback && config.seeds_demo);
    assert!(config.auth.jwt_secret.expose().len() >= JWT_SECRET_LENGTH_MIN);
    assert!(refusal([("JWT_SECRET", "short")], &dev()).starts_with("JWT_SECRET"));
    let given = Config::load(&Variables::from([("JWT_SECRET", SECRET)]), &dev()).unwrap();
    assert_eq!(given.auth.jwt_secret.expose(), SECRET);
}

#[test]
fn with_dev_only_loopback_is_bound() {
    for address in ["0.0.0.0:8080", "[::]:8080", "192.168.1.2:80"] {
        assert!(refusal([("BIND", address)], &dev()).starts_with("BIND: with --dev"), "{address}");
    }
    for address in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:8080"] {
        assert!(Config::load(&Variables::from([("BIND", address)]), &dev()).is_ok(), "{address}");
    }
    let open = Variables::from([("BIND", "0.0.0.0:8080"), ("JWT_SECRET", SECRET)]);
    assert!(Config::load(&open, &Overrides::default()).is_ok());
}

#[test]
fn the_command_line_overrides_the_variables() {
    let variables = Variables::from([("BIND", "127.0.0.1:1"), ("LOG_LEVEL", "error"), ("DB_DSN", "mysql://nonsense")]);
    let overrides = Overrides {
        bind: Some("127.0.0.1:2".parse().unwrap()),
        dsn: Some("sqlite://other.db".to_owned()),
        log_level: Some(LogLevel::Debug),
        ..dev()
    };
    let config = Config::load(&variables, &overrides).unwrap();
    assert_eq!(config.http.bind.port(), 2);
    assert_eq!(config.log.level, LogLevel::Debug);
}

#[test]
fn a_short_admin_key_is_refused_and_no_secret_is_quoted() {
    let shown = refusal([("JWT_SECRET", SECRET), ("ADMIN_KEY", "hunter2")], &Overrides::default());
    assert_eq!(shown, "ADMIN_KEY: must have at least 32 characters, got 7");
    let spaced = "hunter2 hunter2 hunter2 hunter2 hunter2";
    let shown = refusal([("JWT_SECRET", SECRET), ("ADMIN_KEY", spaced)], &Overrides::default());
    assert!(shown.starts_with("ADMIN_KEY") && !shown.contains("hunter2"));
    let shown = refusal([("DB_DSN", "nonsense://user:hunter2@host/db")], &dev());
    assert!(shown.starts_with("DB_DSN") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn database_url_stands_in_for_db_dsn() {
    assert!(refusal([("DATABASE_URL", "nonsense://x")], &dev()).starts_with("DATABASE_URL"));
    let both = Variables::from([("DATABASE_URL", "nonsense://x"), ("DB_DSN", "sqlite://ff.db")]);
    assert!(Config::load(&both, &dev()).is_ok());
}

#[test]
fn what_to_listen_on_is_postgresql_beside_postgresql() {
    let load = |dsn: &str, listen: &str| Config::load(&Variables::from([("DB_DSN", dsn), ("DB_LISTEN_DSN", listen)]), &dev());
    let config = load("postgres://pooler/ff", "postgres://u:hunter2@db/ff").unwrap();
    assert_eq!(config.store.listen_dsn.unwrap().to_string(), "postgres://u:***@db/ff");
    assert!(load("postgres://db/ff", "").unwrap().store.listen_dsn.is_none());
    for (dsn, listen) in
        [("sqlite://ff.db", "postgres://db/ff"), ("postgres://db/ff", "sqlite://ff.db"), ("postgres://db/ff", "nonsense://u:hunter2@h/d")]
    {
        let shown = load(dsn, listen).unwrap_err().to_string();
        assert!(shown.starts_with("DB_LISTEN_DSN: ") && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn each_number_is_refused_by_name_when_it_is_out_of_bounds() {
    for name in [
        "BODY_BYTES_MAX",
        "SHUTDOWN_TIMEOUT_S",
        "MIN_REVISION_WAIT_MS",
        "WORKERS",
        "SEND_TIMEOUT_MS",
        "EVENT_SUBSCRIBERS_MAX",
        "EVENT_SUBSCRIBERS_PER_TENANT_MAX",
        "EVENT_HEARTBEAT_MS",
        "EVENT_QUEUE_MAX",
        "RULESET_REFRESH_MS",
        "DB_CONNECTIONS_MAX",
        "DB_ACQUIRE_TIMEOUT_MS",
        "DB_BUSY_TIMEOUT_MS",
    ] {
        for bad in ["-1", "x", "1.5", "99999999999"] {
            assert!(refusal([(name, bad)], &dev()).starts_with(&format!("{name}: ")), "{name}={bad}");
        }
    }
}

#[test]
fn the_whole_configuration_can_be_logged_without_its_secrets() {
    let variables = Variables::from([
        ("JWT_SECRET", "hunter2-hunter2-hunter2-hunter2-hunter2"),
        ("ADMIN_KEY", "hunter2-hunter2-hunter2-hunter2-hunter2"),
    ]);
    let shown = format!("{:?} {variables:?}", Config::load(&variables, &Overrides::default()).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_server_drains_keeps_its_traffic_and_saves_nothing_unless_it_is_told_otherwise() {
    fn production<const N: usize>(variables: [(&str, &str); N]) -> Result<Config, ConfigError> {
        Config::load(&Variables::from(variables), &Overrides::default())
    }
    const SIGNED: (&str, &str) = ("JWT_SECRET", SECRET);
    let config = production([SIGNED]).unwrap();
    assert_eq!((config.http.drain, config.http.is_ready_when_degraded, config.rulesets.state_dir), (Duration::from_secs(2), true, None));
    assert_eq!(Config::load(&Variables::default(), &dev()).unwrap().http.drain, Duration::ZERO, "whoever presses Ctrl-C does not wait");
    let config = production([SIGNED, ("DRAIN_S", "15"), ("READY_WHEN_DEGRADED", "false"), ("STATE_DIR", "/var/lib/ff")]).unwrap();
    assert_eq!((config.http.drain, config.http.is_ready_when_degraded), (Duration::from_secs(15), false));
    assert_eq!(config.rulesets.state_dir.as_deref(), Some(std::path::Path::new("/var/lib/ff")));
    for (name, bad) in [("DRAIN_S", "-1"), ("DRAIN_S", "99999"), ("READY_WHEN_DEGRADED", "yes")] {
        assert!(production([SIGNED, (name, bad)]).unwrap_err().to_string().starts_with(name), "{name}={bad}");
    }
}
