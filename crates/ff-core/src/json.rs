//! A JSON document as read from outside: borrowed where it can be, duplicate names kept so that they can be refused.
//!
//! The reader in front of the model. serde's derive stops at the first fault; a person who sends a flag wants all of
//! them, so documents are first read into this tree and then turned into the model by functions that go on after a fault.

mod reader;

use bumpalo::Bump;
use serde::de::Deserializer;
use serde_json::Number;

use crate::fault::{Findings, Place};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(JsonNumber),
    String(&'a str),
    Array(&'a [Json<'a>]),
    Object(&'a [(&'a str, Json<'a>)]),
}

/// A finite number in the form in which it was written. Unlike serde_json's it never owns memory, so that a whole tree can be
/// given up without a look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum JsonNumber {
    Unsigned(u64),
    Signed(i64),
    Double(f64),
}

/// JSON has no number that is not finite, and most writers put `null` in its place.
pub(crate) const NULL_FOR_NUMBERS: &str = "null, which also stands for NaN and infinity";

impl JsonNumber {
    fn finite(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Double(value))
    }

    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Unsigned(value) => value as f64,
            Self::Signed(value) => value as f64,
            Self::Double(value) => value,
        }
    }
}

impl From<JsonNumber> for Number {
    fn from(number: JsonNumber) -> Self {
        match number {
            JsonNumber::Unsigned(value) => value.into(),
            JsonNumber::Signed(value) => value.into(),
            // INVARIANT: it is finite, so there is such a number.
            JsonNumber::Double(value) => Self::from_f64(value).unwrap_or_else(|| 0.into()),
        }
    }
}

