//! JSON columns: `jsonb` on PostgreSQL, text on SQLite, the same document on both.

use std::io::Write;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;
use diesel::sqlite::{Sqlite, SqliteValue};
use serde::Serialize;
use serde_json::{Number, Value};

/// The SQL type of a JSON column. diesel's own `Jsonb` would be SQLite's binary form there, which no shell shows.
// 3802 and 3807 are what PostgreSQL calls `jsonb` and `jsonb[]` in every installation.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807), sqlite_type(name = "Text"))]
pub struct Document;

/// The text of a JSON column, not parsed yet: so that one damaged row does not fail a query over many.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Document)]
pub(crate) struct JsonText(String);

impl JsonText {
    pub(crate) fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self)
    }

    pub(crate) fn parse(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    pub(crate) fn empty_list() -> Self {
        Self("[]".to_owned())
    }
}

/// The byte in front of jsonb on the wire.
const JSONB_VERSION: u8 = 1;

impl FromSql<Document, Pg> for JsonText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [JSONB_VERSION, text @ ..] => Ok(Self(std::str::from_utf8(text)?.to_owned())),
            _ => Err("unknown version of jsonb".into()),
        }
    }
}

impl ToSql<Document, Pg> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Document, Sqlite> for JsonText {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(value.read_text().to_owned()))
    }
}

impl ToSql<Document, Sqlite> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_str());
        Ok(IsNull::No)
    }
}

/// From here on serde_json writes a number with an exponent.
const EXPONENT_FROM: f64 = 1e16;

/// `value` in the form in which it comes back from the database.
///
/// jsonb keeps numbers as decimals: `3.0` stays `3.0`, but `1e16` comes back as `10000000000000000`, an integer to every
/// JSON reader, and `-0.0` as `0.0`. A write is compared with what is stored, so it is brought into that form first;
/// otherwise the same flag sent twice would count as a change. On SQLite it is done too, so that both databases show the
/// same. The value of a number is never changed.
pub(crate) fn as_stored(mut value: Value) -> Value {
    bring_into_stored_form(&mut value);
    // Without effect as long as serde_json keeps objects in order of their names.
    value.sort_all_objects();
    value
}

fn bring_into_stored_form(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => {}
        Value::Number(number) => {
            if let Some(stored) = number_as_stored(number) {
                *number = stored;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(bring_into_stored_form),
        Value::Object(fields) => fields.values_mut().for_each(bring_into_stored_form),
    }
}

/// The stored form, where it is another one.
fn number_as_stored(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    if float == 0.0 {
        return Number::from_f64(0.0);
    }
    // `{float}` is the shortest decimal that means this number, as in JSON, but without an exponent.
    if float.abs() >= EXPONENT_FROM { serde_json::from_str(&float.to_string()).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_get_the_form_that_jsonb_gives_them() {
        for (written, stored) in [
            ("3.0", "3.0"),
            ("3", "3"),
            ("-0.0", "0.0"),
            ("1e-7", "1e-7"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "10000000000000000"),
            ("-1.25e17", "-125000000000000000"),
            ("1.2345678901234566e17", "123456789012345660"),
            ("1e300", "1e300"),
        ] {
            let value: Value = serde_json::from_str(written).unwrap();
            let expected: Value = serde_json::from_str(stored).unwrap();
            let result = as_stored(json!({"a": [value]}));
            assert_eq!(result, json!({"a": [expected]}), "{written}");
            assert_eq!(as_stored(result.clone()), result);
        }
    }

    #[test]
    fn a_number_is_read_as_exactly_what_was_written() {
        // serde_json without `float_roundtrip` reads some of these one bit off, which would move bucket thresholds.
        for number in [0.1 + 0.2, 1.0 / 3.0, 5e-324, 2.225_073_858_507_201e-308, 31.245_270_191_439_438, 121.480_498_271_999_42, f64::MAX] {
            let text = JsonText::of(&number).unwrap();
            assert_eq!(text.parse().unwrap().as_f64().map(f64::to_bits), Some(number.to_bits()));
        }
    }
}
