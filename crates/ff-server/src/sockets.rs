//! What is asked of the operating system for connections.

use std::any::Any;
use std::time::Duration;

#[cfg(target_os = "linux")]
use actix_web::rt::net::TcpStream;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use slog::{Logger, warn};

/// Files that are open besides connections of clients: the database, log, timers, libraries.
const OTHER_FILES: u64 = 200;

/// Allows this process as many open files as it may allow itself, and says so if `connections` do not fit in there. Every connection
/// is an open file, and the usual limit of 1,024 is meant for programs from the time of `select`.
pub(crate) fn raise_open_files(connections: usize, logger: &Logger) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let allowed = if raised.is_ok() { maximum } else { current };
    let needed = (connections as u64).saturating_add(OTHER_FILES);
    if allowed.is_some_and(|allowed| allowed < needed) {
        warn!(logger, "{} open files are allowed, which is too few for {connections} event streams", allowed.unwrap_or_default();
            "open_files_max" => allowed);
    }
}

/// Drops the connection if its client reads nothing for this long while there is something to be read. A body that waits for room in the
/// connection is not asked for more, so only the system can notice.
#[cfg(target_os = "linux")]
pub(crate) fn bound_sending(connection: &dyn Any, timeout: Duration) {
    if let Some(connection) = connection.downcast_ref::<TcpStream>() {
        let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        // A connection that is gone already needs no bound.
        rustix::net::sockopt::set_tcp_user_timeout(connection, milliseconds).ok();
    }
}

/// There is no such bound on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn bound_sending(_: &dyn Any, _: Duration) {}
