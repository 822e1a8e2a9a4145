//! What is demanded, in words, and what a rule needs besides attributes.

use super::Search;
use super::buckets::{bucket, stretch};
use super::demand::{Leaf, Subject};
use super::hypothesis::{Demands, Met};
use crate::bucket::Threshold;
use crate::compile::{Cond, Gate};
use crate::explain::quote::{cut, list, quoted, reads_otherwise};
use crate::explain::why_not::{Need, Requirement};
use crate::explain::words::{apart, percent, verb};
use crate::timestamp::Timestamp;

/// What is asked, test by test.
pub(super) fn in_words(tests: &[(Leaf<'_>, bool)]) -> Vec<String> {
    tests
        .iter()
        .map(|(leaf, want)| match leaf {
            Leaf::Cond(Cond::Attr { name, check, negated }) => {
                let (operator, operand) = check.describe(*negated);
                format!("{} {}", cut(name.as_str()), verb(operator, &operand, *want, &reads_otherwise))
            }
            Leaf::Cond(Cond::UserId { check, negated }) => {
                let (operator, operand) = check.describe(*negated);
                format!("with an id that {}", verb(operator, &operand, *want, &|_| false))
            }
            Leaf::Cond(Cond::Percentage(gate)) => {
                let percentage = if *want { "the percentage lets in" } else { "the percentage keeps out" };
                match &gate.by {
                    Some(name) => format!("{} has a bucket that {percentage}", cut(name.as_str())),
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

/// What would have to be, where it is not a known value of an attribute.
pub(super) fn needs<'a>(search: &Search<'a>, demands: &Demands<'a>, now: Timestamp) -> Vec<Need<'a>> {
    let need = |what, because| vec![Need { what, because }];
    let all = |tests: &[(Leaf<'a>, bool)]| list(in_words(tests).into_iter(), "and");
    match (&demands.met_by, demands.subject) {
        (Met::FlagOn, _) => need(Requirement::FlagOn, format!("flag `{}` would have to be on", search.flag.key)),
        (Met::UserId(id), _) => need(
            Requirement::UserId { example: Some(id.clone()) },
            format!("it would have to be another user: one {}, such as {}", all(&demands.tests), quoted(id)),
        ),
        (Met::Supposed, subject) => {
            // A bucket is named as such.
            let (percentages, others): (Vec<_>, Vec<_>) = demands.tests.iter().copied().partition(|(leaf, _)| leaf.gate().is_some());
            let mut needs = match subject {
                _ if others.is_empty() => Vec::new(),
                Subject::UserId => {
                    need(Requirement::UserId { example: None }, format!("it would have to be another user: one {}", all(&others)))
                }
                Subject::Attribute(attribute) => need(
                    Requirement::Attribute { attribute },
                    format!("the user would have to have attributes of which this is true: {}", all(&others)),
                ),
                _ => Vec::new(),
            };
            let mut gates: Vec<&Gate> = Vec::new();
            for (leaf, gate) in percentages.iter().filter_map(|(leaf, _)| Some((leaf, leaf.gate()?))) {
                let stretch = stretch(gate, now, &percentages);
                // Every id has a bucket, so that nothing is said where any would do.
                let is_any = gate.by.is_none() && stretch == (0, 1 << 64);
                if !is_any && !gates.iter().any(|known| known.decides_with(gate)) {
                    gates.push(gate);
                    let (what, because) = bucket_need(search, leaf, gate, stretch);
                    needs.push(Need { what, because });
                }
            }
            needs
        }
        (Met::Instant(at), _) => need(Requirement::Instant { at: *at }, format!("it would have to be {at}; it is {}", search.now)),
        (Met::Flag(wanted), Subject::Flag(flag_key)) => {
            let given = search.ruleset.flag(flag_key.as_str()).map(|flag| search.ruleset.evaluate_flag(flag, search.user, search.now));
            let variant = given.map(|evaluation| evaluation.variant());
            let gives = variant.map(|variant| format!("; it gives `{variant}`")).unwrap_or_default();
            need(Requirement::Flag { flag_key, variant, wanted }, format!("flag `{flag_key}` would have to give `{wanted}`{gives}"))
        }
        _ => Vec::new(),
    }
}

fn bucket_need<'a>(search: &Search<'a>, leaf: &Leaf<'a>, gate: &'a Gate, (from, below): (u128, u128)) -> (Requirement<'a>, String) {
    let by = gate.by.as_ref().map(|name| name.as_str());
    let present = if let Leaf::Cond(condition) = leaf { bucket(search, search.user, condition) } else { None };
    let share = |end: u128| u64::try_from(end).map_or(1.0, |end| Threshold::Below(end).as_f64());
    let (from, below) = (share(from), share(below));
    let bucket = present.map(|bucket| bucket.as_f64());
    let nearer = if bucket.is_some_and(|bucket| bucket < from) { from } else { below };
    if from <= 0.0 && below >= 1.0 {
        let because = format!("the user would have to have a usable {}, whatever its bucket", cut(by.unwrap_or("id")));
        return (Requirement::Bucket { by, bucket, from, below }, because);
    }
    let stretch = match (from > 0.0, below < 1.0) {
        (false, _) => format!("below {} ({} %)", apart(bucket.unwrap_or(0.0), below).1, percent(below)),
        (true, false) => format!("of {} ({} %) or above", apart(bucket.unwrap_or(0.0), from).1, percent(from)),
        (true, true) => format!("from {} to {}", apart(bucket.unwrap_or(0.0), from).1, apart(bucket.unwrap_or(0.0), below).1),
    };
    let other = match by {
        None => "as another user id may have".to_owned(),
        Some(name) => format!("as another value of {} may have", cut(name)),
    };
    let has = match (bucket, by) {
        (Some(bucket), _) => format!("this user's is {}", apart(bucket, nearer).0),
        (None, by) => format!("the user has no usable {}", cut(by.unwrap_or("id"))),
    };
    (Requirement::Bucket { by, bucket, from, below }, format!("the bucket would have to be one {stretch}, {other}; {has}"))
}
