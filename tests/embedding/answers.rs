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

#[test]
fn a_number_is_whole_however_it_is_written() {
    let given = |written: &str| {
        let text = format!(
            r#"{{"flags": [{{"key": "n", "type": "number", "state": "on", "variants": [{{"key": "v", "weight": 1, "value": {written}}}]}}]}}"#
        );
        let ruleset = FlagSet::from_json(&text).unwrap().compile(1).unwrap();
        let user = User::new("u").unwrap();
        let answer = ruleset.evaluate("n", &user, NOW).unwrap();
        let read = answer.as_i64();
        assert_eq!(
            answer.value().to_json().to_string(),
            serde_json::from_str::<serde_json::Value>(written).unwrap().to_string(),
            "shown as it was written"
        );
        assert_eq!(ruleset.i64_or("n", &user, NOW, 7), read.unwrap_or(7), "{written}");
        read
    };
    for (written, whole) in [
        ("1.0", 1),
        ("20.0", 20),
        ("1e3", 1_000),
        ("-0.0", 0),
        ("-2.5e1", -25),
        ("9007199254740993", 9_007_199_254_740_993),
        ("9223372036854775807", i64::MAX),
        ("9223372036854774784.0", 9_223_372_036_854_774_784),
        ("-9223372036854775808", i64::MIN),
        ("-9223372036854775808.0", i64::MIN),
    ] {
        assert_eq!(given(written), Some(whole), "{written}");
    }
    for written in ["0.5", "1e-3", "9223372036854775808", "9223372036854775808.0", "-9223372036854777856.0", "1e300", "-1e300"] {
        assert_eq!(given(written), None, "{written}");
    }
    let built = Flag::builder("n", FlagType::Number).on().variant("v", 1.0, 20.0).build().unwrap();
    let ruleset = FlagSet::new("acme".parse().unwrap()).flag(built).compile(1).unwrap();
    assert_eq!(ruleset.i64_or("n", &User::new("u").unwrap(), NOW, 7), 20);
}
