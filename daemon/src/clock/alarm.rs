//! Many sleepers on one timer of the kernel, on the boot-time clock.

use super::system_boot;
use super::timer::Timer;
use bearerd_session::time::Boot;
use rustix::time::{TimerfdClockId, TimerfdTimerFlags, Timespec};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The timer and who waits for it.
///
/// The timer is always set for the earliest sleeper, or for an earlier one that gave up since: that costs one early
/// ring at most, where setting it anew at each cancellation would cost a system call for every turn of a task's loop.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: Timer,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    /// By deadline; the number tells sleepers of one deadline apart.
    waiting: BTreeMap<(Boot, u64), Waker>,
    next_number: u64,
    /// What the timer is set for.
    set_for: Option<Boot>,
    /// How often the timer was set, for the tests.
    #[cfg(test)]
    times_set: usize,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { timer: Timer::new(TimerfdClockId::Boottime)?, sleepers: Mutex::default() })
    }

    pub(super) fn sleep_until(&self, deadline: Boot) -> Sleep<'_> {
        Sleep { alarm: self, deadline, number: None }
    }

    /// Wakes sleepers until the timer breaks.
    pub(super) async fn run(&self) -> io::Error {
        loop {
            if let Err(error) = self.timer.rung().await {
                return error;
            }
            for sleeper in self.take_due(system_boot()) {
                sleeper.wake();
            }
        }
    }

    /// Takes out whose time has come and sets the timer for the next one.
    fn take_due(&self, now: Boot) -> Vec<Waker> {
        let mut sleepers = self.sleepers();
        let mut due = Vec::new();
        while let Some(first) = sleepers.waiting.first_entry().filter(|first| first.key().0 <= now)
        {
            due.push(first.remove());
        }
        match sleepers.waiting.first_key_value().map(|(&(deadline, _), _)| deadline) {
            Some(deadline) if sleepers.set_for == Some(deadline) => {}
            Some(deadline) => self.set(&mut sleepers, deadline),
            None => sleepers.set_for = None,
        }
        due
    }

    fn set(&self, sleepers: &mut Sleepers, deadline: Boot) {
        match self.timer.set(TimerfdTimerFlags::empty(), timespec(deadline)) {
            Ok(()) => sleepers.set_for = Some(deadline),
            // Not known to happen with a descriptor of ours; the next sleeper tries again.
            Err(error) => tracing::error!(%error, "failed to set the timer of the clock"),
        }
        #[cfg(test)]
        {
            sleepers.times_set += 1;
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sleeper; dropping it takes it out of the list.
#[derive(Debug)]
pub(super) struct Sleep<'a> {
    alarm: &'a Alarm,
    deadline: Boot,
    /// Its number in the list, once it has been polled in vain.
    number: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        if system_boot() >= deadline {
            return Poll::Ready(());
        }
        let mut sleepers = self.alarm.sleepers();
        let number = self.number.unwrap_or(sleepers.next_number);
        if self.number.is_none() {
            sleepers.next_number += 1;
        }
        sleepers.waiting.insert((deadline, number), context.waker().clone());
        // A deadline that passed since the check above is no trap: such a timer rings at once.
        if sleepers.set_for.is_none_or(|set_for| deadline < set_for) {
            self.alarm.set(&mut sleepers, deadline);
        }
        drop(sleepers);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            drop(self.alarm.sleepers().waiting.remove(&(self.deadline, number)));
        }
    }
}

fn timespec(deadline: Boot) -> Timespec {
    let millis = deadline.as_millis();
    let nanos = millis % 1_000 * NANOS_PER_MILLI;
    Timespec {
        tv_sec: i64::try_from(millis / 1_000).unwrap_or(i64::MAX),
        // Under a second, so it fits every width that this field has.
        tv_nsec: nanos.try_into().unwrap_or(0),
    }
}

const NANOS_PER_MILLI: u64 = 1_000_000;
