//! A refresh token that somebody has already: taken over, and never over a live session unless told to.

use crate::play::{Play, denied, granted, import, later, lost};
use bearerd_proto::{ErrorCode, LoginAnswer};
use bearerd_session::{Answer, Kind, OAuthError, Outcome, Own, Restored, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_imported_refresh_token_begins_a_session() {
    let mut play = Play::new();
    let caller = play.login_with(import("r-import"), false);
    assert_eq!(play.open_refresh(), "r-import");
    play.reply(granted("1"));
    match play.answer(caller) {
        Answer::Login(LoginAnswer::Done(done)) => {
            assert_eq!(done.user_email.as_deref(), Some("jane@ex.co"));
        }
        other => panic!("a login was expected, not {other:?}"),
    }
    assert_eq!(play.served(), Some("a-1"));
    assert_eq!(play.file.as_ref().unwrap().grant.as_ref().unwrap().refresh_token.expose(), "r-1");
}

#[test]
fn one_that_is_not_rotated_is_kept() {
    let mut play = Play::new();
    play.login_with(import("r-import"), false);
    play.reply(granted("1").refresh(None));
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-import");
}

#[test]
fn a_live_session_is_not_overwritten_unless_told_to() {
    let mut play = Play::logged_in(granted("1"));
    let caller = play.login_with(import("r-import"), false);
    play.nothing_is_sent();
    let refusal = play.refusal(caller);
    assert_eq!(refusal.code, ErrorCode::LoginDenied);
    assert!(refusal.message.contains("--replace"), "{}", refusal.message);
    let caller = play.login_with(import("r-import"), true);
    play.reply(granted("2").sid(Some("sid-2")));
    assert!(matches!(play.answer(caller), Answer::Login(_)));
    assert_eq!(play.served(), Some("a-2"));
    assert_eq!(play.open_revocation(), "r-1");
}

#[test]
fn one_that_is_refused_leaves_what_is_there() {
    let mut play = Play::logged_in(granted("1"));
    for (outcome, code) in [
        (denied(OAuthError::InvalidGrant), ErrorCode::LoginDenied),
        (later(None), ErrorCode::IdpUnreachable),
        (lost(), ErrorCode::IdpUnreachable),
    ] {
        let caller = play.login_with(import("r-import"), true);
        play.reply(outcome);
        assert_eq!(play.code(caller), code);
        assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), false));
    }
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn an_import_takes_the_place_of_a_login_that_waits_for_its_person() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    let caller = play.login_with(import("r-import"), false);
    play.reply(granted("1"));
    assert!(matches!(play.answer(caller), Answer::Login(_)));
    let follower = play.follow(&login_id, 1);
    assert_eq!(play.code(follower), ErrorCode::LoginDenied);
}

#[test]
fn an_import_that_is_cancelled_by_a_logout_never_comes_to_life() {
    let mut play = Play::new();
    let caller = play.login_with(import("r-import"), false);
    let (fetch, _) = play.open_request();
    play.logout(true);
    assert_eq!(play.code(caller), ErrorCode::LoginDenied);
    play.answer_to(fetch, granted("1"));
    assert_eq!(play.open_revocation(), "r-1");
    assert_eq!(play.served(), None);
}

#[test]
fn a_profile_without_refresh_tokens_has_no_use_for_one() {
    let kind = Kind::Own(Own::Tokens);
    let settings = Settings { kind, ..crate::play::settings() };
    let mut play = Play::with(settings, Restored::Nothing);
    play.reply(granted("1").refresh(None));
    let caller = play.login_with(import("r-import"), true);
    assert_eq!(play.code(caller), ErrorCode::BadRequest);
}

#[test]
fn an_import_is_answered_within_the_patience_of_its_caller() {
    let mut play = Play::new();
    let caller = play.login_with(import("r-import"), false);
    play.advance(12 * SECOND);
    assert_eq!(play.code(caller), ErrorCode::IdpUnreachable);
    play.reply(granted("1"));
    assert_eq!(play.served(), Some("a-1"), "the answer counts all the same");
    assert!(
        !matches!(play.open.first(), Some((_, request)) if matches!(request, bearerd_session::Request::Revoke { .. }))
    );
    let _ = Outcome::Revoked;
}
