//! A disk in memory that tells the truth about power: what a save does to it, step by step, and what outlives a cut.
//!
//! The saving code is the daemon's own (`bearerd-saved`): it runs on a copy of the disk, and what it did is handed out
//! as [`Step`]s in time, so that a daemon can be killed and a machine lose its power before any of them.

mod dice;
mod room;
mod tree;
mod weather;

pub use bearerd_saved::Saver;
pub use weather::Weather;

use bearerd_proto::ProfileName;
use bearerd_saved::{drop_old_temporaries, load, restored, session_file};
use bearerd_session::time::Now;
use bearerd_session::{Restored, StoreFailure, StoreOp};
use dice::Dice;
use room::Room;
use std::time::Duration;
use tree::{Effect, Tree};

/// The state folder of one profile. It outlives the daemons that save to it and the machine's reboots.
#[derive(Debug)]
pub struct Disk {
    profile: ProfileName,
    tree: Tree,
    weather: Weather,
    dice: Dice,
    next_file: u64,
}

/// What the saving code does for one [`StoreOp`].
#[derive(Debug)]
pub struct Change {
    /// One after the other, at least one. Where a daemon dies or the power goes in between, the later ones are never
    /// done.
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

impl Disk {
    /// An empty folder. Everything that is left to chance follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            profile: PROFILE.parse().unwrap(),
            tree: Tree::default(),
            weather: Weather::Well,
            dice: Dice::new(seed),
            next_file: 0,
        }
    }

    /// The disk behaves like this for every later call.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// What the daemon does before it serves: deletes what an interrupted save left, where the disk lets it.
    pub fn start(&mut self) {
        let room = self.room();
        let _said_in_the_log = drop_old_temporaries(&room);
        for step in room.into_steps() {
            self.apply(&step);
        }
    }

    /// Reads the saved session as the daemon does at its start.
    pub fn load(&mut self) -> Restored {
        self.load_timed().1
    }

    /// The same, and how long the disk takes over it.
    pub fn load_timed(&mut self) -> (Duration, Restored) {
        let profile = self.profile.clone();
        let room = self.room();
        let found = restored(load(&room, &profile));
        (room.waited(), found)
    }

    /// Runs the saving code for this change against the folder as it is now. Nothing is done yet: [`Disk::apply`]
    /// each step in its time. One change at a time, as the session asks for them; the saver is the daemon life's own.
    pub fn begin(&mut self, saver: &mut Saver, op: StoreOp, now: Now) -> Change {
        let profile = self.profile.clone();
        let room = self.room();
        let result = saver.perform(&room, &profile, op, now).map_err(StoreFailure::from);
        Change { steps: room.into_steps(), result }
    }

    /// The step is done.
    pub fn apply(&mut self, step: &Step) {
        self.tree.apply(&step.effect);
    }

    /// The power goes: what is not durable may be lost, torn or partly there.
    pub fn lose_power(&mut self) {
        self.tree.lose_power(&mut self.dice);
    }

    /// What a load finds now, if the disk is well.
    pub fn visible(&self) -> Restored {
        self.found(self.tree.clone())
    }

    /// Everything that a load may find if the power goes now, the worst case of content that is not synced.
    pub fn durable(&self) -> Vec<Restored> {
        let session = session_file(&self.profile);
        let mut looked_at = Vec::with_capacity(2);
        let mut found = Vec::with_capacity(2);
        for tree in self.tree.survivors() {
            // A session and its key are all that a load reads.
            let read = (tree.file(&session), tree.file(KEY));
            if !looked_at.contains(&read) {
                looked_at.push(read);
                found.push(self.found(tree));
            }
        }
        found
    }

    /// Whether this refresh token is in the saved session whatever happens to the power now.
    pub fn keeps(&self, refresh_token: &str) -> bool {
        self.durable().iter().all(|found| saved_token(found) == Some(refresh_token))
    }

    /// The names of the files that are there now.
    pub fn names(&self) -> Vec<&str> {
        self.tree.names().collect()
    }

    fn found(&self, tree: Tree) -> Restored {
        let (mut dice, mut next_file) = (Dice::new(0), 0);
        let room = Room::new(tree, Weather::Well, &mut dice, &mut next_file);
        restored(load(&room, &self.profile))
    }

    fn room(&mut self) -> Room<'_> {
        Room::new(self.tree.clone(), self.weather, &mut self.dice, &mut self.next_file)
    }
}

/// The refresh token in what a load found.
pub fn saved_token(found: &Restored) -> Option<&str> {
    match found {
        Restored::Session(record) => Some(record.grant.as_ref()?.refresh_token.expose()),
        Restored::Nothing | Restored::Unreadable(_) => None,
    }
}

/// The profile whose sessions are saved here.
const PROFILE: &str = "simulated";

/// The name of the key's file.
const KEY: &str = "key";

#[cfg(test)]
mod tests;
