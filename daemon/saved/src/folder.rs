//! What a save asks of a folder: the single steps, so that their order can be tried on a folder that is none.

use crate::StoreError;
use std::io;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A folder of ours, opened for one call. Every method is one step that a crash can come before or after.
pub trait Folder {
    /// A file that is being written.
    type File;

    /// Where a file of this name stands, for messages.
    fn path_of(&self, name: &str) -> PathBuf;

    /// The file's content, cut after `at_most` bytes; `None` where it is not there.
    ///
    /// # Errors
    /// It may not be used ([`StoreError::Exposed`]), or the disk does not give it ([`StoreError::Unreadable`]).
    fn read(&self, name: &str, at_most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;

    /// The names of all files that are ours to judge: those in UTF-8.
    ///
    /// # Errors
    /// What the system says.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Makes an empty file, closed to others.
    ///
    /// # Errors
    /// What the system says: [`io::ErrorKind::AlreadyExists`] where the name is taken.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Writes the file's whole content.
    ///
    /// # Errors
    /// What the system says; some of the content may be there.
    fn write(&self, file: &mut Self::File, content: &[u8]) -> io::Result<()>;

    /// Makes the file's content durable, not its name.
    ///
    /// # Errors
    /// What the system says: the content is lost, whatever a later sync says.
    fn sync_file(&self, file: &Self::File) -> io::Result<()>;

    /// Renames, over what is there.
    ///
    /// # Errors
    /// What the system says; nothing was renamed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Renames, never over something that is there.
    ///
    /// # Errors
    /// What the system says: [`io::ErrorKind::AlreadyExists`], [`io::ErrorKind::NotFound`].
    fn rename_new(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives the file a second name, never one that is taken. Where a file can have one name only, it is renamed.
    ///
    /// # Errors
    /// As [`Folder::rename_new`].
    fn link_new(&self, from: &str, to: &str) -> io::Result<()>;

    /// Deletes the file, if there is one.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes durable which names the folder has.
    ///
    /// # Errors
    /// What the system says; the changes since the last sync may be undone by a power loss.
    fn sync(&self) -> io::Result<()>;

    /// Fills the buffer with random bytes that nobody can guess.
    ///
    /// # Errors
    /// The kernel has none.
    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()>;
}
