//! The ff server: HTTP in front of [`ff_store`] and [`ff_core`].
//!
//! A request passes [`middleware`] (a name, a log line, a count), is turned into typed arguments by [`extract`] (who, where,
//! may they, what), reaches a handler in [`routes`], which calls [`service`] or the store through [`blocking`], and comes
//! back as JSON or, whatever went wrong, as a [`problem`].
//!
//! [`run`] is what `main` calls; [`start`] is the same without signals, for tests and for embedding:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ff_server::config::{Config, Overrides, Variables};
//!
//! let overrides = Overrides { dev: true, bind: Some("127.0.0.1:0".parse()?), ..Overrides::default() };
//! let config = Config::load(&Variables::from_process()?, &overrides)?;
//! let (logger, _guard) = ff_server::telemetry::logger(config.log.level);
//! let running = ff_server::start(config, logger).await?;
//! let (address, handle) = (running.address(), running.handle());
//! // … requests to `address` …
//! handle.stop(true).await;
//! running.wait().await?;
//! # Ok(()) }
//! ```

pub mod auth;
mod background;
pub mod blocking;
pub mod cache;
pub mod clock;
pub mod command;
pub mod config;
pub mod document;
pub mod event;
pub mod extract;
mod follower;
mod latest;
pub mod middleware;
pub mod news;
pub mod openapi;
pub mod problem;
pub mod routes;
pub mod seed;
mod server;
pub mod service;
mod sockets;
pub mod state;
pub mod state_dir;
pub mod stream;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod webhook;

pub use server::{Handle, Running, StartError, app, run, start};
