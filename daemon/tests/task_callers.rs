//! Callers that wait: many at once, gone halfway, too many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use bearerd_session::Cause;
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::time::Duration;
use task_support::{LIFETIME, World, settle};
use tokio::time::sleep;

/// A world whose profile `a` has a refresh under way, held by the test, and no valid token any more.
async fn without_a_token() -> (World, task_support::Call) {
    let world = World::logged_in(&["a"]).await;
    let held = world.idp("a").call().await;
    sleep(LIFETIME).await;
    (world, held)
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cancels_nothing() {
    let (world, held) = without_a_token().await;
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    settle().await;
    drop(caller);
    settle().await;
    held.grant(4 * LIFETIME);
    settle().await;
    let next = world.read("a").now_or_never().expect("the next caller has its token");
    assert_eq!(next.token(), "a-access-1");
    assert_eq!(world.idp("a").requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_one_attempt_and_its_answer_good_or_bad() {
    let (world, held) = without_a_token().await;
    let mut callers: Vec<_> = (0..1000).map(|_| Box::pin(world.read("a"))).collect();
    for caller in &mut callers {
        assert!(caller.now_or_never().is_none());
    }
    settle().await;
    held.fail(Cause::NotSent);
    for refused in join_all(callers).await {
        assert_eq!(refused.code(), "idp-unreachable");
        assert!(refused.retry_after.is_some());
    }
    assert_eq!(world.idp("a").requests(), 1);

    sleep(Duration::from_secs(2)).await;
    let callers = join_all((0..1000).map(|_| world.read("a")));
    let idp = world.idp("a");
    let (served, ()) = tokio::join!(callers, async { idp.call().await.grant(LIFETIME) });
    for served in served {
        assert_eq!(served.token(), "a-access-1");
    }
    assert_eq!(world.idp("a").requests(), 2, "one more for all");
}

#[tokio::test(start_paused = true)]
async fn tens_of_thousands_that_have_gone_harm_nobody() {
    let (world, held) = without_a_token().await;
    for _ in 0..100 {
        let mut crowd: Vec<_> = (0..300).map(|_| Box::pin(world.read("a"))).collect();
        for caller in &mut crowd {
            assert!(caller.now_or_never().is_none());
        }
        settle().await;
    }
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    held.grant(4 * LIFETIME);
    assert_eq!(caller.await.token(), "a-access-1");
    assert_eq!(world.idp("a").requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn more_callers_than_the_queue_holds_are_overloaded_and_the_others_served() {
    let (world, held) = without_a_token().await;
    let mut callers = Vec::new();
    let refused = loop {
        let mut caller = Box::pin(world.read("a"));
        match (&mut caller).now_or_never() {
            Some(answer) => break answer,
            None => callers.push(caller),
        }
    };
    assert_eq!(callers.len(), 8192);
    assert_eq!(refused.code(), "overloaded");
    assert_eq!(refused.retry_after.as_deref(), Some("1"));
    // Everything still works: the task takes the queue in, and the IdP's answer comes through.
    tokio::task::yield_now().await;
    held.grant(4 * LIFETIME);
    for served in join_all(callers).await {
        assert_eq!(served.token(), "a-access-1");
    }
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");
}
