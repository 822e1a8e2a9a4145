//! Changes of a segment's members, as differences: adding one user to a million takes as long as adding one to a thousand.

use crate::fault::{Findings, Place};
use crate::limits::{MEMBERS_MAX, USER_ID_LENGTH_MAX};
use crate::string_set::StringSet;

/// What changes in a segment's `included` and `excluded` lists.
///
/// ```
/// use ff_core::{EnvironmentKey, ListChange, MembersChange, Ruleset, Segment};
///
/// let beta = Segment::from_json(r#"{"key": "beta", "included": ["ada", "bob"]}"#)?;
/// let ruleset = Ruleset::compile("acme".parse()?, EnvironmentKey::production(), 1, &[], &[beta])?;
/// let change = MembersChange { included: ListChange { add: &["cleo"], remove: &["bob"] }, ..MembersChange::default() };
/// let changed = ruleset.with_members(2, &"beta".parse()?, &change)?.ok_or("no such segment")?;
/// assert_eq!(changed.revision(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MembersChange<'a> {
    /// Of the users who are members whatever the criteria.
    pub included: ListChange<'a>,
    /// Of the users who are no members whatever the criteria.
    pub excluded: ListChange<'a>,
}

/// What changes in one list of user ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListChange<'a> {
    /// Ids that are in the list afterwards; those that are in it already do no harm.
    pub add: &'a [&'a str],
    /// Ids that are taken out first; those that are not in it do no harm.
    pub remove: &'a [&'a str],
}

impl ListChange<'_> {
    pub(crate) fn apply(&self, list: &StringSet, at: &Place<'_>, found: &mut Findings) -> StringSet {
        for (i, id) in self.add.iter().enumerate() {
            if !(1..=USER_ID_LENGTH_MAX).contains(&id.len()) {
                found.add(&at.field("add").item(i), format!("must have 1 to {USER_ID_LENGTH_MAX} bytes, got {}", id.len()));
            }
        }
        if self.add.is_empty() && self.remove.is_empty() {
            return list.clone();
        }
        let changed = list.changed(self.remove, self.add);
        if changed.len() > MEMBERS_MAX {
            found.add(&at.field("add"), format!("a list may have at most {MEMBERS_MAX} users, this would have {}", changed.len()));
        }
        changed
    }
}
