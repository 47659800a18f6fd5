//! Reload, rest and end, in the orders in which they can come.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use bearerd_session::Cause;
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use task_support::{LIFETIME, Op, World, at_this_moment, settle, soon, sso, sso_as, until};
use tokio::time::{advance, sleep};

#[tokio::test(start_paused = true)]
async fn reloads_in_a_row_forgive_once_and_keep_the_session() {
    let world = World::logged_in(&["a"]).await;
    world.idp("a").call().await.fail(Cause::WrongPlace);
    settle().await;
    assert_eq!(world.status("a").await["state"], "misconfigured");
    world.reload(&sso(&["a"]));
    world.reload(&sso(&["a"]));
    let again = world.idp("a").call().await;
    assert_eq!(again.refresh_token(), "a-refresh-0");
    world.reload(&sso(&["a"]));
    settle().await;
    assert_eq!(world.idp("a").requests(), 2, "the one under way is not doubled");
    again.grant(LIFETIME);
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");
    assert_eq!(world.status("a").await["state"], "ready");
}

#[tokio::test(start_paused = true)]
async fn of_reloads_in_a_row_the_last_one_counts() {
    let world = World::logged_in(&["a"]).await;
    world.reload(&sso_as("a", "another-client"));
    world.reload(&sso(&["a"]));
    settle().await;
    assert_eq!(world.read("a").await.token(), "a-access-0");
    world.reload(&sso(&["a"]));
    world.reload(&sso_as("a", "another-client"));
    settle().await;
    assert_eq!(world.read("a").await.code(), "login-required");
    world.reload(&sso(&["a"]));
    settle().await;
    assert_eq!(world.read("a").await.token(), "a-access-0", "the parked session is back");
    assert_eq!(world.idp("a").requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_leaves_finishes_its_fetch_and_comes_back_with_it() {
    let world = World::logged_in(&["a", "b"]).await;
    let held = world.idp("a").call().await;
    world.reload(&sso(&["b"]));
    settle().await;
    assert_eq!(world.read("a").await.code(), "unknown-profile");
    held.grant(LIFETIME);
    settle().await;
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-1"), "it is not lost");
    sleep(2 * LIFETIME).await;
    assert_eq!(world.idp("a").requests(), 1, "a profile that has left rests");

    world.reload(&sso(&["a", "b"]));
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none(), "its token has expired meanwhile");
    let call = world.idp("a").call().await;
    assert_eq!(call.refresh_token(), "a-refresh-1");
    call.grant(LIFETIME);
    assert_eq!(caller.await.token(), "a-access-2");
    assert_eq!(world.disk.loads(), 2, "one for each profile: it came back as it had left");
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_leaves_and_comes_back_at_once_goes_on_as_before() {
    let world = World::logged_in(&["a"]).await;
    let held = world.idp("a").call().await;
    for _ in 0..5 {
        world.reload("");
        world.reload(&sso(&["a"]));
    }
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-0");
    held.grant(LIFETIME);
    settle().await;
    assert_eq!(world.read("a").now_or_never().unwrap().token(), "a-access-1");
    world.idp("a").call().await.grant(LIFETIME);
    assert_eq!(world.idp("a").requests(), 2, "and it is renewed again");
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_every_answer_and_every_save() {
    let names: Vec<_> = (0..40).map(|number| format!("p{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let world = World::logged_in(&names).await;
    let mut calls = Vec::new();
    for name in &names {
        calls.push(world.idp(name).call().await);
    }
    let mut drained = Box::pin(world.registry.drain());
    let disk = world.disk.hold(Op::Save, "p7");
    let last = calls.pop().unwrap();
    for call in calls {
        assert!((&mut drained).now_or_never().is_none());
        call.grant(LIFETIME);
    }
    disk.reached().await;
    assert!((&mut drained).now_or_never().is_none(), "one is being saved, one not answered");
    last.fail(Cause::Later);
    until("the other saves", || {
        world.disk.refresh_token("p38").as_deref() == Some("p38-refresh-1")
    })
    .await;
    assert!((&mut drained).now_or_never().is_none(), "one is being saved");
    for name in &names {
        assert!(world.read(name).now_or_never().is_some(), "readers are still served");
    }
    drop(disk);
    soon("the end of the drain", drained).await;
    for name in &names[..39] {
        assert_eq!(world.disk.refresh_token(name), Some(format!("{name}-refresh-1")));
    }
    sleep(2 * LIFETIME).await;
    for name in &names {
        assert_eq!(world.idp(name).requests(), 1, "`{name}` sends nothing more");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_draining_daemon_get_what_is_under_way_and_nothing_new() {
    let world = World::logged_in(&["a", "b"]).await;
    let held = world.idp("a").call().await;
    world.idp("b").refuse(&world.tasks);
    sleep(LIFETIME).await;
    let mut drained = Box::pin(world.registry.drain());
    assert!((&mut drained).now_or_never().is_none());
    settle().await;
    let before = world.idp("b").requests();
    let (refused, joined, ()) = tokio::join!(world.read("b"), world.read("a"), async {
        sleep(Duration::from_secs(1)).await;
        held.grant(4 * LIFETIME);
        soon("the end of the drain", drained).await;
    });
    assert_eq!(joined.token(), "a-access-1");
    assert_eq!(refused.code(), "shutting-down");
    assert_eq!(world.idp("b").requests(), before);
}

#[tokio::test(start_paused = true)]
async fn a_drain_right_behind_a_reload_starts_no_request() {
    let world = World::logged_in(&["a"]).await;
    world.idp("a").call().await.fail(Cause::WrongPlace);
    settle().await;
    // By itself the reload would try again at once, and the drain would wait for the answer.
    world.reload(&sso(&["a"]));
    soon("the end of the drain", world.registry.drain()).await;
    settle().await;
    assert_eq!(world.idp("a").requests(), 1);
    // What the reload forgave is forgiven when the profile serves again.
    world.reload(&sso(&["a"]));
    world.idp("a").call().await.grant(LIFETIME);
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_take_an_earlier_rest_for_its_own() {
    let world = World::logged_in(&["a"]).await;
    world.reload("");
    settle().await;
    // The profile rests. It comes back, and its token has expired: it sends a request at once.
    sleep(2 * LIFETIME).await;
    world.reload(&sso(&["a"]));
    let held = world.idp("a").call().await;
    let mut drained = Box::pin(world.registry.drain());
    assert!((&mut drained).now_or_never().is_none());
    settle().await;
    assert!((&mut drained).now_or_never().is_none(), "the request under way is waited for");
    held.grant(LIFETIME);
    soon("the end of the drain", drained).await;
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-1"));
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_comes_back_into_a_drain_goes_on_resting() {
    let world = World::logged_in(&["a"]).await;
    world.reload("");
    sleep(2 * LIFETIME).await;
    // By itself it would renew its expired token at once.
    world.reload(&sso(&["a"]));
    soon("the end of the drain", world.registry.drain()).await;
    settle().await;
    assert_eq!(world.read("a").await.code(), "shutting-down");
    assert_eq!(world.idp("a").requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_answers_whoever_waits_and_whoever_comes_later() {
    let world = World::logged_in(&["a", "b", "c"]).await;
    let start = world.post("/v1/login", &json!({ "profile": "b" }));
    let idp = world.idp("b");
    let (started, ()) = tokio::join!(start, async { idp.call().await.start_device() });
    let id = started.body["login_id"].as_str().unwrap();
    let _held = world.idp("a").call().await;
    sleep(LIFETIME / 2 + LIFETIME / 10).await;

    let reject = json!({ "profile": "a", "token": "an-older-one" });
    let waiting = [
        world.get("/v1/token?profile=a").boxed(),
        world.get("/v1/token?profile=a&min_ttl=5&strict=true").boxed(),
        world.post("/v1/token/reject", &reject).boxed(),
        world.post("/v1/login", &json!({ "profile": "a" })).boxed(),
        world.get(&format!("/v1/login/{id}?wait=60")).boxed(),
        world.post("/v1/logout", &json!({ "profile": "c" })).boxed(),
    ];
    let waiting = waiting.map(|mut caller| {
        assert!((&mut caller).now_or_never().is_none());
        caller
    });
    settle().await;
    world.registry.end();
    for answer in at_this_moment("the answers", join_all(waiting)).await {
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "shutting-down"));
        assert_eq!(answer.retry_after.as_deref(), Some("1"));
    }
    assert_eq!(world.read("a").await.code(), "shutting-down");
    assert_eq!(world.post("/v1/login", &json!({ "profile": "b" })).await.code(), "shutting-down");
}

#[tokio::test(start_paused = true)]
async fn an_end_comes_through_a_save_that_hangs() {
    let world = World::logged_in(&["a"]).await;
    let disk = world.disk.hold(Op::Save, "a");
    let held = world.idp("a").call().await;
    advance(LIFETIME).await;
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    held.grant(4 * LIFETIME);
    disk.reached().await;
    assert!((&mut caller).now_or_never().is_none());
    world.registry.end();
    assert_eq!(at_this_moment("an answer", caller).await.code(), "shutting-down");
}

#[tokio::test(start_paused = true)]
async fn a_reload_has_the_files_that_a_configuration_names_read_anew() {
    let world = World::logged_in(&["a"]).await;
    let before = world.idps.read_again();
    world.reload(&sso(&["a"]));
    assert_eq!(world.idps.read_again(), before + 1);
}
