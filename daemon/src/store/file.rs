//! The store on a local folder: one sealed file per profile.

use super::folder::Folder;
use super::key::KeySource;
use super::seal::{FILE_MAX, NONCE_LEN, Sealed, seal};
use super::{Aside, NotSavedReason, SavedSession, Store, StoreError};
use bearerd_proto::ProfileName;
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
        folder.drop_old_temporaries().map_err(|error| {
            let reason = NotSavedReason::sort("delete what an interrupted save left", error);
            StoreError::not_saved(&self.folder, reason)
        })
    }

    fn folder_or_new(&self, target: &Path) -> Result<Folder, StoreError> {
        let unsaved = |error: StoreError| error.against_saving(target);
        if let Some(folder) = Folder::open(&self.folder).map_err(unsaved)? {
            return Ok(folder);
        }
        let not_saved = |error| {
            StoreError::not_saved(target, NotSavedReason::sort("create the state folder", error))
        };
        Folder::create(&self.folder).map_err(not_saved)?;
        let opened = Folder::open(&self.folder).map_err(unsaved)?;
        opened.ok_or_else(|| not_saved(Errno::NOENT.into()))
    }
}

impl Store for FileStore {
    fn load(&self, profile: &ProfileName) -> Result<Option<SavedSession>, StoreError> {
        match Folder::open(&self.folder)? {
            Some(folder) => load_from(&folder, profile),
            None => Ok(None),
        }
    }

    fn save(&self, profile: &ProfileName, session: &[u8]) -> Result<(), StoreError> {
        let name = session_file(profile);
        let target = self.folder.join(&name);
        let folder = self.folder_or_new(&target)?;
        match load_from(&folder, profile) {
            Ok(_) => {}
            // The file alone is open to others: the one that replaces it will not be.
            Err(StoreError::Exposed { path, .. }) if path == target => {}
            Err(error) => return Err(error.against_saving(&target)),
        }
        // Here nothing of this profile is left that a missing key would open. Others' files may be; they stay, and name
        // the key that they need.
        let source = KeySource::KeyFile;
        let key = source.key_or_new(&folder, &target)?;
        let not_saved = |reason| StoreError::not_saved(&target, reason);
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| not_saved(NotSavedReason::Random(error)))?;
        let sealed = seal(profile, source, &key, &nonce, session).map_err(not_saved)?;
        folder.replace(&name, &sealed).map_err(not_saved)
    }

    fn forget(&self, profile: &ProfileName) -> Result<(), StoreError> {
        let Some(folder) = Folder::open_even_exposed(&self.folder)? else {
            return Ok(());
        };
        let name = session_file(profile);
        let removed = folder.remove(&name).and_then(|removed| match removed {
            true => folder.sync(),
            false => Ok(()),
        });
        removed.map_err(|source| StoreError::Failed {
            doing: "delete the saved session",
            path: folder.path_of(&name),
            source,
        })
    }

    fn set_aside(
        &self,
        profile: &ProfileName,
        why: Aside,
        now: u64,
    ) -> Result<Option<PathBuf>, StoreError> {
        let Some(folder) = Folder::open_even_exposed(&self.folder)? else {
            return Ok(None);
        };
        let name = session_file(profile);
        let failed = |source| StoreError::Failed {
            doing: "move aside the saved session",
            path: folder.path_of(&name),
            source,
        };
        let plain = format!("{profile}.{}-{now}", why.word());
        let numbered = (2..=ASIDE_MAX).map(|number| format!("{plain}-{number}"));
        for aside in std::iter::once(plain.clone()).chain(numbered) {
            match folder.rename_new(&name, &aside) {
                Ok(()) => {
                    folder.sync().map_err(failed)?;
                    return Ok(Some(folder.path_of(&aside)));
                }
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
        Err(failed(Errno::EXIST.into()))
    }
}

fn load_from(folder: &Folder, profile: &ProfileName) -> Result<Option<SavedSession>, StoreError> {
    let name = session_file(profile);
    let Some(file) = folder.read(&name, FILE_MAX)? else {
        return Ok(None);
    };
    let path = folder.path_of(&name);
    let unreadable = |reason| StoreError::unreadable(&path, reason);
    let sealed = Sealed::parse(&file, profile).map_err(unreadable)?;
    let key = sealed.key_source().key(folder, &path)?;
    sealed.open(profile, &key).map(Some).map_err(unreadable)
}

/// Never the name of another file of ours (`key`, `lock`, …): none of them ends like this.
fn session_file(profile: &ProfileName) -> String {
    format!("{profile}.session")
}

/// Files of one profile that can be set aside within one second.
const ASIDE_MAX: u32 = 100;
