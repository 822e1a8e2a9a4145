use serde_json::json;

use super::*;

fn read(body: &str) -> Result<BatchRequest<'_>, Problem> {
    BatchRequest::read(body.as_bytes())
}

fn keys(request: &BatchRequest<'_>) -> Option<Vec<String>> {
    request.flag_keys.as_ref().map(|keys| keys.iter().map(|key| key.as_ref().to_owned()).collect())
}

#[test]
fn a_batch_that_is_read_at_once_is_what_its_tree_says() {
    for body in [
        r#"{"user":{"id":"u"}}"#,
        r#"{"flag_keys":null,"at":null,"user":{"id":"u","attributes":null}}"#,
        r#" { "flag_keys" : [ "a", "b\u0041\n", "a", "" ] , "user":{"attributes":{"l":[1,"x",null]},"id":"\u00fc\""},"at":"2026-01-01T00:00:00Z"} "#,
        r#"{"flag_keys":[],"user":{"id":"u","attributes":{"a":true,"n":-1.5e3}}}"#,
    ] {
        let at_once = BatchRequest::read_at_once(body.as_bytes()).unwrap_or_else(|| panic!("{body}"));
        let document = read_json_body(body.as_bytes()).unwrap();
        let tree = BatchRequest::read_tree(&document).unwrap();
        assert_eq!((keys(&at_once), &at_once.user, at_once.at), (keys(&tree), &tree.user, tree.at), "{body}");
    }
}

#[test]
fn what_cannot_be_read_at_once_is_judged_by_its_tree() {
    let too_many = json!({"flag_keys": vec!["k"; BATCH_MAX + 1], "user": {"id": "u"}}).to_string();
    let deep = format!(r#"{{"user":{{"id":"u","attributes":{{"l":{}1{}}}}}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, kind) in [
        (r#"{"flag_keys":["a"]}"#, ProblemType::InvalidBody),
        (r#"{"flag_keys":["a",1],"user":{"id":"u"}}"#, ProblemType::InvalidBody),
        (r#"{"user":{"id":"u"},"user":{"id":"u"}}"#, ProblemType::InvalidBody),
        (r#"{"user":{"id":"u","attributes":{"l":[{"a":1,"a":2}]}}}"#, ProblemType::InvalidBody),
        (r#"{"user":{"id":""},"flag_key":"a"}"#, ProblemType::InvalidBody),
        (r#"{"user":{"id":"u"},"at":"soon"}"#, ProblemType::InvalidBody),
        (too_many.as_str(), ProblemType::InvalidBody),
        (deep.as_str(), ProblemType::MalformedBody),
        (r#"{"user":{"id":"u","attributes":{"n":1e999}}}"#, ProblemType::MalformedBody),
        (r#"{"user":{"id":"u"}"#, ProblemType::MalformedBody),
    ] {
        assert_eq!(read(body).map(|_| ()).unwrap_err().kind(), kind, "{body}");
    }
    // Objects in attributes: no fault, but read by the tree.
    let nested = r#"{"user":{"id":"u","attributes":{"o":{"a":1},"p":{"a":2}}}}"#;
    assert!(BatchRequest::read_at_once(nested.as_bytes()).is_none());
    assert_eq!(
        read(nested).unwrap().user,
        User::new("u")
            .unwrap()
            .with("o", ff_core::AttributeValue::Object)
            .with("p", ff_core::AttributeValue::Object)
            .with("o.a", 1)
            .with("p.a", 2)
    );
}
