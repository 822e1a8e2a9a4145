//! x
#![allow(missing_docs, reason = "wip")]
mod fault;
mod json;
pub mod key;
pub mod limits;
pub mod model;
mod read;
mod timestamp;
mod version;
pub use fault::*;
pub use timestamp::*;
pub use model::*;
pub use key::*;
