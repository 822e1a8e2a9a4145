//! The store on both databases: the same claims, the same tests.
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests: whatever goes wrong is a failure, and says where")]

mod flags;
