//! "Why not rule X?": the smallest change of attributes that would have made it decide, or what else would have to be.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::quote::{cut, list, reads_otherwise, shown_instead, shown_where};
use super::search::{Found, Goal, Reach, Search};
use crate::compile::CompiledFlag;
use crate::key::{FlagKey, RuleId, VariantKey};
use crate::ruleset::Ruleset;
use crate::timestamp::Timestamp;
use crate::user::{AttributeValue, User};

/// The most tests that the search for changes makes for one explanation, shared by the rules that it is about. A test of
/// a long attribute counts for several.
pub const SEARCH_TESTS_MAX: u64 = 1_000_000;

/// Why a rule did not decide, and what would make it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WhyNot<'a> {
    /// The rule.
    pub rule_id: &'a RuleId,
    /// Whether its condition holds for this user now.
    pub holds: bool,
    /// The earlier rule that decided in its place, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preceded_by: Option<&'a RuleId>,
    /// What would make it decide.
    #[serde(flatten)]
    pub remedy: Remedy<'a>,
    /// All of that in a sentence or two.
    pub summary: String,
}

/// What would make a rule decide.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "remedy", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy<'a> {
    /// Nothing has to change: it decides.
    Decides,
    /// A change of attributes. It was tried: the engine itself evaluated the changed user.
    Change {
        /// What to change, each attribute once.
        changes: Vec<AttributeChange>,
        /// Whether it is certain that no change of fewer attributes would do.
        is_smallest: bool,
        /// With these changes the rule's condition holds, but this earlier rule comes first. Nothing, where the rule decides.
        #[serde(skip_serializing_if = "Option::is_none")]
        still_preceded_by: Option<&'a RuleId>,
    },
    /// Attributes alone do not do it: all that is listed would have to be so.
    OutOfReach {
        /// What would have to be otherwise besides attributes; empty, where nothing was found that would do.
        needs: Vec<Need<'a>>,
        /// The attributes that would have to be otherwise too.
        changes: Vec<AttributeChange>,
        /// Whether it is certain that no change of attributes alone would do.
        is_certain: bool,
    },
    /// No change was found within the bounds of the search; there may be one.
    NotFound,
}

/// One attribute that would have to be otherwise.
///
/// An attribute that is set takes its name as it is written, dots included, and stands in place of what it was: where that was
/// an object, all that lay under it is gone. The same goes for one that is removed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AttributeChange {
    /// Its name or dotted path.
    pub attribute: String,
    /// What the user has; nothing, where the attribute is to be added.
    pub from: Option<AttributeValue>,
    /// What it would have to be, or an example of it; nothing, where it is to be removed.
    pub to: Option<AttributeValue>,
    /// The tests that it is there for; of what was so already and still is, nothing is said.
    pub so_that: Vec<String>,
}

/// Something other than an attribute's value that would have to be otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Need<'a> {
    /// What.
    #[serde(flatten)]
    pub what: Requirement<'a>,
    /// In a sentence.
    pub because: String,
}

/// What would have to be otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "need", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Requirement<'a> {
    /// The flag would have to be on.
    FlagOn,
    /// Another user id.
    UserId {
        /// One that would do as far as the tests on ids and the lists of segments go, if one is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        example: Option<String>,
    },
    /// Another bucket, which only another user id, or another value of the attribute that the percentage goes by, has.
    Bucket {
        /// The attribute that the percentage goes by; nothing for the user's id.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<&'a str>,
        /// The user's bucket, if there is one.
        bucket: Option<f64>,
        /// The lowest that would do.
        from: f64,
        /// The first above it that would no longer do.
        below: f64,
    },
    /// Another time.
    Instant {
        /// The one nearest to that of the evaluation.
        at: Timestamp,
    },
    /// Another answer of a prerequisite.
    Flag {
        /// The other flag.
        flag_key: &'a FlagKey,
        /// What it gives to this user.
        variant: Option<&'a VariantKey>,
        /// One that it would have to give.
        wanted: &'a VariantKey,
    },
    /// An attribute that passes tests for which no value is known, such as a regular expression.
    Attribute {
        /// Its name or dotted path.
        attribute: &'a str,
    },
}

impl WhyNot<'_> {
    /// The user with the changes that would make the rule decide, or at least hold. Nothing, if no such change is known.
    pub fn changed(&self, user: &User) -> Option<User> {
        match &self.remedy {
            Remedy::Change { changes, .. } => Some(changes.iter().fold(user.clone(), |user, change| change.apply(user))),
            _ => None,
        }
    }
}

impl AttributeChange {
    /// The user with this change.
    #[must_use]
    pub fn apply(&self, user: User) -> User {
        let user = user.without(&self.attribute);
        match &self.to {
            Some(value) => user.with(&self.attribute, value.clone()),
            None => user,
        }
    }

    /// Such as ``country were `CA` instead of `US` ``.
    fn in_words(&self) -> String {
        let name = cut(&self.attribute);
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => {
                let (to, from) = shown_instead(&to.to_json(), &from.to_json());
                format!("{name} were {to} instead of {from}")
            }
            (None, Some(to)) => format!("the user had {name} {}", shown_where(&to.to_json(), &reads_otherwise)),
            (_, None) => format!("the user had no {name}"),
        }
    }
}

