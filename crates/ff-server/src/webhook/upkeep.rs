//! What every server does about webhooks, also one that delivers none: count how they are doing, and forget old deliveries.

use std::time::Duration;

use ff_core::Timestamp;
use ff_store::webhook::{figures, forget_before};

use crate::clock;
use crate::service::ServiceError;
use crate::state::AppState;

/// How long deliveries are remembered, and how many are forgotten at once.
const REMEMBERED_FOR: Duration = Duration::from_secs(30 * 86_400);
const FORGET_AT_ONCE: u32 = 500;

/// Counts how webhooks are doing, for the metrics.
///
/// # Errors
/// The database is away.
pub(crate) fn count(state: &AppState) -> Result<(), ServiceError> {
    state.metrics.webhooks.set(figures(&state.store)?);
    Ok(())
}

/// Forgets deliveries that are too old, some at a time, and says how many. Several servers may do it at once.
///
/// # Errors
/// The database is away.
pub(crate) fn forget(state: &AppState) -> Result<usize, ServiceError> {
    let cutoff = Timestamp::from_millis(clock::now().as_millis() - i64::try_from(REMEMBERED_FOR.as_millis()).unwrap_or(i64::MAX));
    let mut count = 0;
    loop {
        let forgotten = forget_before(&state.store, cutoff, FORGET_AT_ONCE)?;
        count += forgotten;
        if forgotten < FORGET_AT_ONCE as usize {
            return Ok(count);
        }
    }
}
