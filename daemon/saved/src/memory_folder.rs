//! A folder in memory that notes every step, and lets one fail: for tests of the steps' order.

use crate::{Folder, StoreError};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The folder `/state`.
#[derive(Debug, Default)]
pub(crate) struct MemoryFolder {
    pub(crate) files: RefCell<BTreeMap<String, Vec<u8>>>,
    /// What was done, without reads: `rename key`. A temporary is `temporary`.
    pub(crate) steps: RefCell<Vec<String>>,
    /// This step fails, and with this error.
    pub(crate) fails: RefCell<Option<(&'static str, io::ErrorKind)>>,
    /// This file is open to others, until it is written anew.
    pub(crate) exposed: Cell<Option<&'static str>>,
    drawn: Cell<u8>,
}

impl MemoryFolder {
    /// What was done since the last look.
    pub(crate) fn taken_steps(&self) -> Vec<String> {
        self.steps.take()
    }

    pub(crate) fn file_names(&self) -> Vec<String> {
        self.files.borrow().keys().cloned().collect()
    }

    fn step(&self, step: &str, name: &str) -> io::Result<()> {
        let name = if name.starts_with(".tmp-") { "temporary" } else { name };
        let noted = format!("{step} {name}").trim_end().to_owned();
        match *self.fails.borrow() {
            Some((failing, kind)) if failing == noted => Err(kind.into()),
            _ => {
                self.steps.borrow_mut().push(noted);
                Ok(())
            }
        }
    }

    fn renamed(&self, from: &str, to: &str, over: bool) -> io::Result<()> {
        let mut files = self.files.borrow_mut();
        if !over && files.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), content);
        Ok(())
    }
}

impl Folder for MemoryFolder {
    type File = String;

    fn path_of(&self, name: &str) -> PathBuf {
        Path::new("/state").join(name)
    }

    fn read(&self, name: &str, at_most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if self.exposed.get() == Some(name) {
            return Err(StoreError::Exposed { path: self.path_of(name), mode: 0o644 });
        }
        let files = self.files.borrow();
        let cut = |content: &Vec<u8>| content.iter().copied().take(at_most).collect();
        Ok(files.get(name).map(|content| Zeroizing::new(cut(content))))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.file_names())
    }

    fn create(&self, name: &str) -> io::Result<String> {
        self.step("create", name)?;
        self.files.borrow_mut().insert(name.to_owned(), Vec::new());
        Ok(name.to_owned())
    }

    fn write(&self, file: &mut String, content: &[u8]) -> io::Result<()> {
        self.step("write", file)?;
        self.files.borrow_mut().insert(file.clone(), content.to_owned());
        Ok(())
    }

    fn sync_file(&self, file: &String) -> io::Result<()> {
        self.step("sync", file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step("rename to", to)?;
        self.exposed.set(self.exposed.get().filter(|name| *name != to));
        self.renamed(from, to, true)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.step("rename to", to)?;
        self.renamed(from, to, false)
    }

    fn link_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.step("link to", to)?;
        let content = self.files.borrow().get(from).cloned().ok_or(io::ErrorKind::NotFound)?;
        if self.files.borrow().contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.files.borrow_mut().insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.step("remove", name)?;
        self.files.borrow_mut().remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.step("sync", "")
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.drawn.set(self.drawn.get() + 1);
        bytes.fill(self.drawn.get());
        Ok(())
    }
}
