//! The API from outside: the real program as a process, asked over HTTP, on SQLite and on PostgreSQL alike.
//!
//! A folder per URL, a file per verb; beside them, what goes through many URLs, and the command line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says where it did"
)]

mod access;
mod bad_input;
mod cache;
mod caching;
mod command;
mod concurrency;
mod credentials;
mod data;
mod durability;
mod earlier_systems;
mod golden;
mod harness;
mod idempotency;
mod logs;
mod malformed;
mod methods;
mod propagation;
mod read_your_writes;
mod replicas;
mod request_id;
mod rewritten;
mod sample;
mod tenancy;
mod warnings;

mod flags {
    mod get;
    mod key {
        mod delete;
        mod get;
        mod history {
            mod get;
        }
        mod patch;
        mod put;
        mod rollback {
            mod post;
        }
    }
    mod post;
}
mod segments {
    mod get;
    mod key {
        mod delete;
        mod get;
        mod patch;
        mod put;
    }
    mod post;
}
mod environments {
    mod get;
    mod key {
        mod delete;
        mod get;
    }
    mod post;
}
mod evaluate {
    mod batch {
        mod post;
    }
    mod flag_key {
        mod get;
    }
    mod post;
    mod preview {
        mod post;
    }
}
mod users {
    mod flags {
        mod get;
        mod key {
            mod get;
        }
    }
}
mod ruleset {
    mod changes {
        mod get;
    }
    mod get;
}
mod webhooks {
    mod delivery {
        mod changed;
        mod fence;
        mod order;
        mod replicas;
        mod retry;
        mod slow;
        mod stop;
        mod tls;
    }
    mod get;
    mod id {
        mod delete;
        mod deliveries;
        mod put;
        mod redeliver;
        mod rotate;
        mod test;
    }
    mod post;
    pub(crate) mod steps;
}
mod audit {
    mod get;
}
mod events {
    mod get;
    mod resume;
}
mod auth {
    mod token {
        mod post;
    }
}
mod ops {
    mod healthz;
    pub(crate) mod metrics;
    mod monitoring;
    mod readyz;
}
mod docs {
    pub(crate) mod openapi;
    mod page;
    mod problems;
    pub(crate) mod schema;
}
