//! The one bridge from async to what takes its time: the database, and explanations.

use actix_web::web;

use crate::service::ServiceError;

/// Runs `work` on a thread that may block; checking out a connection happens there too.
///
/// The work runs to its end even if nobody waits for it any more, so a client that hangs up cannot leave a write half done.
///
/// # Errors
/// Those of `work`; [`ServiceError::Internal`], if it panicked or was never started because the server stops.
pub async fn run<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, ServiceError>
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
    use super::*;

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
}
