//! One daemon a state folder: who holds it, and what another one does then.
//!
//! The file `lock` names host, pid and socket of its holder, and a lock of the kernel on it says whether that still
//! counts: it ends with its process, however that ends. Where the kernel's word does not reach (another host's lock
//! on a network disk), the name in the file decides.

mod judge;

use super::folder::StateFolder;
use judge::{Kernel, Verdict, judge};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Locks the state folder for the life of the returned value, creating it where it is missing.
///
/// A folder that can't be locked (read-only, a file system without locks) does not fail: the daemon goes on without,
/// and [`Locked::trouble`] says so.
///
/// # Errors
/// [`LockError`]: another daemon of this host holds it. Nothing in the folder was touched; end at once.
pub fn acquire(state_folder: &Path, me: &Holder) -> Result<Locked, LockError> {
    let other = match lock(state_folder, me)? {
        Attempt::Ours(lock, trouble) => return Ok(Locked::here(state_folder, lock, trouble)),
        Attempt::OtherHost(other) => other,
    };
    let folder = state_folder.join(me.folder_name());
    let (lock, trouble) = match lock(&folder, me)? {
        Attempt::Ours(lock, trouble) => (lock, trouble),
        // Copied there from another host's folder, or this host was renamed: nowhere else to go.
        Attempt::OtherHost(other) => {
            let text = format!("`lock` in `{}` names host `{}`", folder.display(), other.host);
            (None, Some(io::Error::other(text)))
        }
    };
    Ok(Locked { folder, place: Place::HostFolder { other }, trouble, lock })
}

/// Who holds, or wants, a state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The host's name, as `uname -n` says it.
    pub host: String,
    /// The daemon's process id, in its own pid namespace.
    pub pid: u32,
    /// Where it answers.
    pub socket: PathBuf,
}

impl Holder {
    /// This process, on this host.
    pub fn here(pid: u32, socket: impl Into<PathBuf>) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { host, pid, socket: socket.into() }
    }

    /// `host-NAME`, with what can't be in a file's name replaced.
    fn folder_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        format!("host-{}", self.host.chars().map(plain).collect::<String>())
    }
}

/// A state folder that this daemon may use until the value is dropped.
#[derive(Debug)]
#[must_use = "the folder is another daemon's again once this is dropped"]
pub struct Locked {
    folder: PathBuf,
    place: Place,
    trouble: Option<io::Error>,
    lock: Option<DaemonLock>,
}

/// Which folder a daemon got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The one that it asked for.
    Here,
    /// `host-NAME/` inside: a daemon of another host has the state folder, or had it and its lock can't be judged
    /// from here. Say so: logins of that host do not count on this one. Where that daemon is known to be gone,
    /// removing the file `lock` gives the folder back.
    HostFolder {
        /// Who has it.
        other: Holder,
    },
}

impl Locked {
    fn here(folder: &Path, lock: Option<DaemonLock>, trouble: Option<io::Error>) -> Self {
        Self { folder: folder.to_owned(), place: Place::Here, trouble, lock }
    }

    /// The folder to keep sessions in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Which folder that is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Why the folder could not be locked, or our name not be written there: a second daemon would not notice us.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.trouble.as_ref()
    }

    /// Whether the kernel holds a lock for us.
    pub fn is_exclusive(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.kernel == Kernel::Granted)
    }
}

/// Another daemon of this host has the state folder.
#[derive(Debug, thiserror::Error)]
#[error(
    "bearerd runs already for `{}`{}: use that one, or end it first; a second one beside it needs a socket and a state \
     folder of its own (`bearerd --socket PATH --state FOLDER`)",
    folder.display(),
    named(holder.as_ref())
)]
pub struct LockError {
    /// The state folder.
    pub folder: PathBuf,
    /// The other daemon; `None` where it is only just starting and has not written its name yet.
    pub holder: Option<Holder>,
}

fn named(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!(" (pid {}, socket `{}`)", holder.pid, holder.socket.display())
    })
}

/// The open lock file. The kernel's lock goes with it; the name in it is wiped first, so that no other host takes
/// this daemon for a living one.
#[derive(Debug)]
struct DaemonLock {
    file: File,
    kernel: Kernel,
    named: bool,
}

impl Drop for DaemonLock {
    fn drop(&mut self) {
        if self.named {
            let _stale_name_is_judged_by_the_next = self.file.set_len(0);
        }
    }
}

enum Attempt {
    Ours(Option<DaemonLock>, Option<io::Error>),
    OtherHost(Holder),
}

fn lock(folder: &Path, me: &Holder) -> Result<Attempt, LockError> {
    // Errors of creating the folder show again on opening it.
    let _said_below = StateFolder::create(folder);
    let opened = match StateFolder::open_even_exposed(folder) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Attempt::Ours(None, Some(Errno::NOENT.into()))),
        Err(error) => return Ok(Attempt::Ours(None, Some(io::Error::other(error)))),
    };
    let (file, unwritable) = match open_lock_file(&opened) {
        Ok(opened) => opened,
        Err(error) => return Ok(Attempt::Ours(None, Some(error))),
    };
    let (kernel, refused) = Kernel::ask(&file);
    let holder = read_holder(&file);
    match judge(kernel, &file, holder, me) {
        Verdict::Taken(holder) => Err(LockError { folder: folder.to_owned(), holder }),
        Verdict::OtherHost(other) => Ok(Attempt::OtherHost(other)),
        Verdict::Free => {
            let lock = DaemonLock { file, kernel, named: false };
            Ok(write_name(lock, refused.or(unwritable), me))
        }
    }
}

/// Opens the lock file for writing; where that is denied, for reading; where there is none and none can be made, the
/// folder itself, which takes a lock too.
fn open_lock_file(folder: &StateFolder) -> io::Result<(File, Option<io::Error>)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = |flags, mode| rustix::fs::openat(folder.handle(), LOCK_FILE, flags, mode);
    let error = match open(flags | OFlags::RDWR | OFlags::CREATE, Mode::RUSR | Mode::WUSR) {
        Ok(file) => return Ok((File::from(file), None)),
        Err(error) => error,
    };
    match open(flags | OFlags::RDONLY, Mode::empty()) {
        Ok(file) => Ok((File::from(file), Some(error.into()))),
        Err(Errno::NOENT) => Ok((folder.handle().try_clone()?, Some(error.into()))),
        Err(_) => Err(error.into()),
    }
}

fn read_holder(file: &File) -> Option<Holder> {
    let mut content = [0_u8; NAME_MAX];
    let length = file.read_at(&mut content, 0).ok()?;
    serde_json::from_slice(&content[..length]).ok()
}

fn write_name(mut lock: DaemonLock, trouble: Option<io::Error>, me: &Holder) -> Attempt {
    let written = serde_json::to_vec(me).map_err(io::Error::other).and_then(|mut name| {
        name.push(b'\n');
        lock.file.set_len(0)?;
        lock.file.write_all_at(&name, 0)
    });
    lock.named = written.is_ok();
    Attempt::Ours(Some(lock), trouble.or(written.err()))
}

/// The lock's file name; no session's, which all end in `.session`.
const LOCK_FILE: &str = "lock";

/// Bytes of a holder's name at most: a host's name has up to 64, a socket's path 108.
const NAME_MAX: usize = 4096;
