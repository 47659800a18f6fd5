//! The clock for tests, as tests of other parts use it: one advance of Tokio's clock moves everything.

use bearerd::clock::TestClock;
use bearerd_session::time::{Boot, Now, Wall};
use futures_util::FutureExt;
use std::time::Duration;

const BASE: Now = Now { boot: Boot::from_millis(5_000), wall: Wall::from_secs(1_000) };
const DAY: i64 = 24 * 3_600 * 1_000;

#[tokio::test(start_paused = true)]
async fn one_advance_moves_both_clocks_and_the_sleepers() {
    let clock = TestClock::new(BASE).clock();
    assert_eq!(clock.now(), BASE);
    let mut early = std::pin::pin!(clock.sleep_until(Boot::from_millis(15_000)));
    let mut late = std::pin::pin!(clock.sleep_until(Boot::from_millis(15_001)));
    assert!(early.as_mut().now_or_never().is_none());
    assert!(late.as_mut().now_or_never().is_none());
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(clock.now(), Now { boot: Boot::from_millis(15_000), wall: Wall::from_secs(1_010) });
    assert_eq!(clock.boot(), Boot::from_millis(15_000));
    assert!(early.now_or_never().is_some());
    assert!(late.as_mut().now_or_never().is_none());
    late.await;
    assert_eq!(
        clock.boot(),
        Boot::from_millis(15_001),
        "an idle runtime goes on to the next deadline"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_moves_the_wall_clock_alone_and_is_told() {
    let test = TestClock::new(BASE);
    let clock = test.clock();
    let mut steps = clock.steps();
    assert!(steps.next().now_or_never().is_none());
    test.step_wall(-DAY);
    assert_eq!(clock.now(), Now { wall: Wall::from_secs(1_000 - DAY / 1_000), ..BASE });
    assert!(steps.next().now_or_never().is_some());
    assert!(steps.next().now_or_never().is_none(), "a step is told once");
    test.step_wall(DAY);
    test.step_wall(DAY);
    assert_eq!(clock.now().wall, Wall::from_secs(1_000 + DAY / 1_000));
    let mut later = clock.steps();
    assert!(later.next().now_or_never().is_none(), "a new listener hears of steps from now on");
    assert!(steps.next().now_or_never().is_some());
    drop(clock);
    assert!(steps.next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_past_is_met_at_once_and_the_end_of_time_never() {
    let clock = TestClock::default().clock();
    assert!(clock.sleep_until(clock.boot()).now_or_never().is_some());
    assert!(clock.sleep_until(Boot::from_millis(0)).now_or_never().is_some());
    let mut never = std::pin::pin!(clock.sleep_until(Boot::from_millis(u64::MAX)));
    assert!(never.as_mut().now_or_never().is_none());
    tokio::time::advance(Duration::from_secs(10 * 365 * 24 * 3_600)).await;
    assert!(never.as_mut().now_or_never().is_none());
}
