//! Users: who a flag is evaluated for.

mod attributes;
mod buckets;
mod convert;
mod list;
mod texts;

use serde::Serialize;
use serde_json::Value;

pub(crate) use attributes::Attribute;
use attributes::Attributes;
pub(crate) use list::List;
pub(crate) use texts::Texts;

use crate::fault::{Faults, Findings, Place};
use crate::fold::{Foldable, folded_beforehand};
use crate::json::{Json, unknown};
use crate::limits::{
    ATTRIBUTE_DEPTH_MAX, ATTRIBUTE_LENGTH_MAX, ATTRIBUTE_LIST_LENGTH_MAX, ATTRIBUTE_LIST_MAX, ATTRIBUTE_NAME_LENGTH_MAX, ATTRIBUTES_MAX,
    USER_ID_LENGTH_MAX,
};
use crate::model::plain_number;

/// A user: an id (OpenFeature's targeting key) and attributes.
///
/// Building one prepares it for evaluation: nested attributes are spread out under their dotted paths, and names are
/// hashed. One user serves any number of evaluations, in any ruleset, from any thread.
#[derive(Clone, PartialEq)]
pub struct User {
    id: Box<str>,
    /// Where folding the id is work.
    folded_id: Option<Box<str>>,
    attributes: Attributes,
}

/// A user's attribute.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AttributeValue {
    /// `true` or `false`.
    Bool(bool),
    /// A number, as an IEEE double.
    Number(f64),
    /// A text.
    String(Box<str>),
    /// Several values: a test matches where one of them does.
    List(Vec<AttributeValue>),
    /// A nested object: it exists, and its content is found under dotted paths.
    Object,
}

/// An attribute's name with its hash, computed once when a condition is compiled.
#[derive(Debug, Clone)]
pub(crate) struct AttributeName {
    hash: u64,
    text: Box<str>,
}

impl AttributeName {
    pub(crate) fn new(text: &str) -> Self {
        Self { hash: attributes::hash(text), text: text.into() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl User {
    /// A user without attributes.
    ///
    /// # Errors
    /// An id that is empty, longer than [`USER_ID_LENGTH_MAX`] bytes, or holds the character U+0000.
    pub fn new(id: &str) -> Result<Self, Faults> {
        let mut found = Findings::default();
        let user = Self::with_id(&Json::String(id), &Place::Root.field("id"), &mut found);
        found.result(user)
    }

    fn with_id(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let id = json.string(at, found)?;
        if !(1..=USER_ID_LENGTH_MAX).contains(&id.len()) {
            found.add(at, format!("must have 1 to {USER_ID_LENGTH_MAX} bytes, got {}", id.len()));
            return None;
        }
        Some(Self { id: id.into(), folded_id: folded_beforehand(id), attributes: Attributes::default() })
    }

    /// This user with one attribute more; the name is taken as it is, and replaces an attribute of the same name. Where that is an
    /// object, all that lies under it goes as well. `a.b` beside an `a` that is no object is a name of its own, as it is in JSON.
    ///
    /// What JSON cannot hold is no value: a number that is not finite is no attribute, as `null` is none, and counts for nothing in a list;
    /// nor do lists and objects in a list.
    ///
    /// For values of your own: nothing is held against the bounds in [`crate::limits`]. What comes from outside goes through
    /// [`from_json`](Self::from_json), [`from_value`](Self::from_value) or [`from_attributes`](Self::from_attributes).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<AttributeValue>) -> Self {
        let Some(value) = value.into().into_held() else { return self.without(name) };
        if let Some(AttributeValue::Object) = self.attributes.put(name, value) {
            self.attributes.retain(|other| !lies_under(other, name));
        }
        self
    }

    /// This user with one attribute more, if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<AttributeValue>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A user whose attributes are the fields of a struct or the entries of a map. Nested ones are found under dotted paths,
    /// and `None` is no attribute.
    ///
    /// # Errors
    /// Every fault with its pointer: a bad id, attributes that are no JSON object, more than the bounds in [`crate::limits`].
    pub fn from_attributes(id: &str, attributes: &impl Serialize) -> Result<Self, Faults> {
        let attributes = serde_json::to_value(attributes).map_err(|error| Faults::one("/attributes", error.to_string()))?;
        Self::from_value(&serde_json::json!({"id": id, "attributes": attributes}))
    }

    /// This user without an attribute; where it is an object, without all that lies under it.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        let is_object = self.attribute(name) == Some(&AttributeValue::Object);
        self.attributes.retain(|other| other != name && !(is_object && lies_under(other, name)));
        self
    }

    /// Another user with the same attributes. The id is taken as it is.
    pub(crate) fn renamed(mut self, id: &str) -> Self {
        (self.id, self.folded_id) = (id.into(), folded_beforehand(id));
        self
    }

    /// The same user without any attribute.
    pub(crate) fn bare(&self) -> Self {
        Self { id: self.id.clone(), folded_id: self.folded_id.clone(), attributes: Attributes::default() }
    }

    /// How many attributes there are, those of nested objects counted.
    pub(crate) fn attribute_count(&self) -> usize {
        self.attributes.len()
    }

    /// Reads `{"id": …, "attributes": {…}}` from JSON text.
    ///
    /// # Errors
    /// Text that is not JSON, or every fault of the document with its pointer.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        crate::read::from_text(text, Self::read)
    }

