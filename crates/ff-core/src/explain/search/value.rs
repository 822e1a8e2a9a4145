//! A value that meets all that is demanded of an attribute, or of the user's id.

use super::buckets::contradict;
use super::candidates::{self, Texts};
use super::demand::Leaf;
use super::hypothesis::is_listed;
use super::walk::weight;
use super::{Search, numbers, proof};
use crate::compile::{Check, Cond, decimal};
use crate::limits::{ATTRIBUTE_LENGTH_MAX, USER_ID_LENGTH_MAX};
use crate::timestamp::Timestamp;
use crate::user::{AttributeValue, User};

/// What meets the demands.
#[derive(Debug, PartialEq)]
pub(super) enum Solved {
    /// What is there already.
    Present,
    Set(AttributeValue),
    Remove,
    /// It is certain that nothing does.
    Impossible,
    /// Nothing was found.
    Unknown,
}

/// A test of one attribute, or of the user's id, and the outcome that its check must have, negation taken off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) leaf: Leaf<'a>,
    want: bool,
    /// Whether the check itself must pass, so that it asks for something rather than forbids it.
    pub(super) is_positive: bool,
}

impl<'a> Asked<'a> {
    fn new((leaf, want): (Leaf<'a>, bool)) -> Self {
        let is_positive = match leaf {
            Leaf::Cond(Cond::Attr { negated, .. } | Cond::UserId { negated, .. }) => want != *negated,
            _ => want,
        };
        Self { leaf, want, is_positive }
    }

    /// What is checked; nothing for percentages and lists of segments.
    pub(super) fn check(&self) -> Option<&'a Check> {
        match self.leaf {
            Leaf::Cond(Cond::Attr { check, .. } | Cond::UserId { check, .. }) => Some(check),
            _ => None,
        }
    }

    fn is_exists(&self) -> bool {
        matches!(self.check(), Some(Check::Exists))
    }

    /// Whether it asks how the value compares with another.
    fn compares(&self) -> bool {
        matches!(self.check(), Some(Check::Number(..) | Check::Text(..) | Check::Version(..) | Check::Before(_) | Check::After(_)))
    }

    fn is_percentage(&self) -> bool {
        matches!(self.leaf, Leaf::Cond(Cond::Percentage(_)))
    }
}

/// Whose value is looked for.
#[derive(Debug, Clone, Copy)]
enum Whose<'a> {
    Attribute(&'a str),
    UserId,
}

/// Tries values on the engine.
pub(super) struct Probe<'s, 'a> {
    search: &'s mut Search<'a>,
    bare: User,
    whose: Whose<'a>,
    now: Timestamp,
}

impl Probe<'_, '_> {
    /// Whether this one test has the demanded outcome. An outcome depends on nothing but the value, the instant and, in the
    /// case of the id, the lists of segments, so a user with this one attribute will do.
    pub(super) fn is_met(&mut self, asked: &Asked<'_>, value: Option<&AttributeValue>) -> bool {
        self.search.work += 1 + weight(value);
        let user = match (self.whose, value) {
            (Whose::Attribute(name), Some(value)) => self.bare.clone().with(name, value.clone()),
            (Whose::UserId, Some(AttributeValue::String(id))) => self.bare.clone().renamed(id),
            _ => self.bare.clone(),
        };
        match &asked.leaf {
            Leaf::Cond(condition) => self.search.test(&user, self.now, condition) == asked.want,
            listed => is_listed(listed, user.id()) == Some(asked.want),
        }
    }

