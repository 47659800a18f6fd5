//! One sealed file per profile in a folder: read, replaced, deleted, moved aside.

use crate::key::KeySource;
use crate::replacing::replace;
use crate::seal::{FILE_MAX, NONCE_LEN, Sealed, seal};
use crate::{Aside, Folder, NotSavedReason, SavedSession, StoreError, UnreadableReason};
use bearerd_proto::ProfileName;
use std::io;
use std::path::PathBuf;

/// [`crate::Store::load`], from this folder.
///
/// # Errors
/// As there.
pub fn load(
    folder: &impl Folder,
    profile: &ProfileName,
) -> Result<Option<SavedSession>, StoreError> {
    let name = session_file(profile);
    let Some(file) = folder.read(&name, FILE_MAX + 1)? else {
        return Ok(None);
    };
    let path = folder.path_of(&name);
    let unreadable = |reason| StoreError::unreadable(&path, reason);
    if file.len() > FILE_MAX {
        return Err(unreadable(UnreadableReason::TooLarge { limit: FILE_MAX }));
    }
    let sealed = Sealed::parse(&file, profile).map_err(unreadable)?;
    let key = sealed.key_source().key(folder, &path)?;
    sealed.open(profile, &key).map(Some).map_err(unreadable)
}

/// [`crate::Store::save`], to this folder. It first opens what it replaces, and replaces nothing that it can't open.
///
/// # Errors
/// As there.
pub fn save(folder: &impl Folder, profile: &ProfileName, session: &[u8]) -> Result<(), StoreError> {
    let name = session_file(profile);
    let target = folder.path_of(&name);
    match load(folder, profile) {
        Ok(_) => {}
        // The file alone is open to others: the one that replaces it will not be.
        Err(StoreError::Exposed { path, .. }) if path == target => {}
        Err(error) => return Err(error.against_saving(&target)),
    }
    // Here nothing of this profile is left that a missing key would open. Others' files may be; they stay, and name
    // the key that they need.
    let source = KeySource::KeyFile;
    let key = source.key_or_new(folder, &target)?;
    let not_saved = |reason| StoreError::not_saved(&target, reason);
    let mut nonce = [0_u8; NONCE_LEN];
    folder.fill_random(&mut nonce).map_err(|error| not_saved(NotSavedReason::Random(error)))?;
    let sealed = seal(profile, source, &key, &nonce, session).map_err(not_saved)?;
    replace(folder, &name, &sealed).map_err(not_saved)
}

/// [`crate::Store::forget`], in this folder.
///
/// # Errors
/// As there.
pub fn forget(folder: &impl Folder, profile: &ProfileName) -> Result<(), StoreError> {
    let name = session_file(profile);
    // Also where it was gone: an attempt before may have removed it, and not have had the sync.
    let removed = folder.remove(&name).and_then(|()| folder.sync());
    removed.map_err(|source| StoreError::Failed {
        doing: "delete the saved session",
        path: folder.path_of(&name),
        source,
    })
}

/// [`crate::Store::set_aside`], in this folder.
///
/// # Errors
/// As there.
pub fn set_aside(
    folder: &impl Folder,
    profile: &ProfileName,
    why: Aside,
    now: u64,
) -> Result<Option<PathBuf>, StoreError> {
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
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => return Ok(None),
                io::ErrorKind::AlreadyExists => {}
                _ => return Err(failed(error)),
            },
        }
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}

/// Never the name of another file of ours (`key`, `lock`, …): none of them ends like this.
pub fn session_file(profile: &ProfileName) -> String {
    format!("{profile}.session")
}

/// Files of one profile that can be set aside within one second.
const ASIDE_MAX: u32 = 100;
