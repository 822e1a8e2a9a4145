//! Whose data, and which state of it: the first argument of every query, and the counters it answers with.

use std::fmt;

use ff_core::{EnvironmentKey, TenantId};
use serde::{Deserialize, Serialize};

/// One environment of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// The stage inside it.
    pub environment: EnvironmentKey,
}

impl Scope {
    /// The scope of `environment` in `tenant`.
    pub fn new(tenant: TenantId, environment: EnvironmentKey) -> Self {
        Self { tenant, environment }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The counter at `value`.
            pub const fn new(value: i64) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn get(self) -> i64 {
                self.0
            }

            pub(crate) const fn next(self) -> Self {
                // One a nanosecond would take 292 years to get there.
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

counters! {
    /// How many changes a tenant has seen: 0 before the first, +1 with every committed one, without gaps.
    Revision;
    /// How many states an entity has had: 1 when created, +1 with every change of what it shows.
    Version;
}

impl Revision {
    /// Before the first change.
    pub const ZERO: Self = Self(0);
}

impl Version {
    /// As created.
    pub const FIRST: Self = Self(1);
}
