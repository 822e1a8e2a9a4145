//! What goes on between requests.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::interval;
use actix_web::{rt, web};
use slog::{info, warn};
use tokio::time::MissedTickBehavior;

use crate::blocking;
use crate::service::refresh;
use crate::state::AppState;
use crate::telemetry::chain;

/// The background tasks of one server; they end with it.
#[derive(Debug)]
pub(crate) struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Starts them on the current thread, which serves no requests.
pub(crate) fn spawn(state: &web::Data<AppState>, refresh: Duration) -> Tasks {
    let shared = state.clone().into_inner();
    Tasks(vec![rt::spawn(refresh_for_ever(shared, refresh))])
}

/// Looks for other servers' writes, and notes whether the database is there.
async fn refresh_for_ever(state: Arc<AppState>, every: Duration) {
    let mut ticks = interval(every);
    // After a long wait for the database there is nothing to catch up on.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let shared = state.clone();
        let outcome = blocking::run(move || refresh::run(&shared)).await;
        let is_news = state.health.note(outcome.is_ok());
        match outcome {
            Ok(()) if is_news => info!(state.logger, "the database is back"),
            Err(error) if is_news => warn!(state.logger, "the database is away, evaluation goes on from memory: {}", chain(&error)),
            Ok(()) | Err(_) => {}
        }
    }
}
