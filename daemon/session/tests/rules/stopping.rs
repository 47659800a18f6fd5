//! The end: no new requests, what is under way is answered and saved, and whoever waits is told.

use crate::play::{Disk, Play, denied, device, granted};
use bearerd_proto::ErrorCode;
use bearerd_session::{Event, OAuthError, Outcome};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nothing_under_way_is_drained_at_once_and_reads_are_served_on() {
    let mut play = Play::logged_in(granted("1"));
    play.event(Event::Drain);
    assert!(play.session.is_drained());
    let reader = play.read();
    assert_eq!(play.token(reader), ("a-1".to_owned(), false));
    play.advance(3000 * SECOND);
    play.nothing_is_sent();
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_refresh_under_way_is_answered_and_saved_first() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(59 * SECOND);
    play.event(Event::Drain);
    play.advance(10 * SECOND);
    let reader = play.read();
    assert!(play.waits(reader), "it joins the attempt in flight");
    assert!(!play.session.is_drained());
    play.disk = Disk::Hangs;
    play.reply(granted("2"));
    assert!(!play.session.is_drained(), "not saved yet");
    play.disk_is_back(true);
    assert!(play.session.is_drained());
    assert_eq!(play.token(reader).0, "a-2");
    play.nothing_is_sent();
}

#[test]
fn a_save_that_failed_gets_one_more_chance_and_then_the_stop_goes_on() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(30 * SECOND);
    play.disk = Disk::Fails;
    play.reply(granted("2"));
    play.event(Event::Drain);
    assert!(play.session.is_drained(), "a bad disk does not hold the stop up");
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(30 * SECOND);
    play.disk = Disk::Fails;
    play.reply(granted("2"));
    play.disk = Disk::Works;
    play.event(Event::Drain);
    assert_eq!(play.file.unwrap().grant.unwrap().refresh_token.expose(), "r-2");
}

#[test]
fn callers_that_nothing_will_come_for_are_told_at_once() {
    let mut play = Play::logged_in(granted("1").lives(100));
    play.advance(20 * SECOND);
    play.event(Event::Drain);
    let (wisher, strict) = (play.wish(90, false), play.wish(90, true));
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    assert_eq!(play.code(strict), ErrorCode::ShuttingDown);
    let rejecter = play.reject("a-1");
    assert_eq!(play.code(rejecter), ErrorCode::ShuttingDown);
    let login = play.login(false);
    assert_eq!(play.code(login), ErrorCode::ShuttingDown);
    play.advance(80 * SECOND);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::ShuttingDown);
}

#[test]
fn the_end_tells_whoever_waits() {
    let mut play = Play::logged_in(granted("1").lives(60));
    let login_id = play.start_login(false);
    play.suspend(300 * SECOND);
    let (reader, follower) = (play.read(), play.follow(&login_id, 60));
    play.event(Event::End);
    for waiter in [reader, follower] {
        assert_eq!(play.code(waiter), ErrorCode::ShuttingDown);
    }
}

#[test]
fn the_end_tells_those_who_start_a_login_or_log_out() {
    let mut play = Play::logged_in(granted("1"));
    let starter = play.login(false);
    play.event(Event::End);
    assert_eq!(play.code(starter), ErrorCode::ShuttingDown);
    let mut play = Play::logged_in(granted("1"));
    let leaver = play.logout(true);
    play.event(Event::End);
    assert_eq!(play.code(leaver), ErrorCode::ShuttingDown);
}

#[test]
fn no_poll_and_no_start_follows_the_drain() {
    let mut play = Play::new();
    play.start_login(false);
    play.event(Event::Drain);
    play.advance(60 * SECOND);
    play.nothing_is_sent();

    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    let starter = play.login(false);
    play.event(Event::Drain);
    assert!(!play.session.is_drained(), "the kept token is being tried");
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(starter), ErrorCode::ShuttingDown);
    play.nothing_is_sent();
    assert!(play.session.is_drained());
}

#[test]
fn a_start_of_a_login_under_way_is_waited_for() {
    let mut play = Play::new();
    play.login(false);
    play.event(Event::Drain);
    assert!(!play.session.is_drained());
    play.reply(Outcome::Device(device()));
    assert!(play.session.is_drained());
}

#[test]
fn a_poll_under_way_is_waited_for() {
    let mut play = Play::new();
    play.start_login(false);
    play.advance(5 * SECOND);
    play.event(Event::Drain);
    assert!(!play.session.is_drained(), "it may bring tokens");
    play.reply(granted("1"));
    assert!(play.session.is_drained() && play.file.is_some());
}

#[test]
fn a_profile_that_comes_back_goes_on() {
    let mut play = Play::logged_in(granted("1"));
    play.event(Event::Drain);
    play.advance(2000 * SECOND);
    play.nothing_is_sent();
    play.reload(crate::play::settings());
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn an_end_without_the_answer_leaves_word_of_it() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.event(Event::End);
    let saved = play.file.as_ref().and_then(|file| file.grant.clone()).unwrap();
    assert!(saved.lost, "whoever starts next must know that the token may be spent");
}

#[test]
fn an_answer_that_comes_after_the_end_still_counts() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.event(Event::End);
    assert!(!play.session.is_drained());
    play.reply(granted("2"));
    let saved = play.file.as_ref().and_then(|file| file.grant.clone()).unwrap();
    assert_eq!((saved.refresh_token.expose(), saved.lost), ("r-2", false));
    assert!(play.session.is_drained());
}
