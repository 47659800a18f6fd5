//! The kernel's word that the wall clock was set, and which scenes may hear it.
//!
//! It goes to every process of the machine that has asked for it, whichever scene it is meant for. So a scene whose
//! daemon must wake up without it has the machine for itself.

use super::{SECOND, timespec};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    clock_settime, timerfd_create, timerfd_settime,
};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// What a scene holds from its beginning to its end.
#[derive(Debug)]
pub struct Word(Kept);

#[derive(Debug)]
enum Kept {
    MayCome(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    MustNotCome {
        /// Set for the end of time, and cancelled by the word.
        ear: OwnedFd,
        _alone: RwLockWriteGuard<'static, ()>,
    },
}

impl Word {
    /// For scenes whose daemon may hear it, also where it comes from another scene.
    pub fn may_come() -> Self {
        Self(Kept::MayCome(SCENES.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// For scenes whose daemon must not hear it: waits until no other scene is being played.
    pub fn must_not_come() -> Self {
        let _alone = SCENES.write().unwrap_or_else(PoisonError::into_inner);
        Self(Kept::MustNotCome { ear: ear(), _alone })
    }

    /// Makes the kernel say it, by setting the machine's wall clock to what it shows.
    ///
    /// # Panics
    /// Where the scene must not hear it, and where this process may not set the clock.
    pub fn say(&self) {
        assert!(matches!(self.0, Kept::MayCome(_)), "this scene is about a daemon that hears none");
        set_to_what_it_shows();
    }

    /// Holds that nobody has said it since the scene began, not even another program of the machine.
    ///
    /// # Panics
    /// Where it came, and where it may come.
    pub fn has_not_come(&self) {
        let Kept::MustNotCome { ear, .. } = &self.0 else { panic!("here it may come") };
        match rustix::io::read(ear, &mut [0; 8]) {
            Err(Errno::AGAIN) => {}
            Err(Errno::CANCELED) => panic!(
                "the machine's wall clock was set by somebody else meanwhile, so the daemon may have been woken by that: \
                 run it again"
            ),
            other => panic!("a timer that never rings: {other:?}"),
        }
    }
}

/// The scenes of one test process; the processes of a test run come one after the other.
static SCENES: RwLock<()> = RwLock::new(());

fn ear() -> OwnedFd {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = timerfd_create(TimerfdClockId::Realtime, flags).unwrap();
    let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
    // The kernel takes what is beyond its range for the end of it, in the year 2262.
    let never =
        Itimerspec { it_interval: nothing, it_value: Timespec { tv_sec: i64::MAX, tv_nsec: 0 } };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(&timer, flags, &never).unwrap();
    timer
}

/// Between the look at a clock and its setting time passes, much of it where the thread loses its core there. So it is
/// set by the monotonic clock, which goes on meanwhile, and again where it came out wrong.
fn set_to_what_it_shows() {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let ahead = wall_ahead();
    for _ in 0..TRIES {
        let shown = nanoseconds(ClockId::Monotonic) + ahead;
        let shown = timespec(Duration::from_nanos(shown.try_into().unwrap()));
        clock_settime(ClockId::Realtime, shown).expect(
            "the clock may be set to what it shows: be root, in a container with `--cap-add SYS_TIME`",
        );
        if wall_ahead().abs_diff(ahead) <= OFF_AT_MOST {
            return;
        }
    }
    panic!("in {TRIES} tries the clock was not set to within {OFF_AT_MOST} ns of what it showed");
}

/// How far the wall clock is ahead of the monotonic one, in nanoseconds: by the look that took the shortest.
fn wall_ahead() -> i64 {
    let looks = (0..LOOKS).map(|_| {
        let before = nanoseconds(ClockId::Monotonic);
        let wall = nanoseconds(ClockId::Realtime);
        let after = nanoseconds(ClockId::Monotonic);
        (after - before, wall - before - (after - before) / 2)
    });
    looks.min_by_key(|(took, _)| *took).expect("there were some").1
}

fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * SECOND + time.tv_nsec
}

/// Nanoseconds; as `docs/clocks.md` says.
const OFF_AT_MOST: u64 = 20_000;
const TRIES: usize = 100;
const LOOKS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ear_is_still_while_nobody_sets_the_clock() {
        let read = rustix::io::read(ear(), &mut [0; 8]);
        assert!(matches!(read, Err(Errno::AGAIN | Errno::CANCELED)), "{read:?}");
    }

    #[test]
    fn two_looks_at_the_clocks_find_the_same() {
        assert!(wall_ahead().abs_diff(wall_ahead()) < OFF_AT_MOST);
    }
}
