//! A client that costs little: it knows how long an answer is once it has seen one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How many connections the client keeps.
pub(crate) const CONNECTIONS: usize = 32;

/// An answer: its status, its length on the wire, and its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) length: usize,
    pub(crate) body: Vec<u8>,
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, buffer: vec![0; 256 * 1024] }
    }

    /// Sends a request and reads its answer, whatever its length.
    pub(crate) fn send(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
            let Some(head_end) = self.buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&self.buffer[..head_end]).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |n| n.trim().parse().unwrap());
            let end = head_end + 4 + length;
            if filled >= end {
                return Answer { status: head[9..12].parse().unwrap(), length: end, body: self.buffer[head_end + 4..end].to_vec() };
            }
        }
    }

    fn ask(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
    }

    /// Reads an answer of a known length.
    fn take(&mut self, length: usize) {
        let mut filled = 0;
        while filled < length {
            let read = self.stream.read(&mut self.buffer[filled..]).unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
        }
        assert!(filled == length && self.buffer.starts_with(b"HTTP/1.1 200 "), "an unexpected answer of {filled} bytes");
    }
}

/// All connections to one server, with one kind of request.
pub(crate) struct Load<'a> {
    connections: Vec<Connection>,
    request: &'a [u8],
    length: usize,
}

impl<'a> Load<'a> {
    pub(crate) fn new(address: SocketAddr, request: &'a [u8]) -> Self {
        let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| Connection::open(address)).collect();
        let lengths: Vec<_> = connections.iter_mut().map(|connection| connection.send(request).length).collect();
        Self { connections, request, length: lengths[0] }
    }

    /// Every connection asks, then every connection reads its answer, until `time` is over. Gives the number of requests.
    pub(crate) fn waves(&mut self, time: Duration) -> u64 {
        let started = Instant::now();
        let mut sent = 0;
        loop {
            self.connections.iter_mut().for_each(|connection| connection.ask(self.request));
            self.connections.iter_mut().for_each(|connection| connection.take(self.length));
            sent += CONNECTIONS as u64;
            if started.elapsed() >= time {
                return sent;
            }
        }
    }

    /// A thread for each connection asks again as soon as it has its answer, for `time`. Gives the latencies in
    /// microseconds.
    pub(crate) fn latencies(&mut self, time: Duration) -> Vec<f64> {
        let (request, length, barrier) = (self.request, self.length, Barrier::new(self.connections.len()));
        let ask = |connection: &mut Connection| {
            barrier.wait();
            let started = Instant::now();
            let mut seen = Vec::new();
            while started.elapsed() < time {
                let asked = Instant::now();
                connection.ask(request);
                connection.take(length);
                seen.push(asked.elapsed().as_secs_f64() * 1e6);
            }
            seen
        };
        std::thread::scope(|threads| {
            let running: Vec<_> = self.connections.iter_mut().map(|connection| threads.spawn(|| ask(connection))).collect();
            running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }
}
