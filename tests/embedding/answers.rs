//! Answers as Rust types.

use ff_core::{Flag, FlagSet, FlagType, Ruleset, Timestamp, User};
use serde::Deserialize;
use serde_json::json;

const NOW: Timestamp = Timestamp::EPOCH;

fn ruleset() -> Ruleset {
    let one = |key: &str, kind, value| Flag::builder(key, kind).on().variant("v", 1.0, value).build().unwrap();
    FlagSet::new("acme".parse().unwrap())
        .flag(one("bool", FlagType::Boolean, json!(true)))
        .flag(one("text", FlagType::String, json!("dark_blue")))
        .flag(one("whole", FlagType::Number, json!(-3)))
        .flag(one("broken", FlagType::Number, json!(2.5)))
        .flag(one("object", FlagType::Json, json!({"retries": 3, "hosts": ["a", "b"]})))
        .compile(1)
        .unwrap()
}

#[derive(Debug, PartialEq, Deserialize)]
struct Upstream {
    retries: u32,
    hosts: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Colour {
    DarkBlue,
}

#[test]
fn a_value_is_asked_for_by_its_type() {
    let (ruleset, user) = (ruleset(), User::new("u").unwrap());
    let answer = |key: &str| ruleset.evaluate(key, &user, NOW).unwrap();
    assert_eq!(answer("bool").as_bool(), Some(true));
    assert_eq!(answer("text").as_str(), Some("dark_blue"));
    assert_eq!((answer("whole").as_i64(), answer("whole").as_f64()), (Some(-3), Some(-3.0)));
    assert_eq!((answer("broken").as_i64(), answer("broken").as_f64()), (None, Some(2.5)));
    assert_eq!((answer("bool").as_str(), answer("text").as_bool(), answer("object").as_f64()), (None, None, None));
}

#[test]
fn a_value_becomes_a_type_of_the_service() {
    let (ruleset, user) = (ruleset(), User::new("u").unwrap());
    let answer = |key: &str| ruleset.evaluate(key, &user, NOW).unwrap();
    let upstream: Upstream = answer("object").deserialize().unwrap();
    assert_eq!(upstream, Upstream { retries: 3, hosts: vec!["a".to_owned(), "b".to_owned()] });
    assert_eq!(answer("text").deserialize::<Colour>().unwrap(), Colour::DarkBlue);
    assert_eq!(answer("whole").deserialize::<i8>().unwrap(), -3);
    assert_eq!(answer("bool").deserialize::<Option<bool>>().unwrap(), Some(true));
    assert!(answer("object").deserialize::<Colour>().is_err());
    assert!(answer("whole").deserialize::<u8>().is_err());
}

#[test]
fn a_default_stands_in_for_a_flag_that_is_missing_or_of_another_type() {
    let (ruleset, user) = (ruleset(), User::new("u").unwrap());
    assert!(ruleset.bool_or("bool", &user, NOW, false));
    assert!(ruleset.bool_or("missing", &user, NOW, true) && !ruleset.bool_or("text", &user, NOW, false));
    assert_eq!(ruleset.str_or("text", &user, NOW, "x"), "dark_blue");
    assert_eq!((ruleset.str_or("missing", &user, NOW, "x"), ruleset.str_or("bool", &user, NOW, "x")), ("x", "x"));
    assert_eq!((ruleset.f64_or("broken", &user, NOW, 0.0), ruleset.f64_or("text", &user, NOW, 0.5)), (2.5, 0.5));
    assert_eq!((ruleset.i64_or("whole", &user, NOW, 0), ruleset.i64_or("broken", &user, NOW, 7)), (-3, 7));
}
