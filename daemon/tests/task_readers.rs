//! Readers are answered from the snapshot, whatever the IdP and the disk are doing at that moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use bearerd_session::{Cause, OAuthError};
use futures_util::FutureExt;
use std::time::Duration;
use task_support::{LIFETIME, Op, World, at_this_moment, settle, until};
use tokio::time::advance;

/// A reader that is answered at its first poll has waited for nothing.
macro_rules! at_once {
    ($future:expr) => {
        $future.now_or_never().expect("this reader waits")
    };
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_are_served_while_a_fetch_is_held() {
    let world = World::logged_in(&["a", "b"]).await;
    let (held, other) = (world.idp("a").call().await, world.idp("b").call().await);
    for _ in 0..1000 {
        assert_eq!(at_once!(world.read("a")).token(), "a-access-0");
        assert_eq!(at_once!(world.read("b")).token(), "b-access-0");
    }
    other.grant(LIFETIME);
    settle().await;
    assert_eq!(at_once!(world.read("b")).token(), "b-access-1", "no profile waits for another");
    assert_eq!(at_once!(world.read("a")).token(), "a-access-0");
    held.grant(LIFETIME);
    settle().await;
    let renewed = at_once!(world.read("a"));
    assert_eq!(renewed.token(), "a-access-1");
    assert!(!renewed.is_degraded());
    assert_eq!(world.idp("a").requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failing_idp_leaves_the_token_in_hand_alone() {
    for cause in [
        Cause::NotSent,
        Cause::Later,
        Cause::Lost,
        Cause::WrongPlace,
        Cause::Unusable { refresh_token: None },
        Cause::OAuth(OAuthError::InvalidGrant),
        Cause::OAuth(OAuthError::InvalidClient),
    ] {
        let world = World::logged_in(&["a"]).await;
        let case = format!("{cause:?}");
        world.idp("a").call().await.fail(cause);
        settle().await;
        let served = at_once!(world.read("a"));
        assert_eq!(served.token(), "a-access-0", "{case}");
        assert!(served.is_degraded(), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_token_waits_for_its_save() {
    let mut world = World::logged_in(&["a"]).await;
    let disk = world.disk.hold(Op::Save, "a");
    world.idp("a").call().await.grant(LIFETIME);
    disk.reached().await;
    assert_eq!(at_once!(world.read("a")).token(), "a-access-0");
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-0"));
    drop(disk);
    settle().await;
    assert_eq!(at_once!(world.read("a")).token(), "a-access-1");
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-1"));
    assert_eq!(world.told(), ["refreshed"]);
}

#[tokio::test(start_paused = true)]
async fn a_save_that_hangs_holds_the_new_token_back_for_two_seconds() {
    let mut world = World::logged_in(&["a", "b"]).await;
    world.idp("b").call().await.grant(2 * LIFETIME);
    let disk = world.disk.hold(Op::Save, "a");
    world.idp("a").call().await.grant(LIFETIME);
    disk.reached().await;
    advance(Duration::from_millis(1_999)).await;
    assert_eq!(at_once!(world.read("a")).token(), "a-access-0");
    assert_eq!(at_once!(world.read("b")).token(), "b-access-1");
    world.told();

    advance(Duration::from_millis(1)).await;
    until("the new token", || at_once!(world.read("a")).token() == "a-access-1").await;
    assert!(!at_once!(world.read("a")).is_degraded());
    assert_eq!(world.status("a").await["saved"], false);
    assert_eq!(world.status("b").await["saved"], true);
    assert_eq!(world.told(), ["not-saved", "refreshed"]);

    drop(disk);
    settle().await;
    assert_eq!(world.status("a").await["saved"], true);
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-1"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_a_token_waits_for_a_hanging_save_no_longer() {
    let world = World::logged_in(&["a"]).await;
    let held = world.idp("a").call().await;
    advance(LIFETIME).await;
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none(), "the token has expired");
    let disk = world.disk.hold(Op::Save, "a");
    held.grant(2 * LIFETIME);
    disk.reached().await;
    assert!((&mut caller).now_or_never().is_none());
    advance(Duration::from_secs(2)).await;
    assert_eq!(at_this_moment("its token", caller).await.token(), "a-access-1");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_holds_nobody_up_and_the_save_is_tried_again() {
    let mut world = World::logged_in(&["a"]).await;
    world.disk.set_full(true);
    world.idp("a").call().await.grant(2 * LIFETIME);
    settle().await;
    assert_eq!(at_once!(world.read("a")).token(), "a-access-1");
    assert_eq!(world.status("a").await["saved"], false);
    assert_eq!(world.told(), ["not-saved", "refreshed"]);

    tokio::time::sleep(Duration::from_secs(120)).await;
    let tried = world.disk.saves();
    assert!((4..=200).contains(&tried), "{tried} attempts in two minutes");
    assert!(world.told().is_empty(), "it is said once");
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-0"));

    world.disk.set_full(false);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-1"));
    assert_eq!(world.status("a").await["saved"], true);
}

#[tokio::test(start_paused = true)]
async fn a_wish_waits_a_second_and_takes_what_there_is() {
    let world = World::logged_in(&["a"]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let idp = world.idp("a");
    let met = world.get("/v1/token?profile=a&min_ttl=500");
    assert_eq!(at_once!(met).token(), "a-access-0", "540 s are left");

    let mut wishing = Box::pin(world.get("/v1/token?profile=a&min_ttl=590"));
    assert!((&mut wishing).now_or_never().is_none());
    let call = idp.call().await;
    for _ in 0..100 {
        assert_eq!(at_once!(world.read("a")).token(), "a-access-0", "plain readers go on");
    }
    let before = world.boot();
    let served = wishing.await;
    assert!(served.token() == "a-access-0" && served.is_degraded());
    let waited = world.boot().since(before);
    assert!(waited <= Duration::from_secs(1), "{waited:?}");

    let strict = Box::pin(world.get("/v1/token?profile=a&min_ttl=590&strict=true"));
    call.grant(LIFETIME);
    assert_eq!(strict.await.token(), "a-access-1", "it has joined the fetch under way");
    assert_eq!(idp.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_served_on_degraded_until_another_is_there() {
    let world = World::logged_in(&["a"]).await;
    let rejected = serde_json::json!({ "profile": "a", "token": "a-access-0" });
    let mut callers: Vec<_> =
        (0..50).map(|_| Box::pin(world.post("/v1/token/reject", &rejected))).collect();
    for caller in &mut callers {
        assert!(caller.now_or_never().is_none());
    }
    let call = world.idp("a").call().await;
    let meanwhile = at_once!(world.read("a"));
    assert!(meanwhile.token() == "a-access-0" && meanwhile.is_degraded());
    call.grant(LIFETIME);
    for caller in callers {
        assert_eq!(caller.await.token(), "a-access-1");
    }
    assert!(!at_once!(world.read("a")).is_degraded());
    assert_eq!(world.idp("a").requests(), 1, "one fetch for all");

    let again = serde_json::json!({ "profile": "a", "token": "a-access-1" });
    let refused = world.post("/v1/token/reject", &again).await;
    assert_eq!(refused.code(), "idp-rejected");
    assert_eq!(refused.retry_after.as_deref(), Some("10"));
    assert_eq!(world.idp("a").requests(), 1);
}
