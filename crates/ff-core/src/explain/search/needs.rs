//! What is demanded, in words, and what a rule needs besides attributes.

use super::Search;
use super::demand::{Leaf, Subject};
use super::hypothesis::{Demands, Met, bucket};
use crate::bucket::Threshold;
use crate::compile::{Cond, Gate};
use crate::explain::why_not::{Need, Requirement};
use crate::explain::words::{self, apart, list, percent, quoted};

/// What is asked, test by test.
pub(super) fn in_words(tests: &[(Leaf<'_>, bool)]) -> Vec<String> {
    tests
        .iter()
        .map(|(leaf, want)| match leaf {
            Leaf::Cond(Cond::Attr { name, check, negated }) => {
                let (operator, operand) = check.describe(*negated);
                format!("{} {}", words::cut(name.as_str()), words::verb(operator, &operand, *want))
            }
            Leaf::Cond(Cond::UserId { check, negated }) => {
                let (operator, operand) = check.describe(*negated);
                format!("with an id that {}", words::verb(operator, &operand, *want))
            }
            Leaf::Cond(Cond::Percentage(gate)) => {
                let percentage = if *want { "the percentage lets in" } else { "the percentage keeps out" };
                match &gate.by {
                    Some(name) => format!("{} has a bucket that {percentage}", words::cut(name.as_str())),
                    None => format!("with a bucket that {percentage}"),
                }
            }
            Leaf::Included(segment) => format!("{}in the included list of segment `{}`", not(*want), segment.key),
            Leaf::Excluded(segment) => format!("{}in the excluded list of segment `{}`", not(*want), segment.key),
            Leaf::Cond(_) | Leaf::FlagOn => String::new(),
        })
        .collect()
}

fn not(want: bool) -> &'static str {
    if want { "" } else { "not " }
}

pub(super) fn need<'a>(search: &Search<'a>, demands: &Demands<'a>) -> Option<Need<'a>> {
    let all = || list(in_words(&demands.tests).into_iter(), "and");
    let (what, because) = match (&demands.met_by, demands.subject) {
        (Met::FlagOn, _) => (Requirement::FlagOn, format!("flag `{}` would have to be on", search.flag.key)),
        (Met::UserId(id), _) => (
            Requirement::UserId { example: Some(id.clone()) },
            format!("it would have to be another user: one {}, such as {}", all(), quoted(id)),
        ),
        (Met::Supposed, Subject::UserId) => {
            (Requirement::UserId { example: None }, format!("it would have to be another user: one {}", all()))
        }
        (Met::Supposed, Subject::Attribute(attribute)) => {
            (Requirement::Attribute { attribute }, format!("the user would have to have attributes of which this is true: {}", all()))
        }
        (Met::Instant(at), _) => (Requirement::Instant { at: *at }, format!("it would have to be {at}; it is {}", search.now)),
        (Met::Bucket(from, below), Subject::Bucket(gate)) => bucket_need(search, gate, demands, *from, *below),
        (Met::Flag(wanted), Subject::Flag(flag_key)) => {
            let given = search.ruleset.flag(flag_key.as_str()).map(|flag| search.ruleset.evaluate_flag(flag, search.user, search.now));
            let variant = given.map(|evaluation| evaluation.variant());
            let gives = variant.map(|variant| format!("; it gives `{variant}`")).unwrap_or_default();
            (Requirement::Flag { flag_key, variant, wanted }, format!("flag `{flag_key}` would have to give `{wanted}`{gives}"))
        }
        _ => return None,
    };
    Some(Need { what, because })
}

fn bucket_need<'a>(search: &Search<'a>, gate: &'a Gate, demands: &Demands<'a>, from: u128, below: u128) -> (Requirement<'a>, String) {
    let by = gate.by.as_ref().map(|name| name.as_str());
    let present =
        demands.tests.iter().find_map(|(leaf, _)| if let Leaf::Cond(condition) = leaf { bucket(search, condition) } else { None });
    let share = |end: u128| u64::try_from(end).map_or(1.0, |end| Threshold::Below(end).as_f64());
    let (from, below) = (share(from), share(below));
    let bucket = present.map(|bucket| bucket.as_f64());
    let nearer = if bucket.is_some_and(|bucket| bucket < from) { from } else { below };
    if from <= 0.0 && below >= 1.0 {
        let because = format!("the user would have to have a usable {}, whatever its bucket", words::cut(by.unwrap_or("id")));
        return (Requirement::Bucket { by, bucket, from, below }, because);
    }
    let stretch = match (from > 0.0, below < 1.0) {
        (false, _) => format!("below {} ({} %)", apart(bucket.unwrap_or(0.0), below).1, percent(below)),
        (true, false) => format!("of {} ({} %) or above", apart(bucket.unwrap_or(0.0), from).1, percent(from)),
        (true, true) => format!("from {} to {}", apart(bucket.unwrap_or(0.0), from).1, apart(bucket.unwrap_or(0.0), below).1),
    };
    let other = match by {
        None => "as another user id may have".to_owned(),
        Some(name) => format!("as another value of {} may have", words::cut(name)),
    };
    let has = match (bucket, by) {
        (Some(bucket), _) => format!("this user's is {}", apart(bucket, nearer).0),
        (None, by) => format!("the user has no usable {}", words::cut(by.unwrap_or("id"))),
    };
    (Requirement::Bucket { by, bucket, from, below }, format!("the bucket would have to be one {stretch}, {other}; {has}"))
}
