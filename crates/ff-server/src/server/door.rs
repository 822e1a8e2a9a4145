//! The socket that connections come to, and how it is closed: before the workers stop, so that whoever was let in is still served.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the system holds for a server which is busy. What actix-web asks for too.
const BACKLOG: i32 = 2_048;

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Door(TcpListener);

impl Door {
    /// Listens on `address`.
    ///
    /// # Errors
    /// It is taken, or is none of this machine's.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Connections of a server that has just ended do not keep the next one out.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self(socket.into()))
    }

    /// The same socket once more, for the server.
    pub(super) fn listener(&self) -> io::Result<TcpListener> {
        self.0.try_clone()
    }

    /// Refuses connections from now on. Those that nobody has accepted yet are reset.
    pub(super) fn close(&self) {
        // Where a system knows no such thing, the socket is closed with the server.
        socket2::SockRef::from(&self.0).shutdown(Shutdown::Read).ok();
    }
}
