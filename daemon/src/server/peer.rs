//! Whose process is at the other end: only our own user's are served, root's included among the others.

use std::io;
use tokio::net::UnixStream;

/// Whether the process that connected runs as our own user, by the effective uid that the kernel noted at its connect.
///
/// The socket's mode keeps others out already, except root; and a socket can be forwarded or its mode changed. In a
/// user namespace other users' ids appear as one and the same foreign id, which this comparison stands.
pub(crate) fn is_own_user(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw())
}
