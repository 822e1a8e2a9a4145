//! What one connection is sent.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::{Instant, sleep_until};
use actix_web::web::Bytes;
use ff_store::Revision;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;

use super::hub::READ_AGAIN;
use super::log::{self, Piece};
use super::place::Place;
use super::recent::Next;
use super::told::{self, ResetReason, Told};
use super::wanted::Wanted;
use crate::blocking;
use crate::clock;
use crate::service::ServiceError;

/// A browser waits this long before it connects again, and then so much longer at most: after a restart, clients come one after another.
const RETRY_MS_MIN: u64 = 1_000;
const RETRY_MS_SPREAD: u64 = 2_000;

/// Timers do not reach further. A stream that lasts so long begins anew.
const LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// After a revision that the tenant has reached.
    After(Revision),
    /// After a revision that it is said to have reached.
    Claimed(Revision),
    /// With the word that everything is to be fetched: the revision that was named may be that of a history that is gone.
    Anew,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was said yet.
    New,
    /// Where to begin was not said, since the tenant may not have been there.
    Asking,
    /// What was missed is read from the log.
    CatchingUp,
    /// It has heard everything, and waits for more.
    Waiting,
    /// It is being sent the tenant's latest events.
    Sending,
    /// There will be no more.
    Ended,
}

/// What was read on behalf of this one.
enum Reading {
    Piece(Piece),
    Latest(Revision),
}

/// One connection's side of the stream.
pub(super) struct Subscriber {
    place: Place,
    wanted: Wanted,
    stage: Stage,
    start: Start,
    /// How often the tenant's log had become another one when this one last looked.
    restarts: u64,
    retry_ms: u64,
    /// The revision up to which everything was sent that is wanted.
    passed: Revision,
    /// The last id that was sent.
    said: Revision,
    /// What was read from the log and not sent yet, and how far that goes.
    piece: VecDeque<Arc<Told>>,
    piece_reached: Revision,
    // It is kept across heartbeats, so that a database that hangs is asked once.
    reading: Option<LocalBoxFuture<'static, Result<Reading, ServiceError>>>,
    read_again_at: Option<Instant>,
    beat_at: Instant,
    refused_at: Instant,
    end: watch::Receiver<Revision>,
    ending: watch::Receiver<bool>,
}

impl Subscriber {
    pub(super) fn new(place: Place, wanted: Wanted, start: Start, opened: u64, refused_from_s: Option<u64>) -> Self {
        let now = Instant::now();
        let life = refused_from_s.map_or(LIFE_MAX, |at_s| Duration::from_secs(at_s.saturating_sub(clock::now_s())).min(LIFE_MAX));
        let (restarts, end) = {
            let recent = place.hub.recent();
            (recent.restarts().0, recent.end())
        };
        let passed = match start {
            Start::After(revision) | Start::Claimed(revision) => revision,
            Start::Anew => end,
        };
        Self {
            wanted,
            stage: Stage::New,
            start,
            restarts,
            // Neighbours in the order of arrival are far apart: the step shares no divisor with the range.
            retry_ms: RETRY_MS_MIN + opened.wrapping_mul(1_237) % RETRY_MS_SPREAD,
            passed,
            said: passed,
            piece: VecDeque::new(),
            piece_reached: passed,
            reading: None,
            read_again_at: None,
            beat_at: now + place.shared().config.heartbeat,
            refused_at: now + life,
            end: place.hub.end(),
            ending: place.shared().places.ending(),
            place,
        }
    }

