//! The folder that the saving code works in: a copy of the tree, and a note of every step.

use super::Step;
use super::dice::Dice;
use super::tree::{Effect, FileId, Tree};
use super::weather::{Kind, Weather};
use bearerd_proto::ProfileName;
use bearerd_saved::{
    Aside, Folder, SavedSession, Store, StoreError, UnreadableReason, forget, load, save, set_aside,
};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// One call of the saving code at work.
#[derive(Debug)]
pub(super) struct Room<'disk>(Mutex<Work<'disk>>);

#[derive(Debug)]
struct Work<'disk> {
    tree: Tree,
    weather: Weather,
    dice: &'disk mut Dice,
    next_file: &'disk mut u64,
    steps: Vec<Step>,
    /// Time of steps that changed nothing, which the next one takes as well.
    waited: Duration,
}

impl<'disk> Room<'disk> {
    pub(super) fn new(
        tree: Tree,
        weather: Weather,
        dice: &'disk mut Dice,
        next_file: &'disk mut u64,
    ) -> Self {
        let (steps, waited) = (Vec::with_capacity(STEPS), Duration::ZERO);
        Self(Mutex::new(Work { tree, weather, dice, next_file, steps, waited }))
    }

    /// What was done, at least one step.
    pub(super) fn into_steps(self) -> Vec<Step> {
        let mut work = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !work.waited.is_zero() || work.steps.is_empty() {
            work.steps.push(Step { takes: work.waited, effect: Effect::Nothing });
        }
        work.steps
    }

    /// How long it took, where nothing was changed.
    pub(super) fn waited(&self) -> Duration {
        self.work().waited
    }

    // One thread is in here: the lock is for the bounds of `Store` alone.
    fn work(&self) -> MutexGuard<'_, Work<'disk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work<'_> {
    /// Asks the disk for a step; what is to be done then is the caller's to say.
    fn ask(&mut self, kind: Kind) -> io::Result<()> {
        let course = self.weather.course(kind, self.dice);
        self.waited += course.takes;
        course.error().map_or(Ok(()), Err)
    }

    fn done(&mut self, effect: Effect) {
        self.tree.apply(&effect);
        self.steps.push(Step { takes: std::mem::take(&mut self.waited), effect });
    }
}

impl Folder for Room<'_> {
    type File = FileId;

    fn path_of(&self, name: &str) -> PathBuf {
        Path::new(FOLDER).join(name)
    }

    fn read(&self, name: &str, at_most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let mut work = self.work();
        if let Err(error) = work.ask(Kind::Read) {
            return Err(StoreError::unreadable(self.path_of(name), UnreadableReason::Io(error)));
        }
        let file = work.tree.file(name);
        Ok(file.map(|file| {
            let content = work.tree.content(file);
            Zeroizing::new(content[..content.len().min(at_most)].to_vec())
        }))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut work = self.work();
        work.ask(Kind::Read)?;
        Ok(work.tree.names().map(str::to_owned).collect())
    }

    fn create(&self, name: &str) -> io::Result<FileId> {
        let mut work = self.work();
        work.ask(Kind::Create)?;
        if work.tree.file(name).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        *work.next_file += 1;
        let file = FileId(*work.next_file);
        work.done(Effect::Create { name: name.into(), file });
        Ok(file)
    }

    fn write(&self, file: &mut FileId, content: &[u8]) -> io::Result<()> {
        let mut work = self.work();
        let asked = work.ask(Kind::Write);
        // What does not fit is written as far as it does.
        let length = if asked.is_ok() { content.len() } else { work.dice.cut(content.len()) };
        work.done(Effect::Write { file: *file, bytes: Arc::from(&content[..length]) });
        asked
    }

    fn sync_file(&self, file: &FileId) -> io::Result<()> {
        let mut work = self.work();
        let asked = work.ask(Kind::SyncFile);
        work.done(match asked {
            Ok(()) => Effect::SyncFile { file: *file },
            Err(_) => Effect::LoseFile { file: *file },
        });
        asked
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut work = self.work();
        work.ask(Kind::Name)?;
        if work.tree.file(from).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        work.done(Effect::Rename { from: from.into(), to: to.into() });
        Ok(())
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        if self.work().tree.file(to).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.rename(from, to)
    }

    fn link_new(&self, from: &str, to: &str) -> io::Result<()> {
        let mut work = self.work();
        work.ask(Kind::Name)?;
        match (work.tree.file(from), work.tree.file(to)) {
            (None, _) => Err(ErrorKind::NotFound.into()),
            (_, Some(_)) => Err(ErrorKind::AlreadyExists.into()),
            (Some(_), None) => {
                work.done(Effect::Link { from: from.into(), to: to.into() });
                Ok(())
            }
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut work = self.work();
        work.ask(Kind::Name)?;
        if work.tree.file(name).is_some() {
            work.done(Effect::Remove { name: name.into() });
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut work = self.work();
        work.ask(Kind::SyncNames)?;
        work.done(Effect::SyncNames);
        Ok(())
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.work().dice.fill(bytes);
        Ok(())
    }
}

impl Store for Room<'_> {
    fn load(&self, profile: &ProfileName) -> Result<Option<SavedSession>, StoreError> {
        load(self, profile)
    }

    fn save(&self, profile: &ProfileName, session: &[u8]) -> Result<(), StoreError> {
        save(self, profile, session)
    }

    fn forget(&self, profile: &ProfileName) -> Result<(), StoreError> {
        forget(self, profile)
    }

    fn set_aside(
        &self,
        profile: &ProfileName,
        why: Aside,
        now: u64,
    ) -> Result<Option<PathBuf>, StoreError> {
        set_aside(self, profile, why, now)
    }
}

/// The folder's path in messages.
const FOLDER: &str = "/state/bearerd";

/// Steps of a save that makes the key too.
const STEPS: usize = 12;
