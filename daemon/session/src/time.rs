//! Time as values: the heart is told what time it is and never asks.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};
use std::time::Duration;

/// Milliseconds since the machine's boot, on the clock that goes on during a suspend (`CLOCK_BOOTTIME`).
///
/// Every lifetime counts on it: nobody can step it, and a machine that slept finds its tokens as old as they are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Boot(u64);

/// Milliseconds since 1970-01-01 00:00 UTC, for people and for what must outlive a reboot.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Wall(i64);

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// On the boot-time clock.
    pub boot: Boot,
    /// On the wall clock.
    pub wall: Wall,
}

impl Boot {
    /// A moment that does not come: the clock stops being exact long before, and nobody waits for it.
    pub(crate) const NEVER: Boot = Boot(u64::MAX);

    /// From milliseconds since boot.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since boot.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier`; zero where `earlier` is not earlier.
    pub fn since(self, earlier: Boot) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// How long until `later`; zero where that has passed.
    pub fn until(self, later: Boot) -> Duration {
        later.since(self)
    }
}

impl Wall {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From whole seconds since 1970, as `iat` and `exp` of a JWT are.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier`; zero where `earlier` is not earlier.
    pub fn since(self, earlier: Wall) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Now {
    /// The wall-clock time of a moment on the boot-time clock, as the two clocks stand now.
    pub fn wall_at(self, at: Boot) -> Wall {
        if at >= self.boot {
            self.wall + at.since(self.boot)
        } else {
            self.wall - self.boot.since(at)
        }
    }
}

impl Add<Duration> for Boot {
    type Output = Boot;

    fn add(self, by: Duration) -> Boot {
        Boot(self.0.saturating_add(millis(by)))
    }
}

impl Sub<Duration> for Boot {
    type Output = Boot;

    fn sub(self, by: Duration) -> Boot {
        Boot(self.0.saturating_sub(millis(by)))
    }
}

impl Add<Duration> for Wall {
    type Output = Wall;

    fn add(self, by: Duration) -> Wall {
        Wall(self.0.saturating_add_unsigned(millis(by)))
    }
}

impl Sub<Duration> for Wall {
    type Output = Wall;

    fn sub(self, by: Duration) -> Wall {
        Wall(self.0.saturating_sub_unsigned(millis(by)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_time_saturates_and_never_goes_negative() {
        let at = Boot::from_millis(1_000);
        assert_eq!(at.since(Boot::from_millis(4_000)), Duration::ZERO);
        assert_eq!(at.until(Boot::from_millis(4_000)), Duration::from_secs(3));
        assert_eq!(at - Duration::from_secs(5), Boot::from_millis(0));
        assert_eq!(Boot::from_millis(u64::MAX) + Duration::MAX, Boot::from_millis(u64::MAX));
    }

    #[test]
    fn a_moment_gives_back_the_milliseconds_that_it_was_made_of() {
        for millis in [0, 1, 1_764_000_000_123] {
            assert_eq!(Boot::from_millis(millis).as_millis(), millis);
        }
        for millis in [-1_500, 0, 1, 1_764_000_000_123] {
            assert_eq!(Wall::from_millis(millis).as_millis(), millis);
        }
    }

    #[test]
    fn the_wall_time_of_a_boot_moment_follows_the_distance() {
        let now = Now { boot: Boot::from_millis(10_000), wall: Wall::from_secs(100) };
        assert_eq!(now.wall_at(Boot::from_millis(13_000)), Wall::from_secs(103));
        assert_eq!(now.wall_at(Boot::from_millis(4_000)), Wall::from_secs(94));
        assert_eq!(Wall::from_millis(-1).as_secs(), -1);
    }
}
