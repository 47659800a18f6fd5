//! Watches the files that a profile's tokens and secrets come from, and tells when what stands there has changed.
//!
//! The kernel tells of changes in their folders (inotify), so that a file which is replaced by rename, or by the links of a
//! projected Kubernetes secret, is noticed as one that is written. Network file systems tell nothing of what another
//! machine writes: the files are looked at once a minute, too.

mod folders;

use crate::clock::Clock;
use crate::tasks::Tasks;
use folders::{Folders, Told};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A file that is written in several steps has this long to become whole, before it is looked at.
const SETTLES: Duration = Duration::from_millis(100);
/// What no event tells of is noticed within this.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    _ends: oneshot::Sender<()>,
}

impl Watch {
    /// Watches `paths`: each time one of them has changed, `changed` goes to `sender`; and once at the beginning where
    /// `at_first` says so, for one who has read them before they were watched.
    pub fn start<T: Send + 'static>(
        paths: Vec<PathBuf>,
        at_first: bool,
        tasks: &Tasks,
        clock: &Clock,
        sender: mpsc::Sender<T>,
        changed: fn() -> T,
    ) -> Self {
        let (ends, mut ended) = oneshot::channel::<()>();
        let (tasks, clock) = (tasks.clone(), clock.clone());
        tasks.clone().spawn("watch", async move {
            let watching =
                follow(paths.into(), at_first, &tasks, &clock, || sender.send(changed()));
            tokio::select! {
                _dropped = &mut ended => {}
                () = watching => {}
            }
        });
        Self { _ends: ends }
    }
}

/// Runs until it is dropped.
async fn follow<F: Future>(
    paths: Arc<[PathBuf]>,
    at_first: bool,
    tasks: &Tasks,
    clock: &Clock,
    tell: impl Fn() -> F,
) {
    let mut seen: Option<Vec<Look>> = None;
    let mut folders: Option<Folders> = None;
    loop {
        // Watched before it is looked at, so that no change falls in between. The disk may take its time.
        let (watched, of_paths) = (folders.take(), Arc::clone(&paths));
        let looking = tasks.spawn_blocking("look", move || {
            let folders = watched.or_else(Folders::new).map(|folders| folders.watching(&of_paths));
            let looks: Vec<Look> = of_paths.iter().map(|path| Look::at(path)).collect();
            (folders, looks)
        });
        let Ok((watched, looks)) = looking.await else { return };
        folders = watched;
        if seen.as_ref().map_or(at_first, |seen| *seen != looks) {
            let _receiver_is_gone = tell().await;
        }
        seen = Some(looks);
        let next_look = clock.boot() + LOOK_EVERY;
        tokio::select! {
            Told = Folders::next(folders.as_mut()) => {
                clock.sleep_until(clock.boot() + SETTLES).await;
            }
            () = clock.sleep_until(next_look) => {}
        }
    }
}

/// What a file looks like from outside: another file, or another content, looks otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Absent,
    There { device: u64, inode: u64, size: u64, modified: (i64, i64), changed: (i64, i64) },
}

impl Look {
    fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(of) => Look::There {
                device: of.dev(),
                inode: of.ino(),
                size: of.size(),
                modified: (of.mtime(), of.mtime_nsec()),
                changed: (of.ctime(), of.ctime_nsec()),
            },
            Err(_absent_or_unreadable) => Look::Absent,
        }
    }
}
