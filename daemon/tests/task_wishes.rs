//! What a caller may say with a request: an issuer, a scope, an audience, a refresh token of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use bearerd_session::{Request, SlotKey};
use futures_util::future::join_all;
use serde_json::json;
use task_support::{LIFETIME, World, settle, sso};

const KEYCLOAK: &str = "https%3A%2F%2Fidp.test%2Fauth%2Frealms%2Fmaster";

#[tokio::test(start_paused = true)]
async fn a_token_is_had_by_its_issuer() {
    let world = World::logged_in(&["a"]).await;
    for slash in ["", "%2F"] {
        let answer = world.get(&format!("/v1/token?issuer={KEYCLOAK}{slash}")).await;
        assert_eq!(answer.token(), "a-access-0");
    }
    let refused = world.get("/v1/token?issuer=https%3A%2F%2Felsewhere").await;
    assert_eq!(refused.code(), "unknown-profile");
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("`https://idp.test/auth/realms/master`"), "{message}");

    world.reload(&sso(&["a", "b"]));
    let refused = world.get(&format!("/v1/token?issuer={KEYCLOAK}")).await;
    assert_eq!(refused.code(), "bad-request");
    assert!(refused.body["message"].as_str().unwrap().contains("`a`, `b`"), "{}", refused.body);
    let answer = world.get(&format!("/v1/token?issuer={KEYCLOAK}&profile=a")).await;
    assert_eq!(answer.token(), "a-access-0");
}

#[tokio::test(start_paused = true)]
async fn one_wish_in_other_words_is_one_slot() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    let words = ["y%20x", "x%20y", "x+y+x", "%20x%20%20y%20"];
    let reads = words.map(|scope| world.get(&format!("/v1/token?scope={scope}&audience=z")));
    let (answers, ()) = tokio::join!(join_all(reads), async {
        let call = idp.call().await;
        let Request::Refresh { slot, .. } = &call.request else { panic!("{:?}", call.request) };
        let wanted = SlotKey { scope: Some("x y".into()), audience: Some("z".into()) };
        assert_eq!(*slot, wanted);
        call.grant(LIFETIME);
    });
    assert!(answers.iter().all(|answer| answer.token() == "a-access-1"));
    assert_eq!(idp.requests(), 1);
    assert_eq!(world.read("a").await.token(), "a-access-0", "the profile's own is another");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_scope_and_no_audience_reaches_nobody() {
    let world = World::logged_in(&["a"]).await;
    let long = "x".repeat(1025);
    for query in ["scope=", "scope=a%22", "scope=%C3%A4", "audience=", "audience=a%20b"] {
        assert_eq!(world.get(&format!("/v1/token?{query}")).await.code(), "bad-request", "{query}");
    }
    for query in [format!("scope={long}"), format!("audience={long}")] {
        let refused = world.get(&format!("/v1/token?{query}")).await;
        assert!(refused.body["message"].as_str().unwrap().contains("1024"), "{}", refused.body);
    }
    world.reload("[profile.a]\nauth_type = 'test_auth'\n");
    assert_eq!(world.get("/v1/token?scope=x").await.code(), "bad-request");
    assert_eq!(world.idp("a").requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_taken_over_and_shows_nowhere() {
    let world = World::over(&sso(&["a"]), task_support::Disk::default());
    settle().await;
    let idp = world.idp("a");
    let import = world.post("/v1/import", &json!({ "profile": "a", "refresh_token": "s3cret" }));
    let (done, ()) = tokio::join!(import, async {
        let call = idp.call().await;
        assert_eq!(call.refresh_token(), "s3cret");
        assert!(!format!("{:?}", call.request).contains("s3cret"));
        call.grant(LIFETIME);
    });
    let expected = json!({ "state": "done", "user_id": "a-user", "user_email": "jane@ex.co" });
    assert_eq!((done.status.as_u16(), done.body), (200, expected));
    assert_eq!(world.read("a").await.token(), "a-access-1");
}

#[tokio::test(start_paused = true)]
async fn a_live_session_is_replaced_when_it_is_said_and_not_before() {
    let world = World::logged_in(&["a"]).await;
    let idp = world.idp("a");
    let body = json!({ "refresh_token": "other" });
    assert_eq!(world.post("/v1/import", &body).await.code(), "login-denied");
    assert_eq!(idp.requests(), 0);
    assert_eq!(world.read("a").await.token(), "a-access-0");
    let body = json!({ "refresh_token": "other", "replace": true });
    let (done, ()) = tokio::join!(world.post("/v1/import", &body), async {
        let call = idp.call().await;
        assert_eq!(call.refresh_token(), "other");
        call.grant(LIFETIME);
    });
    assert_eq!(done.body["state"], "done", "{}", done.body);
    assert_eq!(world.read("a").await.token(), "a-access-1");
}

#[tokio::test(start_paused = true)]
async fn what_a_profile_cannot_use_is_refused_and_not_quoted() {
    let world = World::logged_in(&["a"]).await;
    world.reload(&format!("{}[profile.c]\nauth_type = 'none'\n", sso(&["a"])));
    let cases = [
        ("/v1/import", json!({ "profile": "c", "refresh_token": "hunter2" })),
        ("/v1/import", json!({ "profile": "a", "refresh_token": "" })),
        ("/v1/import", json!({ "profile": "a" })),
        ("/v1/login", json!({ "profile": "a", "username": "jane", "password": "hunter2" })),
        ("/v1/login", json!({ "profile": "a", "flow": "code" })),
        ("/v1/login", json!({ "profile": "a", "lifetime": 0 })),
    ];
    for (path, body) in cases {
        let refused = world.post(path, &body).await;
        assert_eq!(refused.code(), "bad-request", "{body}");
        assert!(!refused.body.to_string().contains("hunter2"), "{}", refused.body);
    }
    assert_eq!(world.idp("a").requests(), 0);
}
