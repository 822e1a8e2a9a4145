//! Requests that came with a key: done once, and answered the same however often they are sent.

use std::sync::OnceLock;

use ff_core::TenantId;
use ff_store::{Change, KeptAnswer, KeyedRequest, Shown, idempotency};

use super::ServiceError;
use super::told::Told;
use crate::clock;
use crate::state::AppState;

/// A request that came with a key, on its way to its one answer.
#[derive(Debug)]
pub struct Once {
    request: KeyedRequest,
    fate: OnceLock<Fate>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its answer is kept.
    Kept,
    /// Another request with this key was faster: its answer counts, and this one has changed nothing.
    Taken,
}

impl Once {
    /// A request that nothing is known of yet.
    pub fn new(request: KeyedRequest) -> Self {
        Self { request, fate: OnceLock::new() }
    }

    /// The request.
    pub fn request(&self) -> &KeyedRequest {
        &self.request
    }

    /// Whether its answer is kept already.
    pub fn is_kept(&self) -> bool {
        self.fate.get() == Some(&Fate::Kept)
    }

    /// Whether another request with this key was faster, so that its answer must be given.
    pub fn is_taken(&self) -> bool {
        self.fate.get() == Some(&Fate::Taken)
    }

    /// Notes that the answer is in a transaction that has been committed.
    pub(super) fn note_kept(&self) {
        // The first fate is the last: a request has one answer.
        self.fate.set(Fate::Kept).ok();
    }

    fn taken(&self) -> ServiceError {
        self.fate.set(Fate::Taken).ok();
        ServiceError::Repeated
    }

    /// Sees to it that nothing is done again: all requests that could do the same wait for the lock that this change holds.
    pub(super) fn check_in(&self, change: &mut Change<'_>) -> Result<(), ServiceError> {
        if idempotency::is_known_in(change, &self.request)? { Err(self.taken()) } else { Ok(()) }
    }

    /// Keeps the answer in the transaction of what it tells of.
    pub(super) fn keep_in(&self, change: &mut Change<'_>, told: &Told) -> Result<(), ServiceError> {
        let answer = told.at(change.revision());
        let is_first = idempotency::keep_in(change, &self.request, &answer, told.shown.as_ref())?;
        if is_first { Ok(()) } else { Err(self.taken()) }
    }

    /// Keeps the answer to a request that changed nothing.
    ///
    /// # Errors
    /// [`Repeated`](ServiceError::Repeated), if another answer is kept; the database is away.
    pub fn keep(&self, state: &AppState, tenant: &TenantId, answer: &KeptAnswer, shown: Option<&Shown>) -> Result<(), ServiceError> {
        if !idempotency::keep(&state.store, tenant, &self.request, clock::now(), answer, shown)? {
            return Err(self.taken());
        }
        self.note_kept();
        Ok(())
    }
}
