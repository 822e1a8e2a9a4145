//! Any bytes as documents: text, one document a line, the first byte of a line tells its kind.
//!
//! `f` flag, `s` segment, `c` condition, `u` user, `@` instant. So a fuzzer can move, drop and repeat whole documents by
//! moving, dropping and repeating lines; a line of another kind is skipped.

use ff_core::{Condition, FAULTS_MAX, Faults, Flag, Segment, Timestamp, User};
use serde_json::{Value, json};

use super::oracle;

/// Entities of one kind that are looked at; more would only make a run longer.
const KIND_MAX: usize = 8;

/// What could be read, each document with its JSON: the oracle starts from that.
#[derive(Default)]
pub struct Documents {
    pub flags: Vec<(Flag, Value)>,
    pub segments: Vec<(Segment, Value)>,
    pub conditions: Vec<Value>,
    pub users: Vec<(User, Value)>,
    pub instants: Vec<(Timestamp, String)>,
}

impl Documents {
    /// Reads all lines. Holds what holds for every document: a refusal has reasons, and what is read can be shown and read again.
    pub fn read(data: &[u8]) -> Self {
        let mut read = Self::default();
        for line in String::from_utf8_lossy(data).lines() {
            match line.split_at_checked(1) {
                Some(("f", text)) => keep(&mut read.flags, flag(text)),
                Some(("s", text)) => keep(&mut read.segments, segment(text)),
                Some(("c", text)) => keep(&mut read.conditions, condition(text)),
                Some(("u", text)) => keep(&mut read.users, user(text).zip(tree(text))),
                Some(("@", text)) => keep(&mut read.instants, instant(text).map(|at| (at, text.to_owned()))),
                _ => {}
            }
        }
        if read.users.is_empty() {
            read.users.push((User::new("u1").unwrap(), json!({"id": "u1", "attributes": {}})));
        }
        if read.instants.is_empty() {
            let at = "2026-01-01T00:00:00Z";
            read.instants.push((at.parse().unwrap(), at.to_owned()));
        }
        read
    }

    pub fn model(&self) -> (Vec<Flag>, Vec<Segment>) {
        (self.flags.iter().map(|(flag, _)| flag.clone()).collect(), self.segments.iter().map(|(segment, _)| segment.clone()).collect())
    }

    pub fn trees(&self) -> (Vec<Value>, Vec<Value>) {
        (self.flags.iter().map(|(_, tree)| tree.clone()).collect(), self.segments.iter().map(|(_, tree)| tree.clone()).collect())
    }
}

fn keep<T>(list: &mut Vec<T>, item: Option<T>) {
    list.extend(item.filter(|_| list.len() < KIND_MAX));
}

fn tree(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// Faults are there, are not too many, and point somewhere.
pub fn refused(faults: &Faults) {
    let list = faults.as_slice();
    assert!(!list.is_empty() && list.len() <= FAULTS_MAX + 1, "{} faults", list.len());
    for fault in list {
        assert!(fault.pointer.is_empty() || fault.pointer.starts_with('/'), "{fault:?}");
        assert!(!fault.message.is_empty(), "{fault:?}");
    }
    assert!(!faults.to_string().is_empty());
}

/// Read from its text and from its tree. The two hold their clauses in another order where the text does not sort its names, so
/// what they show is compared.
fn flag(text: &str) -> Option<(Flag, Value)> {
    let from_text = Flag::from_json(text).inspect_err(refused).ok()?;
    let mut tree = tree(text).expect("what was read is JSON");
    let flag = Flag::from_value(&tree).expect("what its text says its tree says");
    assert_eq!(flag.to_value(), from_text.to_value(), "text and tree give the same flag");
    assert_eq!(Flag::from_value(&flag.to_value()).as_ref(), Ok(&flag), "shown and read again");
    assert_eq!(Flag::from_json(&serde_json::to_string(&flag).unwrap()).as_ref(), Ok(&flag), "written and read again");
    // Rules without an id get one when they are written; which, the design leaves open.
    for (rule, read) in tree["rules"].as_array_mut().into_iter().flatten().zip(flag.rules()) {
        rule["id"] = json!(read.id.as_str());
    }
    Some((flag, tree))
}

fn segment(text: &str) -> Option<(Segment, Value)> {
    let from_text = Segment::from_json(text).inspect_err(refused).ok()?;
    let tree = tree(text).expect("what was read is JSON");
    let segment = Segment::from_value(&tree).expect("what its text says its tree says");
    assert_eq!(segment.to_value(), from_text.to_value(), "text and tree give the same segment");
    assert_eq!(Segment::from_value(&segment.to_value()).as_ref(), Ok(&segment), "shown and read again");
    assert_eq!(Segment::from_json(&serde_json::to_string(&segment).unwrap()).as_ref(), Ok(&segment), "written and read again");
    Some((segment, tree))
}

fn condition(text: &str) -> Option<Value> {
    let tree = tree(text)?;
    let condition = Condition::from_value(&tree).inspect_err(refused).ok()?;
    let shown = serde_json::to_value(&condition).unwrap();
    assert_eq!(Condition::from_value(&shown).as_ref(), Ok(&condition), "shown and read again");
    Some(tree)
}

pub fn user(text: &str) -> Option<User> {
    let user = User::from_json(text).inspect_err(refused).ok()?;
    assert_eq!(tree(text).map(|tree| User::from_value(&tree)), Some(Ok(user.clone())), "text and tree give the same user");
    Some(user)
}

fn instant(text: &str) -> Option<Timestamp> {
    let at: Option<Timestamp> = text.parse().ok();
    assert_eq!(at.is_some(), oracle::nanoseconds(text).is_some(), "{text:?}");
    let at = at?;
    assert_eq!(at.to_string().parse(), Ok(at), "shown and read again");
    assert_eq!(oracle::nanoseconds(&at.to_string()), oracle::nanoseconds(text), "{text:?} is shown as {at}");
    Some(at)
}
