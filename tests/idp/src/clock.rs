//! Reads the two clocks: boot time for every lifetime, wall time for what stands in tokens and headers.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The time since the machine booted, suspends included; the clock that the daemon counts lifetimes by.
pub(crate) fn since_boot() -> Duration {
    read(ClockId::Boottime)
}

/// The time since the Unix epoch by the wall clock.
pub(crate) fn since_epoch() -> Duration {
    read(ClockId::Realtime)
}

/// One moment on both clocks, given to everything that decides by time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Boot time, moved by `advance`.
    pub(crate) boot: Duration,
    /// Unix seconds as this provider believes them to be, its skew included.
    pub(crate) unix: i64,
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
