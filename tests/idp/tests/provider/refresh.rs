//! Rotation, reuse detection, the reuse window, the end of sessions.

use bearerd_test_idp::{CallKind, Rotation, Settings, TestIdp};
use std::time::Duration;

use crate::client::{assert_refused, post, refresh, refreshed, text};

#[tokio::test]
async fn an_old_refresh_token_ends_the_session_and_its_access_tokens() {
    let idp = TestIdp::start(Settings::default());
    let (first, other) = (idp.issue("jane"), idp.issue("bob"));
    let (second, access_token) = refreshed(&idp, &first.refresh_token).await;
    assert_ne!(second, first.refresh_token);
    assert!(idp.is_active(&second) && idp.is_active(&access_token));
    assert!(!idp.is_active(&first.refresh_token) && idp.is_active(&first.access_token));

    let reused = refresh(&idp, &first.refresh_token).await;
    assert_refused(&reused, 400, "invalid_grant", "reuse exceeded");
    for token in [&second, &access_token, &first.access_token] {
        assert!(!idp.is_active(token));
    }
    let newest = refresh(&idp, &second).await;
    assert_refused(&newest, 400, "invalid_grant", "Session doesn't have required client");
    assert!(idp.is_active(&other.access_token), "other sessions live on");

    let presented: Vec<_> = idp.calls().iter().map(|call| call.refresh_index).collect();
    assert_eq!(presented, [Some(0), Some(0), Some(1)]);
    assert!(idp.calls().iter().all(|call| call.session.as_deref() == Some(&*first.session)));
}

#[tokio::test]
async fn the_reuse_window_gives_the_successor_again() {
    let idp = TestIdp::start(Settings { reuse_window_seconds: 10, ..Settings::default() });
    let first = idp.issue("jane");
    let (second, _) = refreshed(&idp, &first.refresh_token).await;
    assert_eq!(refreshed(&idp, &first.refresh_token).await.0, second);
    refreshed(&idp, &second).await;
    let stale = refresh(&idp, &first.refresh_token).await;
    assert_refused(&stale, 400, "invalid_grant", "Stale token");

    let first = idp.issue("jane");
    refreshed(&idp, &first.refresh_token).await;
    idp.advance(Duration::from_secs(10));
    let late = refresh(&idp, &first.refresh_token).await;
    assert_refused(&late, 400, "invalid_grant", "reuse exceeded");
}

#[tokio::test]
async fn without_rotation_the_refresh_token_stays_good() {
    let idp = TestIdp::start(Settings { rotation: Rotation::Same, ..Settings::default() });
    let issued = idp.issue("jane");
    for _ in 0..2 {
        let (same, access_token) = refreshed(&idp, &issued.refresh_token).await;
        assert_eq!(same, issued.refresh_token);
        assert_ne!(access_token, issued.access_token);
    }
    idp.configure(|settings| settings.rotation = Rotation::Omit);
    for _ in 0..2 {
        let (status, answer) = refresh(&idp, &issued.refresh_token).await;
        assert_eq!((status, answer.get("refresh_token")), (200, None), "{answer}");
    }
}

#[tokio::test]
async fn a_refresh_token_dies_of_age_revocation_logout_and_disabling() {
    let idp = TestIdp::start(Settings::default());
    let refused = async |token: &str, words: &str| {
        assert_refused(&refresh(&idp, token).await, 400, "invalid_grant", words);
    };
    let aged = idp.issue("jane");
    idp.advance(Duration::from_secs(1800));
    refused(&aged.refresh_token, "Token is not active").await;

    let revoked = idp.issue("jane");
    let form = [("client_id", "sdk-client"), ("token", &*revoked.refresh_token)];
    assert_eq!(post(&idp.endpoint("revoke"), &form).await.0, 200);
    refused(&revoked.refresh_token, "Session not active").await;
    assert!(!idp.is_active(&revoked.access_token));
    let (status, answer) = post(&idp.endpoint("revoke"), &form).await;
    assert_eq!((status, text(&answer, "error")), (200, "invalid_token".into()));

    let logged_out = idp.issue("jane");
    assert_eq!(idp.log_out("jane"), 2, "this session and the aged one");
    refused(&logged_out.refresh_token, "Session not active").await;

    let disabled = idp.issue("jane");
    idp.disable_user("jane");
    refused(&disabled.refresh_token, "User disabled").await;
    idp.enable_user("jane");
    idp.disable_client("sdk-client");
    let answer = refresh(&idp, &disabled.refresh_token).await;
    assert_refused(&answer, 401, "invalid_client", "Invalid client or Invalid client credentials");
    idp.enable_client("sdk-client");
    refreshed(&idp, &disabled.refresh_token).await;
    assert!(idp.end_session(&disabled.session) && !idp.end_session(&disabled.session));
    refused("never-issued", "Invalid refresh token").await;
    assert_eq!(idp.count(CallKind::Revoke), 2);
}

#[tokio::test]
async fn an_expiry_can_be_unknown() {
    let idp = TestIdp::start(Settings { refresh_token_seconds: Some(0), ..Settings::default() });
    let issued = idp.issue("jane");
    idp.advance(Duration::from_secs(1_000_000));
    let (_, answer) = refresh(&idp, &issued.refresh_token).await;
    assert_eq!(answer["refresh_expires_in"], 0);
    idp.configure(|settings| settings.refresh_token_seconds = None);
    let (_, answer) = refresh(&idp, &text(&answer, "refresh_token")).await;
    assert!(answer.get("refresh_expires_in").is_none(), "{answer}");
}
