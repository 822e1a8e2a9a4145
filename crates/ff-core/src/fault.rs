//! What is wrong with a document, all of it at once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most faults that are listed; a document with more is told so in the last one.
pub const FAULTS_MAX: usize = 100;

/// The longest pointer or message, in bytes: a fault quotes what was sent, and what was sent may be long.
const FAULT_LENGTH_MAX: usize = 1_000;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// JSON Pointer (RFC 6901) to the offending value: `/variants/0/weight`; empty for the document itself.
    pub pointer: String,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
}

impl Fault {
    /// A fault.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "document" } else { &self.pointer };
        write!(f, "{pointer}: {}", self.message)
    }
}

/// A non-empty list of faults: the reason why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// A single fault.
    pub fn one(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Fault::new(pointer, message)])
    }

    /// The faults in the order in which they stand in the document.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }

    /// The faults, each with `prefix` in front of its pointer: for a document inside another one.
    pub fn below(self, prefix: &str) -> Self {
        Self(self.0.into_iter().map(|f| Fault { pointer: format!("{prefix}{}", f.pointer), ..f }).collect())
    }
}

/// The faults one by one, in the order in which they stand in the document.
impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl From<Faults> for Vec<Fault> {
    fn from(faults: Faults) -> Self {
        faults.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A place in a document, as a list of links that live on the stack: rendered only when a fault is found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Root,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    pub(crate) fn field<'b>(&'b self, name: &'b str) -> Place<'b> {
        Place::Field(self, name)
    }

    pub(crate) fn item(&self, index: usize) -> Place<'_> {
        Place::Item(self, index)
    }

    fn render(&self, out: &mut String) {
        match self {
            Place::Root => {}
            Place::Field(parent, name) => {
                parent.render(out);
                out.push('/');
                if out.len() <= FAULT_LENGTH_MAX {
                    let shown: String = name.chars().take(FAULT_LENGTH_MAX).collect();
                    out.push_str(&shown.replace('~', "~0").replace('/', "~1"));
                }
            }
            Place::Item(parent, index) => {
                parent.render(out);
                out.push('/');
                out.push_str(&index.to_string());
            }
        }
    }

    pub(crate) fn pointer(&self) -> String {
        let mut out = String::new();
        self.render(&mut out);
        out
    }
}

fn cut(text: &mut String) {
    if text.len() > FAULT_LENGTH_MAX {
        let end = (0..=FAULT_LENGTH_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
}

/// Collects faults while a document is read.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Fault>);

impl Findings {
    pub(crate) fn add(&mut self, place: &Place<'_>, message: impl Into<String>) {
        if self.0.len() <= FAULTS_MAX {
            self.push(Fault { pointer: place.pointer(), message: message.into() });
        }
    }

    pub(crate) fn push(&mut self, mut fault: Fault) {
        if self.0.len() < FAULTS_MAX {
            cut(&mut fault.pointer);
            cut(&mut fault.message);
            self.0.push(fault);
        } else if self.0.len() == FAULTS_MAX {
            self.0.push(Fault { pointer: String::new(), message: format!("more than {FAULTS_MAX} faults; the rest is not listed") });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value`, if nothing was found. A reader that found a fault may give no value, and one that gives none must say why.
    pub(crate) fn result<T>(self, value: Option<T>) -> Result<T, Faults> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ if self.0.is_empty() => Err(Faults::one("", "the document cannot be read")),
            _ => Err(Faults(self.0)),
        }
    }

    pub(crate) fn into_result(self) -> Result<(), Faults> {
        if self.0.is_empty() { Ok(()) } else { Err(Faults(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_slash_and_tilde() {
        let root = Place::Root;
        let attr = root.field("a/b~c");
        assert_eq!(attr.item(3).pointer(), "/a~1b~0c/3");
    }

    #[test]
    fn what_a_fault_quotes_is_cut() {
        let mut found = Findings::default();
        found.add(&Place::Root.field(&"é".repeat(10_000)), "x".repeat(10_000));
        let faults = found.into_result().unwrap_err();
        let Fault { pointer, message } = &faults.as_slice()[0];
        assert!(pointer.len() < 1_010 && message.len() < 1_010 && message.ends_with('…'));
    }

    #[test]
    fn a_flood_of_faults_is_cut_and_says_so() {
        let mut found = Findings::default();
        (0..1000).for_each(|i| found.add(&Place::Root.item(i), "bad"));
        let faults = found.into_result().unwrap_err();
        assert_eq!(faults.as_slice().len(), FAULTS_MAX + 1);
        assert!(faults.as_slice()[FAULTS_MAX].message.contains("more than"));
    }
}
