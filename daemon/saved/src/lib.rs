//! How a session is saved: the sealed file and the order of steps that keeps one whole whatever comes between.
//!
//! Pure but for [`Folder`], whose methods are the steps: the daemon does them on its state folder, a simulation on a
//! disk that loses power.

mod saver;
mod session_file;

mod key;
mod replacing;
mod seal;

mod chain;
mod error;
mod folder;
mod wiped;

#[cfg(test)]
mod memory_folder;
#[cfg(test)]
mod steps_tests;

pub use chain::chain;
pub use error::{NotSavedReason, StoreError, UnreadableReason};
pub use folder::Folder;
pub use replacing::{drop_old_temporaries, replace};
pub use saver::{Saver, restored};
pub use session_file::{forget, load, save, session_file, set_aside};
pub use wiped::Wiped;

use bearerd_proto::ProfileName;
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Keeps the sessions of profiles.
///
/// Every call blocks, on a network disk for as long as it likes: call it on a blocking thread. Calls for different
/// profiles may overlap; the caller serialises the saves of one profile. A store that several machines share will
/// also say here who may refresh now; a store of one machine has nothing to say about that.
pub trait Store: fmt::Debug + Send + Sync {
    /// The profile's saved session, or `None` where none was saved.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] or [`StoreError::Exposed`]: it is there and stays there, but can't be used now.
    fn load(&self, profile: &ProfileName) -> Result<Option<SavedSession>, StoreError>;

    /// Saves the session, durably: once this returns, a power loss does not undo it. On an error, what was saved
    /// before is still there, whole, but where [`StoreError::is_in_place`]; never is a file replaced that can't be
    /// opened.
    ///
    /// # Errors
    /// [`StoreError::NotSaved`] or [`StoreError::Exposed`]; trying again later is safe.
    fn save(&self, profile: &ProfileName, session: &[u8]) -> Result<(), StoreError>;

    /// Deletes the profile's saved session; fine where there is none. What was set aside stays.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::Unreadable`]: it may still be there.
    fn forget(&self, profile: &ProfileName) -> Result<(), StoreError>;

    /// Moves the profile's saved session out of the way under a name that tells why, and gives that name; `None`
    /// where there is nothing to move. `now` is in Unix seconds.
    ///
    /// # Errors
    /// As [`Store::forget`].
    fn set_aside(
        &self,
        profile: &ProfileName,
        why: Aside,
        now: u64,
    ) -> Result<Option<PathBuf>, StoreError>;
}

/// Why a saved session is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// It can't be opened, and a login that a person asked for makes a new one: `NAME.unreadable-TIME`.
    Unreadable,
    /// The configuration under its name now points elsewhere: `NAME.parked-TIME`.
    Parked,
}

impl Aside {
    fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Parked => "parked",
        }
    }
}

/// A session's bytes as they were saved: redacted in `Debug`, wiped on drop.
#[derive(Clone)]
pub struct SavedSession(Zeroizing<Vec<u8>>);

impl SavedSession {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The one exit; copies are the caller's to wipe.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}
