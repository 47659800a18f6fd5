//! Rejected tokens: one fetch for all, never the rejected one back, and no call where that would not help.

use crate::play::{Play, denied, failed, granted, later, lost, settings};
use bearerd_proto::{ErrorCode, ProfileState};
use bearerd_session::{Cause, OAuthError, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// `a-2` is served, fetched because `a-1` was rejected.
fn after_a_reject() -> Play {
    let mut play = Play::logged_in(granted("1"));
    let rejecter = play.reject("a-1");
    play.reply(granted("2"));
    assert_eq!(play.token(rejecter), ("a-2".to_owned(), false));
    play
}

#[test]
fn all_who_reject_the_current_token_share_one_fetch() {
    let mut play = Play::logged_in(granted("1"));
    let rejecters: Vec<_> = (0..64).map(|_| play.reject("a-1")).collect();
    assert_eq!(play.refreshes(), 1);
    play.reply(granted("2"));
    for rejecter in rejecters {
        assert_eq!(play.token(rejecter), ("a-2".to_owned(), false));
    }
    assert_eq!(play.refreshes(), 1);
}

#[test]
fn the_fetch_starts_at_once_whatever_the_spacing() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.reject("a-1");
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn plain_reads_get_the_rejected_token_degraded_until_it_is_replaced() {
    let mut play = Play::logged_in(granted("1"));
    play.reject("a-1");
    let reader = play.read();
    assert_eq!(play.token(reader), ("a-1".to_owned(), true));
    play.reply(granted("2"));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-2"), false));
}

#[test]
fn who_rejects_never_gets_the_rejected_token() {
    let mut play = Play::logged_in(granted("1"));
    let rejecter = play.reject("a-1");
    play.reply(granted("2").access("a-1"));
    assert_eq!(play.code(rejecter), ErrorCode::IdpRejected);
}

#[test]
fn an_expired_token_that_was_rejected_does_not_come_back_either() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let rejecter = play.reject("a-1");
    play.reply(granted("2").access("a-1"));
    // It is not found any more, so it counts as unknown; an IdP that hands it out again says that it is good.
    assert_eq!(play.code(rejecter), ErrorCode::IdpRejected);
}

#[test]
fn who_rejects_waits_twelve_seconds() {
    let mut play = Play::logged_in(granted("1"));
    let rejecter = play.reject("a-1");
    play.advance(Duration::from_millis(11_999));
    assert!(play.waits(rejecter));
    play.advance(Duration::from_millis(1));
    assert_eq!(play.code(rejecter), ErrorCode::IdpUnreachable);
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn who_rejects_gets_the_error_of_the_attempt() {
    let mut play = Play::logged_in(granted("1"));
    let rejecter = play.reject("a-1");
    play.reply(failed(Cause::NotSent));
    assert_eq!(play.code(rejecter), ErrorCode::IdpUnreachable);
    let again = play.reject("a-1");
    let refusal = play.refusal(again);
    assert_eq!((refusal.code, refusal.retry_after), (ErrorCode::IdpUnreachable, Some(2)));
    play.nothing_is_sent();
}

#[test]
fn a_token_fetched_for_a_reject_under_ten_seconds_ago_is_not_fetched_again() {
    let mut play = after_a_reject();
    play.advance(Duration::from_millis(9_999));
    let rejecter = play.reject("a-2");
    let refusal = play.refusal(rejecter);
    assert_eq!((refusal.code, refusal.retry_after), (ErrorCode::IdpRejected, Some(1)));
    play.nothing_is_sent();
    play.advance(Duration::from_millis(1));
    let rejecter = play.reject("a-2");
    assert_eq!(play.open_refresh(), "r-2");
    play.reply(granted("3"));
    assert_eq!(play.token(rejecter).0, "a-3");
}

#[test]
fn a_token_that_has_expired_since_is_not_the_current_one_any_more() {
    let mut play = Play::logged_in(granted("1"));
    play.reject("a-1");
    play.reply(granted("2").lives(5));
    play.advance(5 * SECOND);
    let rejecter = play.reject("a-2");
    play.reply(granted("3"));
    assert_eq!(play.token(rejecter), ("a-3".to_owned(), false));
}

#[test]
fn an_unknown_token_gives_the_current_one() {
    let mut play = after_a_reject();
    let late = play.reject("a-1");
    assert_eq!(play.token(late), ("a-2".to_owned(), false));
    let foreign = play.reject("whatever");
    assert_eq!(play.token(foreign), ("a-2".to_owned(), false));
    play.nothing_is_sent();
}

#[test]
fn without_a_token_an_unknown_one_is_a_read() {
    let mut play = Play::new();
    let rejecter = play.reject("whatever");
    assert_eq!(play.code(rejecter), ErrorCode::LoginRequired);
}

#[test]
fn a_reject_joins_the_attempt_in_flight() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(30 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    let rejecter = play.reject("a-1");
    play.reply(granted("2"));
    assert_eq!(play.token(rejecter).0, "a-2");
    assert_eq!(play.refreshes(), 1);
}

#[test]
fn a_reject_respects_retry_after() {
    let mut play = Play::logged_in(granted("1"));
    play.reject("a-1");
    play.reply(later(Some(30)));
    play.advance(10 * SECOND);
    let rejecter = play.reject("a-1");
    assert_eq!(play.refusal(rejecter).retry_after, Some(20));
    play.nothing_is_sent();
}

#[test]
fn a_reject_without_a_way_to_renew_is_login_required_and_marks_the_token() {
    let mut play = Play::logged_in(granted("1").refresh(None));
    let rejecter = play.reject("a-1");
    assert_eq!(play.code(rejecter), ErrorCode::LoginRequired);
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), true));
    play.nothing_is_sent();
}

