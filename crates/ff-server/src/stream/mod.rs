//! Event streams: who is told of a tenant's changes as they come.
//!
//! ```text
//! news    a tenant is served at a later revision
//! hub     one for each tenant with subscribers: reads the log once, renders each event once
//! recent  the tenant's latest events: one queue, in which each subscriber has a place
//! subscriber  what one connection is sent: what it missed, read from the log, then what is new, heartbeats between
//! ```
//! An event goes out once this server serves its revision, so whoever fetches after it gets the new state. `adr/0014` says why it is so.

mod hub;
mod log;
mod place;
mod recent;
mod subscriber;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod told;
mod wanted;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::web::Bytes;
use ff_core::TenantId;
use ff_store::{Revision, Store};
use futures_util::{Stream, stream};
use slog::Logger;
use tokio::sync::Semaphore;

use self::place::Places;
use self::subscriber::{Start, Subscriber};
pub use self::wanted::Wanted;
use crate::blocking;
use crate::cache::RulesetCache;
use crate::config::StreamConfig;
use crate::news::News;
use crate::service::ServiceError;
use crate::telemetry::StreamMetrics;

/// Readings of the log that go on at once, for tenants' hubs and for subscribers who catch up, each: they must leave connections to
/// the database for requests.
const READS_MAX: usize = 2;

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// With what comes.
    Now,
    /// After a revision that the request names.
    Since(Revision),
    /// After the last event that reached the client, as it says by itself when it connects again.
    LastEventId(Revision),
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The tenant has as many as it may have.
    #[error("the tenant has {subscribers_max} event streams on this server, which is as many as it may have")]
    TenantFull {
        /// How many it may have.
        subscribers_max: usize,
    },
    /// The server has as many as it holds.
    #[error("the server has as many event streams as it holds")]
    Full,
    /// It should begin after a revision that there is not yet.
    #[error("`since` is {since}, but the tenant is at revision {latest}")]
    Future {
        /// What was asked for.
        since: Revision,
        /// Where the tenant is.
        latest: Revision,
    },
    /// The database was needed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What all streams of a server share.
struct Shared {
    store: Store,
    news: Arc<News>,
    config: StreamConfig,
    metrics: StreamMetrics,
    logger: Logger,
    places: Places,
    hub_reads: Semaphore,
    subscriber_reads: Semaphore,
    opened: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("places", &self.places).finish_non_exhaustive()
    }
}

/// The event streams of one server.
#[derive(Debug)]
pub struct Streams(Arc<Shared>);

/// Who asks for a stream, and for which.
#[derive(Debug)]
pub struct Subscription {
    /// Whose changes.
    pub tenant: TenantId,
    /// Which of them.
    pub wanted: Wanted,
    /// From where on.
    pub resume: Resume,
    /// When the credential that allows it is refused, in seconds since 1970: no stream outlives its permission.
    pub refused_from_s: Option<u64>,
}

impl Streams {
    /// No streams yet.
    pub fn new(store: Store, news: Arc<News>, config: StreamConfig, metrics: StreamMetrics, logger: Logger) -> Self {
        let reads = || Semaphore::new(READS_MAX);
        Self(Arc::new(Shared {
            store,
            news,
            config,
            metrics,
            logger,
            places: Places::default(),
            hub_reads: reads(),
            subscriber_reads: reads(),
            opened: AtomicU64::new(0),
        }))
    }

    /// Ends all streams, so that a server that stops need not wait for them. One that begins after this says where it stands and ends: at
    /// a refusal browsers would give up for good, and after an end they connect again, elsewhere.
    pub fn end(&self) {
        self.0.places.end();
    }

    /// Begins a stream of a tenant that `rulesets` serves at the revision `served`, or at a later one.
    ///
    /// # Errors
    /// There is no place for it; or it would begin in the future, or that cannot be told because the database is away.
    pub async fn begin(
        &self,
        rulesets: &RulesetCache,
        served: Revision,
        subscription: Subscription,
    ) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + use<>, Refused> {
        let Subscription { tenant, wanted, resume, refused_from_s } = subscription;
        let start = match resume {
            Resume::Now => Start::After(served),
            Resume::Since(revision) | Resume::LastEventId(revision) if rulesets.is_doubtful(&tenant, revision) => Start::Anew,
            Resume::Since(revision) | Resume::LastEventId(revision) if revision <= served => Start::After(revision),
            // The client may have been at a server that is ahead of this one.
            Resume::Since(since) => {
                let latest = self.latest(&tenant).await?;
                if since > latest {
                    return Err(Refused::Future { since, latest });
                }
                Start::After(since)
            }
            Resume::LastEventId(revision) => Start::Claimed(revision),
        };
        let place = place::take(&self.0, &tenant, || rulesets.peek(&tenant).map_or(served, |rulesets| rulesets.revision().max(served)))?;
        let opened = self.0.opened.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber::new(place, wanted, start, opened, refused_from_s);
        Ok(stream::unfold(subscriber, |mut subscriber| async move { subscriber.next().await.map(|text| (Ok(text), subscriber)) }))
    }

    /// The tenant's revision in the database.
    async fn latest(&self, tenant: &TenantId) -> Result<Revision, ServiceError> {
        self.0.latest(tenant.clone()).await
    }
}

impl Shared {
    async fn latest(&self, tenant: TenantId) -> Result<Revision, ServiceError> {
        let store = self.store.clone();
        let revisions = blocking::run(move || ff_store::ruleset::revisions(&store, &[tenant])).await?;
        Ok(revisions.first().map_or(Revision::ZERO, |(_, revision)| *revision))
    }
}
