//! Where sessions outlive the daemon: one sealed file per profile, behind a trait with a small surface.
//!
//! Start order: [`lock::acquire`] says which folder is this daemon's, [`FileStore::prepare`] readies it, then sessions
//! load from it. None of these fails the start: what cannot be saved goes on in memory, and says so.

mod file;
mod folder;
pub mod lock;
mod profiles_file;

pub use bearerd_saved::{Aside, NotSavedReason, SavedSession, Store, StoreError, UnreadableReason};
pub use file::FileStore;
pub use profiles_file::ProfilesFile;
