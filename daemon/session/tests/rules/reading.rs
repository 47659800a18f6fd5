//! Callers: those with a token never wait, wishes are met where they can be, those without share one attempt.

use crate::play::{Play, denied, failed, granted, later, lost};
use bearerd_proto::ErrorCode;
use bearerd_session::{Answer, Cause, Constant, Event, Kind, OAuthError, Restored, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Logged in, and the token has expired while the IdP held the renewal; that has just ended as `cause` says.
fn expired(cause: Cause) -> Play {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(59 * SECOND);
    let (fetch, _) = play.open_request();
    play.advance(SECOND);
    assert_eq!(play.served(), None);
    play.event(Event::Answered { fetch, outcome: failed(cause) });
    play
}

#[test]
fn sixty_four_callers_with_an_expired_token_share_one_request_and_get_one_answer_each() {
    let mut play = Play::logged_in(granted("1").lives(60));
    // The machine slept through the renewal.
    play.suspend(600 * SECOND);
    let callers: Vec<_> = (0..64).map(|_| play.read()).collect();
    assert_eq!(play.refreshes(), 1);
    assert!(callers.iter().all(|caller| play.waits(*caller)));
    play.reply(granted("2"));
    for caller in callers {
        assert_eq!(play.token(caller), ("a-2".to_owned(), false));
    }
    assert_eq!(play.refreshes(), 1);
}

#[test]
fn all_who_wait_share_the_failure_too() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let callers: Vec<_> = (0..3).map(|_| play.read()).collect();
    play.reply(later(None));
    for caller in callers {
        assert_eq!(play.code(caller), ErrorCode::IdpUnreachable);
    }
}

#[test]
fn a_valid_token_never_waits_for_a_refresh() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(40 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    let reader = play.read();
    assert_eq!(play.token(reader), ("a-1".to_owned(), false));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn an_expired_token_is_never_served() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(Duration::from_millis(59_999));
    assert_eq!(play.served(), Some("a-1"));
    play.advance(Duration::from_millis(1));
    assert_eq!(play.served(), None);
    assert!(play.shown.is_none(), "readers see that at once, not at the next read");
    let reader = play.read();
    assert!(play.waits(reader));
}

#[test]
fn a_wish_that_a_fresh_token_meets_starts_a_refresh_and_waits_for_it() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    let wisher = play.wish(90, false);
    assert_eq!(play.open_refresh(), "r-1");
    let second = play.wish(95, false);
    assert_eq!(play.refreshes(), 1, "the second one joins");
    play.advance(SECOND / 2);
    play.reply(granted("2").lives(100));
    assert_eq!(play.token(wisher), ("a-2".to_owned(), false));
    assert_eq!(play.token(second), ("a-2".to_owned(), false));
}

#[test]
fn a_wish_that_the_token_in_hand_meets_costs_nothing() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    for strict in [false, true] {
        let wisher = play.wish(80, strict);
        assert_eq!(play.token(wisher), ("a-1".to_owned(), false));
    }
    play.nothing_is_sent();
}

#[test]
fn a_wish_is_waited_for_one_second_and_then_the_valid_token_is_served_degraded() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    let wisher = play.wish(90, false);
    play.advance(Duration::from_millis(999));
    assert!(play.waits(wisher));
    play.advance(Duration::from_millis(1));
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    assert!(!play.is_degraded(), "others see nothing of it");
}

#[test]
fn a_strict_wish_waits_twelve_seconds_and_is_unmet() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    let strict = play.wish(90, true);
    play.advance(Duration::from_millis(11_999));
    assert!(play.waits(strict));
    play.advance(Duration::from_millis(1));
    assert_eq!(play.code(strict), ErrorCode::MinTtlUnmet);
}

#[test]
fn a_strict_wish_outlasts_a_failed_attempt() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    let strict = play.wish(90, true);
    play.reply(failed(Cause::NotSent));
    assert!(play.waits(strict));
    play.advance(2 * SECOND);
    play.reply(granted("2").lives(100));
    assert_eq!(play.token(strict), ("a-2".to_owned(), false));
}

