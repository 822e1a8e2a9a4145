//! Users in code.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ff_core::{AttributeValue, Timestamp, User};
use serde::Serialize;
use serde_json::json;

use crate::pointers;

#[derive(Serialize)]
struct Account {
    plan: &'static str,
    age: Option<u8>,
    beta: bool,
    company: Company,
    roles: Vec<&'static str>,
}

#[derive(Serialize)]
struct Company {
    size: u32,
}

#[test]
fn a_struct_of_the_service_is_a_users_attributes() {
    let account = Account { plan: "pro", age: None, beta: true, company: Company { size: 12 }, roles: vec!["admin", "dev"] };
    let user = User::from_attributes("u", &account).unwrap();
    assert_eq!(user.attribute("plan"), Some(&"pro".into()));
    assert_eq!(user.attribute("age"), None);
    assert_eq!(user.attribute("company.size"), Some(&12.into()));
    assert_eq!(user.attribute("roles"), Some(&["admin", "dev"].into()));
    assert_eq!(User::from_attributes("u", &()).unwrap(), User::new("u").unwrap());
}

#[test]
fn attributes_that_are_none_are_faults() {
    assert_eq!(pointers(&User::from_attributes("", &json!({"a": "x".repeat(5_000)})).unwrap_err()), ["/id", "/attributes/a"]);
    assert_eq!(pointers(&User::from_attributes("u", &[1, 2]).unwrap_err()), ["/attributes"]);
    let no_json = BTreeMap::from([(vec![1], 1)]);
    assert_eq!(pointers(&User::from_attributes("u", &no_json).unwrap_err()), ["/attributes"]);
}

#[test]
fn everyday_types_are_attributes() {
    let text = |text: &str| AttributeValue::from(text);
    assert_eq!(AttributeValue::from(&"x".to_owned()), text("x"));
    assert_eq!(AttributeValue::from(Cow::Borrowed("x")), text("x"));
    assert_eq!(AttributeValue::from(Timestamp::EPOCH), text("1970-01-01T00:00:00Z"));
    for number in [AttributeValue::from(7_i64), 7_u64.into(), 7_usize.into(), 7_u8.into(), 7_f32.into(), 7_i16.into()] {
        assert_eq!(number, AttributeValue::Number(7.0));
    }
    let list = AttributeValue::List(vec![1.into(), 2.into()]);
    assert_eq!(AttributeValue::from(vec![1, 2]), list);
    assert_eq!(AttributeValue::from([1, 2].as_slice()), list);
    assert_eq!((1..3).collect::<AttributeValue>(), list);
}

#[test]
fn what_is_not_known_is_no_attribute() {
    let user = User::new("u").unwrap().with_some("plan", Some("pro")).with_some("age", None::<u8>);
    assert_eq!(user.attributes().collect::<Vec<_>>(), [("plan", &"pro".into())]);
}

#[test]
fn an_attribute_that_replaces_an_object_replaces_what_lay_under_it() {
    let read = |attributes| User::from_value(&json!({"id": "u", "attributes": attributes})).unwrap();
    let nested = || read(json!({"a": {"b": {"c": 1}, "d": 2}, "ab": 3}));
    assert_eq!(nested().with("a", 5), read(json!({"a": 5, "ab": 3})));
    assert_eq!(nested().with("a.b", 5), read(json!({"a": {"b": 5, "d": 2}, "ab": 3})));
    assert_eq!(nested().with("a", AttributeValue::Object), read(json!({"a": {}, "ab": 3})));
    assert_eq!(nested().with("a.d", 5), read(json!({"a": {"b": {"c": 1}, "d": 5}, "ab": 3})));
    // Names with a dot of their own lie under nothing.
    let literal = || read(json!({"a": 5, "a.b": 1}));
    assert_eq!(User::new("u").unwrap().with("a", 5).with("a.b", 1), literal());
    assert_eq!(literal().with("a", 6), read(json!({"a": 6, "a.b": 1})));
}

#[test]
fn a_number_that_is_not_finite_is_no_attribute() {
    let user = || User::new("u").unwrap();
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(user().with("n", number), user());
        assert_eq!(user().with("n", 1).with("n", number), user(), "as `null` in JSON");
        assert_eq!(user().with("n", f32::NAN).with_some("n", Some(number)), user());
        assert_eq!(user().with("l", [1.0, number, 2.0]), user().with("l", [1, 2]));
    }
}

#[test]
fn what_is_built_in_code_reads_back_from_its_json() {
    let nested = AttributeValue::List(vec![1.into(), f64::NAN.into(), ["x"].into(), AttributeValue::Object, "y".into()]);
    for user in [
        User::new("\u{1}\u{7f} \"ü\"").unwrap(),
        User::new("u").unwrap().with("a", 5).with("a.b", "x\0y").with("", true).with("n\0", -0.0),
        User::new("u").unwrap().with("n", f64::NAN).with("m", f64::MAX).with("l", nested).with("e", [0; 0]),
        User::new("u").unwrap().with("o", AttributeValue::Object).with("o.p", 1).with("t", Timestamp::EPOCH),
    ] {
        let text = serde_json::to_string(&user).unwrap();
        assert_eq!(User::from_json(&text).as_ref(), Ok(&user), "{text}");
        assert_eq!(user, user.clone());
    }
}

#[test]
fn an_id_is_refused_in_code_as_it_is_in_json() {
    for id in ["", "a\0b", &"x".repeat(1_025)] {
        let built = User::new(id).unwrap_err();
        assert_eq!(User::from_value(&json!({ "id": id })).unwrap_err(), built, "{id:?}");
        assert_eq!(User::from_attributes(id, &()).unwrap_err(), built, "{id:?}");
    }
}
