//! A clock for tests: Tokio's time, from a base that the test chooses.

use super::steps::{StepCount, Steps};
use super::{Clock, Source};
use bearerd_session::time::{Boot, Now, Wall};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A clock that a test moves: both its clocks are the base plus the time that Tokio's clock has passed.
///
/// On a paused runtime one `tokio::time::advance` moves Tokio's timers, the boot-time clock and the wall clock
/// together; only the wall clock can be stepped besides. Sleepers of it need no driver.
#[derive(Clone, Debug)]
pub struct TestClock {
    script: Arc<Script>,
}

impl TestClock {
    /// A clock that shows `base` at this moment of Tokio's clock.
    pub fn new(base: Now) -> Self {
        let script = Script {
            base,
            start: Instant::now(),
            wall_offset: AtomicI64::new(0),
            steps: StepCount::new(),
        };
        Self { script: Arc::new(script) }
    }

    /// The clock to hand to what is tested.
    pub fn clock(&self) -> Clock {
        Clock { source: Source::Script(Arc::clone(&self.script)) }
    }

    /// Steps the wall clock forwards (or backwards, below zero) by so many milliseconds, and tells of the step.
    pub fn step_wall(&self, millis: i64) {
        self.script.wall_offset.fetch_add(millis, Ordering::AcqRel);
        self.script.steps.add();
    }
}

impl Default for TestClock {
    /// An hour after the boot, on 2026-01-01 at 00:00 UTC: neither clock near an edge.
    fn default() -> Self {
        Self::new(Now { boot: Boot::from_millis(3_600_000), wall: Wall::from_secs(1_767_225_600) })
    }
}

#[derive(Debug)]
pub(super) struct Script {
    base: Now,
    start: Instant,
    /// Milliseconds; the sum of all steps.
    wall_offset: AtomicI64,
    steps: StepCount,
}

impl Script {
    pub(super) fn now(&self) -> Now {
        let elapsed = self.start.elapsed();
        let unstepped = (self.base.wall + elapsed).as_millis();
        let wall = unstepped.saturating_add(self.wall_offset.load(Ordering::Acquire));
        Now { boot: self.base.boot + elapsed, wall: Wall::from_millis(wall) }
    }

    pub(super) async fn sleep_until(&self, deadline: Boot) {
        // Tokio's timers count whole milliseconds, so one sleep may end just short of the deadline.
        while self.now().boot < deadline {
            let remaining = deadline.since(self.base.boot);
            match self.start.checked_add(remaining) {
                Some(at) => tokio::time::sleep_until(at).await,
                None => tokio::time::sleep(FAR).await,
            }
        }
    }

    pub(super) fn subscribe(&self) -> Steps {
        self.steps.subscribe()
    }
}

/// For a deadline beyond what Tokio's clock can show: ten years.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