impl<'a> Json<'a> {
    /// Reads from serde's idea of a document.
    pub(crate) fn read<'de: 'a, D: Deserializer<'de>>(deserializer: D, arena: &'a Bump) -> Result<Self, D::Error> {
        reader::read(deserializer, arena)
    }

    /// Reads one document from JSON text.
    pub(crate) fn from_text(text: &'a str, arena: &'a Bump) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let json = Self::read(&mut deserializer, arena)?;
        deserializer.end().map(|()| json)
    }

    /// The same document as an owned tree. Of repeated names the last wins, as in every JSON library.
    pub(crate) fn to_value(self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(b),
            Json::Number(n) => Value::Number(n.into()),
            Json::String(s) => Value::String(s.to_owned()),
            Json::Array(items) => Value::Array(items.iter().copied().map(Json::to_value).collect()),
            Json::Object(fields) => Value::Object(fields.iter().map(|(k, v)| ((*k).to_owned(), v.to_value())).collect()),
        }
    }

    /// Whether lists and objects stand inside one another more than `levels` deep.
    pub(crate) fn is_deeper_than(&self, levels: usize) -> bool {
        let is_deeper = |inner: &Json<'_>| levels.checked_sub(1).is_none_or(|levels| inner.is_deeper_than(levels));
        match self {
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
            Json::Array(items) => levels == 0 || items.iter().any(is_deeper),
            Json::Object(fields) => levels == 0 || fields.iter().any(|(_, value)| is_deeper(value)),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        }
    }

    pub(crate) fn expected(&self, what: &str, at: &Place<'_>, found: &mut Findings) {
        found.add(at, format!("expected {what}, got {}", self.kind()));
    }

    /// As [`expected`](Self::expected), where a number would have done.
    pub(crate) fn expected_number(&self, what: &str, at: &Place<'_>, found: &mut Findings) {
        match self {
            Json::Null => found.add(at, format!("expected {what}, got {NULL_FOR_NUMBERS}")),
            // So the builders write them.
            Json::String(text @ ("NaN" | "inf" | "-inf")) => found.add(at, format!("expected {what}, got {text}")),
            _ => self.expected(what, at, found),
        }
    }

    /// A string that can be stored: PostgreSQL has no place for U+0000, so no document may hold it.
    pub(crate) fn string(&self, at: &Place<'_>, found: &mut Findings) -> Option<&str> {
        let Json::String(text) = self else {
            self.expected("a string", at, found);
            return None;
        };
        if text.contains('\0') {
            found.add(at, "must not contain the character U+0000");
            return None;
        }
        Some(text)
    }

    /// A string of at most `max` characters.
    pub(crate) fn short_string(&self, max: usize, at: &Place<'_>, found: &mut Findings) -> Option<String> {
        let text = self.string(at, found)?;
        // Bytes bound characters from above, so the count is only needed near the bound.
        if text.len() > max && text.chars().count() > max {
            found.add(at, format!("must have at most {max} characters, got {}", text.chars().count()));
            return None;
        }
        Some(text.to_owned())
    }

    /// Whether U+0000 stands anywhere inside.
    pub(crate) fn has_nul(&self) -> bool {
        match self {
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
            Json::String(text) => text.contains('\0'),
            Json::Array(items) => items.iter().any(Json::has_nul),
            Json::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || value.has_nul()),
        }
    }

    /// A key of the wanted kind.
    pub(crate) fn key<K: std::str::FromStr<Err = crate::key::KeyError>>(&self, at: &Place<'_>, found: &mut Findings) -> Option<K> {
        match self.string(at, found)?.parse() {
            Ok(key) => Some(key),
            Err(error) => {
                found.add(at, error.to_string());
                None
            }
        }
    }

    pub(crate) fn bool(&self, at: &Place<'_>, found: &mut Findings) -> Option<bool> {
        if let Json::Bool(value) = self {
            return Some(*value);
        }
        self.expected("a boolean", at, found);
        None
    }

    /// A finite number. (serde_json refuses `1e999` while it reads the text, so what is here is finite.)
    pub(crate) fn number(&self, at: &Place<'_>, found: &mut Findings) -> Option<f64> {
        if let Json::Number(number) = self {
            return Some(number.as_f64());
        }
        self.expected_number("a number", at, found);
        None
    }

    pub(crate) fn array(&self, at: &Place<'_>, found: &mut Findings) -> Option<&'a [Json<'a>]> {
        if let Json::Array(items) = self {
            return Some(items);
        }
        self.expected("a list", at, found);
        None
    }

    /// The fields of an object, each name once.
    pub(crate) fn fields(&self, at: &Place<'_>, found: &mut Findings) -> Option<&'a [(&'a str, Json<'a>)]> {
        let Json::Object(fields) = self else {
            self.expected("an object", at, found);
            return None;
        };
        // Up to a few dozen names the pairwise look is the fastest, and mostly there is nothing to look at; beyond that sort.
        let repeated = if fields.len() <= 32 {
            let mut seen = 0;
            let mut is_repeated = |i: usize, name: &str| {
                let mark = mark(name);
                let may_be_repeated = seen & mark != 0;
                seen |= mark;
                may_be_repeated && fields.iter().take(i).any(|(other, _)| *other == name)
            };
            fields.iter().enumerate().find(|(i, (name, _))| is_repeated(*i, name)).map(|(_, (name, _))| name)
        } else {
            let mut names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names.windows(2).find_map(|pair| match pair {
                [a, b] if a == b => Some(*a),
                _ => None,
            })
        };
        if let Some(name) = repeated {
            found.add(&at.field(name), "this name stands twice in one object");
        }
        Some(fields)
    }
}

/// One of 64 bits, by length and ends: names with different bits are different.
fn mark(name: &str) -> u64 {
    let [first, last] = [name.as_bytes().first(), name.as_bytes().last()].map(|byte| usize::from(*byte.unwrap_or(&0)));
    1 << ((name.len() * 4 + first + last * 2) % 64)
}

/// Reports a field that nobody reads, with the names that would have been.
pub(crate) fn unknown(name: &str, known: &[&str], at: &Place<'_>, found: &mut Findings) {
    let listed = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    found.add(&at.field(name), format!("unknown field; known here: {listed}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_strings_are_borrowed_and_numbers_keep_their_form() {
        let (text, arena) =
            (r#"{"a":"x","b":[3.0,10,null,true,[-7,18446744073709551615,-9223372036854775808,{"c":[]}],0.1]}"#, Bump::new());
        let json = Json::from_text(text, &arena).unwrap();
        let Json::Object(fields) = &json else { panic!("an object") };
        let Json::String(x) = fields[0].1 else { panic!("a string") };
        assert!(text.as_bytes().as_ptr_range().contains(&x.as_ptr()));
        assert_eq!(json.to_value().to_string(), text);
    }

    #[test]
    fn a_number_in_the_form_of_arbitrary_precision_is_a_number() {
        let wrapped = serde_json::json!({"a": {"$serde_json::private::Number": "30.5"}});
        let arena = Bump::new();
        let Json::Object(fields) = Json::read(&wrapped, &arena).unwrap() else { panic!("an object") };
        assert_eq!(fields[0].1, Json::Number(JsonNumber::Double(30.5)));
    }

    #[test]
    fn depth_is_counted_in_lists_and_objects() {
        let arena = Bump::new();
        let json = Json::from_text(r#"[{"a":[1]}]"#, &arena).unwrap();
        assert!(json.is_deeper_than(2) && !json.is_deeper_than(3));
        assert!(!Json::Null.is_deeper_than(0));
    }

    #[test]
    fn a_repeated_name_is_found_in_small_and_large_objects() {
        for n in [2, 100] {
            let body: Vec<_> = (0..n).map(|i| format!("\"k{i}\":1")).chain(["\"k0\":2".to_owned()]).collect();
            let text = format!("{{{}}}", body.join(","));
            let arena = Bump::new();
            let json = Json::from_text(&text, &arena).unwrap();
            let mut found = Findings::default();
            json.fields(&Place::Root, &mut found);
            assert_eq!(found.into_result().unwrap_err().as_slice()[0].pointer, "/k0");
        }
    }

    #[test]
    fn names_of_one_mark_are_told_apart() {
        assert_eq!(mark("ad"), mark("cc"));
        let pointers = |text: &str| {
            let (arena, mut found) = (Bump::new(), Findings::default());
            Json::from_text(text, &arena).unwrap().fields(&Place::Root, &mut found);
            found.into_result().err().map(|faults| faults.to_string())
        };
        assert_eq!(pointers(r#"{"ad":1,"cc":2,"":3}"#), None);
        assert!(pointers(r#"{"ad":1,"cc":2,"cc":3}"#).unwrap().starts_with("/cc: "));
        assert!(pointers(r#"{"":1,"ad":2,"cc":3,"":4}"#).unwrap().starts_with("/: "));
    }

    #[test]
    fn lists_inside_one_another_end_where_they_end() {
        let text = r#"[1,[2,[3,{"a":[4,{"b":5}],"c":{}}],6],[],{"d":[[7]],"e":8},9]"#;
        let arena = Bump::new();
        assert_eq!(Json::from_text(text, &arena).unwrap().to_value().to_string(), text);
    }
}
