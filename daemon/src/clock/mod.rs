//! The one module that reads the clocks.
//!
//! Lifetimes count on the boot-time clock, which nobody can step and which goes on during a suspend. All sleepers
//! share one timer of the kernel on that clock, set for the earliest of them; a second one, on the wall clock, never
//! rings and only tells that the wall clock was stepped. Nothing polls.

mod alarm;
mod scripted;
mod steps;
mod timer;

pub use scripted::TestClock;
pub use steps::Steps;

use alarm::Alarm;
use bearerd_session::time::{Boot, Now, Wall};
use rustix::time::{ClockId, Timespec, clock_gettime};
use scripted::Script;
use std::io;
use std::sync::Arc;
use steps::StepTimer;

/// The time, and waiting for it. Clones are cheap and show the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System { alarm: Arc<Alarm>, steps: Arc<StepTimer> },
    Script(Arc<Script>),
}

impl Clock {
    /// The machine's clocks, and the driver without which no sleeper wakes: it goes to
    /// [`Tasks::spawn_background`](crate::tasks::Tasks::spawn_background).
    ///
    /// # Errors
    /// Where the kernel gives no timer (out of descriptors or memory).
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O enabled.
    pub fn system() -> io::Result<(Clock, Driver)> {
        let alarm = Arc::new(Alarm::new()?);
        let steps = Arc::new(StepTimer::new()?);
        let driver = Driver { alarm: Arc::clone(&alarm), steps: Arc::clone(&steps) };
        Ok((Clock { source: Source::System { alarm, steps } }, driver))
    }

    /// The boot-time clock: one read through the vDSO, so cheap enough for every request.
    pub fn boot(&self) -> Boot {
        match &self.source {
            Source::System { .. } => system_boot(),
            Source::Script(script) => script.now().boot,
        }
    }

    /// This moment on both clocks.
    pub fn now(&self) -> Now {
        match &self.source {
            Source::System { .. } => Now { boot: system_boot(), wall: system_wall() },
            Source::Script(script) => script.now(),
        }
    }

    /// Waits until the boot-time clock shows `deadline`; returns at once where it already does.
    ///
    /// Cancel safe: nothing is lost or left behind by dropping it. After a suspend it resolves without further ado.
    pub async fn sleep_until(&self, deadline: Boot) {
        match &self.source {
            Source::System { alarm, .. } => alarm.sleep_until(deadline).await,
            Source::Script(script) => script.sleep_until(deadline).await,
        }
    }

    /// The steps of the wall clock from now on.
    pub fn steps(&self) -> Steps {
        match &self.source {
            Source::System { steps, .. } => steps.subscribe(),
            Source::Script(script) => script.subscribe(),
        }
    }
}

/// Wakes the sleepers of a system [`Clock`] and notices steps of the wall clock.
#[derive(Debug)]
#[must_use = "without its driver the clock wakes nobody"]
pub struct Driver {
    alarm: Arc<Alarm>,
    steps: Arc<StepTimer>,
}

impl Driver {
    /// Drives the clock. It ends only where a timer breaks, which is logged; then nobody would wake any more.
    pub async fn run(self) {
        let error = tokio::select! {
            error = self.alarm.run() => error,
            error = self.steps.run() => error,
        };
        tracing::error!(%error, "the timer of the clock broke");
    }
}

/// The identity of this boot of the machine: a time on the boot-time clock means nothing under another one.
///
/// # Errors
/// Where `/proc` is not mounted or not readable.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim_end().to_owned())
}

fn system_boot() -> Boot {
    let millis = millis(clock_gettime(ClockId::Boottime));
    // The kernel never shows a boot-time clock below zero.
    Boot::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn system_wall() -> Wall {
    Wall::from_millis(millis(clock_gettime(ClockId::Realtime)))
}

/// Rounded down, so that a clock which shows a deadline has reached it.
fn millis(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / NANOS_PER_MILLI)
}

const NANOS_PER_MILLI: i64 = 1_000_000;
