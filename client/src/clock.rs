//! Deadlines of calls: the one place of this library that reads a clock.

use std::time::{Duration, Instant};

/// A moment up to which something is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// The moment `duration` from now.
    pub(crate) fn after(duration: Duration) -> Self {
        Self(now() + duration.min(LONGEST))
    }

    /// The time that is left; `None` when there is none.
    pub(crate) fn remaining(self) -> Option<Duration> {
        self.0.checked_duration_since(now()).filter(|left| !left.is_zero())
    }
}

/// One day: far beyond any wait of a call, and never too much to be added to a moment.
const LONGEST: Duration = Duration::from_secs(86_400);

#[allow(clippy::disallowed_methods, reason = "the one place of the library that reads a clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_left_until_the_deadline_and_none_after_it() {
        assert!(Deadline::after(Duration::from_secs(60)).remaining().is_some());
        assert!(Deadline::after(Duration::MAX).remaining().is_some());
        assert!(Deadline::after(Duration::ZERO).remaining().is_none());
    }
}
