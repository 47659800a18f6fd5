//! The machine's own clocks: they agree with what the kernel says, and a step of the wall clock is told.

use bearerd::clock::{Clock, boot_id};
use bearerd::tasks::Tasks;
use bearerd_session::time::{Boot, Wall};
use futures_util::FutureExt;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime, clock_settime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// No test waits longer for what has to come at once.
const PATIENCE: Duration = Duration::from_secs(30);
const SET_BACK: Duration = Duration::from_millis(100);

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "the standard library is the witness here")]
async fn both_clocks_show_what_others_show() {
    let (clock, _driver) = Clock::system().unwrap();
    let wall = || {
        Wall::from_millis(
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap(),
        )
    };
    let boot = || {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        Boot::from_millis(0) + Duration::from_secs_f64(seconds)
    };
    let (wall_before, boot_before) = (wall(), boot());
    let now = clock.now();
    // The test below may set the wall clock back by the moment that its two system calls take.
    assert!(wall_before <= now.wall + SET_BACK && now.wall <= wall() + SET_BACK);
    // The kernel prints hundredths of a second, rounded down.
    assert!(boot_before <= now.boot && now.boot <= boot() + Duration::from_millis(10));
    assert!(clock.boot() >= now.boot);
}

#[tokio::test]
async fn the_driver_wakes_sleepers_on_other_tasks() {
    let (clock, driver) = Clock::system().unwrap();
    let tasks = Tasks::new();
    tasks.spawn_background("clock", driver.run());
    let begin = clock.boot();
    for millis in [15, 5, 10, 5] {
        let clock = clock.clone();
        tasks.spawn("sleeper", async move {
            let deadline = begin + Duration::from_millis(millis);
            clock.sleep_until(deadline).await;
            assert!(clock.boot() >= deadline);
        });
    }
    tokio::time::timeout(PATIENCE, tasks.wait_all()).await.unwrap();
    assert!(tasks.failed().now_or_never().is_none());
}

#[tokio::test]
async fn setting_the_wall_clock_is_told_each_time() {
    let (clock, driver) = Clock::system().unwrap();
    Tasks::new().spawn_background("clock", driver.run());
    let mut steps = clock.steps();
    for _ in 0..3 {
        // Set to what it shows already: the kernel tells of that as of any other step, and nobody is harmed.
        match clock_settime(ClockId::Realtime, clock_gettime(ClockId::Realtime)) {
            Ok(()) => {}
            Err(Errno::PERM) => {
                eprintln!("not shown: only root may set the clock, so run this test as root");
                return;
            }
            Err(error) => panic!("failed to set the clock: {error}"),
        }
        tokio::time::timeout(PATIENCE, steps.next()).await.unwrap();
    }
}

#[test]
fn the_boot_has_a_name() {
    let name = boot_id().unwrap();
    assert_eq!(name.len(), 36, "{name}");
    assert_eq!(name, boot_id().unwrap());
}
