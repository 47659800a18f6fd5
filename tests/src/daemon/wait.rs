//! Waiting for what can only be seen by looking again: the one place of the harness that pauses.

use std::time::{Duration, Instant};

/// Looks until `look` gives something, for 30 s at most; `what` is what the test waits for.
///
/// # Panics
/// Where the time is over.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Above anything that a daemon may take on two busy cores; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Short against what is waited for, long against a look.
const PAUSE: Duration = Duration::from_millis(10);