    /// What is sent next; none at the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let text = match self.stage {
            Stage::Ended => return None,
            Stage::New => Some(self.open()),
            Stage::Asking | Stage::CatchingUp | Stage::Waiting | Stage::Sending => self.wait().await,
        };
        self.beat_at = Instant::now() + self.place.shared().config.heartbeat;
        text
    }

    /// The first words: they show at once that the connection stands.
    fn open(&mut self) -> Bytes {
        let retry = told::retry(self.retry_ms);
        let first = match self.start {
            Start::Claimed(_) => {
                self.stage = Stage::Asking;
                return retry;
            }
            Start::After(revision) => {
                self.stage = Stage::CatchingUp;
                told::ready(revision)
            }
            Start::Anew => self.start_over(self.passed),
        };
        [retry, first].concat().into()
    }

    async fn wait(&mut self) -> Option<Bytes> {
        loop {
            let now = Instant::now();
            if *self.ending.borrow() {
                return Some(self.farewell("the server is stopping"));
            }
            if now >= self.refused_at {
                return Some(self.farewell("the credential has expired"));
            }
            // Before looking, so that nothing that comes after the look is missed.
            self.end.borrow_and_update();
            match self.look(now) {
                Some(Some(text)) => return Some(text),
                Some(None) => return None,
                None => {}
            }
            if now >= self.beat_at {
                return Some(self.beat());
            }
            let wake_at = [Some(self.beat_at), Some(self.refused_at), self.read_again_at].into_iter().flatten().min().unwrap_or(now);
            let Self { reading, end, ending, .. } = self;
            let read = async {
                match reading {
                    Some(reading) => reading.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                _ = ending.changed() => {}
                outcome = read => if let Some(text) = self.take(outcome) {
                    return Some(text);
                },
                outcome = end.changed() => if outcome.is_err() {
                    // The hub's reader is gone. The client connects again and finds another.
                    return None;
                },
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// What there is to send now: `None` for nothing yet, `Some(None)` where there will be nothing any more.
    fn look(&mut self, now: Instant) -> Option<Option<Bytes>> {
        let (restarts, start) = self.place.hub.recent().restarts();
        if restarts != self.restarts {
            self.restarts = restarts;
            return Some(Some(self.start_over(start)));
        }
        if self.read_again_at.is_some_and(|at| now < at) {
            return None;
        }
        self.read_again_at = None;
        if self.stage == Stage::Asking {
            self.ask();
            return None;
        }
        while let Some(told) = self.piece.pop_front() {
            if told.is_wanted(&self.wanted) {
                return Some(Some(self.send(&told)));
            }
        }
        self.passed = self.passed.max(self.piece_reached);
        let next = self.place.hub.recent().next(self.passed, &self.wanted);
        match next {
            Next::Told(told) => {
                self.stage = Stage::Sending;
                Some(Some(self.send(&told)))
            }
            Next::Nothing(end) => {
                self.stage = Stage::Waiting;
                self.passed = self.passed.max(end);
                None
            }
            // It was not asked for more until what there was is gone: its client is too slow.
            Next::Behind if self.stage == Stage::Sending => Some(None),
            // It waited, and more has come at once than is kept: after an absence of the database, for example.
            Next::Behind => {
                self.stage = Stage::CatchingUp;
                self.read();
                None
            }
        }
    }

    fn send(&mut self, told: &Told) -> Bytes {
        self.passed = told.revision;
        self.said = told.revision;
        self.place.shared().metrics.sent.increment(1);
        told.text.clone()
    }

    /// Asks how far the tenant is, unless that was asked already.
    fn ask(&mut self) {
        if self.reading.is_none() {
            let (shared, tenant) = (self.place.shared().clone(), self.place.hub.tenant().clone());
            let latest = async move {
                let _permit = shared.subscriber_reads.acquire().await;
                shared.latest(tenant).await.map(Reading::Latest)
            };
            self.reading = Some(latest.boxed_local());
        }
    }

    /// Begins to read what it missed, unless that is going on already.
    fn read(&mut self) {
        if self.reading.is_none() {
            let (shared, tenant) = (self.place.shared().clone(), self.place.hub.tenant().clone());
            let (after, until) = (self.passed, self.place.hub.recent().end());
            let piece = async move {
                let _permit = shared.subscriber_reads.acquire().await;
                let store = shared.store.clone();
                blocking::run(move || log::read(&store, &tenant, after, until)).await.map(Reading::Piece)
            };
            self.reading = Some(piece.boxed_local());
        }
    }

    /// What follows from what was read.
    fn take(&mut self, outcome: Result<Reading, ServiceError>) -> Option<Bytes> {
        self.reading = None;
        match outcome {
            Ok(Reading::Piece(piece)) => {
                self.piece_reached = piece.reached;
                self.piece = piece.told.into();
                None
            }
            Ok(Reading::Latest(latest)) => {
                self.stage = Stage::CatchingUp;
                if self.passed <= latest {
                    return Some(told::ready(self.passed));
                }
                Some(self.start_over(latest))
            }
            // The database is away, which others tell of.
            Err(_) => {
                self.read_again_at = Some(Instant::now() + READ_AGAIN);
                None
            }
        }
    }

    /// Goes on after a revision of a log that does not know the last one.
    fn start_over(&mut self, revision: Revision) -> Bytes {
        // What is being read may be of the former log, and is read again where it is needed.
        (self.reading, self.read_again_at) = (None, None);
        self.piece.clear();
        (self.passed, self.said, self.piece_reached) = (revision, revision, revision);
        self.stage = Stage::CatchingUp;
        Told::reset(revision, ResetReason::RevisionUnknown).text
    }

    /// Says that the stream is there, and how far it is if the client cannot know.
    fn beat(&mut self) -> Bytes {
        if self.passed == self.said {
            return Bytes::from_static(b":\n\n");
        }
        self.said = self.passed;
        told::progress(self.passed)
    }

    fn farewell(&mut self, words: &str) -> Bytes {
        self.stage = Stage::Ended;
        told::comment(words)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // Whoever reads is sent at once what there is. One for whom there still is something did not read, perhaps until the operating
        // system dropped the connection.
        let has_more = || !matches!(self.place.hub.recent().next(self.passed, &self.wanted), Next::Nothing(_));
        if self.stage == Stage::Sending && has_more() {
            self.place.shared().metrics.cut.increment(1);
        }
    }
}