impl Serialize for AttributeChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("AttributeChange", 5)?;
        out.serialize_field("attribute", &self.attribute)?;
        let action = match (&self.from, &self.to) {
            (Some(_), Some(_)) => "replace",
            (_, None) => "remove",
            (None, Some(_)) => "add",
        };
        out.serialize_field("action", action)?;
        if let Some(from) = &self.from {
            out.serialize_field("from", &from.to_json())?;
        }
        if let Some(to) = &self.to {
            out.serialize_field("to", &to.to_json())?;
        }
        out.serialize_field("so_that", &self.so_that)?;
        out.end()
    }
}

/// The answer for each of these rules, by position.
pub(super) fn answer<'a>(
    ruleset: &'a Ruleset,
    flag: &'a CompiledFlag,
    user: &'a User,
    now: Timestamp,
    rules: impl Iterator<Item = usize>,
) -> Vec<WhyNot<'a>> {
    let rules: Vec<usize> = rules.collect();
    let mut work = SEARCH_TESTS_MAX;
    let mut answers = Vec::with_capacity(rules.len());
    for (i, rule) in rules.iter().enumerate() {
        let mut search = Search::new(ruleset, flag, user, now);
        // What one rule leaves over the others may use.
        answers.extend(one(&mut search, *rule, work / (rules.len() - i) as u64));
        work = work.saturating_sub(search.work());
    }
    answers
}

fn one<'a>(search: &mut Search<'a>, rule: usize, work: u64) -> Option<WhyNot<'a>> {
    let rule_id = search.rule_id(rule)?;
    let decided = search.decided();
    let holds = search.holds(rule);
    let preceded_by = decided.filter(|decided| *decided < rule).and_then(|decided| search.rule_id(decided));
    let remedy = if decided == Some(rule) { Remedy::Decides } else { remedy(search, rule, holds, work) };
    let summary = in_words(rule_id, holds, preceded_by, &remedy);
    Some(WhyNot { rule_id, holds, preceded_by, remedy, summary })
}

fn remedy<'a>(search: &mut Search<'a>, rule: usize, holds: bool, work: u64) -> Remedy<'a> {
    let decides = search.run(Goal::Decides(rule), Reach::Attributes, work / 2);
    if let Some(Found { changes, .. }) = decides.found {
        return Remedy::Change { changes, is_smallest: decides.is_certain, still_preceded_by: None };
    }
    // Where the flag is off no change of attributes is of any use.
    if !holds && search.is_on() {
        let alone = search.run(Goal::Holds(rule), Reach::Attributes, work / 4);
        if let Some(Found { changes, .. }) = alone.found {
            let still = changes.iter().fold(search.user().clone(), |user, change| change.apply(user));
            // The value that the rule asks for may happen to be one that no earlier rule holds for, where such values are not looked for.
            let first = search.decided_for(&still).filter(|first| *first != rule);
            let still_preceded_by = first.and_then(|first| search.rule_id(first));
            // Else another change of as many attributes, or fewer, might let it decide, unless it is known that none does.
            let is_smallest = alone.is_certain && (first.is_none() || decides.is_certain);
            return Remedy::Change { changes, is_smallest, still_preceded_by };
        }
    }
    let beyond = search.run(Goal::Decides(rule), Reach::Everything, work / 4);
    match beyond.found {
        Some(Found { needs, changes }) => Remedy::OutOfReach { needs, changes, is_certain: decides.is_certain },
        None if decides.is_certain => Remedy::OutOfReach { needs: Vec::new(), changes: Vec::new(), is_certain: true },
        None => Remedy::NotFound,
    }
}

fn in_words(rule: &RuleId, holds: bool, preceded_by: Option<&RuleId>, remedy: &Remedy<'_>) -> String {
    let and = |changes: &[AttributeChange]| list(changes.iter().map(AttributeChange::in_words), "and");
    let stands = match (holds, preceded_by) {
        (true, Some(first)) => format!("rule `{rule}` matches, but rule `{first}` comes first; it"),
        _ => format!("rule `{rule}`"),
    };
    match remedy {
        Remedy::Decides => format!("rule `{rule}` decides"),
        Remedy::Change { changes, still_preceded_by: None, .. } => format!("{stands} would decide if {}", and(changes)),
        Remedy::Change { changes, still_preceded_by: Some(first), .. } => {
            format!("rule `{rule}` would match if {}, but rule `{first}` would still come first", and(changes))
        }
        Remedy::OutOfReach { needs, changes, is_certain } if !needs.is_empty() => {
            let needs: Vec<_> = needs.iter().map(|need| need.because.as_str()).collect();
            let besides = if changes.is_empty() { String::new() } else { format!("; and it would decide only if {}", and(changes)) };
            let why = if *is_certain {
                "cannot decide by a change of attributes alone"
            } else {
                "is not known to decide by any change of attributes alone"
            };
            format!("{stands} {why}: {}{besides}", needs.join("; "))
        }
        Remedy::OutOfReach { .. } => format!("{stands} cannot decide for this user, whatever the attributes"),
        Remedy::NotFound => format!("{stands} does not decide, and no change of attributes was found that would make it"),
    }
}