    /// Reads `{"id": …, "attributes": {…}}`.
    ///
    /// # Errors
    /// Every fault of the document with its pointer: no id, another field, more than the bounds in [`crate::limits`].
    pub fn from_value(value: &Value) -> Result<Self, Faults> {
        crate::read::from_value(value, Self::read)
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The attribute of that name or dotted path.
    pub fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        self.attributes.get(attributes::hash(name), name).map(|attribute| &attribute.value)
    }

    /// The id, as tests look at it.
    #[inline]
    pub(crate) fn id_text(&self) -> Foldable<'_> {
        Foldable { plain: &self.id, folded: self.folded_id.as_deref() }
    }

    /// All attributes with their names, in no particular order. What lies in nested objects stands under its dotted path.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.attributes.iter()
    }

    #[inline]
    pub(crate) fn get(&self, name: &AttributeName) -> Option<&Attribute> {
        self.attributes.get(name.hash, &name.text)
    }

    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let (mut id, mut attributes) = (None, None);
        for (name, json) in json.fields(at, found)? {
            match *name {
                "id" => id = Some(Self::with_id(json, &at.field(name), found)),
                "attributes" => attributes = Some(json),
                _ => unknown(name, &["id", "attributes"], at, found),
            }
        }
        if id.is_none() {
            found.add(&at.field("id"), "is required");
        }
        // Without an id the attributes are still read, for their faults.
        let mut user = id.flatten().or_else(|| Self::new("-").ok())?;
        if let Some(attributes) = attributes.filter(|json| **json != Json::Null) {
            let at = &at.field("attributes");
            let mut spread = Vec::new();
            spread_out(&mut spread, "", attributes, 0, at, found);
            if spread.len() > ATTRIBUTES_MAX {
                found.add(at, format!("must have at most {ATTRIBUTES_MAX} attributes, those of nested objects counted"));
            }
            user.attributes = Attributes::new(spread);
        }
        Some(user)
    }
}

/// Whether a name is a path into the object.
fn lies_under(name: &str, object: &str) -> bool {
    name.strip_prefix(object).is_some_and(|rest| rest.starts_with('.'))
}

/// Puts an object's fields under their paths: first its own names, which win, then what lies deeper. A name with a dot is a
/// leaf: paths go through names without.
fn spread_out(
    spread: &mut Vec<(String, AttributeValue)>,
    prefix: &str,
    json: &Json<'_>,
    depth: usize,
    at: &Place<'_>,
    found: &mut Findings,
) {
    if depth > ATTRIBUTE_DEPTH_MAX {
        return found.add(at, format!("attributes may be nested at most {ATTRIBUTE_DEPTH_MAX} deep"));
    }
    let Some(fields) = json.fields(at, found) else { return };
    for (name, json) in fields {
        // INVARIANT: paths are bounded before they are built, since every name below repeats the names above it.
        if prefix.len() + name.len() > ATTRIBUTE_NAME_LENGTH_MAX {
            found.add(&at.field(name), format!("an attribute's name or path must have at most {ATTRIBUTE_NAME_LENGTH_MAX} bytes"));
            continue;
        }
        check_size(json, &at.field(name), found);
        if let Some(value) = AttributeValue::from_json(json) {
            spread.push(([prefix, name].concat(), value));
        }
    }
    let leads_deeper = |name: &str| !name.contains('.') && prefix.len() + name.len() < ATTRIBUTE_NAME_LENGTH_MAX;
    for (name, json) in fields.iter().filter(|(name, json)| matches!(json, Json::Object(_)) && leads_deeper(name)) {
        // One too many is enough to refuse the user.
        if spread.len() > ATTRIBUTES_MAX {
            return;
        }
        spread_out(spread, &format!("{prefix}{name}."), json, depth + 1, &at.field(name), found);
    }
}

