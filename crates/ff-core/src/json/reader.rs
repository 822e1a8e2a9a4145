//! From text, or whatever serde reads, to the tree.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::Vec;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Json, JsonNumber};

/// Reads one document.
pub(super) fn read<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D, arena: &'a Bump) -> Result<Json<'a>, D::Error> {
    let mut open = Open { items: Vec::with_capacity_in(OPEN, arena), fields: Vec::with_capacity_in(OPEN, arena) };
    Reader { arena, open: &mut open }.deserialize(deserializer)
}

/// Reads into an arena, which takes all lists of a document in one piece and gives them back at once: with an allocation
/// for each of them, reading takes half as long again.
struct Reader<'a, 's> {
    arena: &'a Bump,
    open: &'s mut Open<'a>,
}

/// What was read of the lists and objects that have not ended yet, those inside after those around them. Each is laid down
/// when it ends and its length is known.
struct Open<'a> {
    items: Vec<'a, Json<'a>>,
    fields: Vec<'a, (&'a str, Json<'a>)>,
}

/// Room for as many items and fields as most documents have open at once.
const OPEN: usize = 32;

/// A text: borrowed where the input lets it.
#[derive(Clone, Copy)]
struct TextReader<'a>(&'a Bump);

impl<'de: 'a, 'a> DeserializeSeed<'de> for TextReader<'a> {
    type Value = &'a str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'a str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for TextReader<'a> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<&'a str, E> {
        Ok(text)
    }
    fn visit_str<E>(self, text: &str) -> Result<&'a str, E> {
        Ok(self.0.alloc_str(text))
    }
}

impl<'a> Reader<'a, '_> {
    /// A reader of what is inside.
    fn inner(&mut self) -> Reader<'a, '_> {
        Reader { arena: self.arena, open: self.open }
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Reader<'a, '_> {
    type Value = Json<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Reader<'a, '_> {
    type Value = Json<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Json<'a>, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json<'a>, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json<'a>, E> {
        Ok(Json::Number(JsonNumber::Signed(value)))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json<'a>, E> {
        Ok(Json::Number(JsonNumber::Unsigned(value)))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json<'a>, E> {
        // serde_json never gives a non-finite number; another format that does gives a value that fits nowhere.
        Ok(JsonNumber::finite(value).map_or(Json::Null, Json::Number))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'a>, E> {
        Ok(Json::String(text))
    }
    fn visit_str<E>(self, text: &str) -> Result<Json<'a>, E> {
        Ok(Json::String(self.arena.alloc_str(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Json<'a>, A::Error> {
        let start = self.open.items.len();
        while let Some(item) = seq.next_element_seed(self.inner())? {
            self.open.items.push(item);
        }
        Ok(Json::Array(laid_down(self.arena, &mut self.open.items, start)))
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Json<'a>, A::Error> {
        let start = self.open.fields.len();
        while let Some(name) = map.next_key_seed(TextReader(self.arena))? {
            let value = map.next_value_seed(self.inner())?;
            // With serde_json's feature `arbitrary_precision`, which any crate of a build may turn on for all, a number that
            // is no integer comes as an object with this one name.
            if let ("$serde_json::private::Number", Json::String(text)) = (name, value)
                && self.open.fields.len() == start
            {
                let number = text.parse().ok().and_then(JsonNumber::finite);
                return number.map(Json::Number).ok_or_else(|| serde::de::Error::custom("number out of range"));
            }
            self.open.fields.push((name, value));
        }
        Ok(Json::Object(laid_down(self.arena, &mut self.open.fields, start)))
    }
}

/// Takes from `open` what began at `start`, for good.
fn laid_down<'a, T: Copy>(arena: &'a Bump, open: &mut Vec<'a, T>, start: usize) -> &'a [T] {
    let ended = arena.alloc_slice_copy(open.get(start..).unwrap_or_default());
    open.truncate(start);
    ended
}