#[test]
fn a_wish_beyond_the_lifetimes_of_the_idp_is_degraded_at_once_and_strict_unmet_at_once() {
    let mut play = Play::logged_in(granted("1").lives(100));
    let wisher = play.wish(3600, false);
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    let strict = play.wish(3600, true);
    assert_eq!(play.code(strict), ErrorCode::MinTtlUnmet);
    play.nothing_is_sent();
}

#[test]
fn a_wish_after_a_failed_attempt_is_degraded_at_once() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(50 * SECOND);
    play.reply(later(Some(30)));
    let wisher = play.wish(90, false);
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    play.nothing_is_sent();
}

#[test]
fn wishes_keep_the_spacing_between_two_fetches() {
    let mut play = Play::logged_in(granted("1").lives(100));
    let before = play.refreshes();
    for _ in 0..100 {
        play.wish(99, false);
        if let Some((fetch, _)) = play.open.first().cloned() {
            let outcome = granted(&play.refreshes().to_string()).lives(100).into();
            play.event(Event::Answered { fetch, outcome });
        }
        play.advance(SECOND);
    }
    let sent = play.refreshes() - before;
    assert!((1..=10).contains(&sent), "{sent} fetches in 100 s, 10 s apart");
}

#[test]
fn a_wish_whose_token_expires_meanwhile_waits_as_one_without_a_token() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(Duration::from_millis(59_500));
    let wisher = play.wish(50, false);
    play.advance(2 * SECOND);
    assert!(play.waits(wisher), "there is nothing to serve after its second");
    play.reply(granted("2").lives(60));
    assert_eq!(play.token(wisher), ("a-2".to_owned(), false));
}

#[test]
fn a_caller_without_a_token_runs_out_of_patience_after_twelve_seconds_and_the_fetch_goes_on() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let caller = play.read();
    play.advance(Duration::from_millis(11_999));
    assert!(play.waits(caller));
    play.advance(Duration::from_millis(1));
    let refusal = play.refusal(caller);
    assert_eq!(refusal.code, ErrorCode::IdpUnreachable);
    assert!(refusal.retry_after.is_some());
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn within_two_seconds_of_a_failure_a_caller_without_a_token_gets_the_last_error_at_once() {
    let mut play = expired(Cause::NotSent);
    play.jitter = bearerd_session::Jitter(u16::MAX);
    for _ in 0..64 {
        let caller = play.read();
        let refusal = play.refusal(caller);
        assert_eq!((refusal.code, refusal.retry_after), (ErrorCode::IdpUnreachable, Some(2)));
        assert!(refusal.message.contains("idp.example"), "{}", refusal.message);
    }
    play.nothing_is_sent();
}

#[test]
fn two_seconds_after_a_failure_a_caller_without_a_token_pulls_the_next_attempt_forward() {
    let mut play = expired(Cause::NotSent);
    // Failures enough for a long pause.
    play.jitter = bearerd_session::Jitter(u16::MAX);
    for _ in 0..5 {
        play.advance(60 * SECOND);
        if !play.open.is_empty() {
            play.reply(failed(Cause::NotSent));
        }
    }
    play.nothing_is_sent();
    play.advance(2 * SECOND);
    play.nothing_is_sent();
    let caller = play.read();
    assert!(play.waits(caller));
    play.reply(granted("2"));
    assert_eq!(play.token(caller), ("a-2".to_owned(), false));
}

#[test]
fn retry_after_is_respected_whoever_asks() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.reply(later(Some(30)));
    for second in 0..30 {
        let caller = play.read();
        assert_eq!(play.refusal(caller).retry_after, Some(30 - second));
        play.nothing_is_sent();
        play.advance(SECOND);
    }
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn no_retry_after_is_longer_than_ten_minutes() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.reply(later(Some(u64::MAX)));
    play.advance(Duration::from_millis(599_999));
    play.nothing_is_sent();
    play.advance(Duration::from_millis(1));
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn without_a_session_a_read_is_login_required_at_once_and_starts_nothing() {
    let mut play = Play::new();
    let reader = play.read();
    let refusal = play.refusal(reader);
    assert_eq!(refusal.code, ErrorCode::LoginRequired);
    assert_eq!(refusal.login_hint.as_deref(), Some("bearerctl login wallaroo"));
    play.nothing_is_sent();
}

