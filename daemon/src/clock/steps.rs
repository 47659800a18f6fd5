//! Steps of the wall clock: somebody set it, or the machine slept.

use super::timer::Timer;
use rustix::io::Errno;
use rustix::time::{TimerfdClockId, TimerfdTimerFlags, Timespec};
use std::io;
use tokio::sync::watch;

/// Tells of the steps of the wall clock since it was made. Several steps in a row may be told as one.
#[derive(Debug)]
pub struct Steps {
    counted: watch::Receiver<u64>,
}

impl Steps {
    /// Resolves after the next step; at once where one came since the last call. Cancel safe.
    pub async fn next(&mut self) {
        if self.counted.changed().await.is_err() {
            // The clock itself is gone, so no step will be told any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Counts steps and lets any number of [`Steps`] wait for the next one.
#[derive(Debug)]
pub(super) struct StepCount {
    counted: watch::Sender<u64>,
}

impl StepCount {
    pub(super) fn new() -> Self {
        Self { counted: watch::Sender::new(0) }
    }

    pub(super) fn add(&self) {
        self.counted.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn subscribe(&self) -> Steps {
        Steps { counted: self.counted.subscribe() }
    }
}

/// A timer on the wall clock that never rings and is cancelled by the kernel whenever that clock is set.
#[derive(Debug)]
pub(super) struct StepTimer {
    timer: Timer,
    count: StepCount,
}

impl StepTimer {
    pub(super) fn new() -> io::Result<Self> {
        let timer = Timer::new(TimerfdClockId::Realtime)?;
        match timer.set(TimerfdTimerFlags::CANCEL_ON_SET, NEVER) {
            // A step between the two calls: the timer is set all the same, and nobody listens yet.
            Ok(()) | Err(Errno::CANCELED) => Ok(Self { timer, count: StepCount::new() }),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn subscribe(&self) -> Steps {
        self.count.subscribe()
    }

    /// Counts steps until the timer breaks.
    pub(super) async fn run(&self) -> io::Error {
        loop {
            match self.timer.rung().await {
                // The read that reports a step also makes the kernel watch for the next one: the timer stays set.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::CANCELED) => {
                    self.count.add()
                }
                Err(error) => return error,
                Ok(()) => {}
            }
        }
    }
}

/// The kernel takes what is beyond its range for the end of it, in the year 2262.
const NEVER: Timespec = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
