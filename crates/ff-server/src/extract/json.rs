//! JSON in which no name stands twice.
//!
//! Of two values under one name a JSON library keeps the last, so a slip of the pen would silently lose the first. Bodies
//! are read into a `Value` here and nowhere else, and each repeated name becomes a fault with its pointer.

use std::cell::RefCell;
use std::fmt;

use ff_core::Fault;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::{Problem, ProblemType};

/// The most repeated names that are listed.
const FAULTS_MAX: usize = 100;

/// Reads a body.
///
/// # Errors
/// 400 where it is no JSON or nested more than 127 levels deep, 422 where a name stands twice in one object.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Problem> {
    let (value, faults) = read_json(bytes).map_err(|error| Problem::new(ProblemType::MalformedBody, format!("not JSON: {error}")))?;
    if faults.is_empty() { Ok(value) } else { Err(Problem::invalid_body(faults)) }
}

/// Reads a document, with a fault for each name that stands twice.
///
/// # Errors
/// It is no JSON.
fn read_json(bytes: &[u8]) -> Result<(Value, Vec<Fault>), serde_json::Error> {
    let found = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let document = Document { at: &Place::Root, found: &found };
    let value = document.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value))?;
    Ok((value, found.into_inner()))
}

/// Where in the document: links on the stack, written out only for a fault.
enum Place<'a> {
    Root,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(parent, name) => write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1")),
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

struct Document<'a> {
    at: &'a Place<'a>,
    found: &'a RefCell<Vec<Fault>>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Document { at: &Place::Item(self.at, items.len()), found: self.found })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let at = Place::Field(self.at, &name);
            if fields.contains_key(&name) {
                let mut found = self.found.borrow_mut();
                if found.len() == FAULTS_MAX {
                    return Err(A::Error::custom("too many names stand twice in one object"));
                }
                found.push(Fault::new(at.to_string(), "this name stands twice in one object"));
            }
            let value = map.next_value_seed(Document { at: &at, found: self.found })?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in [r#"{"a":[1,-2,3.0,1e3,"x",null,true,{"b":{}}],"ü":"é\u0041"}"#, "[]", "7", "null", r#"" ""#] {
            assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
        for bad in ["", "{", "{}x", "{'a':1}", "[1,]", "1e999", "NaN", "\u{feff}{}", &"[".repeat(200)] {
            assert_eq!(read(bad.as_bytes()).unwrap_err().kind(), ProblemType::MalformedBody, "{bad}");
        }
        assert_eq!(read(b"\"\xff\"").unwrap_err().kind(), ProblemType::MalformedBody);
    }

    #[test]
    fn a_repeated_name_is_a_fault_with_its_pointer() {
        let problem = read(br#"{"rules":[{"id":"a","id":"b"}],"x/y":1,"x/y":2}"#).unwrap_err();
        assert_eq!(problem.kind(), ProblemType::InvalidBody);
        let body: Value = serde_json::from_slice(&problem_bytes(&problem)).unwrap();
        let pointers: Vec<_> = body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
        assert_eq!(pointers, ["/rules/0/id", "/x~1y"]);
    }

    fn problem_bytes(problem: &Problem) -> actix_web::web::Bytes {
        use actix_web::body::MessageBody;
        problem.response(None).into_body().try_into_bytes().unwrap()
    }
}
