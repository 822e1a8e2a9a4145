//! The one bridge from async to what takes its time: the database, and explanations.

use std::fmt;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use ff_store::Store;
use tokio::sync::watch;
use tokio::task_local;
use tokio::time::sleep;

use crate::follower::Hints;
use crate::service::ServiceError;

/// So many times as long as a question may take, no request waits, whether or not the database is known to hang.
const WORK_FACTOR: u32 = 6;

/// And not less than this, which is as long as proxies wait as a rule: an import on a slow database may take long, and should be let.
const WORK_MIN: Duration = Duration::from_secs(60);

task_local! {
    /// Of the request, or of what else is under way and must come to an end.
    static PATIENCE: Patience;
}

/// How long whoever needs the database waits for it. What is asked of it cannot be taken back, so only the wait ends.
#[derive(Clone)]
pub struct Patience(Arc<Shared>, Option<Duration>);

struct Shared {
    hangs: watch::Sender<bool>,
    hints: Arc<Hints>,
    /// Whoever has waited so long asks for a look at the database.
    suspects_after: Duration,
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").field("hangs", &*self.0.hangs.borrow()).field("at_most", &self.1).finish_non_exhaustive()
    }
}

/// What a caller is told who has waited in vain.
#[derive(Debug, thiserror::Error)]
#[error("no answer came, and whether what was asked is done is not known")]
struct NoAnswer;

impl Patience {
    /// That of requests to this database.
    pub fn new(store: &Store, hints: Arc<Hints>) -> Self {
        let answer_within = store.answer_within();
        let shared = Shared { hangs: watch::Sender::new(false), hints, suspects_after: answer_within / 2 };
        Self(Arc::new(shared), Some((answer_within * WORK_FACTOR).max(WORK_MIN)))
    }

    /// That of work in the background, which waits for as long as the database may still answer. To begin it anew would not be faster.
    #[must_use]
    pub(crate) fn in_background(&self) -> Self {
        Self(Arc::clone(&self.0), None)
    }

    /// Notes whether the database takes questions and answers none: nobody waits for it then.
    pub(crate) fn note_hanging(&self, hangs: bool) {
        self.0.hangs.send_replace(hangs);
    }

    /// Lets `work` wait for the database as long as this, and not longer, wherever it calls [`run`].
    pub(crate) fn bound<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        PATIENCE.scope(self, work)
    }

    /// Waits until it is not worth waiting any more.
    async fn end(self) {
        let Self(shared, at_most) = self;
        let mut hangs = shared.hangs.subscribe();
        let suspicion = async {
            sleep(shared.suspects_after).await;
            shared.hints.compare();
            pending::<()>().await;
        };
        let too_long = async {
            match at_most {
                Some(at_most) => sleep(at_most).await,
                None => pending().await,
            }
        };
        tokio::select! {
            // The sender is held by this very value.
            _ = hangs.wait_for(|hangs| *hangs) => {}
            () = too_long => {}
            () = suspicion => {}
        }
    }
}

/// Runs `work`, which needs the database, on a thread that may block; checking out a connection happens there too.
///
/// The work runs to its end even if nobody waits for it any more, so a client that hangs up cannot leave a write half done. Nor does anybody
/// wait for a database that does not answer: a request, once that is known, or after a minute or so.
///
/// # Errors
/// Those of `work`; [`ServiceError::Unavailable`], if no answer came: a write may be done then, or not;
/// [`ServiceError::Internal`], if it panicked or was never started because the server stops.
pub async fn run<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, ServiceError>
where
    T: Send + 'static,
    E: Into<ServiceError> + Send + 'static,
{
    let work = compute(work);
    let Ok(patience) = PATIENCE.try_with(Patience::clone) else { return work.await };
    let mut work = pin!(work);
    tokio::select! {
        biased;
        result = &mut work => result,
        () = patience.end() => Err(ServiceError::Unavailable(NoAnswer.into())),
    }
}

/// Runs `work`, which takes its time and needs no database, on a thread that may block.
///
/// # Errors
/// Those of `work`; [`ServiceError::Internal`], if it panicked or was never started because the server stops.
pub async fn compute<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, ServiceError>
where
    T: Send + 'static,
    E: Into<ServiceError> + Send + 'static,
{
    match web::block(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(ServiceError::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::testing::Fixture;

    #[actix_web::test]
    async fn values_and_errors_come_back() {
        assert_eq!(run(|| Ok::<_, ServiceError>(7)).await.unwrap(), 7);
        let refused = run(|| Err::<(), _>(ServiceError::Forbidden("no".to_owned()))).await;
        assert!(matches!(refused, Err(ServiceError::Forbidden(_))));
    }

    #[actix_web::test]
    async fn a_panic_over_there_is_an_internal_error_over_here() {
        let failed = run(|| -> Result<(), ServiceError> { panic!("boom") }).await;
        assert!(matches!(failed, Err(ServiceError::Internal(_))));
    }

    /// Work that ends when it is told to, and says so.
    fn held() -> (impl FnOnce() -> Result<(), ServiceError> + Send, impl FnOnce()) {
        let (go, gate) = channel::<()>();
        let (done, end) = channel();
        let work = move || {
            gate.recv().ok();
            done.send(()).map_err(ServiceError::internal)
        };
        let finish = move || {
            drop(go);
            end.recv().unwrap();
        };
        (work, finish)
    }

    #[actix_web::test]
    async fn nobody_waits_for_a_database_that_is_known_to_hang_and_what_was_asked_is_done_all_the_same() {
        let patience = Fixture::new().state.patience.clone();
        for patience in [patience.clone(), patience.in_background()] {
            let (work, finish) = held();
            let asked = patience.clone().bound(run(work));
            let noted = async { patience.note_hanging(true) };
            let (asked, ()) = futures_util::future::join(asked, noted).await;
            assert!(matches!(asked, Err(ServiceError::Unavailable(_))), "{asked:?}");
            finish();
            // What needs no database has nothing to do with it.
            patience.clone().bound(compute(|| Ok::<_, ServiceError>(()))).await.unwrap();
            patience.note_hanging(false);
            patience.clone().bound(run(|| Ok::<_, ServiceError>(()))).await.unwrap();
        }
    }

    #[actix_web::test]
    async fn a_request_that_waits_long_asks_for_a_look_at_the_database_and_ends_some_time() {
        let state = Fixture::new().state;
        let Patience(shared, _) = &state.patience;
        let (hangs, hints) = (watch::Sender::new(false), Arc::clone(&shared.hints));
        let shared = Shared { hangs, hints, suspects_after: Duration::from_millis(1) };
        let (work, finish) = held();
        let asked = Patience(Arc::new(shared), Some(Duration::from_millis(50))).bound(run(work)).await;
        assert!(matches!(asked, Err(ServiceError::Unavailable(_))), "{asked:?}");
        assert!(state.hints.is_asked_to_compare());
        finish();
    }
}
