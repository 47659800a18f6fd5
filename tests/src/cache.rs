//! Where what was fetched once is kept, outside the checkout, and the lock under which it is brought there.

use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// `$BEARERD_TEST_CACHE`, or `bearerd-tests` in the user's own cache; `None` where nothing says where that is.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    folder("BEARERD_TEST_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("bearerd-tests")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/bearerd-tests")))
}

/// The lock, for as long as the file is open; `waits` is called where another process has it.
pub(crate) fn lock(path: &Path, waits: impl FnOnce()) -> io::Result<File> {
    let lock = File::create(path)?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        waits();
        flock(&lock, FlockOperation::LockExclusive)?;
    }
    Ok(lock)
}