fn check_size(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) {
    match json {
        Json::String(text) if text.len() > ATTRIBUTE_LENGTH_MAX => {
            found.add(at, format!("a text attribute must have at most {ATTRIBUTE_LENGTH_MAX} bytes, got {}", text.len()));
        }
        Json::Array(items) if items.len() > ATTRIBUTE_LIST_MAX => {
            found.add(at, format!("a list attribute must have at most {ATTRIBUTE_LIST_MAX} values, got {}", items.len()));
        }
        Json::Array(items) => {
            let length: usize = items.iter().map(|item| if let Json::String(text) = item { text.len() } else { 0 }).sum();
            if length > ATTRIBUTE_LIST_LENGTH_MAX {
                found.add(
                    at,
                    format!("the texts of a list attribute must have at most {ATTRIBUTE_LIST_LENGTH_MAX} bytes together, got {length}"),
                );
            }
            items.iter().enumerate().for_each(|(i, item)| check_size(item, &at.item(i), found));
        }
        _ => {}
    }
}

impl AttributeValue {
    /// Whether it is a single value, neither list nor object.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(self, Self::Bool(_) | Self::Number(_) | Self::String(_))
    }

    /// Whether these may be a user's list.
    pub(crate) fn fit_a_list(values: &[Self]) -> bool {
        let length: usize = values.iter().map(|value| if let Self::String(text) = value { text.len() } else { 0 }).sum();
        values.len() <= ATTRIBUTE_LIST_MAX && length <= ATTRIBUTE_LIST_LENGTH_MAX
    }

    /// `null` is no value.
    fn from_json(json: &Json<'_>) -> Option<Self> {
        match json {
            Json::Null => None,
            Json::Bool(value) => Some(Self::Bool(*value)),
            Json::Number(number) => Some(Self::Number(number.as_f64())),
            Json::String(text) => Some(Self::String((*text).into())),
            // Lists and objects inside a list match nothing, so they need not be kept.
            Json::Array(items) => {
                let scalar = |item: &&Json<'_>| !matches!(item, Json::Array(_) | Json::Object(_));
                Some(Self::List(items.iter().filter(scalar).filter_map(Self::from_json).collect()))
            }
            Json::Object(_) => Some(Self::Object),
        }
    }

    /// The value as a user holds it, however it came: what JSON would give; none, where that is `null`.
    fn into_held(self) -> Option<Self> {
        match self {
            Self::Number(number) if !number.is_finite() => None,
            Self::List(items) => Some(items.into_iter().filter(Self::is_scalar).filter_map(Self::into_held).collect()),
            _ => Some(self),
        }
    }

    /// The value as JSON, for showing; a nested object is shown empty.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => plain_number(*value),
            Self::String(text) => Value::String(text.to_string()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Object => Value::Object(serde_json::Map::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(attributes: Value) -> User {
        User::from_value(&json!({"id": "u", "attributes": attributes})).unwrap()
    }

    #[test]
    fn nested_objects_are_found_by_dotted_path_and_a_literal_name_wins() {
        let user = user(json!({"a": {"b": {"c": 1}, "x": "in"}, "a.x": "literal", "l": [1, null, "t", {}]}));
        assert_eq!(user.attribute("a.b.c"), Some(&AttributeValue::Number(1.0)));
        assert_eq!(user.attribute("a.x"), Some(&"literal".into()));
        assert_eq!(user.attribute("a.b"), Some(&AttributeValue::Object));
        assert_eq!(user.attribute("l"), Some(&vec![AttributeValue::from(1), "t".into()].into()));
        assert_eq!(user.attribute("b"), None);
    }

    #[test]
    fn an_object_takes_with_it_what_lies_under_it() {
        let user = user(json!({"a": {"b": {"c": 1}, "x": "in"}, "ab": 1, "s": 2, "s.t": 3}));
        let rest = user.clone().without("a");
        assert!(["a", "a.b", "a.b.c", "a.x"].iter().all(|name| rest.attribute(name).is_none()));
        assert_eq!((rest.attribute("ab"), rest.attribute("s.t")), (Some(&1.into()), Some(&3.into())));
        assert_eq!(rest.without("s").attribute("s.t"), Some(&3.into()), "a name with a dot of its own");
        assert_eq!(user.clone().without("b"), user);
    }

    #[test]
    fn null_is_no_attribute() {
        assert_eq!(user(json!({"a": null})).attribute("a"), None);
    }

    #[test]
    fn many_attributes_are_found_as_few_are() {
        let user = (0..500).fold(User::new("u").unwrap(), |user, i| user.with(&format!("name-{i}"), i));
        assert!((0..500).all(|i| user.attribute(&format!("name-{i}")) == Some(&i.into())));
        assert_eq!(user.attribute("name-500"), None);
    }

    #[test]
    fn faults_are_listed_with_their_place() {
        let faults = User::from_value(&json!({"id": "", "attribute": {}})).unwrap_err();
        let pointers: Vec<_> = faults.as_slice().iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/attribute", "/id"]);
        let deep = (0..40).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(User::from_value(&json!({"id": "u", "attributes": deep})).is_err());
        let many: serde_json::Map<_, _> = (0..=ATTRIBUTES_MAX).map(|i| (i.to_string(), json!(1))).collect();
        assert!(User::from_value(&json!({"id": "u", "attributes": many})).is_err());
        let wide: serde_json::Map<_, _> = (0..900).map(|i| (i.to_string(), json!(1))).collect();
        let long_name = json!({"x".repeat(300_000): wide});
        let faults = User::from_value(&json!({"id": "u", "attributes": long_name})).unwrap_err();
        assert!(faults.to_string().len() < 2_000 && faults.to_string().contains("at most 256 bytes"));
        let long = json!({"t": "x".repeat(ATTRIBUTE_LENGTH_MAX + 1), "l": vec![1; ATTRIBUTE_LIST_MAX + 1], "m": ["x".repeat(ATTRIBUTE_LENGTH_MAX + 1)]});
        assert_eq!(User::from_value(&json!({"id": "u", "attributes": long})).unwrap_err().as_slice().len(), 3);
    }

    #[test]
    fn a_list_may_have_so_many_values_and_so_many_bytes_and_no_more() {
        let reads = |list: &Value| {
            User::from_value(&json!({"id": "u", "attributes": {"l": list}})).map(|_| ()).map_err(|faults| faults.to_string())
        };
        let texts = |first: usize| {
            let rest = vec!["x".repeat(ATTRIBUTE_LENGTH_MAX); ATTRIBUTE_LIST_LENGTH_MAX / ATTRIBUTE_LENGTH_MAX - 1];
            json!([vec!["x".repeat(first)], rest].concat())
        };
        assert_eq!(reads(&json!(vec!["é"; ATTRIBUTE_LIST_MAX])), Ok(()));
        assert!(reads(&json!(vec![1; ATTRIBUTE_LIST_MAX + 1])).unwrap_err().contains("at most 200 values, got 201"));
        assert_eq!(reads(&texts(ATTRIBUTE_LENGTH_MAX)), Ok(()));
        let [fits, long] = [ATTRIBUTE_LENGTH_MAX, ATTRIBUTE_LENGTH_MAX + 1].map(|first| {
            texts(first).as_array().unwrap().iter().map(|text| AttributeValue::from(text.as_str().unwrap())).collect::<Vec<_>>()
        });
        assert!(AttributeValue::fit_a_list(&fits) && !AttributeValue::fit_a_list(&long));
        assert!(
            !AttributeValue::fit_a_list(&vec![1.into(); ATTRIBUTE_LIST_MAX + 1])
                && AttributeValue::fit_a_list(&vec![1.into(); ATTRIBUTE_LIST_MAX])
        );
        let mut more = texts(ATTRIBUTE_LENGTH_MAX);
        more.as_array_mut().unwrap().push(json!("x"));
        assert!(reads(&more).unwrap_err().contains("at most 8192 bytes together, got 8193"), "{:?}", reads(&more));
    }
}
