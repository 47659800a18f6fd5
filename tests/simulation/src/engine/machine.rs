//! The machine: its two clocks, its boots, and when it stands still.

use bearerd_session::time::{Boot, Now, Wall};

/// The clocks of the machine, made from true time.
#[derive(Debug)]
pub(crate) struct Machine {
    /// When each boot began, in true time; the last one is this one.
    boots: Vec<u64>,
    /// Milliseconds that the wall clock is ahead of true time.
    pub(crate) offset: i64,
    /// How often the wall clock was set.
    pub(crate) steps: u64,
    /// When it was set last.
    pub(crate) stepped: u64,
    /// What stands still, and until when.
    pub(crate) still: Option<Still>,
}

/// Why and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Still {
    pub(crate) until: u64,
    /// All of the machine, not the daemon alone.
    pub(crate) asleep: bool,
}

/// What the wall clock shows at true time 0, if it is right: milliseconds since 1970.
pub(crate) const WALL_ORIGIN: i64 = 1_764_000_000_000;

impl Machine {
    pub(super) fn new(now: u64) -> Self {
        Self { boots: vec![now - 60_000], offset: 0, steps: 0, stepped: 0, still: None }
    }

    /// Both clocks at a true time.
    pub(crate) fn clocks(&self, now: u64) -> Now {
        Now { boot: Boot::from_millis(now.saturating_sub(self.booted())), wall: self.wall(now) }
    }

    fn wall(&self, now: u64) -> Wall {
        let right = WALL_ORIGIN + i64::try_from(now).expect("no history is so long");
        Wall::from_millis(right + self.offset)
    }

    /// The true time of a moment of this boot.
    pub(crate) fn true_time(&self, at: Boot) -> u64 {
        self.booted().saturating_add(at.as_millis())
    }

    /// The true time of a moment of the boot of this id.
    pub(crate) fn true_time_in(&self, boot_id: &str, at: Boot) -> Option<u64> {
        let number: usize = boot_id.strip_prefix("boot-")?.parse().ok()?;
        self.boots.get(number).map(|booted| booted.saturating_add(at.as_millis()))
    }

    pub(crate) fn boot_id(&self) -> String {
        format!("boot-{}", self.boots.len() - 1)
    }

    /// Another boot began at `now`.
    pub(super) fn reboot(&mut self, now: u64) {
        self.boots.push(now);
        self.still = None;
    }

    /// A boot that was to be over later is over now.
    pub(super) fn has_booted(&mut self, now: u64) {
        if let Some(booted) = self.boots.last_mut() {
            *booted = now.min(*booted);
        }
    }

    pub(super) fn step_wall(&mut self, seconds: i64, now: u64) {
        self.offset += seconds * 1000;
        self.stepped = now;
        self.steps += 1;
    }

    fn booted(&self) -> u64 {
        *self.boots.last().expect("there is a boot")
    }
}
