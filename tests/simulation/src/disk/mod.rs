//! A disk in memory that tells the truth about power: what a save does to it, step by step, and what outlives a cut.

use bearerd_session::time::Now;
use bearerd_session::{Restored, StoreFailure, StoreOp};
use std::time::Duration;

/// The state folder of one profile. It outlives the daemons that save to it and the machine's reboots.
#[derive(Debug)]
pub struct Disk {
    weather: Weather,
}

/// What one life of the daemon knows about its saves: made anew at each start.
#[derive(Debug, Default)]
pub struct Saver;

/// How the disk behaves from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Every step is done within milliseconds.
    Well,
    /// Every sync takes seconds.
    Slow,
    /// One step of each change takes minutes, or an hour.
    Hanging,
    /// Nothing new fits: ENOSPC.
    Full,
    /// Reads go on: EROFS.
    ReadOnly,
    /// Reads go on: EACCES.
    Denied,
    /// Every step fails: EIO.
    Failing,
    /// So many steps of a thousand fail or hang, each in its own way.
    Flaky(u16),
}

/// What the saving code does for one [`StoreOp`].
#[derive(Debug)]
pub struct Change {
    /// One after the other, at least one; a daemon that dies in between leaves the later ones undone.
    pub steps: Vec<Step>,
    /// How the call ends, once the last step is done.
    pub result: Result<(), StoreFailure>,
}

/// One step of a change.
#[derive(Debug, Clone)]
pub struct Step {
    /// From the end of the step before; what it does is there once this has passed.
    pub takes: Duration,
    effect: Effect,
}

#[derive(Debug, Clone)]
enum Effect {
    Nothing,
}

impl Disk {
    /// An empty folder. Everything that is left to chance follows from `seed`.
    pub fn new(_seed: u64) -> Self {
        Self { weather: Weather::Well }
    }

    /// The disk behaves like this for every later call.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// What the daemon does before it serves: deletes what an interrupted save left.
    pub fn start(&mut self) {}

    /// Reads the saved session as the daemon does at its start.
    pub fn load(&mut self) -> Restored {
        self.load_timed().1
    }

    /// The same, and how long the disk takes over it.
    pub fn load_timed(&mut self) -> (Duration, Restored) {
        (Duration::ZERO, self.visible())
    }

    /// Runs the saving code for this change against the folder as it is now. Nothing is done yet: [`Disk::apply`]
    /// each step in its time. One change at a time, as the session asks for them.
    pub fn begin(&mut self, _saver: &mut Saver, _op: StoreOp, _now: Now) -> Change {
        let step = Step { takes: Duration::from_millis(1), effect: Effect::Nothing };
        Change { steps: vec![step], result: Ok(()) }
    }

    /// The step is done.
    pub fn apply(&mut self, step: &Step) {
        match step.effect {
            Effect::Nothing => {}
        }
    }

    /// The power goes: what is not durable may be lost, torn or partly there.
    pub fn lose_power(&mut self) {}

    /// What a load finds now, if the disk is well.
    pub fn visible(&self) -> Restored {
        Restored::Nothing
    }

    /// Everything that a load may find if the power goes now: one or a few cases.
    pub fn durable(&self) -> Vec<Restored> {
        vec![self.visible()]
    }

    /// Whether this refresh token is in the saved session whatever happens to the power now.
    pub fn keeps(&self, refresh_token: &str) -> bool {
        self.durable().iter().all(|restored| match restored {
            Restored::Session(record) => record
                .grant
                .as_ref()
                .is_some_and(|grant| grant.refresh_token.expose() == refresh_token),
            Restored::Nothing | Restored::Unreadable(_) => false,
        })
    }
}
