//! A folder of ours: everything in it is reached through its descriptor, without following links.

use super::{NotSavedReason, StoreError, UnreadableReason};
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folder's descriptor, opened for one call: a folder that was moved or mounted over meanwhile is not written to
/// by mistake.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Opens the folder where it is ours and closed to others; `None` where it is not there.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        let folder = Self::open_even_exposed(path)?;
        if let Some(folder) = &folder {
            refuse_exposed(path, &folder.handle)?;
        }
        Ok(folder)
    }

    /// The same, for what is right to do in a folder that others can look into: lock it, delete from it.
    pub(super) fn open_even_exposed(path: &Path) -> Result<Option<Self>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(handle) => File::from(handle),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR) => {
                return Err(StoreError::unreadable(path, UnreadableReason::NotAFolder));
            }
            Err(error) => {
                return Err(StoreError::unreadable(path, UnreadableReason::Io(error.into())));
            }
        };
        refuse_not_ours(path, &handle)?;
        Ok(Some(Self { path: path.to_owned(), handle }))
    }

    /// Creates the folder, 0700, and its parents; each is durable before the next is made in it.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            Self::create(parent)?;
        }
        match rustix::fs::mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        sync_folder(&File::open(parent.unwrap_or(Path::new(".")))?)
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn handle(&self) -> &File {
        &self.handle
    }

    /// Opens a file for reading if it is a regular one, ours, and closed to others; `None` where it is not there.
    pub(super) fn open_file(&self, name: &str) -> Result<Option<File>, StoreError> {
        let path = self.path_of(name);
        // Without NONBLOCK, a pipe in the file's place would hang the open.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => {
                return Err(StoreError::unreadable(path, UnreadableReason::NotRegular));
            }
            Err(error) => {
                return Err(StoreError::unreadable(path, UnreadableReason::Io(error.into())));
            }
        };
        let metadata = file.metadata();
        if !metadata.is_ok_and(|metadata| metadata.is_file()) {
            return Err(StoreError::unreadable(path, UnreadableReason::NotRegular));
        }
        refuse_not_ours(&path, &file)?;
        refuse_exposed(&path, &file)?;
        Ok(Some(file))
    }

    /// Reads a file whole, up to `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(file) = self.open_file(name)? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut content);
        let unreadable = |reason| StoreError::unreadable(self.path_of(name), reason);
        read.map_err(|error| unreadable(UnreadableReason::Io(error)))?;
        if u64::try_from(content.len()).is_ok_and(|length| length <= limit) {
            Ok(Some(content))
        } else {
            Err(unreadable(UnreadableReason::TooLarge { limit }))
        }
    }

    /// Puts `content` in the file's place, durably; on an error the old content is still there, whole,
    /// but for [`NotSavedReason::Unconfirmed`].
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<(), NotSavedReason> {
        let temporary = self.write_temporary(name, content)?;
        if let Err(error) = rustix::fs::renameat(&self.handle, &temporary, &self.handle, name) {
            self.drop_temporary(&temporary);
            return Err(NotSavedReason::sort("rename the new file into place", error.into()));
        }
        self.sync().map_err(NotSavedReason::Unconfirmed)
    }

    /// Makes the file with `content`, whole and durable from the moment it is seen; one that is there stays.
    pub(super) fn publish_new(&self, name: &str, content: &[u8]) -> Result<(), NotSavedReason> {
        let temporary = self.write_temporary(name, content)?;
        let mut linked =
            rustix::fs::linkat(&self.handle, &temporary, &self.handle, name, AtFlags::empty());
        if matches!(linked, Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK)) {
            // A file system without hard links.
            linked = self.rename_new(&temporary, name);
        }
        self.drop_temporary(&temporary);
        match linked {
            Ok(()) | Err(Errno::EXIST) => {
                self.sync().map_err(|error| NotSavedReason::sort("sync the folder", error))
            }
            Err(error) => Err(NotSavedReason::sort("link the new file into place", error.into())),
        }
    }

    /// Renames within the folder, never over something that is there.
    pub(super) fn rename_new(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        let here = &self.handle;
        match rustix::fs::renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {}
            answered => return answered,
        }
        // A file system that can't promise it (NFS): look first; the daemon's lock keeps others of us away.
        match rustix::fs::statat(here, to, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => rustix::fs::renameat(here, from, here, to),
            Ok(_) => Err(Errno::EXIST),
            Err(error) => Err(error),
        }
    }

    /// Deletes the file; whether one was there.
    pub(super) fn remove(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes renames and deletions in the folder durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_folder(&self.handle)
    }

    /// Deletes what an interrupted save left behind: files of our own naming alone.
    pub(super) fn drop_old_temporaries(&self) -> io::Result<()> {
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().ok().filter(|name| is_temporary(name)) {
                self.remove(name)?;
            }
        }
        Ok(())
    }

    fn write_temporary(&self, name: &str, content: &[u8]) -> Result<String, NotSavedReason> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(NotSavedReason::Random)?;
        let temporary = format!("{TEMPORARY}{:016x}-{name}", u64::from_ne_bytes(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = rustix::fs::openat(&self.handle, &temporary, flags | OFlags::CLOEXEC, mode)
            .map(File::from)
            .map_err(|error| NotSavedReason::sort("create a new file", error.into()))?;
        let written = file
            .write_all(content)
            .map_err(|error| NotSavedReason::sort("write the new file", error))
            .and_then(|()| {
                file.sync_all().map_err(|error| NotSavedReason::sort("sync the new file", error))
            });
        match written {
            Ok(()) => Ok(temporary),
            Err(reason) => {
                self.drop_temporary(&temporary);
                Err(reason)
            }
        }
    }

    /// What can't be deleted now is deleted at the next start.
    fn drop_temporary(&self, temporary: &str) {
        let _left_for_the_next_start = self.remove(temporary);
    }
}

fn is_temporary(name: &str) -> bool {
    let Some((random, rest)) = name.strip_prefix(TEMPORARY).and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()) && !rest.is_empty()
}

fn refuse_not_ours(path: &Path, handle: &File) -> Result<(), StoreError> {
    let us = rustix::process::geteuid().as_raw();
    let reason = match handle.metadata() {
        Ok(metadata) if metadata.uid() == us => return Ok(()),
        Ok(metadata) => UnreadableReason::NotOurs { owner: metadata.uid(), us },
        Err(error) => UnreadableReason::Io(error),
    };
    Err(StoreError::unreadable(path, reason))
}

fn refuse_exposed(path: &Path, handle: &File) -> Result<(), StoreError> {
    match handle.metadata() {
        Ok(metadata) if metadata.mode() & OPEN_TO_OTHERS == 0 => Ok(()),
        Ok(metadata) => {
            Err(StoreError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o7777 })
        }
        Err(error) => Err(StoreError::unreadable(path, UnreadableReason::Io(error))),
    }
}

fn sync_folder(handle: &File) -> io::Result<()> {
    match rustix::fs::fsync(handle) {
        // Some network and FUSE file systems have no sync of a folder, and nothing to sync there.
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How the name of a file begins that is being written. No profile's name begins with a dot.
const TEMPORARY: &str = ".tmp-";

/// Permission bits of group and others.
const OPEN_TO_OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_naming_is_a_temporary() {
        assert!(is_temporary(".tmp-0123456789abcdef-wallaroo.session"));
        assert!(is_temporary(".tmp-0123456789abcdef-key"));
        let others =
            ["wallaroo.session", "key", ".tmp-", ".tmp-x-y", ".tmp-0123456789abcdef", ".tmp-notes"];
        for other in others {
            assert!(!is_temporary(other), "{other}");
        }
    }
}
