//! Hours on the paused clock: renewal ahead of the end, an idle session, a suspend, a wall clock that is set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use futures_util::FutureExt;
use std::time::Duration;
use task_support::{LIFETIME, World, settle};
use tokio::time::{advance, sleep};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The jump of a suspend: the clock shows the later time, and no task has run since.
macro_rules! suspend {
    ($duration:expr) => {
        let mut jump = std::pin::pin!(advance($duration));
        assert!(jump.as_mut().now_or_never().is_none());
    };
}

#[tokio::test(start_paused = true)]
async fn under_steady_load_no_reader_ever_waits() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    idp.serve(&world.tasks, MINUTE, 3 * SECOND);
    let hours = 6_u32;
    let mut tokens = std::collections::BTreeSet::new();
    for second in 0..hours * 3600 {
        let served = world.read("a").now_or_never();
        let served = served.unwrap_or_else(|| panic!("a reader waits in second {second}"));
        assert!(!served.is_degraded() && served.number("expires_in") > 0, "{}", served.body);
        tokens.insert(served.token().to_owned());
        sleep(SECOND).await;
    }
    // Half of 60 s less 10 % is the shortest pause between two requests, and 3 s pass before the first reader sees it.
    let most = hours * 3600 / 27;
    let least = hours * 3600 / (33 + 1) - 20;
    let requests = u32::try_from(idp.requests()).unwrap();
    assert!((least..=most).contains(&requests), "{requests} requests, not {least} to {most}");
    assert!(tokens.len() >= idp.requests(), "each token was seen");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_a_second_causes_no_storm() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    idp.serve(&world.tasks, SECOND, Duration::ZERO);
    sleep(LIFETIME).await;
    let before = idp.requests();
    for _ in 0..600 {
        world.read("a").now_or_never();
        sleep(SECOND / 10).await;
    }
    let requests = idp.requests() - before;
    assert!((30..=61).contains(&requests), "{requests} requests in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_session_with_readers_is_renewed_though_its_task_never_hears_of_them() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    idp.call().await.grant(8 * HOUR);
    settle().await;
    // Due after half of that, less 10 % or more; all these readers are served from the snapshot.
    for number in [2, 3] {
        for _ in 0..7 {
            sleep(30 * MINUTE).await;
            assert!(world.read("a").now_or_never().is_some());
        }
        // Asleep, and set on waking up, as a laptop is: the last reader came less than an hour ago.
        suspend!(56 * MINUTE);
        world.clock.step_wall(5000);
        settle().await;
        assert_eq!(idp.requests(), number);
        idp.call().await.grant(8 * HOUR);
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_only_keeps_itself_alive_and_its_next_reader_is_served_at_once() {
    let world = World::logged_in(&["a"]).await;
    let began = world.boot();
    let idp = world.idp("a");
    let call = idp.call().await;
    call.grant_until(4 * HOUR, Some(10 * HOUR));
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");

    // Its renewal is due after two hours; nobody has read for the last of them.
    sleep(3 * HOUR).await;
    assert_eq!(idp.requests(), 1, "nobody reads");
    let served = world.read("a").now_or_never().expect("the token is good for another hour");
    assert!(served.token() == "a-access-1" && !served.is_degraded());
    let woken = idp.call().await;
    assert!(world.boot().since(began) < 3 * HOUR + 11 * MINUTE, "at once");
    woken.grant_until(4 * HOUR, Some(10 * HOUR));
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-2");

    // Idle again: the refresh token ends after ten hours, so the session renews itself after five.
    sleep(4 * HOUR + 50 * MINUTE).await;
    assert_eq!(idp.requests(), 2);
    sleep(15 * MINUTE).await;
    assert_eq!(idp.requests(), 3, "kept alive");
    idp.call().await.grant_until(4 * HOUR, Some(10 * HOUR));
    sleep(4 * HOUR + 50 * MINUTE).await;
    assert_eq!(idp.requests(), 3);
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-3"));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_wakes_a_session_leaves_room_for_those_who_ask() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    idp.call().await.grant(4 * HOUR);
    sleep(3 * HOUR).await;
    for _ in 0..10_000 {
        assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");
    }
    let mut asking = Box::pin(world.get("/v1/token?profile=a&min_ttl=14000&strict=true"));
    let answer = (&mut asking).now_or_never();
    assert!(answer.is_none(), "refused: {answer:?}");
    idp.call().await.grant(4 * HOUR);
    assert_eq!(asking.await.token(), "a-access-2");
    assert_eq!(idp.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_suspend_no_expired_token_is_served_and_one_fetch_is_made() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    suspend!(8 * HOUR);
    let mut callers: Vec<_> = (0..100).map(|_| Box::pin(world.read("a"))).collect();
    for caller in &mut callers {
        assert!(caller.now_or_never().is_none(), "there is nothing good to serve");
    }
    idp.call().await.grant(LIFETIME);
    for caller in callers {
        assert_eq!(caller.await.token(), "a-access-1");
    }
    settle().await;
    assert_eq!(idp.requests(), 1);
    assert!(world.read("a").now_or_never().unwrap().number("expires_in") > 590);
}

#[tokio::test(start_paused = true)]
async fn a_suspend_of_minutes_leaves_the_token_and_renews_it() {
    let world = World::logged_in(&["a"]).await;
    let began = world.boot();
    suspend!(9 * MINUTE);
    let served = world.read("a").now_or_never().expect("it is good for another minute");
    assert_eq!(served.token(), "a-access-0");
    assert!((58..=60).contains(&served.number("expires_in")), "{}", served.body);
    let call = world.idp("a").call().await;
    let waited = world.boot().since(began);
    assert!(waited < 9 * MINUTE + SECOND, "the timer that was missed fires at once: {waited:?}");
    call.grant(LIFETIME);
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_moves_what_people_see_and_nothing_else() {
    const DAY: i64 = 24 * 3600;
    let world = World::logged_in(&["a"]).await;
    sleep(MINUTE).await;
    let before = world.read("a").now_or_never().unwrap();
    for (step, offset) in [(DAY, DAY), (-2 * DAY, -DAY), (DAY, 0)] {
        world.clock.step_wall(step * 1000);
        settle().await;
        let after = world.read("a").now_or_never().expect("a reader waits");
        assert_eq!(after.token(), "a-access-0");
        for field in ["expires_at", "refresh_at"] {
            assert_eq!(after.number(field), before.number(field) + offset, "{field}, {step}");
        }
        for field in ["expires_in", "refresh_in"] {
            assert!((before.number(field) - after.number(field)).abs() <= 1, "{field}, {step}");
        }
        let status = world.status("a").await;
        assert_eq!(status["expires_at"].as_i64(), Some(before.number("expires_at") + offset));
    }
    assert_eq!(world.idp("a").requests(), 0, "a step of the wall clock renews nothing");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_on_the_way_to_its_caller_is_asked_for_again() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    suspend!(2 * LIFETIME);
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    idp.call().await.grant(5 * SECOND);
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");

    // The caller has its answer and has not looked at it yet.
    suspend!(5 * SECOND);
    assert!((&mut caller).now_or_never().is_none(), "it would get an expired token");
    idp.call().await.grant(LIFETIME);
    assert_eq!(caller.await.token(), "a-access-2");
    assert_eq!(idp.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_always_expire_on_the_way_are_an_error_and_not_a_loop() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    suspend!(2 * LIFETIME);
    let mut caller = Box::pin(world.read("a"));
    for _ in 0..2 {
        assert!((&mut caller).now_or_never().is_none());
        idp.call().await.grant(5 * SECOND);
        settle().await;
        suspend!(5 * SECOND);
    }
    let refused = caller.await;
    assert_eq!(refused.code(), "idp-rejected");
    assert_eq!(refused.retry_after.as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn patience_ends_after_twelve_seconds_and_the_fetch_goes_on() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    suspend!(2 * LIFETIME);
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    let held = idp.call().await;
    let asked = world.boot();
    let refused = caller.await;
    assert_eq!(refused.code(), "idp-unreachable");
    let waited = world.boot().since(asked);
    assert!((11 * SECOND..=12 * SECOND).contains(&waited), "{waited:?}");
    held.grant(LIFETIME);
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");
    assert_eq!(idp.requests(), 1);
}
