//! What the server does, without HTTP: each function takes the state, who asks for what where, and answers with values
//! or a [`ServiceError`]. Testable without a server.

pub mod catch_up;
mod context;
pub mod environments;
mod error;
pub mod evaluate;
pub mod flags;
pub mod forget_answers;
mod once;
mod precondition;
pub mod ruleset;
pub mod segments;
mod told;
pub mod webhooks;
mod writing;

pub use self::context::{Context, RequestId};
pub use self::error::{BoxError, Missing, ServiceError};
pub use self::once::Once;
pub use self::precondition::{Precondition, Tags};
pub use self::writing::{Linted, Made};
