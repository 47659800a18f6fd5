//! The folders of watched files, by inotify.

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use std::collections::BTreeSet;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tokio::io::unix::AsyncFd;

/// Something has happened in one of the folders.
#[derive(Debug)]
pub(super) struct Told;

/// Tells of what happens in the folders of some files.
#[derive(Debug)]
pub(super) struct Folders {
    inotify: OwnedFd,
    listening: Option<AsyncFd<OwnedFd>>,
}

impl Folders {
    /// `None` where the kernel gives no more watches: then files are looked at now and then alone.
    pub(super) fn new() -> Option<Self> {
        let made = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        match made {
            Ok(inotify) => Some(Self { inotify, listening: None }),
            Err(error) => {
                tracing::warn!(%error, "files are looked at once a minute only: the kernel gives no watch");
                None
            }
        }
    }

    /// Watches the folder of each of `paths`, and of what it links to. A folder that is watched already stays so; one that
    /// is not there yet is tried again with the next call.
    pub(super) fn watching(self, paths: &[PathBuf]) -> Self {
        let folders: BTreeSet<PathBuf> = paths.iter().flat_map(|path| folders_of(path)).collect();
        for folder in folders {
            let added = inotify::add_watch(&self.inotify, &folder, EVENTS);
            if let Err(error) = added {
                tracing::debug!(%error, folder = %folder.display(), "not watched");
            }
        }
        self
    }

    /// Waits until something happens; without folders, for ever.
    pub(super) async fn next(folders: Option<&mut Self>) -> Told {
        let Some(folders) = folders else { return std::future::pending().await };
        if folders.drained().await.is_err() {
            return std::future::pending().await;
        }
        Told
    }

    /// Waits for events and takes all that there are.
    async fn drained(&mut self) -> std::io::Result<()> {
        if self.listening.is_none() {
            self.listening = Some(listening(self.inotify.try_clone()?)?);
        }
        let Some(listening) = &self.listening else { return Ok(()) };
        let mut ready = listening.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        while reader.next().is_ok() {}
        ready.clear_ready();
        Ok(())
    }
}

/// `AsyncFd` wants to be told that the descriptor stays the same one as long as it lives: an `OwnedFd` does.
#[allow(deprecated, reason = "what replaces it is unsafe to call")]
fn listening(descriptor: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}

/// The folder that the name stands in, and the one of the file that it leads to.
fn folders_of(path: &Path) -> impl Iterator<Item = PathBuf> {
    let of = |path: &Path| path.parent().map(Path::to_owned);
    let leads_to = fs::canonicalize(path).ok();
    [of(path), leads_to.as_deref().and_then(of)].into_iter().flatten()
}

const EVENTS: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB);

/// Bytes; room for a few events at once, each with the longest name.
const EVENT_BYTES: usize = 4096;
