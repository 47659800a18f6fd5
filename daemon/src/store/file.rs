//! The store on a local folder: one sealed file per profile.

use super::folder::StateFolder;
use super::{Aside, NotSavedReason, SavedSession, Store, StoreError};
use bearerd_proto::ProfileName;
use bearerd_saved::{drop_old_temporaries, forget, load, save, session_file, set_aside};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// Sessions in `NAME.session` files of one folder, 0700, sealed with the key beside them.
///
/// It holds no descriptor and no key between calls: a folder that is mended, remounted or made anew while the daemon
/// runs is used from the next call on.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// The store in this folder, which the caller has locked ([`super::lock`]). Nothing is touched yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Creates the folder where it is missing, and deletes what an interrupted save left behind.
    ///
    /// # Errors
    /// What stands against saving now: to be said, not to be died of. Every later call tries anew.
    pub fn prepare(&self) -> Result<(), StoreError> {
        let folder = self.folder_or_new(&self.folder)?;
        drop_old_temporaries(&folder).map_err(|error| {
            let reason = NotSavedReason::sort("delete what an interrupted save left", error);
            StoreError::not_saved(&self.folder, reason)
        })
    }

    fn folder_or_new(&self, target: &Path) -> Result<StateFolder, StoreError> {
        let unsaved = |error: StoreError| error.against_saving(target);
        if let Some(folder) = StateFolder::open(&self.folder).map_err(unsaved)? {
            return Ok(folder);
        }
        let not_saved = |error| {
            StoreError::not_saved(target, NotSavedReason::sort("create the state folder", error))
        };
        StateFolder::create(&self.folder).map_err(not_saved)?;
        let opened = StateFolder::open(&self.folder).map_err(unsaved)?;
        opened.ok_or_else(|| not_saved(Errno::NOENT.into()))
    }
}

impl Store for FileStore {
    fn load(&self, profile: &ProfileName) -> Result<Option<SavedSession>, StoreError> {
        match StateFolder::open(&self.folder)? {
            Some(folder) => load(&folder, profile),
            None => Ok(None),
        }
    }

    fn save(&self, profile: &ProfileName, session: &[u8]) -> Result<(), StoreError> {
        let folder = self.folder_or_new(&self.folder.join(session_file(profile)))?;
        save(&folder, profile, session)
    }

    fn forget(&self, profile: &ProfileName) -> Result<(), StoreError> {
        match StateFolder::open_even_exposed(&self.folder)? {
            Some(folder) => forget(&folder, profile),
            None => Ok(()),
        }
    }

    fn set_aside(
        &self,
        profile: &ProfileName,
        why: Aside,
        now: u64,
    ) -> Result<Option<PathBuf>, StoreError> {
        match StateFolder::open_even_exposed(&self.folder)? {
            Some(folder) => set_aside(&folder, profile, why, now),
            None => Ok(None),
        }
    }
}
