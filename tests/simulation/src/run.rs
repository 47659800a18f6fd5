//! Many histories on many threads: what was seen is added up, and what fails is kept.

use crate::engine::{Tally, play};
use crate::history::Script;
use crate::invariants::Broken;
use crate::mix::Mix;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a run is asked for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first history's seed; each further one is one more.
    pub seed: u64,
    /// How many histories; absent: until it is told to stop.
    pub histories: Option<u64>,
    /// Hours of each; absent: as the mix says.
    pub hours: Option<u64>,
    /// One mix alone.
    pub mix: Option<&'static Mix>,
    /// Threads.
    pub jobs: usize,
    /// It ends with so many failures.
    pub failures: usize,
}

/// A run under way, for whoever watches it.
#[derive(Debug, Default)]
pub struct Run {
    next: AtomicU64,
    stop: AtomicBool,
    seen: Mutex<Seen>,
}

/// What it has seen so far.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// All histories together.
    pub tally: Tally,
    /// Histories of each mix.
    pub mixes: BTreeMap<String, u64>,
    /// Histories that broke an invariant.
    pub failed: Vec<(Script, Broken)>,
}

impl Run {
    /// Plays histories until the plan is fulfilled, or [`Run::stop`].
    pub fn go(&self, plan: &Plan) {
        std::thread::scope(|scope| {
            for _ in 0..plan.jobs {
                scope.spawn(|| self.work(plan));
            }
        });
    }

    fn work(&self, plan: &Plan) {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if plan.histories.is_some_and(|histories| number >= histories) {
                return;
            }
            let script = Script::drawn(plan.seed.wrapping_add(number), plan.mix, plan.hours);
            let played = play(&script, false);
            let mut seen = self.seen.lock().unwrap();
            seen.tally.add(&played.tally);
            *seen.mixes.entry(script.mix.clone()).or_default() += 1;
            if let Some(broken) = played.broken {
                seen.failed.push((script, broken));
                if seen.failed.len() >= plan.failures {
                    self.stop();
                }
            }
        }
    }

    /// Every history under way is the last one of its thread.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}
