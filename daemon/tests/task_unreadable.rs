//! A saved session that can't be opened is read again by itself: what stood against it may be mended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use std::time::Duration;
use task_support::{Disk, World, settle, sso};
use tokio::time::advance;

const CONSTANT: &str = "[profile.a]\nauth_type = 'test_auth'\n";

async fn loads_after(world: &World, seconds: u64) -> usize {
    advance(Duration::from_secs(seconds)).await;
    settle().await;
    world.disk.loads()
}

fn spoil(disk: &Disk) {
    disk.write(&"a".parse().unwrap(), b"no record".to_vec());
}

#[tokio::test(start_paused = true)]
async fn once_mended_it_is_served_without_a_reload() {
    let mut saved = Vec::new();
    let world = World::on(&sso(&["a"]), |disk| {
        saved = disk.content("a").unwrap();
        spoil(disk);
    });
    settle().await;
    assert_eq!(world.read("a").await.code(), "state-unreadable");
    world.disk.write(&"a".parse().unwrap(), saved);
    loads_after(&world, 10).await;
    assert_eq!(world.read("a").await.token(), "a-access-0");
    assert_eq!(world.status("a").await["state"], "ready");
    let loads = world.disk.loads();
    assert_eq!(loads_after(&world, 120).await, loads, "it is not read any more");
}

#[tokio::test(start_paused = true)]
async fn the_pause_between_the_readings_grows_and_nothing_else_changes() {
    let mut world = World::on(&sso(&["a"]), spoil);
    settle().await;
    let before = world.status("a").await;
    assert_eq!(world.disk.loads(), 1);
    for (seconds, loads) in [(9, 1), (1, 2), (19, 2), (1, 3), (40, 4), (60, 5), (60, 6)] {
        assert_eq!(loads_after(&world, seconds).await, loads);
    }
    assert_eq!(world.status("a").await["last_error"], before["last_error"]);
    assert_eq!(world.status("a").await["state"], "state-unreadable");
    assert_eq!(world.idp("a").requests(), 0, "no login starts because of it");
    assert!(world.told().is_empty());
    world.reload(&sso(&["a"]));
    settle().await;
    assert_eq!(world.disk.loads(), 7, "a reload does not wait for the pause");
}

#[tokio::test(start_paused = true)]
async fn neither_constants_nor_a_profile_that_rests_are_read_again() {
    for config in [CONSTANT, "[profile.b]\nauth_type = 'none'\n"] {
        let world = World::on(&sso(&["a"]), spoil);
        settle().await;
        world.reload(config);
        settle().await;
        let loads = world.disk.loads();
        assert_eq!(loads_after(&world, 300).await, loads, "{config}");
    }
}
