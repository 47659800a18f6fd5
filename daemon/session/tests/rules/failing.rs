//! What a failure leads to: backoff, a hold, the end of the session.

use crate::play::{Play, denied, failed, granted, later, misconfigured, settings};
use bearerd_proto::{ErrorCode, EventKind, ProfileState, Secret};
use bearerd_session::{Action, Cause, Event, Jitter, OAuthError, Reads};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The token has half of its hour left, and a renewal has just been sent.
fn renewing() -> Play {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play
}

#[test]
fn failures_back_off_exponentially_from_one_second_to_sixty() {
    let mut play = renewing();
    play.jitter = Jitter(u16::MAX);
    for most in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        play.reply(failed(Cause::NotSent));
        let from = play.now.boot;
        play.advance(SECOND * most);
        let pause = play.sent.last().map(|(at, _)| at.since(from)).unwrap_or_default();
        let least = SECOND * most / 2;
        assert!(pause > least && pause <= SECOND * most, "{pause:?} of {most} s");
    }
}

#[test]
fn the_valid_token_flows_on_degraded_and_heals_alone() {
    let mut play = renewing();
    play.reply(failed(Cause::NotSent));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), true));
    assert_eq!(play.session.report(play.now).state, ProfileState::Degraded);
    assert_eq!(play.times_told(EventKind::Degraded), 1);
    play.advance(2 * SECOND);
    play.reply(later(None));
    assert_eq!(play.times_told(EventKind::Degraded), 1, "said once");
    play.advance(2 * SECOND);
    play.reply(granted("2"));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-2"), false));
    let report = play.session.report(play.now);
    assert_eq!((report.state, report.last_error), (ProfileState::Ready, None));
}

#[test]
fn a_misconfiguration_is_asked_about_once_in_ten_minutes_whoever_reads() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.reply(misconfigured());
    let before = play.refreshes();
    for second in 0..599 {
        play.advance(SECOND);
        let reader = play.read();
        let refusal = play.refusal(reader);
        assert_eq!(refusal.code, ErrorCode::Misconfigured);
        assert_eq!(refusal.retry_after, Some(599 - second));
    }
    assert_eq!(play.refreshes(), before);
    assert_eq!(play.session.report(play.now).state, ProfileState::Misconfigured);
    play.advance(SECOND);
    assert_eq!(play.refreshes(), before + 1);
}

#[test]
fn a_misconfiguration_leaves_the_valid_token_in_service() {
    let mut play = renewing();
    play.reply(misconfigured());
    let reader = play.read();
    assert_eq!(play.token(reader), ("a-1".to_owned(), true));
}

#[test]
fn a_reload_mends_a_misconfiguration() {
    let mut play = renewing();
    play.reply(misconfigured());
    play.reload(settings());
    play.advance(2 * SECOND);
    play.reply(granted("2"));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-2"), false));
}

#[test]
fn a_login_mends_a_misconfiguration_of_the_live_session() {
    let mut play = renewing();
    play.reply(misconfigured());
    play.login(false);
    play.advance(2 * SECOND);
    assert_eq!(play.refreshes(), 2, "whoever logs in may have mended it");
}

#[test]
fn many_logins_and_reloads_at_once_are_one_attempt_in_two_seconds() {
    let mut play = renewing();
    play.reply(misconfigured());
    let before = play.refreshes();
    for _ in 0..50 {
        play.reload(settings());
        play.login(false);
    }
    assert_eq!(play.refreshes(), before, "the last one has only just failed");
    play.advance(2 * SECOND);
    assert_eq!(play.refreshes(), before + 1);
}

#[test]
fn a_reload_does_not_lift_retry_after() {
    let mut play = renewing();
    play.reply(later(Some(30)));
    play.reload(settings());
    play.advance(Duration::from_millis(29_999));
    play.nothing_is_sent();
    play.advance(Duration::from_millis(1));
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn a_refused_scope_is_not_asked_for_again_within_sixty_seconds() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.reply(denied(OAuthError::InvalidScope));
    play.advance(Duration::from_millis(59_999));
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::BadRequest);
    play.nothing_is_sent();
    play.advance(Duration::from_millis(1));
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn an_unusable_answer_is_idp_rejected_and_its_refresh_token_counts() {
    let mut play = renewing();
    let reader = play.reject("a-1");
    let refresh_token = Some(Secret::new("r-2"));
    play.reply(failed(Cause::Unusable { refresh_token }));
    assert_eq!(play.code(reader), ErrorCode::IdpRejected);
    let saved = play.file.as_ref().and_then(|file| file.grant.clone()).unwrap();
    assert_eq!(saved.refresh_token.expose(), "r-2");
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-2");
}

#[test]
fn the_last_failure_is_the_one_that_is_told_of() {
    let mut play = renewing();
    play.reply(failed(Cause::NotSent));
    play.advance(2 * SECOND);
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    let error = play.session.report(play.now).last_error.unwrap();
    assert_eq!(error.code, ErrorCode::IdpRejected);
    play.advance(4 * SECOND);
    play.reply(failed(Cause::NotSent));
    let error = play.session.report(play.now).last_error.unwrap();
    assert_eq!(error.code, ErrorCode::IdpUnreachable);
}

#[test]
fn a_renewal_without_an_answer_is_told_of_when_a_callers_patience_would_have_ended() {
    let mut play = renewing();
    play.advance(Duration::from_millis(11_999));
    assert_eq!(play.session.report(play.now).last_error, None);
    let soon = play.session.deadline(play.now).unwrap();
    assert_eq!(soon.since(play.now.boot), Duration::from_millis(1));
    play.now.boot = soon;
    let event = Event::Timer(Reads { last: play.now.boot, slots: Vec::new() });
    let actions = play.session.handle(event, play.now, Jitter::MIDDLE);
    assert!(matches!(actions[..], [Action::Publish]), "{actions:?}");
    let report = play.session.report(play.now);
    let error = report.last_error.unwrap();
    assert_eq!((report.state, error.code), (ProfileState::Ready, ErrorCode::IdpUnreachable));
    assert!(error.message.contains("not answered"), "{}", error.message);
    assert_eq!(error.at, play.now.wall.as_secs(), "when patience ended");
    assert!(!play.is_degraded(), "no attempt has failed");
    assert!(play.session.deadline(play.now).unwrap() > soon, "it is told once");
    play.reply(granted("2"));
    assert_eq!(play.session.report(play.now).last_error, None);
}

#[test]
fn the_end_of_a_session_is_said_once_and_its_token_is_served_degraded() {
    let mut play = renewing();
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), true));
    assert_eq!(play.session.report(play.now).state, ProfileState::LoginRequired);
    play.advance(3600 * SECOND);
    assert_eq!(play.served(), None);
    let reader = play.read();
    let refusal = play.refusal(reader);
    assert_eq!(refusal.code, ErrorCode::LoginRequired);
    assert!(refusal.message.contains("InvalidGrant"), "{}", refusal.message);
    assert_eq!(play.times_told(EventKind::LoginRequired), 1);
    play.nothing_is_sent();
    let kept = play.file.as_ref().and_then(|file| file.grant.clone()).unwrap();
    assert_eq!(kept.refresh_token.expose(), "r-1", "kept, for one try at a login");
    assert!(kept.over.is_some());
}

#[test]
fn an_answer_that_took_longer_than_its_token_lives_replaces_nothing() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    play.wish(90, false);
    play.advance(20 * SECOND);
    play.reply(granted("2").lives(15));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), true));
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-2", "its refresh token counts");
}
