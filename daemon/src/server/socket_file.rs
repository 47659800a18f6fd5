//! A socket's file: made private, replaced only where nobody listens, removed only where it is still ours.

use super::listener::ListenError;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Listens at `path`, making its folder if need be.
pub(crate) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), ListenError> {
    let failed = |source: io::Error| ListenError::Bind { path: path.into(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| {
        ListenError::Folder { path: path.into(), folder: folder.into(), source }
    })?;
    let address = SocketAddrUnix::new(path).map_err(|errno| failed(errno.into()))?;

    let _turn = take_turn(folder);
    remove_stale(path, &address)?;
    let socket = new_socket().map_err(|errno| failed(errno.into()))?;
    // The socket's own mode is what bind gives the file, less the umask: so it is 0600 before it has a name.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR).map_err(|errno| failed(errno.into()))?;
    rustix::net::bind(&socket, &address).map_err(|errno| failed(errno.into()))?;
    let file = SocketFile::at(path).map_err(failed)?;
    rustix::net::listen(&socket, BACKLOG).map_err(|errno| failed(errno.into()))?;
    Ok((socket.into(), file))
}

/// A socket file that we made, known by its device and inode.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.into(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "failed to remove the socket");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
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
const TURN_PAUSE: Duration = Duration::from_millis(10);

/// Connections that wait to be accepted; the system cuts it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
