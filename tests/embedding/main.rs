//! The engine as a service that embeds it sees it: what its types promise, builders against JSON, serde in and out, typed
//! answers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod builders;
#[cfg(not(miri))]
mod examples;
mod promises;
mod serde_doors;
mod users;

use ff_core::Fault;

/// The pointers of faults, in their order.
fn pointers<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> Vec<&'a str> {
    faults.into_iter().map(|fault| fault.pointer.as_str()).collect()
}
