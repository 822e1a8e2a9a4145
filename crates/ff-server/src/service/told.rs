//! What a write is answered, said while its transaction is open, so that the answer can be kept in it.

use ff_core::Finding;
use ff_store::{
    Entity, EnvironmentRecord, FlagRecord, KeptAnswer, Outcome, Revision, SegmentRecord, Shown, Version, WebhookShown, Written,
};
use serde::Serialize;

use super::ServiceError;

/// What a write will be answered. The routes say it again to whoever asked first; a test holds the two against each other, byte for
/// byte.
#[derive(Debug)]
pub(super) struct Told {
    answer: KeptAnswer,
    pub(super) shown: Option<Shown>,
}

impl Told {
    /// At this revision.
    pub(super) fn at(&self, revision: Revision) -> KeptAnswer {
        KeptAnswer { revision: Some(revision), ..self.answer.clone() }
    }

    /// An entity that was written, with what was found in it.
    pub(super) fn written<T: Shows>(written: &Written<T>, warnings: &[Finding]) -> Result<Self, ServiceError> {
        let record = &written.record;
        let is_new = written.outcome == Outcome::Created;
        let body = Body { entity: record, warnings };
        let warnings = (!warnings.is_empty()).then(|| serde_json::to_string(warnings)).transpose().map_err(ServiceError::internal)?;
        Ok(Self {
            answer: KeptAnswer {
                status: if is_new { 201 } else { 200 },
                etag: record.version().map(|version| format!("\"{version}\"")),
                location: is_new.then(|| record.path()),
                revision: None,
                body: Some(serde_json::to_string(&body).map_err(ServiceError::internal)?),
            },
            shown: record.shown().map(|shown| Shown { warnings, ..shown }),
        })
    }

    /// An entity that is gone.
    pub(super) fn deleted<T>(_: &T) -> Result<Self, ServiceError> {
        Ok(Self { answer: KeptAnswer { status: 204, etag: None, location: None, revision: None, body: None }, shown: None })
    }
}

/// The body of an answer to a write.
#[derive(Serialize)]
struct Body<'a, T> {
    #[serde(flatten)]
    entity: &'a T,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Finding],
}

/// An entity that answers show.
pub(super) trait Shows: Serialize {
    /// Which state of it this is, for entities that count them.
    fn version(&self) -> Option<Version>;

    /// Where it is.
    fn path(&self) -> String;

    /// Where the audit log has it; none for entities that are never large.
    fn shown(&self) -> Option<Shown>;
}

impl Shows for FlagRecord {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }

    fn path(&self) -> String {
        format!("/v1/flags/{}", self.flag.key())
    }

    fn shown(&self) -> Option<Shown> {
        Some(Shown {
            entity: Entity::Flag,
            key: self.flag.key().to_string(),
            id: self.id.clone(),
            environment: Some(self.environment.clone()),
            version: self.version,
            warnings: None,
        })
    }
}

impl Shows for SegmentRecord {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }

    fn path(&self) -> String {
        format!("/v1/segments/{}", self.segment.key())
    }

    fn shown(&self) -> Option<Shown> {
        Some(Shown {
            entity: Entity::Segment,
            key: self.segment.key().to_string(),
            id: self.id.clone(),
            environment: None,
            version: self.version,
            warnings: None,
        })
    }
}

impl Shows for EnvironmentRecord {
    fn version(&self) -> Option<Version> {
        None
    }

    fn path(&self) -> String {
        format!("/v1/environments/{}", self.key)
    }

    fn shown(&self) -> Option<Shown> {
        None
    }
}

/// Without its secret, which only the first answer shows.
impl Shows for WebhookShown {
    fn version(&self) -> Option<Version> {
        Some(self.record.version)
    }

    fn path(&self) -> String {
        format!("/v1/webhooks/{}", self.record.id)
    }

    fn shown(&self) -> Option<Shown> {
        None
    }
}
