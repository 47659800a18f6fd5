//! Lost answers: the IdP may have carried the refresh out, and a second use may end the session.

use crate::play::{Play, denied, failed, granted, lost, settings};
use bearerd_proto::{ErrorCode, Secret};
use bearerd_session::{Cause, Event, OAuthError, Reads, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn with_window(seconds: u64) -> Settings {
    Settings { reuse_window: Some(Duration::from_secs(seconds)), ..settings() }
}

/// The token has 30 of its 60 minutes left, and the answer to its renewal was lost after `seconds`.
fn lost_after(settings: Settings, seconds: u64) -> Play {
    let mut play = Play::logged_in_with(settings, granted("1"));
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.advance(Duration::from_secs(seconds));
    play.reply(lost());
    play
}

#[test]
fn the_token_is_not_sent_again_until_the_one_in_hand_is_nearly_used_up() {
    let mut play = lost_after(settings(), 60);
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), true));
    let ends = play.shown.as_ref().and_then(|shown| shown.expires).unwrap();
    let rest = play.now.boot.until(ends);
    play.advance(rest - 31 * SECOND);
    play.nothing_is_sent();
    assert_eq!(play.served(), Some("a-1"));
    play.advance(SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-2"), false));
}

#[test]
fn nothing_pulls_that_forward_while_a_token_is_in_hand() {
    let mut play = lost_after(settings(), 60);
    play.wish(3500, false);
    play.wish(3500, true);
    play.reject("a-1");
    play.reload(settings());
    play.login(false);
    play.event(Event::Woke(Reads::default()));
    play.advance(60 * SECOND);
    assert_eq!(play.refreshes(), 1);
}

#[test]
fn a_caller_without_a_token_sends_it_again() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let caller = play.read();
    play.reply(lost());
    assert_eq!(play.code(caller), ErrorCode::IdpUnreachable);
    play.advance(2 * SECOND);
    let caller = play.read();
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    assert_eq!(play.token(caller).0, "a-2");
}

#[test]
fn within_the_reuse_window_it_is_sent_once_more_at_once() {
    let mut play = lost_after(with_window(10), 3);
    assert_eq!((play.open_refresh().as_str(), play.refreshes()), ("r-1", 2));
    assert!(!play.is_degraded(), "the attempt goes on");
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn within_the_reuse_window_it_is_sent_once_more_only_once() {
    let mut play = lost_after(with_window(10), 3);
    play.reply(lost());
    play.nothing_is_sent();
    assert!(play.is_degraded());
    play.advance(600 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn callers_wait_through_the_second_try() {
    let mut play = Play::logged_in_with(with_window(10), granted("1").lives(60));
    play.suspend(600 * SECOND);
    let caller = play.read();
    play.reply(lost());
    assert!(play.waits(caller));
    play.reply(granted("2"));
    assert_eq!(play.token(caller), ("a-2".to_owned(), false));
}

#[test]
fn when_the_reuse_window_has_passed_it_is_as_without_one() {
    let mut play = lost_after(with_window(10), 11);
    play.nothing_is_sent();
    play.advance(600 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn where_the_idp_is_known_not_to_rotate_it_backs_off() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(granted("2").refresh(Some("r-1")));
    play.glance();
    play.advance(1800 * SECOND);
    play.reply(lost());
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn an_answer_without_a_refresh_token_means_that_the_old_one_goes_on() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(granted("2").refresh(None));
    assert_eq!(play.served(), Some("a-2"));
    play.glance();
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn an_idp_that_rotates_after_all_is_not_known_not_to_any_more() {
    let mut play = Play::logged_in(granted("1"));
    for grants in [granted("2").refresh(Some("r-1")), granted("3")] {
        play.advance(1800 * SECOND);
        play.glance();
        play.reply(grants);
    }
    play.advance(1800 * SECOND);
    play.reply(lost());
    play.advance(60 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn a_token_in_a_useless_answer_shows_that_the_idp_rotates() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(granted("2").refresh(Some("r-1")));
    play.glance();
    play.advance(1800 * SECOND);
    play.reply(failed(Cause::Unusable { refresh_token: Some(Secret::new("r-3")) }));
    play.advance(2 * SECOND);
    play.reply(lost());
    play.advance(60 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn the_end_that_follows_a_lost_answer_is_explained() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.reply(lost());
    play.advance(2 * SECOND);
    play.read();
    play.reply(denied(OAuthError::InvalidGrant));
    let caller = play.read();
    let message = play.refusal(caller).message;
    assert!(message.contains("was lost on its way"), "{message}");
}

#[test]
fn a_failure_in_between_does_not_forget_the_lost_answer() {
    let mut play = Play::logged_in(granted("1").lives(600));
    play.advance(300 * SECOND);
    play.reply(lost());
    play.advance(271 * SECOND);
    assert_eq!(play.open_refresh(), "r-1", "nearly used up");
    play.reply(failed(Cause::NotSent));
    assert!(play.file.as_ref().and_then(|file| file.grant.clone()).unwrap().lost);
}

#[test]
fn a_token_without_a_known_end_is_never_nearly_used_up() {
    let mut play = Play::logged_in(granted("1").without_end().refresh_lives(3600));
    play.advance(1800 * SECOND);
    play.reply(lost());
    play.advance(100_000 * SECOND);
    play.nothing_is_sent();
    assert_eq!(play.served(), Some("a-1"));
    assert_eq!(play.session.report(play.now).refresh, None, "none is planned");
}

#[test]
fn going_down_nothing_is_sent_once_more() {
    let mut play = Play::logged_in_with(with_window(10), granted("1"));
    play.advance(1800 * SECOND);
    play.event(Event::Drain);
    play.reply(lost());
    play.nothing_is_sent();
    assert!(play.session.is_drained());
}
