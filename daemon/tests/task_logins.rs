//! Logins by their ids, and the events that tell of what happens.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use axum::body::Body;
use bearerd_session::{Cause, OAuthError};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use serde_json::json;
use std::time::Duration;
use task_support::{LIFETIME, World, settle, soon, sso};
use tokio::time::sleep;

/// Starts a login of `name` and gives its id.
async fn start(world: &World, name: &str) -> String {
    let start = world.post("/v1/login", &json!({ "profile": name }));
    let idp = world.idp(name);
    let (started, ()) = tokio::join!(start, async { idp.call().await.start_device() });
    assert_eq!(started.body["state"], "pending", "{}", started.body);
    assert_eq!(started.body["verification_uri"], "https://idp.test/device");
    started.body["login_id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_is_answered_at_the_moment_that_the_login_is_done() {
    let mut world = World::logged_in(&["a", "a-b-c"]).await;
    let id = start(&world, "a-b-c").await;
    let path = format!("/v1/login/{id}?wait=60");
    let mut followers: Vec<_> = (0..3).map(|_| Box::pin(world.get(&path))).collect();
    for follower in &mut followers {
        assert!(follower.now_or_never().is_none());
    }
    let idp = world.idp("a-b-c");
    idp.call().await.pending();
    let poll = idp.call().await;
    assert_eq!(world.get(&format!("/v1/login/{id}")).await.body["state"], "pending");
    let confirmed = world.boot();
    poll.grant(LIFETIME);
    for follower in followers {
        let done = follower.await;
        assert_eq!(done.body["state"], "done", "{}", done.body);
        assert_eq!(done.body["user_id"], "a-b-c-user");
    }
    assert_eq!(world.boot(), confirmed);
    assert_eq!(world.read("a-b-c").now_or_never().unwrap().token(), "a-b-c-access-1");
    assert_eq!(world.get(&path).now_or_never(), None, "its outcome is asked of the task");
    assert_eq!(world.get(&path).await.body["state"], "done", "and can be asked for again");
    assert_eq!(world.told(), ["refreshed", "logged-in"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_its_wait_and_an_id_means_its_own_profile() {
    let world = World::logged_in(&["a", "b"]).await;
    let id = start(&world, "a").await;
    let idp = world.idp("a");
    let tasks = world.tasks.clone();
    tasks.spawn_background("person", async move {
        loop {
            idp.call().await.pending();
        }
    });
    for (asked, waited) in [(7, 7), (100, 60)] {
        let before = world.boot();
        let answer = world.get(&format!("/v1/login/{id}?wait={asked}")).await;
        assert_eq!(answer.body["state"], "pending", "{}", answer.body);
        let took = world.boot().since(before);
        assert_eq!(took.as_secs(), waited, "a wait of {asked} s is cut at a minute");
    }

    let (random, _) = id.split_once('-').unwrap();
    for unknown in [
        "x",
        "-",
        "-a",
        "a",
        "a-a",
        "0-nobody",
        "%2e%2e",
        "a%20b-a",
        random,
        &format!("{random}-"),
        &format!("{random}-b"),
        &format!("{random}-a-"),
        &"f".repeat(5000),
    ] {
        for answer in [
            world.get(&format!("/v1/login/{unknown}")).await,
            world.get(&format!("/v1/login/{unknown}?wait=60")).await,
            world.delete(&format!("/v1/login/{unknown}")).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not-found"), "{unknown}");
        }
    }
    assert_eq!(world.get(&format!("/v1/login/{id}")).await.body["state"], "pending");
}

#[tokio::test(start_paused = true)]
async fn the_second_who_logs_in_is_shown_the_same_link() {
    let world = World::logged_in(&["a"]).await;
    let id = start(&world, "a").await;
    let again = world.post("/v1/login", &json!({ "profile": "a" })).await;
    assert_eq!(again.body["login_id"], id.as_str());
    assert_eq!(world.delete(&format!("/v1/login/{id}")).await.status, 200);
    let ended = world.get(&format!("/v1/login/{id}?wait=60")).now_or_never();
    assert!(ended.is_none());
    assert_eq!(world.get(&format!("/v1/login/{id}?wait=60")).await.code(), "login-denied");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.idp("a").requests(), 1, "a cancelled login is not polled");
    assert_ne!(start(&world, "a").await, id);
}

#[tokio::test(start_paused = true)]
async fn events_reach_all_who_watch_and_end_with_the_daemon() {
    let mut world = World::logged_in(&["a", "b"]).await;
    let mut watchers = Vec::new();
    for _ in 0..3 {
        watchers.push(world.stream("/v1/events").await);
    }
    world.idp("a").call().await.grant(2 * LIFETIME);
    settle().await;
    world.idp("b").call().await.fail(Cause::OAuth(OAuthError::InvalidGrant));
    settle().await;
    let _ = world.post("/v1/logout", &json!({ "profile": "a", "revoke": false })).await;
    let told = world.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&"refreshed") && told.contains(&"login-required"), "{told:?}");
    assert_eq!(told.last(), Some(&"logged-out"));
    for watcher in &mut watchers {
        for kind in &told {
            let text = next(watcher).await.expect("an event");
            assert!(text.contains(&format!("event: {kind}\n")), "{text}");
            assert!(!text.contains("refresh-") && !text.contains("access-"), "{text}");
        }
    }
    world.stop.send_replace(true);
    for watcher in &mut watchers {
        assert_eq!(soon("the end of the stream", next(watcher)).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_is_too_slow_loses_the_oldest_and_holds_nobody_up() {
    let world = World::new(&sso(&["a"]));
    settle().await;
    let mut slow = world.stream("/v1/events").await;
    let idp = world.idp("a");
    idp.serve(&world.tasks, Duration::from_secs(4), Duration::ZERO);
    // More events than are kept for anybody.
    for _ in 0..8000 {
        assert!(world.read("a").now_or_never().is_some());
        sleep(Duration::from_secs(1)).await;
    }
    let requests = idp.requests();
    assert!(requests > 2000, "{requests}");
    assert!(next(&mut slow).await.expect("an event").contains("event: refreshed"));
}

/// The next piece of a stream of events.
async fn next(stream: &mut Body) -> Option<String> {
    let frame = stream.frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}
