//! The file of the profiles made at run time, in the state folder: read beside the configuration, replaced whole.

use super::folder::StateFolder;
use super::{NotSavedReason, StoreError};
use crate::config::{Config, RunTimeProfiles};
use bearerd_saved::{Folder, chain, replace};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// `profiles.toml` in one folder. Every call blocks; writes are the caller's to make one after the other.
#[derive(Debug)]
pub struct ProfilesFile {
    folder: PathBuf,
    /// Counts before and after each write: what was read in between or before is older than what is in force.
    writes: AtomicU64,
}

impl ProfilesFile {
    /// The file in this folder, which the caller has locked ([`super::lock`]). Nothing is touched yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), writes: AtomicU64::new(0) }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// How often it was written: what [`ProfilesFile::join`] gave before another count is out of date.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// `config` with the profiles that stand here, or with the reason why there are none of them. What is wrong here
    /// takes no profile down that somebody wrote by hand.
    pub fn join(&self, config: &Config) -> Config {
        let writes = self.writes();
        match self.read(config.path()) {
            Ok(made) => config.joined(&made, writes),
            Err(reason) => {
                let reason = format!("the profiles made at run time can't be used: {reason}");
                tracing::error!("{reason}");
                config.joined(&RunTimeProfiles::default(), writes).with_run_time_error(reason)
            }
        }
    }

    /// Replaces the file, durably; a sentence says why that failed, and then the old one is still there, whole.
    ///
    /// # Errors
    /// What stands against it, and what mends it.
    pub fn write(&self, profiles: &RunTimeProfiles) -> Result<(), String> {
        let text = profiles.text();
        if text.len() > LONGEST {
            return Err(format!("`{}` would be larger than 1 MiB", self.path().display()));
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        let outcome = self.replace(text.as_bytes());
        self.writes.fetch_add(1, Ordering::SeqCst);
        match outcome {
            Err(WriteError::Replace(reason @ NotSavedReason::Unconfirmed(_))) => {
                tracing::warn!(path = %self.path().display(), "{}", chain(&reason));
                Ok(())
            }
            Err(error) => {
                Err(format!("failed to write `{}`: {}", self.path().display(), chain(&error)))
            }
            Ok(()) => Ok(()),
        }
    }

    fn replace(&self, content: &[u8]) -> Result<(), WriteError> {
        let folder = match StateFolder::open(&self.folder)? {
            Some(folder) => folder,
            None => {
                StateFolder::create(&self.folder)
                    .map_err(|error| NotSavedReason::sort("create the state folder", error))?;
                StateFolder::open(&self.folder)?.ok_or_else(|| {
                    let gone = rustix::io::Errno::NOENT.into();
                    NotSavedReason::sort("open the state folder", gone)
                })?
            }
        };
        Ok(replace(&folder, NAME, content)?)
    }

    fn read(&self, config: &Path) -> Result<RunTimeProfiles, String> {
        let Some(folder) = StateFolder::open(&self.folder).map_err(|error| chain(&error))? else {
            return Ok(RunTimeProfiles::default());
        };
        match folder.read(NAME, LONGEST + 1).map_err(|error| chain(&error))? {
            None => Ok(RunTimeProfiles::default()),
            Some(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) if text.len() <= LONGEST => {
                    let read = RunTimeProfiles::parse(text, &self.path(), config);
                    read.map_err(|error| error.sentence())
                }
                _ => Err(format!("`{}` is no text of 1 MiB at most", self.path().display())),
            },
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Folder(#[from] StoreError),
    #[error(transparent)]
    Replace(#[from] NotSavedReason),
}

/// No profile's session has this name: sessions end in `.session`.
const NAME: &str = "profiles.toml";

/// Bytes; a thousand profiles have a tenth of it.
const LONGEST: usize = 1024 * 1024;
