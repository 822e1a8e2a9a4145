//! Getting rid of answers that were kept for a day.

use ff_store::idempotency;

use super::ServiceError;
use crate::clock;
use crate::state::AppState;

/// Answers that go in one transaction: a fraction of what a change takes.
const BATCH: u32 = 1_000;

/// Forgets all answers that have expired, in batches, so that changes need not wait behind this for long. Says how many.
///
/// # Errors
/// The database is away.
pub fn run(state: &AppState) -> Result<usize, ServiceError> {
    let mut count = 0;
    loop {
        let forgotten = idempotency::forget_expired(&state.store, clock::now(), BATCH)?;
        count += forgotten;
        if forgotten < BATCH as usize {
            return Ok(count);
        }
    }
}
