//! What goes on between requests.

use std::io;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use actix_web::{rt, web};
use ff_store::Listener;

use crate::follower;
use crate::state::AppState;

/// The background tasks of one server; they end with it.
#[derive(Debug)]
pub(crate) struct Tasks {
    running: Vec<JoinHandle<()>>,
    /// Ends when it is dropped.
    _listener: Option<Listener>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

/// Starts them on the current thread, which serves no requests, and on threads of their own.
///
/// # Errors
/// The system has no thread to give.
pub(crate) fn spawn(state: &web::Data<AppState>, refresh: Duration) -> io::Result<Tasks> {
    let shared = || state.clone().into_inner();
    let listener = Listener::start(&state.store, follower::hearing(shared()))?;
    Ok(Tasks { running: vec![rt::spawn(follower::follow_for_ever(shared(), refresh))], _listener: listener })
}
