//! One reader of the log for each tenant that has subscribers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::time::sleep;
use ff_core::TenantId;
use ff_store::Revision;
use slog::{info, warn};
use tokio::sync::{oneshot, watch};

use super::Shared;
use super::log;
use super::recent::Recent;
use crate::blocking;
use crate::news::Said;
use crate::telemetry::chain;

/// How long to wait with a reading after one that failed.
pub(super) const READ_AGAIN: Duration = Duration::from_secs(1);

/// The latest events of a tenant, appended as the tenant is served at later revisions.
#[derive(Debug)]
pub(super) struct Hub {
    tenant: TenantId,
    recent: Mutex<Recent>,
    /// Up to where the events are here. Its sender lives as long as the reader does.
    end: watch::Receiver<Revision>,
}

/// Ends a hub's reader when it is dropped.
#[derive(Debug)]
pub(super) struct Closing(#[expect(dead_code, reason = "what counts is that it is dropped")] oneshot::Sender<()>);

impl Hub {
    /// Begins to follow the tenant. `served` is asked once the news are followed, so that no revision falls between the two.
    pub(super) fn open(shared: &Arc<Shared>, tenant: &TenantId, served: impl FnOnce() -> Revision) -> (Arc<Self>, Closing) {
        let news = shared.news.follow(tenant);
        let restores = news.borrow().restores;
        let start = served();
        let (end, hears_end) = watch::channel(start);
        let recent = Mutex::new(Recent::new(start, shared.config.queue_max));
        let hub = Arc::new(Self { tenant: tenant.clone(), recent, end: hears_end });
        let (closing, closed) = oneshot::channel();
        let reader = Reader { shared: shared.clone(), hub: hub.clone(), news, restores, end };
        rt::spawn(async move {
            let shared = reader.shared.clone();
            tokio::select! {
                // An error, since nobody sends: the other end is gone.
                _ = closed => {}
                () = reader.run() => {}
            }
            shared.news.forget_unfollowed();
        });
        (hub, Closing(closing))
    }

    pub(super) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        // Nothing is left half done under this lock, whatever panics.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says when there is more.
    pub(super) fn end(&self) -> watch::Receiver<Revision> {
        self.end.clone()
    }

    /// Whether its reader still reads. It ends with the thread that it was started on, should that die.
    pub(super) fn is_read(&self) -> bool {
        self.end.has_changed().is_ok()
    }
}

/// Reads what is new.
struct Reader {
    shared: Arc<Shared>,
    hub: Arc<Hub>,
    news: watch::Receiver<Said>,
    restores: u64,
    end: watch::Sender<Revision>,
}

impl Reader {
    async fn run(mut self) {
        loop {
            let Said { revision: served, restores } = *self.news.borrow_and_update();
            if restores != self.restores {
                self.restores = restores;
                self.hub.recent().restart(served);
                self.end.send_replace(served);
            }
            self.read_up_to(served).await;
            if self.news.changed().await.is_err() {
                return;
            }
        }
    }

    /// Reads until it has everything up to `served`, however often that fails.
    async fn read_up_to(&self, served: Revision) {
        let mut is_failing = false;
        loop {
            let after = self.hub.recent().end();
            if after >= served {
                return;
            }
            let (store, tenant) = (self.shared.store.clone(), self.hub.tenant.clone());
            let permit = self.shared.hub_reads.acquire().await;
            let piece = blocking::run(move || log::read(&store, &tenant, after, served)).await;
            drop(permit);
            match piece {
                Ok(piece) => {
                    let reached = piece.reached;
                    self.hub.recent().append(piece);
                    self.end.send_replace(reached);
                    if is_failing {
                        info!(self.shared.logger, "the event streams of `{}` go on", self.hub.tenant);
                    }
                    is_failing = false;
                }
                Err(error) => {
                    if !is_failing {
                        warn!(self.shared.logger, "the event streams of `{}` have to wait: {}", self.hub.tenant, chain(&error));
                    }
                    is_failing = true;
                    sleep(READ_AGAIN).await;
                }
            }
        }
    }
}
