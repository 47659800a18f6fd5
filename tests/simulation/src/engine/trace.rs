//! What was seen of a history: its fingerprint, its story where it is wanted, and what it exercised.

use std::collections::BTreeMap;

/// Milliseconds of the engine's clock at which a script begins: the machine has been running that long.
pub(crate) const ORIGIN: u64 = 100_000;

/// The fingerprint, and the story.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    story: Option<Vec<Line>>,
}

/// One line of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds from the start.
    pub at: u64,
    /// What happened.
    pub what: String,
}

impl Trace {
    pub(super) fn new(told: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, story: told.then(Vec::new) }
    }

    /// Every event leaves its mark.
    pub(super) fn mark(&mut self, at: u64, what: u64) {
        for part in [at, what] {
            self.hash = (self.hash ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
    }

    /// A line of the story, made only where somebody reads it.
    pub(super) fn tell(&mut self, at: u64, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(Line { at: at.saturating_sub(ORIGIN), what: what() });
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn take_story(&mut self) -> Vec<Line> {
        self.story.take().unwrap_or_default()
    }
}

/// What a run exercised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Histories.
    pub histories: u64,
    /// Events handled.
    pub events: u64,
    /// Milliseconds of simulated time.
    pub simulated: u64,
    /// How often each thing was seen.
    pub seen: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// It was seen once more.
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Both together.
    pub fn add(&mut self, other: &Tally) {
        self.histories += other.histories;
        self.events += other.events;
        self.simulated += other.simulated;
        for (what, times) in &other.seen {
            *self.seen.entry(what).or_default() += times;
        }
    }
}
