//! A caller's patience is one, however often its question has to be asked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use futures_util::FutureExt;
use std::time::Duration;
use task_support::{LIFETIME, World, settle};
use tokio::time::sleep;

/// Seconds that PROTOCOL.md gives a caller.
const PATIENCE: Duration = Duration::from_secs(12);

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_on_the_way_prolongs_nobody_s_patience() {
    let world = World::logged_in(&["a"]).await;
    let held = world.idp("a").call().await;
    let sent = world.boot();
    sleep(LIFETIME).await;
    let asked = world.boot();
    let mut caller = Box::pin(world.read("a"));
    assert!((&mut caller).now_or_never().is_none());
    sleep(PATIENCE / 2).await;
    // The task answers with a token that is good for 3 s, and the caller looks when it is over.
    let left = Duration::from_secs(3);
    held.grant(world.boot().since(sent) + left);
    settle().await;
    sleep(left).await;
    let refused = caller.await;
    assert_eq!(refused.code(), "idp-unreachable");
    assert_eq!(refused.retry_after.as_deref(), Some("1"));
    let waited = world.boot().since(asked);
    assert!(waited <= PATIENCE + Duration::from_millis(1), "{waited:?}");
}
