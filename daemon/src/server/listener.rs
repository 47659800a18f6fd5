//! The socket that clients connect to: passed by systemd, or bound by ourselves at a path.

use listenfd::ListenFd;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The longest path of a Unix socket, in bytes: `sun_path` of unix(7) with its closing zero.
pub const SOCKET_PATH_MAX: usize = 107;

/// Connections that wait to be accepted; the system cuts it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A listening Unix socket. One that we bound is unlinked when it is dropped, if it is still ours.
#[derive(Debug)]
pub struct Listener {
    // Dropped first: while the socket is open its inode cannot be given to another file.
    ours: Option<BoundFile>,
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
        let failed = |source: io::Error| ListenError::Bind { path: path.into(), source };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| {
            ListenError::Folder { path: path.into(), folder: folder.into(), source }
        })?;
        let address = SocketAddrUnix::new(path).map_err(|errno| failed(errno.into()))?;

        let turn = take_turn(folder);
        remove_stale(path, &address)?;
        let socket = new_socket().map_err(|errno| failed(errno.into()))?;
        // The socket's own mode is what bind gives the file, less the umask: so it is 0600 before it has a name.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| failed(errno.into()))?;
        rustix::net::bind(&socket, &address).map_err(|errno| failed(errno.into()))?;
        let ours = BoundFile::at(path).map_err(failed)?;
        rustix::net::listen(&socket, BACKLOG).map_err(|errno| failed(errno.into()))?;
        drop(turn);
        Ok(Self { ours: Some(ours), path: Some(path.into()), socket: socket.into() })
    }

    /// Where clients find it, as far as it has a path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Registers the socket with the runtime.
    pub(crate) fn open(self) -> Result<OpenListener, ListenError> {
        self.socket.set_nonblocking(true).map_err(ListenError::Register)?;
        let socket =
            tokio::net::UnixListener::from_std(self.socket).map_err(ListenError::Register)?;
        Ok(OpenListener { _ours: self.ours, socket })
    }
}

/// A listener that the runtime watches.
#[derive(Debug)]
pub(crate) struct OpenListener {
    // Dropped first, as in [`Listener`].
    _ours: Option<BoundFile>,
    pub(crate) socket: tokio::net::UnixListener,
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
    #[error("`{}` is served already; end the daemon that serves it, or set BEARERD_SOCKET to another path", path.display())]
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

/// A socket file that we made, known by its inode.
#[derive(Debug)]
struct BoundFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl BoundFile {
    fn at(path: &Path) -> io::Result<Self> {
        let file = std::fs::symlink_metadata(path)?;
        Ok(Self { path: path.into(), device: file.dev(), inode: file.ino() })
    }

    fn is_still_there(&self) -> bool {
        Self::at(&self.path)
            .is_ok_and(|file| (file.device, file.inode) == (self.device, self.inode))
    }
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        if self.is_still_there()
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "failed to remove the socket");
        }
    }
}

/// Clears `path` of a socket that nobody listens on.
fn remove_stale(path: &Path, address: &SocketAddrUnix) -> Result<(), ListenError> {
    let probed = |source: io::Error| ListenError::Probe { path: path.into(), source };
    match std::fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => {}
        Ok(_) => return Err(ListenError::NotASocket { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(probed(error)),
    }
    let probe = new_socket().map_err(|errno| probed(errno.into()))?;
    match rustix::net::connect(&probe, address) {
        // A full backlog is an answer too: somebody listens.
        Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS) => {
            Err(ListenError::AlreadyServed { path: path.into() })
        }
        Err(Errno::CONNREFUSED) => match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(probed(error)),
            _ => Ok(()),
        },
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(probed(errno.into())),
    }
}

fn new_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Lets one start at a time look, unlink and bind in a folder: of two that find the same stale socket the second would
/// else unlink the first one's new socket. The lock is on the folder itself and ends with the value.
///
/// Where the folder can't be locked (some network filesystems) or another program holds on to its lock, the start goes
/// on without it: the lock file of the state folder still keeps a second daemon away from the tokens.
fn take_turn(folder: &Path) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty()).ok()?;
    for _ in 0..TURN_TRIES {
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(TURN_PAUSE),
            Err(_) => return None,
        }
    }
    None
}

/// With [`TURN_PAUSE`] a second: the lock is held for a few system calls.
const TURN_TRIES: u32 = 100;
const TURN_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
