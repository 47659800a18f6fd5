//! A folder of ours: everything in it is reached through its descriptor, without following links.

use super::{StoreError, UnreadableReason};
use bearerd_saved::Folder;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The folder's descriptor, opened for one call: a folder that was moved or mounted over meanwhile is not written to
/// by mistake.
#[derive(Debug)]
pub(super) struct StateFolder {
    path: PathBuf,
    handle: File,
}

impl StateFolder {
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

    pub(super) fn handle(&self) -> &File {
        &self.handle
    }

    /// Opens a file for reading if it is a regular one, ours, and closed to others; `None` where it is not there.
    fn open_file(&self, name: &str) -> Result<Option<File>, StoreError> {
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
}

impl Folder for StateFolder {
    type File = File;

    fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn read(&self, name: &str, at_most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Some(file) = self.open_file(name)? else {
            return Ok(None);
        };
        // A key has room from the start: a vector that grows would leave a copy behind.
        let mut content = Zeroizing::new(Vec::with_capacity(2 * at_most.min(ROOM)));
        let read = file.take(u64::try_from(at_most).unwrap_or(u64::MAX)).read_to_end(&mut content);
        read.map_err(|error| {
            StoreError::unreadable(self.path_of(name), UnreadableReason::Io(error))
        })?;
        Ok(Some(content))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.handle, name, flags | OFlags::CLOEXEC, mode)?;
        Ok(File::from(file))
    }

    fn write(&self, file: &mut File, content: &[u8]) -> io::Result<()> {
        file.write_all(content)
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        let here = &self.handle;
        match rustix::fs::renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {}
            answered => return Ok(answered?),
        }
        // A file system that can't promise it (NFS): look first; the daemon's lock keeps others of us away.
        match rustix::fs::statat(here, to, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => self.rename(from, to),
            Ok(_) => Err(Errno::EXIST.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn link_new(&self, from: &str, to: &str) -> io::Result<()> {
        match rustix::fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty()) {
            // A file system without hard links.
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK) => {
                self.rename_new(from, to)
            }
            answered => Ok(answered?),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        sync_folder(&self.handle)
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        Ok(getrandom::fill(bytes)?)
    }
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

/// Permission bits of group and others.
const OPEN_TO_OTHERS: u32 = 0o077;

/// Bytes that a read begins with room for; twice that is taken, so that nothing of a key's size has to grow.
const ROOM: usize = 4096;