#[test]
fn while_a_login_waits_for_its_person_a_read_is_login_pending_with_its_link() {
    let mut play = Play::new();
    play.start_login(false);
    let reader = play.read();
    let refusal = play.refusal(reader);
    assert_eq!(refusal.code, ErrorCode::LoginPending);
    assert_eq!(refusal.login_hint.as_deref(), Some("https://idp.example/device?code=ABCD-EFGH"));
}

#[test]
fn a_caller_that_goes_away_cancels_nothing() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let gone = play.read();
    let stays = play.read();
    play.event(Event::Gone(gone));
    play.reply(granted("2"));
    assert!(play.waits(gone), "nobody is there to be answered");
    assert_eq!(play.token(stays).0, "a-2");
}

#[test]
fn a_strict_caller_without_a_token_gets_the_error_as_all_do() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let strict = play.wish(30, true);
    play.reply(failed(Cause::NotSent));
    assert_eq!(play.code(strict), ErrorCode::IdpUnreachable);
}

#[test]
fn a_wish_that_even_the_fresh_token_does_not_meet_is_degraded_or_unmet() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    let (wisher, strict) = (play.wish(90, false), play.wish(90, true));
    play.reply(granted("2").lives(30));
    assert_eq!(play.token(wisher), ("a-2".to_owned(), true));
    assert_eq!(play.code(strict), ErrorCode::MinTtlUnmet);
}

#[test]
fn when_the_session_is_over_wishes_are_not_waited_for() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    let (wisher, strict) = (play.wish(90, false), play.wish(90, true));
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    assert_eq!(play.code(strict), ErrorCode::MinTtlUnmet);
    let (wisher, strict) = (play.wish(90, false), play.wish(90, true));
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    assert_eq!(play.code(strict), ErrorCode::MinTtlUnmet);
    play.nothing_is_sent();
}

#[test]
fn a_lost_answer_is_a_failed_attempt_to_those_who_wish() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    let wisher = play.wish(90, false);
    play.reply(lost());
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    assert!(play.is_degraded());
}

#[test]
fn a_constant_answers_and_fetches_nothing() {
    let constant = |token: Option<&str>| {
        let kind = Kind::Constant(Constant {
            token: token.map(bearerd_proto::Secret::new),
            user_id: None,
            user_email: Some("default@ex.co".to_owned()),
        });
        Play::with(Settings { kind, ..crate::play::settings() }, Restored::Nothing)
    };
    for mut play in [constant(None), constant(Some("definitely_a_bearer_token_str"))] {
        let (reader, strict) = (play.read(), play.wish(u64::MAX, true));
        let (unknown, leaver) = (play.reject("another"), play.logout(true));
        for waiter in [reader, strict, unknown] {
            assert!(matches!(play.answer(waiter), Answer::Token { degraded: false, .. }));
        }
        play.logged_out(leaver);
        play.nothing_is_sent();
        assert!(play.told.is_empty(), "{:?}", play.told);
        let other = crate::play::settings_at("https://two.example");
        play.reload(Settings { kind: play.kind(), ..other });
        assert!(play.told.is_empty(), "{:?}", play.told);
    }
    let mut play = constant(Some("definitely_a_bearer_token_str"));
    let rejecter = play.reject("definitely_a_bearer_token_str");
    let refusal = play.refusal(rejecter);
    assert_eq!(refusal.code, ErrorCode::IdpRejected);
    assert!(refusal.retry_after.is_some());
}

#[test]
fn a_wish_as_long_as_the_lifetime_costs_nothing() {
    let mut play = Play::logged_in(granted("1").lives(300));
    play.advance(20 * SECOND);
    let before = play.refreshes();
    let reader = play.wish(300, false);
    assert_eq!(play.token(reader), ("a-1".to_owned(), true));
    let strict = play.wish(300, true);
    assert_eq!(play.code(strict), ErrorCode::MinTtlUnmet);
    assert_eq!(play.refreshes(), before, "no fresh token arrives with its whole lifetime");
}

#[test]
fn a_strict_wish_whose_token_has_expired_meanwhile_ends_as_any_wait_without_one() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(59 * SECOND);
    let strict = play.wish(50, true);
    play.advance(12 * SECOND);
    assert_eq!(play.code(strict), ErrorCode::IdpUnreachable);
}
