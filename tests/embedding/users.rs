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
