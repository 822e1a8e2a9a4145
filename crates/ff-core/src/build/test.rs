//! Tests on an attribute or on the user's id: a method for each operator.

use serde_json::{Map, Value};

use super::condition::ConditionBuilder;
use super::{object, texts};
use crate::timestamp::Timestamp;

/// An attribute, or the user's id, that waits for its test.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct TestBuilder(On);

#[derive(Debug, Clone, PartialEq)]
enum On {
    Attribute(String),
    UserId,
}

/// The attribute of that name or dotted path.
pub fn attr(name: impl Into<String>) -> TestBuilder {
    TestBuilder(On::Attribute(name.into()))
}

/// The user's id.
pub fn user_id() -> TestBuilder {
    TestBuilder(On::UserId)
}

macro_rules! operators {
    (scalar: $($scalar:ident $scalar_doc:literal,)* ; list: $($list:ident $list_name:literal $list_doc:literal,)* ;
     text: $($text:ident $text_doc:literal,)*) => {
        $(
            #[doc = $scalar_doc]
            pub fn $scalar(self, value: impl Into<Value>) -> ConditionBuilder {
                self.operator(stringify!($scalar), value)
            }
        )*
        $(
            #[doc = $list_doc]
            pub fn $list<T: Into<Value>>(self, values: impl IntoIterator<Item = T>) -> ConditionBuilder {
                self.operator($list_name, values.into_iter().map(Into::into).collect::<Value>())
            }
        )*
        $(
            #[doc = $text_doc]
            pub fn $text(self, value: impl AsRef<str>) -> ConditionBuilder {
                self.operator(stringify!($text), value.as_ref())
            }
        )*
    };
}

impl TestBuilder {
    operators! {
        scalar:
            eq "`eq`: equals this string, number or boolean.",
            ne "`ne`: does not equal it; a missing attribute does not.",
            lt "`lt`: is less than this number or text.",
            lte "`lte`: is at most this number or text.",
            gt "`gt`: is greater than this number or text.",
            gte "`gte`: is at least this number or text.",
        ;
        list:
            is_in "in" "`in`: equals one of these.",
            not_in "not_in" "`not_in`: equals none of these; a missing attribute equals none.",
        ;
        text:
            ieq "`ieq`: equals this text, whatever the case of its letters.",
            ine "`ine`: not `ieq`.",
            starts_with "`starts_with`: begins with this text.",
            istarts_with "`istarts_with`: begins with this text, whatever the case of its letters.",
            ends_with "`ends_with`: ends with this text.",
            iends_with "`iends_with`: ends with this text, whatever the case of its letters.",
            contains "`contains`: has this text inside.",
            icontains "`icontains`: has this text inside, whatever the case of its letters.",
            matches "`matches`: this regular expression is found in it.",
            imatches "`imatches`: this regular expression is found in it, whatever the case of letters.",
            semver_eq "`semver_eq`: is this version.",
            semver_lt "`semver_lt`: is a lower version.",
            semver_lte "`semver_lte`: is this version or a lower one.",
            semver_gt "`semver_gt`: is a higher version.",
            semver_gte "`semver_gte`: is this version or a higher one.",
    }

    /// `iin`: equals one of these texts, whatever the case of its letters.
    pub fn iin<T: AsRef<str>>(self, values: impl IntoIterator<Item = T>) -> ConditionBuilder {
        self.operator("iin", texts(values))
    }

    /// `inot_in`: not `iin`.
    pub fn inot_in<T: AsRef<str>>(self, values: impl IntoIterator<Item = T>) -> ConditionBuilder {
        self.operator("inot_in", texts(values))
    }

    /// `ip_in`: is an address in one of these networks.
    pub fn ip_in<T: AsRef<str>>(self, networks: impl IntoIterator<Item = T>) -> ConditionBuilder {
        self.operator("ip_in", texts(networks))
    }

    /// `exists`: the attribute is there, or with `false` is not.
    pub fn exists(self, wanted: bool) -> ConditionBuilder {
        self.operator("exists", wanted)
    }

    /// `before`: is an earlier instant.
    pub fn before(self, instant: Timestamp) -> ConditionBuilder {
        self.operator("before", instant.to_string())
    }

    /// `after`: is a later instant.
    pub fn after(self, instant: Timestamp) -> ConditionBuilder {
        self.operator("after", instant.to_string())
    }

    /// The operator of that name, for names that come from elsewhere.
    pub fn operator(self, name: &str, operand: impl Into<Value>) -> ConditionBuilder {
        let test = Value::Object(object([(name, operand.into())]));
        ConditionBuilder::clause(match self.0 {
            On::UserId => ("user_id", test),
            On::Attribute(attribute) => ("attr", Value::Object(Map::from_iter([(attribute, test)]))),
        })
    }
}
