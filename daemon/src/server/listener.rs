//! The socket that clients connect to: passed by systemd, or bound by ourselves at a path.

use super::socket_file::{self, SocketFile};
use listenfd::ListenFd;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::SocketFlags;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use thiserror::Error;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

/// The longest path of a Unix socket, in bytes: `sun_path` of unix(7) with its closing zero.
pub const SOCKET_PATH_MAX: usize = 107;

/// A listening Unix socket. One that we bound is unlinked when it is dropped, if it is still ours.
#[derive(Debug)]
pub struct Listener {
    // Dropped first: while the socket is open its inode cannot be given to another file.
    ours: Option<SocketFile>,
    path: Option<PathBuf>,
    socket: UnixListener,
}

impl Listener {
    /// Takes the sockets that systemd passed; none when the daemon was started in another way.
    ///
    /// Reads `LISTEN_FDS` and `LISTEN_PID` and removes them, so that programs that the daemon starts don't see them: to
    /// be called once, before the runtime has threads.
    ///
    /// # Errors
    /// When one of them is no Unix stream socket: the unit names a wrong kind of socket.
    pub fn passed() -> Result<Vec<Self>, ListenError> {
        let mut passed = ListenFd::from_env();
        let mut listeners = Vec::with_capacity(passed.len());
        for index in 0..passed.len() {
            let socket = passed.take_unix_listener(index).map_err(ListenError::Passed)?;
            if let Some(socket) = socket {
                let address = socket.local_addr().map_err(ListenError::Passed)?;
                let path = address.as_pathname().map(Path::to_path_buf);
                listeners.push(Self { ours: None, path, socket });
            }
        }
        Ok(listeners)
    }

    /// Binds at the first of these places that can be had. One that is served already ends the search.
    ///
    /// # Errors
    /// [`ListenError::AlreadyServed`], or what is wrong with the first place when none can be had.
    pub fn bind_first(candidates: &[PathBuf]) -> Result<Self, ListenError> {
        let mut first = None;
        for path in candidates {
            match Self::bind(path) {
                Ok(listener) => return Ok(listener),
                Err(error @ ListenError::AlreadyServed { .. }) => return Err(error),
                Err(error) => {
                    tracing::debug!(path = %path.display(), %error, "no socket here, trying the next place");
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or(ListenError::NoPlace))
    }

    /// Binds at `path`, where only our own user can connect from the first moment on.
    ///
    /// A missing folder is made, 0700. A socket that nobody listens on is replaced; one that answers, and anything
    /// that is no socket, is left alone.
    ///
    /// # Errors
    /// Each variant of [`ListenError`] but those about passed sockets.
    pub fn bind(path: &Path) -> Result<Self, ListenError> {
        let length = path.as_os_str().as_bytes().len();
        if length > SOCKET_PATH_MAX {
            return Err(ListenError::PathTooLong { path: path.into(), length });
        }
        let (socket, ours) = socket_file::bind(path)?;
        Ok(Self { ours: Some(ours), path: Some(path.into()), socket })
    }

    /// Where clients find it, as far as it has a path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Registers the socket with the runtime.
    pub(crate) fn open(self) -> Result<OpenListener, ListenError> {
        self.socket.set_nonblocking(true).map_err(ListenError::Register)?;
        let socket = watched(self.socket).map_err(ListenError::Register)?;
        Ok(OpenListener { _ours: self.ours, socket })
    }
}

/// A listener that the runtime watches.
#[derive(Debug)]
pub(crate) struct OpenListener {
    // Dropped first, as in [`Listener`].
    _ours: Option<SocketFile>,
    socket: AsyncFd<UnixListener>,
}

impl OpenListener {
    /// The next connection. Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        self.socket.async_io(Interest::READABLE, accept).await
    }
}

#[allow(
    deprecated,
    reason = "its successor is unsafe for those who do not own the descriptor; a listener does"
)]
fn watched(socket: UnixListener) -> io::Result<AsyncFd<UnixListener>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

fn accept(socket: &UnixListener) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    match rustix::net::accept_with(socket, flags) {
        Ok(accepted) => UnixStream::from_std(accepted.into()),
        // Without a free descriptor the system says so before it looks whether anybody waits. If nobody does, no
        // connection needs to be closed for it.
        Err(Errno::MFILE | Errno::NFILE) if !somebody_waits(socket)? => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(errno) => Err(errno.into()),
    }
}

fn somebody_waits(socket: &UnixListener) -> io::Result<bool> {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut watched = [PollFd::new(socket, PollFlags::IN)];
    Ok(rustix::event::poll(&mut watched, Some(&at_once))? > 0)
}

/// Why there is no socket to listen on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The path does not fit into a socket's address.
    #[error(
        "the socket's path `{}` has {length} bytes, the system's limit is {SOCKET_PATH_MAX}; set BEARERD_SOCKET to a \
         shorter one, for the daemon and for its clients",
        path.display()
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its bytes.
        length: usize,
    },
    /// The folder of the socket is missing and could not be made.
    #[error("failed to make the folder `{}` for the socket `{}`", folder.display(), path.display())]
    Folder {
        /// The socket's path.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another program, most likely another daemon, listens there.
    #[error("`{}` is served already", path.display())]
    AlreadyServed {
        /// The socket's path.
        path: PathBuf,
    },
    /// A file, folder or link that is no socket has the name.
    #[error("`{}` exists and is not a socket; move it away, or set BEARERD_SOCKET to another path", path.display())]
    NotASocket {
        /// The socket's path.
        path: PathBuf,
    },
    /// Nobody could say whether a socket that is there is still in use.
    #[error("failed to find out whether the socket `{}` is in use", path.display())]
    Probe {
        /// The socket's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The socket could not be made at its path.
    #[error("failed to listen on `{}`", path.display())]
    Bind {
        /// The socket's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The unit passed something else than Unix stream sockets.
    #[error(
        "failed to take the socket that systemd passed; bearerd.socket must name a ListenStream= with a path"
    )]
    Passed(#[source] io::Error),
    /// The runtime did not take a socket.
    #[error("failed to watch the listening socket")]
    Register(#[source] io::Error),
    /// There was no path to try.
    #[error("no place for the socket is known; set BEARERD_SOCKET")]
    NoPlace,
}
