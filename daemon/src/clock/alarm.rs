//! Many sleepers on one timer of the kernel, on the boot-time clock.

use super::timer::Timer;
use super::{NANOS_PER_MILLI, system_boot};
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
        // A timer that has rung is set for nothing any more.
        sleepers.set_for = None;
        if let Some(&(deadline, _)) = sleepers.waiting.keys().next() {
            self.set(&mut sleepers, deadline);
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
        let former = sleepers.waiting.insert((deadline, number), context.waker().clone());
        // A deadline that passed since the check above is no trap: such a timer rings at once.
        if sleepers.set_for.is_none_or(|set_for| deadline < set_for) {
            self.alarm.set(&mut sleepers, deadline);
        }
        drop(sleepers);
        // Not under the lock: a waker's end may be that of a whole task, with sleepers of its own.
        drop(former);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.alarm.sleepers().waiting.remove(&(self.deadline, number));
            // The lock is free again here, for the reason given above.
            drop(waker);
        }
    }
}

fn timespec(deadline: Boot) -> Timespec {
    // What does not fit lies beyond the kernel's own range, which ends in the year 2262.
    let millis = i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX);
    Timespec { tv_sec: millis / 1_000, tv_nsec: millis % 1_000 * NANOS_PER_MILLI }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::Arc;
    use std::task::Wake;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3_600);
    const SECOND: Duration = Duration::from_secs(1);

    /// Writes its name down when it is woken.
    struct Bell {
        name: usize,
        woken: Arc<Mutex<Vec<usize>>>,
    }

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.woken.lock().unwrap().push(self.name);
        }
    }

    struct Bench {
        alarm: Alarm,
        base: Boot,
        woken: Arc<Mutex<Vec<usize>>>,
    }

    impl Bench {
        fn new() -> Self {
            Self { alarm: Alarm::new().unwrap(), base: system_boot() + HOUR, woken: Arc::default() }
        }

        /// A sleeper that has been polled once, to be woken so long after the base.
        fn sleeper(&self, name: usize, after: Duration) -> Pin<Box<Sleep<'_>>> {
            let waker = Waker::from(Arc::new(Bell { name, woken: Arc::clone(&self.woken) }));
            let mut sleep = Box::pin(self.alarm.sleep_until(self.base + after));
            assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            sleep
        }

        fn ring(&self, after: Duration) -> Vec<usize> {
            self.alarm.take_due(self.base + after).into_iter().for_each(Waker::wake);
            std::mem::take(&mut *self.woken.lock().unwrap())
        }

        fn times_set(&self) -> usize {
            self.alarm.sleepers().times_set
        }
    }

    #[tokio::test]
    async fn a_thousand_sleepers_set_the_timer_for_the_earliest_alone() {
        let bench = Bench::new();
        let first = bench.sleeper(0, SECOND);
        let others: Vec<_> = (1..1_000).map(|name| bench.sleeper(name, SECOND * 2)).collect();
        assert_eq!(bench.times_set(), 1, "later ones need no system call");
        let earlier = bench.sleeper(1_000, SECOND / 2);
        assert_eq!(bench.times_set(), 2, "a new earliest one needs one");
        assert_eq!(bench.ring(SECOND), [1_000, 0]);
        assert_eq!(bench.times_set(), 3, "one ring sets it once for all who are left");
        assert_eq!(bench.ring(SECOND * 2), Vec::from_iter(1..1_000));
        assert_eq!(bench.times_set(), 3, "with nobody left it is not set");
        drop((first, others, earlier));
    }

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines() {
        let bench = Bench::new();
        let sleepers = [(0, 30), (1, 10), (2, 20), (3, 40)]
            .map(|(name, seconds)| bench.sleeper(name, Duration::from_secs(seconds)));
        assert_eq!(bench.ring(SECOND * 9), Vec::<usize>::new());
        assert_eq!(bench.ring(SECOND * 30), [1, 2, 0]);
        assert_eq!(bench.ring(SECOND * 40), [3]);
        drop(sleepers);
    }

    #[tokio::test]
    async fn a_cancelled_sleeper_leaves_nothing_behind_and_costs_no_system_call() {
        let bench = Bench::new();
        for turn in 0..100 {
            drop(bench.sleeper(turn, SECOND));
        }
        assert_eq!(bench.times_set(), 1, "a loop that waits anew each turn sets the timer once");
        assert!(bench.alarm.sleepers().waiting.is_empty());
        assert_eq!(bench.ring(SECOND), Vec::<usize>::new());
        let next = bench.sleeper(100, SECOND * 2);
        assert_eq!(bench.times_set(), 2, "a timer that has rung is set again");
        drop(next);
    }

    #[tokio::test]
    async fn a_deadline_that_has_passed_is_met_at_once() {
        let alarm = Alarm::new().unwrap();
        for deadline in [Boot::from_millis(0), system_boot()] {
            assert!(alarm.sleep_until(deadline).now_or_never().is_some());
        }
        assert_eq!(alarm.sleepers().times_set, 0);
    }

    #[tokio::test]
    async fn the_kernel_takes_every_deadline() {
        let alarm = Alarm::new().unwrap();
        for deadline in [Boot::from_millis(u64::MAX), system_boot() + HOUR * 24 * 365 * 400] {
            assert!(alarm.sleep_until(deadline).now_or_never().is_none());
            assert_eq!(alarm.sleepers().set_for, Some(deadline));
            alarm.sleepers().set_for = None;
        }
    }

    #[tokio::test]
    async fn the_timer_really_rings_for_one_deadline_after_the_other() {
        let alarm = Alarm::new().unwrap();
        let begin = system_boot();
        let waits = [30, 10, 20].map(|millis| {
            let deadline = begin + Duration::from_millis(millis);
            let alarm = &alarm;
            async move {
                alarm.sleep_until(deadline).await;
                assert!(system_boot() >= deadline, "woken before its time");
            }
        });
        tokio::select! {
            error = alarm.run() => panic!("the timer broke: {error}"),
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("a sleeper was not woken"),
            _ = futures_util::future::join_all(waits) => {}
        }
        assert!(alarm.sleepers().waiting.is_empty());
    }
}
