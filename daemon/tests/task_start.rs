//! The saved session is read when a profile starts, and the disk may take its time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use bearerd::store::Aside;
use futures_util::FutureExt;
use serde_json::json;
use std::time::Duration;
use task_support::{LIFETIME, Op, World, at_this_moment, settle, sso, sso_as, until};
use tokio::time::advance;

#[tokio::test(start_paused = true)]
async fn while_one_session_is_read_another_serves_and_readers_of_the_first_get_theirs_then() {
    let mut held = None;
    let world = World::on(&sso(&["a", "b"]), |disk| held = Some(disk.hold(Op::Load, "a")));
    let held = held.unwrap();
    held.reached().await;
    until("the session of b", || world.is_published("b")).await;
    let mut caller = Box::pin(world.read("a"));
    for _ in 0..100 {
        assert_eq!(world.read("b").now_or_never().expect("b waits for a").token(), "b-access-0");
        assert!((&mut caller).now_or_never().is_none());
    }
    assert_eq!(world.get("/v1/health").await.status, 200);
    assert_eq!(world.status("a").await["state"], "degraded");
    drop(held);
    assert_eq!(caller.await.token(), "a-access-0");
}

#[tokio::test(start_paused = true)]
async fn a_reload_while_the_session_is_read_is_not_lost() {
    let mut held = None;
    let world = World::on(&sso(&["a"]), |disk| held = Some(disk.hold(Op::Load, "a")));
    held.as_ref().unwrap().reached().await;
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    world.reload(&sso_as("a", "another-client"));
    tokio::task::yield_now().await;
    drop(held);
    let refused = caller.await;
    assert_eq!(refused.code(), "login-required", "the session belongs to another client");
    world.reload(&sso(&["a"]));
    settle().await;
    assert_eq!(world.read("a").await.token(), "a-access-0");
    assert_eq!(world.idp("a").requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn callers_are_told_in_time_of_a_disk_that_hangs_and_it_heals_alone() {
    let mut held = None;
    let world = World::on(&sso(&["a"]), |disk| held = Some(disk.hold(Op::Load, "a")));
    held.as_ref().unwrap().reached().await;
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    advance(Duration::from_secs(12)).await;
    let refused = at_this_moment("an answer", caller).await;
    assert_eq!(refused.code(), "state-unreadable");
    assert_eq!(world.status("a").await["state"], "state-unreadable");
    // It is not read twice at a time, however often the configuration is.
    world.reload(&sso(&["a"]));
    world.reload(&sso(&["a"]));
    let refused = at_this_moment("an answer", world.read("a")).await;
    assert_eq!(refused.code(), "state-unreadable");

    drop(held);
    settle().await;
    assert_eq!(world.disk.loads(), 1);
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-0");
    assert_eq!(world.status("a").await["state"], "ready");
    assert!(world.disk.aside().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_login_during_a_load_that_hangs_wins_over_what_is_read_at_last() {
    let mut held = None;
    let world = World::on(&sso(&["a"]), |disk| held = Some(disk.hold(Op::Load, "a")));
    held.as_ref().unwrap().reached().await;
    advance(Duration::from_secs(12)).await;
    let start = world.post("/v1/login", &json!({ "profile": "a" }));
    let start =
        async { tokio::join!(start, async { world.idp("a").call().await.start_device() }).0 };
    let started = at_this_moment("the start of a login", start).await;
    assert_eq!(started.body["state"], "pending", "{}", started.body);
    advance(Duration::from_secs(5)).await;
    world.idp("a").call().await.grant(LIFETIME);
    until("the save", || world.disk.refresh_token("a").as_deref() == Some("a-refresh-1")).await;
    assert_eq!(world.disk.aside(), [("a".to_owned(), Aside::Unreadable)], "nothing is deleted");
    drop(held);
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");
}

#[tokio::test(start_paused = true)]
async fn neither_a_drain_nor_an_end_waits_for_a_load_that_hangs() {
    let mut held = None;
    let world = World::on(&sso(&["a"]), |disk| held = Some(disk.hold(Op::Load, "a")));
    held.as_ref().unwrap().reached().await;
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    let drained = world.registry.drain();
    at_this_moment("the end of the drain, as nothing is under way at the IdP", drained).await;
    world.registry.end();
    assert_eq!(at_this_moment("an answer", caller).await.code(), "shutting-down");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_read_during_a_drain_sends_nothing() {
    let mut held = None;
    let world = World::on(&sso(&["a"]), |disk| held = Some(disk.hold(Op::Load, "a")));
    held.as_ref().unwrap().reached().await;
    // By the time it is read its access token has expired: it would be renewed at once.
    advance(Duration::from_secs(5)).await;
    at_this_moment("the end of the drain", world.registry.drain()).await;
    advance(LIFETIME).await;
    drop(held);
    settle().await;
    assert_eq!(world.read("a").await.code(), "shutting-down");
    assert_eq!(world.idp("a").requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_profile_of_constants_needs_no_disk_and_keeps_what_is_saved_under_its_name() {
    let mut held = None;
    let text = sso(&["a"]);
    let world = World::on(&text, |disk| held = Some(disk.hold(Op::Load, "a")));
    drop(held);
    settle().await;
    let saved = world.disk.clone();

    let constant = "[profile.a]\nauth_type = 'test_auth'\n";
    let world = World::over(constant, saved);
    let hangs = world.disk.hold(Op::Load, "a");
    until("the constant", || world.is_published("a")).await;
    let served = world.read("a").now_or_never().expect("it waits for the disk");
    assert_eq!(served.token(), "definitely_a_bearer_token_str");
    assert_eq!(world.status("a").await["state"], "ready");
    drop(hangs);
    settle().await;
    world.reload(&text);
    settle().await;
    assert_eq!(world.read("a").await.token(), "a-access-0", "no login for what stands on disk");
}
