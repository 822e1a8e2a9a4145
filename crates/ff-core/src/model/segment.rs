//! Segments: named, reusable conditions with lists of exceptions.

use serde::Serialize;
use serde_json::Value;

use super::condition::{Condition, keep};
use super::flag::READ_ONLY;
use super::scalar::list;
use crate::fault::{Faults, Findings, Place};
use crate::json::{Json, unknown};
use crate::key::SegmentKey;
use crate::limits::{DESCRIPTION_LENGTH_MAX, MEMBERS_MAX, NAME_LENGTH_MAX, USER_ID_LENGTH_MAX};

/// A set of users with a name. Excluded beats included beats criteria.
///
/// Made by reading JSON or by [`Segment::builder`], changed by [`Segment::revised`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// Its name in the tenant.
    pub(crate) key: SegmentKey,
    /// For people; the key, where none is given.
    pub(crate) name: String,
    /// For people.
    pub(crate) description: String,
    /// Who belongs to it, the lists aside. Left out it is `{"any": []}`, nobody: a segment that was given as a list of users
    /// must not turn out to be everyone. `{}` is everyone.
    pub(crate) criteria: Condition,
    /// Ids of users who belong to it whatever the criteria say.
    pub(crate) included: Vec<String>,
    /// Ids of users who do not belong to it whatever else says so.
    pub(crate) excluded: Vec<String>,
}

const FIELDS: [&str; 6] = ["key", "name", "description", "criteria", "included", "excluded"];

impl Segment {
    /// Reads a segment from JSON text.
    ///
    /// # Errors
    /// Text that is not JSON, or every fault of the document with its pointer.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        crate::read::from_text(text, Self::read)
    }

    /// Reads a segment from a JSON value.
    ///
    /// # Errors
    /// Every fault of the document with its pointer.
    pub fn from_value(value: &Value) -> Result<Self, Faults> {
        crate::read::from_value(value, Self::read)
    }

    /// Its name in the tenant.
    pub fn key(&self) -> &SegmentKey {
        &self.key
    }

    /// What people call it; the key, where no name was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Who belongs to it, the lists aside.
    pub fn criteria(&self) -> &Condition {
        &self.criteria
    }

    /// Ids of users who belong to it whatever the criteria say.
    pub fn included(&self) -> &[String] {
        &self.included
    }

    /// Ids of users who do not belong to it whatever else says so.
    pub fn excluded(&self) -> &[String] {
        &self.excluded
    }

    /// This segment with the fields replaced that `changes` names; `null` gives a field its default back.
    ///
    /// # Errors
    /// Every fault of the changed document, and a `key` that differs.
    pub fn revised(&self, changes: &Value) -> Result<Self, Faults> {
        let (Value::Object(changes), Value::Object(mut merged)) = (changes, self.to_value()) else {
            return Self::from_value(changes);
        };
        merged.extend(changes.clone());
        crate::read::from_value(&Value::Object(merged), |json, at, found| {
            let segment = Self::read(json, at, found)?;
            if segment.key != self.key {
                found.add(&at.field("key"), format!("a segment's key cannot be changed; this one is `{}`", self.key));
            }
            Some(segment)
        })
    }

    /// The segment in its JSON form, without the read-only fields.
    pub fn to_value(&self) -> Value {
        // A struct of text, lists and conditions always becomes JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let mut is_right = true;
        let (mut key, mut name, mut description, mut criteria, mut included, mut excluded) = (None, None, None, None, None, None);
        let fields = json.fields(at, found)?;
        for (field, json) in fields {
            let here = &at.field(field);
            is_right &= match (*field, json) {
                (name, Json::Null) if FIELDS.contains(&name) => true,
                ("key", json) => keep(&mut key, json.key(here, found)),
                ("name", json) => keep(&mut name, json.short_string(NAME_LENGTH_MAX, here, found)),
                ("description", json) => keep(&mut description, json.short_string(DESCRIPTION_LENGTH_MAX, here, found)),
                ("criteria", json) => keep(&mut criteria, Condition::read(json, here, found)),
                ("included", json) => keep(&mut included, read_members(json, here, found)),
                ("excluded", json) => keep(&mut excluded, read_members(json, here, found)),
                (name, _) if READ_ONLY.contains(&name) => true,
                (name, _) => {
                    unknown(name, &FIELDS, at, found);
                    false
                }
            };
        }
        if !fields.iter().any(|(name, value)| *name == "key" && *value != Json::Null) {
            found.add(&at.field("key"), "is required");
        }
        if let Some(criteria) = &criteria {
            Condition::check_size(std::iter::once(criteria), &at.field("criteria"), found);
        }
        if !is_right {
            return None;
        }
        let key: SegmentKey = key?;
        Some(Self {
            name: name.unwrap_or_else(|| key.as_str().to_owned()),
            key,
            description: description.unwrap_or_default(),
            criteria: criteria.unwrap_or_else(Condition::nobody),
            included: included.unwrap_or_default(),
            excluded: excluded.unwrap_or_default(),
        })
    }
}

fn read_members(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Vec<String>> {
    list(json.array(at, found)?, MEMBERS_MAX, at, found, |json, at, found| {
        let id = json.string(at, found)?;
        if id.is_empty() || id.len() > USER_ID_LENGTH_MAX {
            found.add(at, format!("a user id must have 1 to {USER_ID_LENGTH_MAX} bytes"));
            return None;
        }
        Some(id.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_segment_of_listed_users_is_nobody_else() {
        let listed = Segment::from_value(&json!({"key": "vips", "included": ["ada"]})).unwrap();
        assert_eq!(listed.to_value()["criteria"], json!({"any": []}));
        let all = listed.revised(&json!({"criteria": {}})).unwrap();
        assert_eq!(all.to_value()["criteria"], json!({}));
        assert_eq!(all.revised(&json!({"criteria": null})).unwrap(), listed);
    }

    #[test]
    fn a_revision_keeps_what_it_is_not_given_and_the_key() {
        let before = Segment::from_value(&json!({"key": "s", "name": "S", "excluded": ["x"], "criteria": {"attr": {"a": 1}}})).unwrap();
        let after = before.revised(&json!({"description": "d"})).unwrap();
        assert_eq!(after, Segment { description: "d".to_owned(), ..before.clone() });
        assert_eq!(before.revised(&json!({"key": "t"})).unwrap_err().as_slice()[0].pointer, "/key");
        assert_eq!(before.revised(&json!([])).unwrap_err().as_slice()[0].pointer, "");
        let faults = Segment::from_value(&json!({"included": ["", 1], "criterias": {}})).unwrap_err();
        let pointers: Vec<_> = faults.as_slice().iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/criterias", "/included/0", "/included/1", "/key"]);
    }
}