    pub(super) fn are_met(&mut self, all: &[Asked<'_>], value: &AttributeValue) -> bool {
        !self.search.is_exhausted() && all.iter().all(|asked| self.is_met(asked, Some(value)))
    }

    /// One value without structure that meets all, if possible near to what is there.
    fn scalar(&mut self, all: &[Asked<'_>], present: Option<&AttributeValue>) -> Solved {
        let near = match present {
            Some(AttributeValue::Number(number)) => Some(*number),
            Some(AttributeValue::String(text)) => decimal(text),
            _ => None,
        };
        let is_attribute = matches!(self.whose, Whose::Attribute(_));
        let mut is_certain = true;
        if is_attribute {
            for value in [true, false].into_iter().filter(|_| all.iter().any(|asked| asked.is_positive)) {
                if self.are_met(all, &AttributeValue::Bool(value)) {
                    return Solved::Set(AttributeValue::Bool(value));
                }
            }
            // A bucket differs from number to number, so that no choice of numbers stands for all.
            is_certain = !all.iter().any(Asked::is_percentage);
            // Where nothing is asked for, what is forbidden tells of what kind the value is.
            let is_about_numbers = all.iter().any(|asked| asked.is_positive) || all.iter().all(numbers::can_pass);
            if is_about_numbers && all.iter().filter(|asked| asked.is_positive).all(numbers::can_pass) {
                for number in numbers::candidates(all.iter().filter_map(Asked::check), near) {
                    if self.are_met(all, &AttributeValue::Number(number)) {
                        return Solved::Set(AttributeValue::Number(number));
                    }
                }
            } else {
                is_certain = true;
            }
        }
        let Texts { texts, is_all } = candidates::texts(all, near);
        let length = if is_attribute { 0..=ATTRIBUTE_LENGTH_MAX } else { 1..=USER_ID_LENGTH_MAX };
        for text in texts.into_iter().filter(|text| length.contains(&text.len())) {
            let value = AttributeValue::String(text.into());
            if self.are_met(all, &value) {
                return Solved::Set(value);
            }
        }
        let is_certain = is_certain && (is_all || proof::no_text(self, all)) && !self.search.is_exhausted();
        if is_certain { Solved::Impossible } else { Solved::Unknown }
    }
}

impl<'a> Search<'a> {
    fn probe(&mut self, whose: Whose<'a>, now: Timestamp) -> Probe<'_, 'a> {
        Probe { bare: self.user.bare(), search: self, whose, now }
    }

    /// A user id that meets all at that instant.
    pub(super) fn solve_user_id(&mut self, tests: &[(Leaf<'a>, bool)], now: Timestamp) -> Solved {
        let asked: Vec<_> = tests.iter().copied().map(Asked::new).collect();
        if contradict(now, tests) {
            Solved::Impossible
        } else if asked.iter().any(|one| one.is_positive && !one.is_percentage()) {
            self.probe(Whose::UserId, now).scalar(&asked, None)
        } else {
            // Nearly any other will do, or one that a percentage lets in, so that none is an example.
            Solved::Unknown
        }
    }

    /// A value of the attribute that meets all at that instant; `present` is what it is if it is left alone. What is asked for
    /// and what is there decides the form: nothing where nothing is asked for, a list where there is one, else a single value, and a new
    /// list where no single value will do, since of a list each test may find another element.
    pub(super) fn solve_attribute(
        &mut self,
        name: &'a str,
        present: Option<&AttributeValue>,
        tests: &[(Leaf<'a>, bool)],
        now: Timestamp,
    ) -> Solved {
        let asked: Vec<_> = tests.iter().copied().map(Asked::new).collect();
        let mut probe = self.probe(Whose::Attribute(name), now);
        if asked.iter().all(|one| probe.is_met(one, present)) {
            return Solved::Present;
        }
        let (positive, negative): (Vec<_>, Vec<_>) = asked.iter().copied().partition(|one| one.is_positive);
        let elements: &[AttributeValue] = if let Some(AttributeValue::List(items)) = present { items } else { &[] };
        if positive.is_empty() {
            let rest = AttributeValue::List(probe.kept(elements, &negative));
            // What is compared has a value on the other side.
            if present.is_some_and(AttributeValue::is_scalar)
                && negative.iter().all(Asked::compares)
                && let Solved::Set(other) = probe.scalar(&negative, present)
            {
                return Solved::Set(other);
            }
            let is_enough = rest != AttributeValue::List(Vec::new()) && probe.are_met(&negative, &rest);
            return if is_enough { Solved::Set(rest) } else { Solved::Remove };
        }
        if negative.iter().any(Asked::is_exists) {
            return Solved::Impossible;
        }
        if positive.iter().any(Asked::is_percentage) && contradict(now, tests) {
            return Solved::Impossible;
        }
        if positive.iter().all(Asked::is_percentage) {
            // The attribute stands for somebody, as a user id does. Which other one would be let in is of no use to anybody.
            return Solved::Unknown;
        }
        let in_list = if present.is_some_and(|value| matches!(value, AttributeValue::List(_))) {
            probe.list(elements, &positive, &negative)
        } else {
            Solved::Unknown
        };
        if let Solved::Set(list) = in_list {
            return Solved::Set(list);
        }
        let alone = probe.scalar(&asked, present);
        if let Solved::Set(value) = alone {
            return Solved::Set(value);
        }
        // What is there may stay as the first element.
        let first: &[AttributeValue] = present.filter(|value| **value != AttributeValue::Object).map_or(&[], std::slice::from_ref);
        let first = if elements.is_empty() && !matches!(present, Some(AttributeValue::List(_))) { first } else { &[] };
        match (probe.list(first, &positive, &negative), alone) {
            (Solved::Set(list), _) => Solved::Set(list),
            (Solved::Impossible, Solved::Impossible) => Solved::Impossible,
            _ => Solved::Unknown,
        }
    }
}

/// What is forbidden to each element of a list. A list has no bucket, whatever it holds, so that no percentage lets it in.
fn of_elements<'n, 'a>(negative: &'n [Asked<'a>]) -> impl Iterator<Item = &'n Asked<'a>> {
    negative.iter().filter(|asked| !asked.is_percentage())
}

impl<'a> Probe<'_, 'a> {
    /// The elements that may stay.
    fn kept(&mut self, elements: &[AttributeValue], negative: &[Asked<'a>]) -> Vec<AttributeValue> {
        let negative: Vec<_> = of_elements(negative).copied().collect();
        elements.iter().filter(|element| self.are_met(&negative, element)).cloned().collect()
    }

    /// A list of what may stay and, for each test that finds nothing there, an element that it finds.
    fn list(&mut self, elements: &[AttributeValue], positive: &[Asked<'a>], negative: &[Asked<'a>]) -> Solved {
        if positive.iter().any(Asked::is_percentage) {
            // A list has no bucket.
            return Solved::Impossible;
        }
        let mut list = self.kept(elements, negative);
        for one in positive {
            if self.is_met(one, Some(&AttributeValue::List(list.clone()))) {
                continue;
            }
            let mut all = vec![*one];
            all.extend(of_elements(negative));
            match self.scalar(&all, None) {
                Solved::Set(element) => list.push(element),
                other => return other,
            }
        }
        let list = AttributeValue::List(list);
        let is_met = positive.iter().chain(negative).all(|one| self.is_met(one, Some(&list)));
        let fits = matches!(&list, AttributeValue::List(values) if AttributeValue::fit_a_list(values));
        if is_met && fits { Solved::Set(list) } else { Solved::Unknown }
    }
}
