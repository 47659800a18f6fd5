//! Profiles made at run time: added, changed, removed, and read again, with their sessions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use task_support::{LIFETIME, World, parsed, settle, until};

const NONE: &str = "[profile.hand]\nauth_type = 'none'\n";

fn sso_settings(client_id: &str) -> Value {
    json!({ "auth_type": "sso", "keycloak_addr": "https://idp.test", "client_id": client_id })
}

/// The file as it is on the disk; empty where there is none.
fn on_disk(world: &World) -> String {
    std::fs::read_to_string(world.profiles_file.path()).unwrap_or_default()
}

async fn names(world: &World) -> Vec<(String, bool)> {
    let profiles = world.get("/v1/profiles").await.body["profiles"].clone();
    let name = |one: &Value| {
        (one["profile"].as_str().unwrap().to_owned(), one["run_time"].as_bool().unwrap_or(false))
    };
    profiles.as_array().unwrap().iter().map(name).collect()
}

/// A world in which the profile `a` was made at run time and somebody has logged in to it.
async fn made_and_logged_in() -> World {
    let world = World::new(NONE);
    world.put("/v1/profiles/a", &sso_settings("one")).await;
    log_in(&world).await;
    world
}

async fn log_in(world: &World) {
    let idp = world.idp("a");
    let start = world.post("/v1/login", &json!({ "profile": "a" }));
    let (started, ()) = tokio::join!(start, async { idp.call().await.start_device() });
    assert_eq!(started.body["state"], "pending", "{}", started.body);
    idp.call().await.grant(LIFETIME);
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_is_put_is_served_listed_and_on_disk() {
    let world = World::new(NONE);
    let answer = world.put("/v1/profiles/a", &json!({ "auth_type": "test_auth" })).await;
    let expected =
        json!({ "profile": "a", "auth_type": "test_auth", "settings": {}, "run_time": true });
    assert_eq!((answer.status.as_u16(), answer.body), (200, expected));
    assert_eq!(names(&world).await, [("a".to_owned(), true), ("hand".to_owned(), false)]);
    settle().await;
    assert_eq!(world.read("a").await.token(), "definitely_a_bearer_token_str");
    assert!(on_disk(&world).contains("[profile.a]\nauth_type = \"test_auth\"\n"));
    let folder = world.profiles_file.path();
    let mode = std::os::unix::fs::PermissionsExt::mode(&folder.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // A reload reads both, and the next start as well.
    world.reload_both(NONE);
    assert_eq!(names(&world).await.len(), 2);
    world.reload_both("[profile.other]\nauth_type = 'none'\n");
    assert_eq!(names(&world).await, [("a".to_owned(), true), ("other".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn the_same_settings_again_change_nothing() {
    let world = made_and_logged_in().await;
    let (text, writes) = (on_disk(&world), world.profiles_file.writes());
    let requests = world.idp("a").requests();
    for _ in 0..3 {
        assert_eq!(world.put("/v1/profiles/a", &sso_settings("one")).await.status, 200);
    }
    assert_eq!((on_disk(&world), world.profiles_file.writes()), (text, writes));
    assert_eq!(world.read("a").await.token(), "a-access-1");
    assert_eq!(world.idp("a").requests(), requests);
}

#[tokio::test(start_paused = true)]
async fn other_settings_under_a_live_session_park_it_until_they_are_put_back() {
    let world = made_and_logged_in().await;
    assert_eq!(world.put("/v1/profiles/a", &sso_settings("two")).await.status, 200);
    settle().await;
    let refused = world.read("a").await;
    assert_eq!(refused.code(), "login-required");
    assert!(refused.body["message"].as_str().unwrap().contains("kept"), "{}", refused.body);
    assert_eq!(world.put("/v1/profiles/a", &sso_settings("one")).await.status, 200);
    settle().await;
    assert_eq!(world.read("a").await.token(), "a-access-1");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_good_is_refused_and_nothing_is_there() {
    let world = World::new(NONE);
    let cases = [
        ("a", json!({}), "`auth_type`"),
        ("a", json!({ "auth_type": "sso" }), "keycloak_addr"),
        ("a", json!({ "auth_type": "none", "password": "hunter2" }), "secret"),
        ("a", json!({ "auth_type": "token", "token_file": "/etc/passwd" }), "outside"),
        ("a", json!({ "auth_type": "none", "x": null }), "`null`"),
        ("hand", json!({ "auth_type": "test_auth" }), "/nowhere/config.toml"),
        ("..", json!({ "auth_type": "none" }), "no profile's name"),
        ("hunter2-hunter2-hunter2*", json!({ "auth_type": "none" }), "no profile's name"),
    ];
    for (name, settings, says) in cases {
        let refused = world.put(&format!("/v1/profiles/{name}"), &settings).await;
        assert_eq!(refused.code(), "bad-request", "{settings}");
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.contains(says) && !message.contains("hunter2"), "{message}");
    }
    for plain_http in [
        json!({ "auth_type": "sso", "keycloak_addr": "http://idp.test" }),
        json!({ "auth_type": "sso", "keycloak_addr": "http://idp.test", "allow_http": true }),
    ] {
        assert_eq!(world.put("/v1/profiles/a", &plain_http).await.code(), "bad-request");
    }
    assert_eq!(world.put("/v1/profiles/a", &json!([1])).await.code(), "bad-request");
    assert_eq!(on_disk(&world), "");
    assert_eq!(names(&world).await, [("hand".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn a_removed_profile_is_revoked_and_so_is_an_answer_that_comes_later() {
    let mut world = made_and_logged_in().await;
    let idp = world.idp("a");
    let mut reject =
        Box::pin(world.post("/v1/token/reject", &json!({ "profile": "a", "token": "a-access-1" })));
    assert!((&mut reject).now_or_never().is_none());
    let refresh = idp.call().await;
    world.told();
    let remove = world.delete("/v1/profiles/a");
    let (removed, ()) = tokio::join!(remove, async {
        let revoke = idp.call().await;
        assert_eq!(revoke.refresh_token(), "a-refresh-1");
        revoke.revoked();
    });
    assert_eq!(removed.body, json!({ "profile": "a", "revocation": "revoked" }));
    assert_eq!(world.read("a").await.code(), "unknown-profile");
    assert!(!reject.await.status.is_success());
    assert_eq!(world.told(), ["logged-out"]);
    assert_eq!(world.disk.content("a"), None);
    assert!(!on_disk(&world).contains("profile.a"), "{}", on_disk(&world));

    refresh.grant(LIFETIME);
    let revoke = idp.call().await;
    assert_eq!(revoke.refresh_token(), "a-refresh-2");
    revoke.revoked();

    // The name is free, and nothing of the old session comes with it.
    assert_eq!(world.put("/v1/profiles/a", &sso_settings("one")).await.status, 200);
    settle().await;
    assert_eq!(world.read("a").await.code(), "login-required");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_made_at_run_time_is_removed() {
    let world = World::new(NONE);
    let refused = world.delete("/v1/profiles/hand").await;
    assert_eq!(refused.code(), "bad-request");
    assert!(refused.body["message"].as_str().unwrap().contains("/nowhere/config.toml"));
    assert_eq!(world.delete("/v1/profiles/nobody").await.code(), "unknown-profile");
    assert_eq!(names(&world).await, [("hand".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn changes_at_once_are_made_one_after_the_other() {
    let world = World::new(NONE);
    let none = json!({ "auth_type": "none" });
    let puts = (0..20).map(|number| world.put(&format!("/v1/profiles/p{number}"), &none));
    assert!(join_all(puts).await.iter().all(|answer| answer.status == 200));
    assert_eq!(names(&world).await.len(), 21);
    let removals = (0..10).map(|number| world.delete(&format!("/v1/profiles/p{number}")));
    assert!(join_all(removals).await.iter().all(|answer| answer.status == 200));
    assert_eq!(names(&world).await.len(), 11);
    assert_eq!(on_disk(&world).matches("[profile.").count(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cancels_no_change() {
    let world = World::new(NONE);
    let mut put = Box::pin(world.put("/v1/profiles/a", &json!({ "auth_type": "none" })));
    assert!((&mut put).now_or_never().is_none());
    drop(put);
    until("it is in force", || world.registry.served().entries.len() == 2).await;
    assert!(on_disk(&world).contains("[profile.a]"));
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_began_before_a_change_does_not_undo_it() {
    let world = World::new(NONE);
    let stale = world.profiles_file.join(&parsed(NONE));
    world.put("/v1/profiles/a", &json!({ "auth_type": "none" })).await;
    let newer = world.profiles_file.join(&parsed(NONE));
    world.registry.install(stale);
    assert_eq!(names(&world).await.len(), 2, "the change is newer");
    world.delete("/v1/profiles/a").await;
    world.registry.install(newer);
    assert_eq!(names(&world).await.len(), 1, "the removal is newer");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_takes_nothing_leaves_everything_as_it_was() {
    let world = World::new(NONE);
    world.put("/v1/profiles/a", &json!({ "auth_type": "none" })).await;
    let folder = world.folder.path().join("state");
    let elsewhere = world.folder.path().join("elsewhere");
    std::fs::rename(&folder, &elsewhere).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    let put = world.put("/v1/profiles/b", &json!({ "auth_type": "none" })).await;
    let delete = world.delete("/v1/profiles/a").await;
    for refused in [put, delete] {
        assert_eq!(refused.code(), "misconfigured");
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.contains("profiles.toml") && message.contains("not a folder"), "{message}");
    }
    assert_eq!(names(&world).await, [("a".to_owned(), true), ("hand".to_owned(), false)]);
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&elsewhere, &folder).unwrap();
    assert!(!on_disk(&world).contains("[profile.b]"));
    assert_eq!(world.delete("/v1/profiles/a").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_file_harms_nobody_who_was_written_by_hand_and_is_not_written_over() {
    let world = World::new(NONE);
    world.put("/v1/profiles/a", &json!({ "auth_type": "test_auth" })).await;
    let good = on_disk(&world);
    let spoilt = "[profile.a]\nauth_type = 'nune'\n";
    std::fs::write(world.profiles_file.path(), spoilt).unwrap();
    world.reload_both(NONE);
    settle().await;
    let config_error = world.get("/v1/status").await.body["config_error"].clone();
    assert!(config_error.as_str().unwrap().contains("profiles.toml:2"), "{config_error}");
    for (name, status) in [("hand", 200), ("a", 200)] {
        assert_eq!(world.read(name).await.status, status, "those in force stay");
    }
    let refused = [
        world.put("/v1/profiles/b", &json!({ "auth_type": "none" })).await,
        world.delete("/v1/profiles/a").await,
        world.read("b").await,
    ];
    for refused in refused {
        assert_eq!(refused.code(), "misconfigured");
        assert!(refused.body["message"].as_str().unwrap().contains("profiles.toml:2"));
    }
    assert_eq!(on_disk(&world), spoilt);
    std::fs::write(world.profiles_file.path(), good).unwrap();
    world.reload_both(NONE);
    assert_eq!(world.get("/v1/status").await.body.get("config_error"), None);
    assert_eq!(world.delete("/v1/profiles/a").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_is_written_by_hand_later_is_that_one() {
    let world = World::new(NONE);
    world.put("/v1/profiles/a", &json!({ "auth_type": "test_auth" })).await;
    world.reload_both("[profile.a]\nauth_type = 'none'\n");
    assert_eq!(names(&world).await, [("a".to_owned(), false)]);
    settle().await;
    assert_eq!(world.read("a").await.body["token_type"], "none");
    let put = world.put("/v1/profiles/a", &json!({ "auth_type": "test_auth" })).await;
    assert_eq!(
        (put.code(), world.delete("/v1/profiles/a").await.code()),
        ("bad-request", "bad-request")
    );
}

#[tokio::test(start_paused = true)]
async fn before_there_is_a_configuration_nothing_is_added_to_it() {
    let world = World::unread();
    let refused = [
        world.put("/v1/profiles/a", &json!({ "auth_type": "none" })).await,
        world.delete("/v1/profiles/a").await,
    ];
    assert!(refused.iter().all(|refused| refused.code() == "misconfigured"));
    assert_eq!(on_disk(&world), "");
}

#[tokio::test(start_paused = true)]
async fn a_change_leaves_the_other_profiles_alone() {
    let world = World::logged_in(&["b"]).await;
    let before = world.status("b").await;
    world.put("/v1/profiles/a", &json!({ "auth_type": "none" })).await;
    world.delete("/v1/profiles/a").await;
    settle().await;
    let after = world.status("b").await;
    assert_eq!((&before["state"], &before["fetches"]), (&after["state"], &after["fetches"]));
    assert_eq!((world.idp("b").requests(), world.idps.read_again()), (0, 1));
}
