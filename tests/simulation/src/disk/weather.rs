//! How the disk behaves: how long a step takes, and whether it is done.

use super::dice::Dice;
use std::io;
use std::time::Duration;

/// How the disk behaves from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Every step is done within milliseconds.
    Well,
    /// Every sync takes seconds, less or more than a save has patience for.
    Slow,
    /// Every sync takes minutes, up to an hour.
    Hanging,
    /// Nothing new fits (ENOSPC): said when a file is made, half written, or synced.
    Full,
    /// Reads go on, nothing is changed: EROFS.
    ReadOnly,
    /// Reads go on, nothing is changed: EACCES.
    Denied,
    /// Nothing is read or changed: EIO.
    Failing,
    /// So many steps of a thousand fail, are slow or hang, each in its own way.
    Flaky(u16),
}

/// What kind of step the disk is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Create,
    Write,
    SyncFile,
    /// Link, rename, remove.
    Name,
    SyncNames,
}

/// How one step goes.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) takes: Duration,
    pub(super) errno: Option<i32>,
}

impl Course {
    pub(super) fn error(&self) -> Option<io::Error> {
        self.errno.map(io::Error::from_raw_os_error)
    }
}

impl Weather {
    pub(super) fn course(self, kind: Kind, dice: &mut Dice) -> Course {
        let is_sync = matches!(kind, Kind::SyncFile | Kind::SyncNames);
        let mut course = Course { takes: usual(is_sync, dice), errno: None };
        match self {
            Weather::Well => {}
            Weather::Slow if is_sync => course.takes = slow(dice),
            Weather::Hanging if is_sync => course.takes = hanging(dice),
            Weather::Slow | Weather::Hanging => {}
            Weather::Full => {
                let is_full = match kind {
                    Kind::Create => dice.throw(3) == 0,
                    Kind::Write => dice.throw(2) == 0,
                    Kind::SyncFile => true,
                    Kind::Read | Kind::Name | Kind::SyncNames => false,
                };
                course.errno = is_full.then_some(ENOSPC);
            }
            Weather::ReadOnly => course.errno = changes(kind).then_some(EROFS),
            Weather::Denied => course.errno = changes(kind).then_some(EACCES),
            Weather::Failing => course.errno = Some(EIO),
            Weather::Flaky(per_mille) if dice.happens(per_mille) => match dice.throw(8) {
                0 => course.takes = slow(dice),
                1 => course.takes = hanging(dice),
                2 if changes(kind) => course.errno = Some(ENOSPC),
                3 if changes(kind) => course.errno = Some(EROFS),
                4 => course.errno = Some(EACCES),
                _ => course.errno = Some(EIO),
            },
            Weather::Flaky(_) => {}
        }
        course
    }
}

fn changes(kind: Kind) -> bool {
    matches!(kind, Kind::Create | Kind::Write | Kind::Name)
}

fn usual(is_sync: bool, dice: &mut Dice) -> Duration {
    // Microseconds: a sync waits for the medium, anything else for memory.
    let micros = if is_sync { 500 + dice.throw(20_000) } else { 1 + dice.throw(100) };
    Duration::from_micros(micros)
}

fn slow(dice: &mut Dice) -> Duration {
    Duration::from_millis(200 + dice.throw(8_000))
}

fn hanging(dice: &mut Dice) -> Duration {
    Duration::from_secs(60 + dice.throw(3_540))
}

/// Linux' numbers, so that an error says what a person would read.
const EIO: i32 = 5;
const EACCES: i32 = 13;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
