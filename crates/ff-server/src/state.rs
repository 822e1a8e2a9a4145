//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ff_store::Store;
use slog::Logger;

use crate::auth::Auth;
use crate::blocking::Patience;
use crate::cache::RulesetCache;
use crate::config::{HttpConfig, WebhookConfig};
use crate::document::Documents;
use crate::follower::Hints;
use crate::news::News;
use crate::stream::Streams;
use crate::telemetry::Metrics;
use crate::webhook::Webhooks;

/// Everything that outlives a request. Built once, shared by all workers.
#[derive(Debug)]
pub struct AppState {
    /// The database.
    pub store: Store,
    /// Who gets in.
    pub auth: Auth,
    /// What evaluation reads.
    pub rulesets: RulesetCache,
    /// What those read who evaluate by themselves.
    pub documents: Documents,
    /// Who is told of changes.
    pub news: Arc<News>,
    /// Where other processes may have written.
    pub hints: Arc<Hints>,
    /// Who is sent the changes as they come.
    pub streams: Streams,
    /// How changes are told to others.
    pub webhooks: Webhooks,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the database was there when last seen.
    pub health: Health,
    /// How long requests wait for the database.
    pub patience: Patience,
    /// The front door's bounds.
    pub http: HttpConfig,
    /// The root logger.
    pub logger: Logger,
}

impl AppState {
    /// A state in front of `store` that has seen nothing yet.
    pub fn new(store: Store, auth: Auth, http: HttpConfig, webhooks: WebhookConfig, logger: Logger) -> Self {
        let metrics = Metrics::new();
        let news = Arc::new(News::default());
        let hints = Arc::new(Hints::default());
        let (hits, misses) = (metrics.ruleset_cache_hits.clone(), metrics.ruleset_cache_misses.clone());
        let rulesets = RulesetCache::new(news.clone(), hints.clone(), hits, misses);
        let streams = Streams::new(store.clone(), news.clone(), http.streams.clone(), metrics.streams.clone(), logger.clone());
        let webhooks = Webhooks::new(webhooks);
        let patience = Patience::new(&store, hints.clone());
        Self {
            store,
            auth,
            metrics,
            rulesets,
            documents: Documents::default(),
            news,
            hints,
            streams,
            webhooks,
            health: Health::default(),
            patience,
            http,
            logger,
        }
    }
}

/// Whether the database was there when the background refresh last looked.
///
/// Asking costs nothing and never waits for a connection, so an orchestrator's probe gets its answer also while the
/// database hangs.
#[derive(Debug)]
pub struct Health {
    is_well: AtomicBool,
    is_stopping: AtomicBool,
}

impl Default for Health {
    /// A server that starts has just spoken to its database.
    fn default() -> Self {
        Self { is_well: AtomicBool::new(true), is_stopping: AtomicBool::new(false) }
    }
}

impl Health {
    /// Notes how the last look went, and says whether that is news.
    pub fn note(&self, is_well: bool) -> bool {
        self.is_well.swap(is_well, Ordering::Relaxed) != is_well
    }

    /// How the last look went.
    pub fn is_well(&self) -> bool {
        self.is_well.load(Ordering::Relaxed)
    }

    /// Notes that the server is about to stop: whoever balances load should send nobody here any more.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}