#[test]
fn a_reject_ends_the_session_where_the_idp_has_ended_it() {
    let mut play = Play::logged_in(granted("1"));
    let rejecter = play.reject("a-1");
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(rejecter), ErrorCode::LoginRequired);
    let again = play.reject("a-1");
    assert_eq!(play.code(again), ErrorCode::LoginRequired);
    play.nothing_is_sent();
}

#[test]
fn a_reject_does_not_spend_a_token_whose_answer_was_lost() {
    let mut play = Play::logged_in(granted("1"));
    play.reject("a-1");
    play.reply(lost());
    play.advance(60 * SECOND);
    let rejecter = play.reject("a-1");
    let refusal = play.refusal(rejecter);
    assert_eq!(refusal.code, ErrorCode::IdpUnreachable);
    assert!(refusal.retry_after.is_some_and(|wait| wait > 60), "{refusal:?}");
    play.nothing_is_sent();
}

#[test]
fn a_token_that_is_being_replaced_is_degraded_and_not_to_be_held() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.reject("a-1");
    let shown = play.shown.as_ref().expect("a token is shown");
    assert!(shown.degraded);
    assert_eq!(shown.refresh, Some(play.now.boot), "whoever holds it is to ask again now");
    assert_eq!(play.session.report(play.now).state, ProfileState::Degraded);
}

#[test]
fn whoever_rejects_an_exchanged_token_does_not_wait_in_vain_for_the_profiles_own() {
    let unusable = || failed(Cause::Unusable { refresh_token: None });
    let settings = Settings { exchanges: true, ..settings() };
    let mut play = Play::logged_in_with(settings, granted("1").lives(600));
    let reader = play.read_of("audience:files");
    play.reply(granted("files").refresh(None).lives(7200));
    play.token_of("audience:files", reader);
    // So many attempts have failed when the profile's own token ends that the next is a good while off.
    play.advance(SECOND);
    play.glance();
    while play.served().is_some() {
        while play.open.is_empty() {
            play.advance(SECOND);
        }
        play.reply(unusable());
    }
    play.advance(3 * SECOND);
    play.nothing_is_sent();
    let rejecter = play.reject("a-files");
    play.reply(granted("2"));
    play.reply(granted("newer-files").refresh(None));
    assert_eq!(play.token_of("audience:files", rejecter), "a-newer-files");
}
