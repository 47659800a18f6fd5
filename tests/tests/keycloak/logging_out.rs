//! What ends at Keycloak when a session is logged out or replaced, and what does not.

use crate::stage::{PROFILE, Stage};
use bearerd_client::ErrorCode;
use bearerd_tests::gate_proxy::Kind;
use bearerd_tests::keycloak::Browser;

#[test]
fn a_logout_revokes_the_session_at_keycloak() {
    let stage = Stage::in_turn(60).logged_in();
    let token = stage.token_text();
    let session = stage.session_of(&token);
    assert!(stage.has_session(&session) && stage.home.session_file(PROFILE).exists());

    let output = stage.daemon().bearerctl(&["logout", PROFILE]);
    assert!(output.status.success(), "{output:?}");
    assert!(!stage.admin.is_active(&token).unwrap());
    assert!(!stage.has_session(&session));
    assert!(!stage.home.session_file(PROFILE).exists());
    assert_eq!(stage.proxy.count(Kind::Revoke), 1);
    assert_eq!(stage.token().unwrap_err().code(), Some(ErrorCode::LoginRequired));
}

#[test]
fn a_login_in_the_same_browser_session_outlives_the_token_that_it_replaces() {
    let stage = Stage::in_turn(60);
    let mut browser = Browser::default();
    stage.log_in_with(&mut browser);
    let old = stage.token_text();
    stage.log_in_with(&mut browser);
    let new = stage.token_text();
    assert_ne!(new, old);
    assert_eq!(stage.session_of(&new), stage.session_of(&old), "one session at Keycloak");
    assert!(stage.admin.is_active(&new).unwrap());
    let newer = stage.renew();
    assert!(stage.has_session(&stage.session_of(&newer)));
    assert_eq!(stage.proxy.count(Kind::Revoke), 0);
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 0);
}

#[test]
fn a_login_in_another_browser_ends_the_session_that_it_replaces() {
    let stage = Stage::in_turn(60).logged_in();
    let old = stage.token_text();
    let session = stage.session_of(&old);
    stage.log_in();
    let new = stage.token_text();
    assert_ne!(stage.session_of(&new), session);
    stage.proxy.finished(Kind::Revoke, 1);
    assert!(!stage.admin.is_active(&old).unwrap() && !stage.has_session(&session));
    stage.renew();
    assert_eq!(stage.proxy.count(Kind::Revoke), 1);
}
