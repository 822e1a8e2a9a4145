//! Where a rollback goes back to.

use ff_core::Fault;
use ff_store::{At, Revision, Version};
use serde_json::Value;

/// Reads `{"revision": n}` or `{"version": n}`.
///
/// # Errors
/// Every fault at once.
pub(super) fn read(body: &Value) -> Result<At, Vec<Fault>> {
    let fault = |pointer: String, message: &str| Fault::new(pointer, message);
    let Value::Object(fields) = body else {
        return Err(vec![fault(String::new(), "expected an object with `revision` or `version`")]);
    };
    let mut faults = Vec::new();
    let mut found = Vec::new();
    for (name, value) in fields {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let number = value.as_i64().filter(|number| *number >= 1);
        match (name.as_str(), number) {
            ("revision", Some(number)) => found.push(At::Revision(Revision::new(number))),
            ("version", Some(number)) => found.push(At::Version(Version::new(number))),
            ("revision" | "version", None) => faults.push(fault(pointer, "expected a whole number ≥ 1")),
            _ => faults.push(fault(pointer, "unknown field; known here: `revision`, `version`")),
        }
    }
    match found.as_slice() {
        [at] if faults.is_empty() => Ok(*at),
        _ if faults.is_empty() => Err(vec![fault(String::new(), "expected either `revision` or `version`")]),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_of_two_numbers_is_read() {
        assert_eq!(read(&json!({"revision": 7})), Ok(At::Revision(Revision::new(7))));
        assert_eq!(read(&json!({"version": 1})), Ok(At::Version(Version::new(1))));
        for bad in [
            json!({}),
            json!(7),
            json!({"revision": 1, "version": 1}),
            json!({"version": 0}),
            json!({"version": 1.5}),
            json!({"version": "1"}),
            json!({"version": 1, "x": 1}),
        ] {
            assert_eq!(read(&bad).unwrap_err().len(), 1, "{bad}");
        }
    }
}
