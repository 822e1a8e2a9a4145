//! A change as subscribers are told of it: a piece of `text/event-stream`, rendered once for all of them.

use std::fmt;

use actix_web::web::Bytes;
use ff_core::EnvironmentKey;
use ff_store::{Entity, Logged, Revision};
use serde_json::json;

use super::wanted::Wanted;
use crate::event::{ChangeEvent, EventType};

/// What subscribers are told at one revision.
#[derive(Debug)]
pub(super) struct Told {
    /// The revision: the event's id.
    pub(super) revision: Revision,
    /// What kind of change it was, and where it is felt; none, where everybody must hear of it.
    about: Option<About>,
    /// The event as it goes over the wire.
    pub(super) text: Bytes,
}

#[derive(Debug)]
struct About {
    kind: EventType,
    /// None for all of them.
    environments: Option<Vec<EnvironmentKey>>,
}

/// Why a subscriber has to fetch everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResetReason {
    /// The log does not say what happened at some revision.
    LogUnreadable,
    /// The subscriber was at a revision that the tenant has not reached, as after the restore of a backup.
    RevisionUnknown,
}

impl ResetReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::LogUnreadable => "log_unreadable",
            Self::RevisionUnknown => "revision_unknown",
        }
    }
}

impl Told {
    /// The event of a change; none for what is nobody's business but the log's.
    pub(super) fn of(logged: &Logged) -> Option<Self> {
        if !matches!(logged.entry.entity, Entity::Flag | Entity::Segment | Entity::Environment) {
            return None;
        }
        let event = ChangeEvent::of(logged);
        let data = serde_json::to_string(&event).unwrap_or_default();
        let text = block(&event.kind, event.revision, &data);
        Some(Self { revision: event.revision, about: Some(About { kind: event.kind, environments: event.environments }), text })
    }

    /// The news that what is known is not to be relied on, up to `revision`.
    pub(super) fn reset(revision: Revision, reason: ResetReason) -> Self {
        let data = json!({"revision": revision, "reason": reason.as_str()}).to_string();
        Self { revision, about: None, text: block(&"reset", revision, &data) }
    }

    pub(super) fn is_wanted(&self, wanted: &Wanted) -> bool {
        self.about.as_ref().is_none_or(|about| wanted.holds(about.kind, about.environments.as_deref()))
    }
}

/// The word that the stream has begun, and where: what comes has later revisions.
pub(super) fn ready(revision: Revision) -> Bytes {
    block(&"ready", revision, &json!({"revision": revision}).to_string())
}

/// The word that the stream has passed changes that its subscriber does not want to hear of.
pub(super) fn progress(revision: Revision) -> Bytes {
    block(&"progress", revision, &json!({"revision": revision}).to_string())
}

/// How long to wait before connecting again, in milliseconds.
pub(super) fn retry(wait_ms: u64) -> Bytes {
    format!("retry: {wait_ms}\n\n").into()
}

/// A line that no program sees.
pub(super) fn comment(words: &str) -> Bytes {
    format!(": {words}\n\n").into()
}

/// JSON as serde writes it has no line breaks, so it is one line of `data`.
fn block(kind: &dyn fmt::Display, revision: Revision, data: &str) -> Bytes {
    format!("event: {kind}\nid: {revision}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing::logged;

    #[test]
    fn an_event_has_its_type_its_revision_and_one_line_of_json() {
        let mut change = logged(7, Entity::Segment);
        change.entry.request_id = Some("two\nlines\r".to_owned());
        let told = Told::of(&change).unwrap();
        let text = std::str::from_utf8(&told.text).unwrap();
        let data = text.strip_prefix("event: segment.updated\nid: 7\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
        assert!(!data.contains(['\n', '\r']), "{data}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(data).unwrap()["revision"], 7);
    }

    #[test]
    fn a_reset_is_for_everybody() {
        let told = Told::reset(Revision::new(9), ResetReason::LogUnreadable);
        assert_eq!(told.text, "event: reset\nid: 9\ndata: {\"reason\":\"log_unreadable\",\"revision\":9}\n\n");
        let wanted = Wanted { environments: vec!["staging".parse().unwrap()], patterns: vec!["segment.deleted".parse().unwrap()] };
        assert!(told.is_wanted(&wanted));
    }
}
