//! One connection to a socket of the daemon, with a deadline on every wait.

use crate::clock::Deadline;
use rustix::io::retry_on_intr;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// An open connection, and what came over it and was not used yet.
pub(crate) struct Connection {
    socket: OwnedFd,
    path: Arc<Path>,
    pub(crate) unread: Vec<u8>,
}

impl Connection {
    /// Connects; where the backlog is full, it waits for room until `deadline`, and fails with `WouldBlock` then.
    pub(crate) fn open(path: &Arc<Path>, deadline: Deadline) -> io::Result<Self> {
        let address = SocketAddrUnix::new(path.as_ref()).map_err(|errno| match errno {
            rustix::io::Errno::NAMETOOLONG => io::Error::new(
                io::ErrorKind::InvalidFilename,
                "a socket's path has 108 bytes at most: set BEARERD_SOCKET to a shorter one",
            ),
            other => other.into(),
        })?;
        let socket = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        // The kernel lets `connect` wait for room in the backlog as long as a send may take (unix(7)).
        bound(&socket, Timeout::Send, deadline)?;
        retry_on_intr(|| rustix::net::connect(&socket, &address))?;
        Ok(Self { socket, path: Arc::clone(path), unread: Vec::new() })
    }

    /// The socket that it was opened at.
    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// The user who listens at the other end.
    pub(crate) fn listener_uid(&self) -> io::Result<u32> {
        Ok(socket_peercred(&self.socket)?.uid.as_raw())
    }

    /// Sends all of `bytes`.
    pub(crate) fn send(&self, mut bytes: &[u8], deadline: Deadline) -> io::Result<()> {
        while !bytes.is_empty() {
            bound(&self.socket, Timeout::Send, deadline)?;
            // A program that uses this library may die of SIGPIPE: it is not raised.
            let sent =
                retry_on_intr(|| rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL))?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits for more bytes and puts them behind `unread`; gives their count, 0 at the end of the connection.
    pub(crate) fn receive(&mut self, deadline: Deadline) -> io::Result<usize> {
        bound(&self.socket, Timeout::Recv, deadline)?;
        let filled = self.unread.len();
        self.unread.resize(filled + RECEIVE_BYTES, 0);
        let room = self.unread.get_mut(filled..).unwrap_or_default();
        let received =
            retry_on_intr(|| rustix::net::recv(&self.socket, &mut *room, RecvFlags::empty()))
                .map(|(received, _)| received);
        self.unread.truncate(filled + received.unwrap_or(0));
        Ok(received?)
    }
}

/// The bytes may hold a token.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Bytes taken at a time: a token answer with its head, even of a large token, comes in one.
const RECEIVE_BYTES: usize = 16 * 1024;

/// The socket waits no longer than the time that is left; `WouldBlock`, as when that ends, where there is none.
fn bound(socket: impl AsFd, direction: Timeout, deadline: Deadline) -> io::Result<()> {
    let left = deadline.remaining().ok_or(io::ErrorKind::WouldBlock)?;
    Ok(set_socket_timeout(socket, direction, Some(left))?)
}
