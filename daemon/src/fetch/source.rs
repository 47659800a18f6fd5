//! The files that secrets and tokens come from: read anew at each use, on a thread of their own.

use crate::secret_file;
use crate::tasks::Tasks;
use bearerd_proto::Secret;
use bearerd_session::{Cause, Failure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Turn;
use tokio::time::timeout;

/// Reads the files of the profiles. Clones speak of the same threads.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    tasks: Tasks,
    /// How long a disk may take.
    patience: Duration,
    /// Whose turn it is to read which file: a disk that hangs holds one thread a file, however often it is asked.
    turns: Arc<Mutex<BTreeMap<PathBuf, Arc<Turn<()>>>>>,
}

impl Sources {
    /// Reads on threads of `tasks`.
    pub(crate) fn new(tasks: Tasks, patience: Duration) -> Self {
        Self { tasks, patience, turns: Arc::default() }
    }

    /// What stands in the file at `path`, without the line's end.
    ///
    /// # Errors
    /// It can't be used, or its disk takes too long.
    pub(crate) async fn read(&self, path: &Path) -> Result<Secret, Failure> {
        let (turn, owned) = (self.turn_of(path), path.to_owned());
        let reading = async {
            let turn = turn.lock_owned().await;
            let read = move || {
                // Until the thread is through, whoever waits for it.
                let _turn = turn;
                secret_file::read(&owned)
            };
            self.tasks.spawn_blocking("secret-file", read).await
        };
        match timeout(self.patience, reading).await {
            Ok(Ok(Ok(secret))) => Ok(secret),
            Ok(Ok(Err(error))) => Err(unusable(error.sentence())),
            Ok(Err(error)) => Err(away(format!("{}: {error}", shown(path)))),
            Err(_elapsed) => {
                let reason = "can't be read in time: is a network file system away?";
                Err(away(format!("{} {reason}", shown(path))))
            }
        }
    }
}

impl Sources {
    /// A thread that still hangs keeps nobody waiting any more: the disk may be another one by now.
    pub(crate) fn begin_anew(&self) {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn turn_of(&self, path: &Path) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for and no thread has.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(path.to_owned()).or_default())
    }
}

/// The path as a message shows it, on one line.
pub(crate) fn shown(path: &Path) -> String {
    format!("`{}`", path.to_string_lossy().escape_debug())
}

/// A file or a secret that is of no use until it is mended.
pub(crate) fn unusable(message: String) -> Failure {
    Failure { cause: Cause::Source, message, retry_after: None }
}

/// What may be there again in a moment.
fn away(message: String) -> Failure {
    Failure { cause: Cause::NotSent, message, retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_file_that_hangs_holds_one_thread_however_often_it_is_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s").unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        let tasks = Tasks::new();
        let sources = Sources::new(tasks.clone(), Duration::from_millis(50));
        let hung = sources.turn_of(file.path()).lock_owned().await;
        for _ in 0..3 {
            let failure = sources.clone().read(file.path()).await.unwrap_err();
            assert!(failure.message.ends_with("is a network file system away?"), "{failure:?}");
            assert_eq!(tasks.live(), 0);
        }
        let sources = Sources { patience: Duration::from_secs(60), ..sources };
        sources.begin_anew();
        assert_eq!(sources.read(file.path()).await.unwrap().expose(), "s");
        drop(hung);
        drop(sources.turn_of(Path::new("/another")));
        assert_eq!(sources.turns.lock().unwrap().len(), 1, "a file's turn goes with its readers");
    }
}
