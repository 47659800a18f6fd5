//! The files that secrets and tokens come from: read anew at each use, on a thread of their own.

use crate::secret_file;
use crate::tasks::Tasks;
use bearerd_proto::Secret;
use bearerd_session::{Cause, Failure};
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// Reads the files of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    tasks: Tasks,
    /// How long a disk may take.
    patience: Duration,
}

impl Sources {
    /// Reads on threads of `tasks`.
    pub(crate) fn new(tasks: Tasks, patience: Duration) -> Self {
        Self { tasks, patience }
    }

    /// What stands in the file at `path`, without the line's end.
    ///
    /// # Errors
    /// It can't be used, or its disk takes too long.
    pub(crate) async fn read(&self, path: &Path) -> Result<Secret, Failure> {
        let owned = path.to_owned();
        let reading = self.tasks.spawn_blocking("secret-file", move || secret_file::read(&owned));
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
