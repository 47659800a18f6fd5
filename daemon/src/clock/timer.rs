//! One timer of the kernel, awaited.

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;

/// A timer that rings at a moment of its clock, not after a duration.
#[derive(Debug)]
pub(super) struct Timer {
    descriptor: AsyncFd<OwnedFd>,
}

impl Timer {
    /// A timer that is not set.
    pub(super) fn new(clock: TimerfdClockId) -> io::Result<Self> {
        let descriptor = timerfd_create(clock, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { descriptor: watched(descriptor)? })
    }

    /// Sets it to ring once: at once where `at` has passed. What it was set for before is forgotten.
    pub(super) fn set(&self, flags: TimerfdTimerFlags, at: Timespec) -> rustix::io::Result<()> {
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        timerfd_settime(self.descriptor.get_ref(), flags | TimerfdTimerFlags::ABSTIME, &once)
            .map(drop)
    }

    /// Resolves when it has rung since the last call, with what reading it gave. Cancel safe.
    pub(super) async fn rung(&self) -> io::Result<()> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let mut expirations = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?));
            match read {
                Ok(outcome) => return outcome.map(drop),
                // Set anew between its ring and this read, so it has yet to ring.
                Err(_would_block) => {}
            }
        }
    }
}

#[allow(
    deprecated,
    reason = "its successor is unsafe for those who do not own the descriptor; an OwnedFd does"
)]
fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}
