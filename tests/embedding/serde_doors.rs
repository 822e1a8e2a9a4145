//! serde in and out.

use ff_core::{Condition, Fault, Flag, FlagSet, FlagType, OwnedEvaluation, Reason, Ruleset, Segment, State, Timestamp, User, Weight};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::pointers;

/// What a service might read at its start.
#[derive(Debug, Deserialize)]
struct Configuration {
    name: String,
    flags: FlagSet,
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    assert_eq!(&serde_json::from_value::<T>(serde_json::to_value(value).unwrap()).unwrap(), value, "{text}");
    assert_eq!(&serde_json::from_reader::<_, T>(text.as_bytes()).unwrap(), value, "{text}");
}

fn flag_set() -> FlagSet {
    let document = json!({
        "tenant": "acme", "environment": "staging",
        "flags": [{
            "key": "f", "type": "json", "state": "on", "salt": "s", "variants": [{"key": "v", "weight": 1, "value": {"a": [1.5, null]}}],
            "rules": [{"id": "r", "when": {"segment": "s", "percentage": {"value": 3, "by": "org"}}, "rollout": {"variant": "v"}}],
        }],
        "segments": [{"key": "s", "criteria": {"attr": {"v": {"semver_gte": "2.1"}}}, "included": ["u"]}],
    });
    FlagSet::from_value(&document).unwrap()
}

#[test]
fn what_is_written_reads_back() {
    let set = flag_set();
    round_trip::<Flag>(&set.flags[0]);
    round_trip::<Segment>(&set.segments[0]);
    round_trip::<Condition>(set.segments[0].criteria());
    round_trip(&set);
    round_trip(&User::from_json(r#"{"id": "u", "attributes": {"a": {"b": {"c": 1}, "d": [true, "x"]}, "a.b": 2, "n": 1e300}}"#).unwrap());
    round_trip(&User::new("u").unwrap());
    round_trip(&Timestamp::from_millis(1_700_000_000_123));
    round_trip(&Weight::new(0.5).unwrap());
    round_trip(&Fault::new("/a/0", "bad"));
    Reason::ALL.iter().for_each(round_trip);
    [FlagType::Boolean, FlagType::String, FlagType::Number, FlagType::Json].iter().for_each(round_trip);
    [State::On, State::Off].iter().for_each(round_trip);
}

#[test]
fn documents_stand_inside_structs_of_the_service() {
    let text = json!({"name": "checkout", "flags": {"flags": [{"key": "f", "type": "boolean"}]}}).to_string();
    let read: Configuration = serde_json::from_str(&text).unwrap();
    assert_eq!((read.name.as_str(), read.flags.flags[0].key().as_str()), ("checkout", "f"));
    assert_eq!(read.flags.tenant, "default");
}

#[test]
fn a_serde_error_names_every_fault_and_its_pointer() {
    let text =
        r#"{"name": "x", "flags": {"flags": [{"key": "f", "type": "boolean", "state": "onn", "rules": [{"rollout": {}}]}], "flag": 1}}"#;
    let error = serde_json::from_str::<Configuration>(text).unwrap_err().to_string();
    for pointer in ["/flags/0/state: ", "/flags/0/rules/0/rollout: ", "/flag: "] {
        assert!(error.contains(pointer), "{pointer} in {error}");
    }
    assert!(serde_json::from_value::<Weight>(json!(-1)).unwrap_err().to_string().contains("≥ 0"));
    assert!(serde_json::from_str::<User>(r#"{"id": ""}"#).unwrap_err().to_string().contains("/id: "));
}

#[test]
fn a_set_has_every_fault_of_what_is_in_it() {
    let faults = FlagSet::from_json(r#"{"flags": [{"key": "f"}], "segments": {}, "tenant": "a b", "environments": 1}"#).unwrap_err();
    assert_eq!(pointers(&faults), ["/flags/0/variants", "/segments", "/tenant", "/environments"]);
    let unknown = r#"{"flags": [{"key": "f", "type": "boolean", "rules": [{"when": {"segment": "s"}, "rollout": {"variant": "on"}}]}]}"#;
    assert_eq!(pointers(&FlagSet::from_json(unknown).unwrap().compile(0).unwrap_err()), ["/flags/0/rules/0/when/segment"]);
    assert_eq!(FlagSet::from_json("{").unwrap_err().as_slice()[0].pointer, "");
    assert!(FlagSet::from_json("{}").unwrap().compile(0).unwrap().is_empty());
}

#[test]
fn an_evaluation_is_kept_sent_and_read_back() {
    let ruleset: Ruleset = flag_set().compile(3).unwrap();
    let user = User::new("u").unwrap().with("org", "o1");
    let evaluation = ruleset.evaluate("f", &user, Timestamp::EPOCH).unwrap();
    let owned = evaluation.into_owned();
    assert_eq!(serde_json::to_value(&owned).unwrap(), serde_json::to_value(evaluation).unwrap());
    round_trip(&owned);
    // An answer of the server may have more than this release knows of.
    let mut answer = serde_json::to_value(evaluation).unwrap();
    answer["revision"] = json!(7);
    answer["details"]["more"] = Value::Null;
    assert_eq!(serde_json::from_value::<OwnedEvaluation>(answer).unwrap(), owned);
    assert_eq!((owned.flag_key.as_str(), owned.value, owned.percentage_bucket.is_some()), ("f", json!({"a": [1.5, null]}), true));
}
