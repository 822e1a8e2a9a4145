//! From a configuration to a server that answers, and back to silence.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::sleep;
use actix_web::{App, Error, HttpServer, rt, web};
use ff_store::StoreError;
use slog::{Logger, info, warn};
use tokio::signal::unix::{SignalKind, signal};

use self::door::Door;
use self::opening::Opened;
use crate::auth::{Auth, TokenError};
use crate::background::{self, Tasks};
use crate::blocking;
use crate::config::Config;
use crate::middleware::Observe;
use crate::routes;
use crate::service::ServiceError;
use crate::sockets;
use crate::state::AppState;
use crate::state_dir::save_for_ever;
use crate::webhook::Deliverer;

/// How long an idle connection is kept. Longer than the 60 s of usual load balancers, so that it is they who close first
/// and no request meets a connection that is just going away.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long connections that were accepted last have to send their request, before those without one are closed.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// Why the server did not start, or stopped on its own.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cryptography does not work.
    #[error("tokens cannot be used")]
    Tokens(#[from] TokenError),
    /// The database cannot be opened or brought up to date.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The folder for rulesets cannot be used.
    #[error("the folder `{}` (STATE_DIR) cannot be used", folder.display())]
    StateDir {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The state cannot be prepared.
    #[error("the server's state cannot be prepared")]
    State(#[source] ServiceError),
    /// The operating system refused something else.
    #[error("the operating system refused")]
    System(#[from] io::Error),
}

/// A server that answers.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    // It acts on a stop only while it is polled, so it runs as a task of its own.
    server: JoinHandle<io::Result<()>>,
    handle: Handle,
    tasks: Tasks,
    deliverer: Option<Deliverer>,
}

/// Stops a server.
#[derive(Debug, Clone)]
pub struct Handle {
    server: ServerHandle,
    door: Arc<Door>,
    state: web::Data<AppState>,
}

impl Handle {
    /// Stops it. With `graceful`, requests in flight may finish, within the configured time. Event streams are ended at once in either
    /// case: they have no end of their own to wait for, and their clients connect again elsewhere.
    pub fn stop(&self, graceful: bool) -> impl Future<Output = ()> + use<> {
        self.state.streams.end();
        // Told first: whoever accepts connections would complain of a socket that is closed under him.
        let stopped = self.server.stop(graceful);
        self.door.close();
        stopped
    }

    /// Tells everyone that it is about to stop: `/readyz` says so, connections are closed with the next answer on them, and streams end.
    fn say_goodbye(&self) {
        self.state.health.stop();
        self.state.streams.end();
    }

    /// Lets nobody in any more, and those finish who were let in last.
    async fn close_door(&self) {
        self.server.pause().await;
        self.door.close();
        sleep(LAST_REQUESTS).await;
    }
}

impl Running {
    /// Where it listens; the port is the real one where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it: `handle().stop(true)` lets requests in flight finish, within the configured time.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until it has stopped.
    ///
    /// # Errors
    /// When the server failed rather than stopped.
    pub async fn wait(self) -> Result<(), StartError> {
        let ended = self.server.await.map_err(io::Error::other)?;
        drop(self.tasks);
        drop(self.deliverer);
        Ok(ended?)
    }
}

/// Opens the database, brings it up to date and starts to answer.
///
/// # Errors
/// When any of that cannot be done.
pub async fn start(config: Config, logger: Logger) -> Result<Running, StartError> {
    let auth = Auth::new(&config.auth)?;
    let folder = opening::folder(&config).await?;
    let Opened { store, saved } = opening::open(&config, folder.as_ref(), &logger).await?;
    let is_away = saved.is_some();

    let state = web::Data::new(AppState::new(store, auth, config.http.clone(), config.webhooks.clone(), logger.clone()));
    state.health.note(!is_away);
    for (tenant, rulesets) in saved.into_iter().flatten() {
        state.rulesets.publish(&tenant, Arc::new(rulesets));
    }
    if config.seeds_demo && !is_away {
        let state = state.clone();
        blocking::run(move || crate::seed::plant_if_new(&state)).await.map_err(StartError::State)?;
    }
    let mut tasks = background::spawn(&state, config.rulesets.refresh)?;
    if is_away {
        tasks.add(opening::reach(state.clone().into_inner()));
    }
    if let Some(folder) = folder {
        state.rulesets.fall_back_to(folder.clone());
        if !is_away {
            tasks.add(opening::warm_up(state.clone().into_inner(), folder.clone()));
        }
        tasks.add(save_for_ever(state.clone().into_inner(), folder));
    }
    let delivers = config.webhooks.concurrency_max > 0;
    let deliverer = if delivers { Some(Deliverer::start(state.clone().into_inner())?) } else { None };

    sockets::raise_open_files(config.http.streams.subscribers_max, &logger);
    let bind = config.http.bind;
    let refused = |source| StartError::Bind { address: bind, source };
    let door = Arc::new(Door::open(bind).map_err(refused)?);
    let shared = state.clone();
    let send_timeout = config.http.send_timeout;
    let server = HttpServer::new(move || app(shared.clone()))
        .workers(config.http.workers.get())
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        // Whoever has hung up is not sent to, and a stream gives back its place at once.
        .h1_allow_half_closed(false)
        .on_connect(move |connection, _| sockets::bound_sending(connection, send_timeout))
        .shutdown_timeout(config.http.shutdown_timeout.as_secs())
        .disable_signals()
        .listen(door.listener().map_err(refused)?)
        .map_err(refused)?;
    let address = server.addrs().first().copied().unwrap_or(bind);
    let server = server.run();
    info!(logger, "listening on http://{address}"; "workers" => config.http.workers.get(), "version" => env!("CARGO_PKG_VERSION"));
    if config.auth.open_to_loopback {
        warn!(logger, "development mode: whoever is on this machine gets a token from http://{address}/v1/auth/token");
    }
    let handle = Handle { server: server.handle(), door, state };
    Ok(Running { address, server: rt::spawn(server), handle, tasks, deliverer })
}

/// Starts and answers until the process is told to stop. The first `SIGTERM` or `SIGINT` lets requests in flight finish;
/// a second one does not wait for them.
///
/// # Errors
/// When the server cannot start, or fails.
pub async fn run(config: Config, logger: Logger) -> Result<(), StartError> {
    // Before anything is started, so that no signal falls into a gap.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drain = config.http.drain;
    let running = tokio::select! {
        // Another server may be migrating the database for minutes.
        started = start(config, logger.clone()) => started?,
        _ = terminate.recv() => return stopped_before_start(&logger),
        _ = interrupt.recv() => return stopped_before_start(&logger),
    };
    let handle = running.handle();
    let stopping = async {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        handle.say_goodbye();
        info!(logger, "stopping: requests in flight may finish"; "drain_s" => drain.as_secs());
        // New requests are served for a while, so that clients and load balancers hear of it before they are refused.
        let drained = async {
            sleep(drain).await;
            if !drain.is_zero() {
                handle.close_door().await;
            }
        };
        tokio::select! { () = drained => {}, _ = terminate.recv() => return, _ = interrupt.recv() => return }
        // The stop is in the server's hands from here; nobody needs to wait for this future.
        rt::spawn(handle.stop(true));
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    tokio::select! {
        ended = running.wait() => { ended?; info!(logger, "stopped") }
        () = stopping => warn!(logger, "stopped at once, at a second signal"),
    }
    Ok(())
}

fn stopped_before_start(logger: &Logger) -> Result<(), StartError> {
    info!(logger, "stopped before it had started");
    Ok(())
}

/// The application: every route inside the layer that observes it.
pub fn app(
    state: web::Data<AppState>,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>> {
    App::new().wrap(Observe::new(state.clone())).app_data(state).configure(routes::configure)
}

mod door;
mod opening;
#[cfg(test)]
mod tests;
