//! After an hour without readers a session only keeps itself alive, and a reader wakes it.

use crate::play::{Play, failed, granted};
use bearerd_proto::ProfileState;
use bearerd_session::Cause;
use bearerd_session::time::Boot;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Nobody reads, and every request is granted, for `by`.
fn pass(play: &mut Play, by: Duration, lives: u64, refresh_lives: Option<u64>) {
    let until = play.now.boot + by;
    while play.now.boot < until {
        play.advance(60 * SECOND);
        if let Some((fetch, _)) = play.open.first().cloned() {
            let grants = granted(&format!("n{}", play.refreshes())).lives(lives);
            let grants = match refresh_lives {
                Some(seconds) => grants.refresh_lives(seconds),
                None => grants,
            };
            play.answer_to(fetch, grants);
        }
    }
}

#[test]
fn an_idle_session_without_a_known_end_is_renewed_once_a_day() {
    let mut play = Play::logged_in(granted("1").lives(300));
    pass(&mut play, 2 * HOUR, 300, None);
    let before = play.refreshes();
    pass(&mut play, 10 * 24 * HOUR, 300, None);
    assert_eq!(play.refreshes() - before, 10);
}

#[test]
fn an_idle_session_is_renewed_at_half_the_life_of_its_refresh_token() {
    let mut play = Play::logged_in(granted("1").lives(300).refresh_lives(1800));
    pass(&mut play, 2 * HOUR, 300, Some(1800));
    let before = play.refreshes();
    pass(&mut play, 24 * HOUR, 300, Some(1800));
    let sent = play.refreshes() - before;
    assert!((90..=96).contains(&sent), "{sent} renewals in a day, 15 min apart");
}

#[test]
fn a_reader_wakes_it() {
    let mut play = Play::logged_in(granted("1").lives(36_000));
    play.advance(5 * HOUR);
    play.nothing_is_sent();
    assert!(play.shown.as_ref().is_some_and(|shown| shown.asleep));
    play.glance();
    assert_eq!(play.open_refresh(), "r-1", "it was due an hour or four ago");
    assert!(play.shown.as_ref().is_some_and(|shown| !shown.asleep));
}

#[test]
fn a_reader_without_a_token_wakes_it_and_is_served() {
    let mut play = Play::logged_in(granted("1").lives(300));
    pass(&mut play, 3 * HOUR, 300, None);
    assert_eq!(play.served(), None);
    let reader = play.read();
    play.reply(granted("2").lives(300));
    assert_eq!(play.token(reader), ("a-2".to_owned(), false));
    let before = play.refreshes();
    pass(&mut play, SECOND * 1200, 300, None);
    assert!(play.refreshes() - before >= 6, "it is kept fresh again");
}

#[test]
fn a_reader_of_a_fresh_token_wakes_it_and_nothing_is_fetched_before_its_time() {
    let mut play = Play::logged_in(granted("1").lives(7200));
    play.advance(2 * HOUR);
    pass(&mut play, 22 * HOUR, 7200, None);
    assert!(play.served().is_some(), "just kept alive");
    let before = play.refreshes();
    play.glance();
    assert_eq!(play.refreshes(), before);
}

#[test]
fn an_idle_session_that_fails_to_keep_alive_tries_on_with_backoff() {
    let mut play = Play::logged_in(granted("1").lives(300));
    pass(&mut play, 2 * HOUR, 300, None);
    play.advance(24 * HOUR);
    let before = play.refreshes();
    for _ in 0..5 {
        play.reply(failed(Cause::NotSent));
        play.advance(60 * SECOND);
    }
    assert_eq!(play.refreshes() - before, 5);
}

#[test]
fn a_restart_does_not_put_the_keep_alive_off_for_ever() {
    let mut play = Play::logged_in(granted("1").lives(36_000).refresh_lives(100_000));
    for day in 0..3 {
        for _ in 0..6 {
            play.restart("boot-a", play.now.boot);
            pass(&mut play, 4 * HOUR, 36_000, Some(100_000));
        }
        assert!(play.file.is_some(), "day {day}");
    }
    let file = play.file.clone().unwrap();
    let ends = file.grant.and_then(|grant| grant.expires).unwrap();
    assert!(ends.boot > play.now.boot + 4 * HOUR, "{:?} is left", play.now.boot.until(ends.boot));
}

#[test]
fn an_idp_that_is_away_at_the_start_is_found_by_the_idle_session_when_it_is_due() {
    let mut play = Play::logged_in(granted("1").lives(300).refresh_lives(7200));
    let saved_at = play.now.boot;
    play.now.wall = play.now.wall + 1000 * SECOND;
    play.restart("boot-a", Boot::from_millis(play.now.boot.as_millis() + 1_000_000));
    // Nobody reads, and for an hour and a half the IdP is away.
    while play.now.boot < saved_at + Duration::from_secs(5400) {
        play.advance(30 * SECOND);
        if let Some((fetch, _)) = play.open.first().cloned() {
            play.answer_to(fetch, failed(Cause::NotSent));
        }
    }
    pass(&mut play, 120 * SECOND, 300, Some(7200));
    let file = play.file.clone().unwrap();
    assert_ne!(file.grant.unwrap().refresh_token.expose(), "r-1");
}

#[test]
fn an_idle_session_is_ready_although_its_token_has_ended() {
    let mut play = Play::logged_in(granted("1").lives(300));
    pass(&mut play, 5 * HOUR, 300, None);
    assert_eq!(play.served(), None);
    assert_eq!(play.session.report(play.now).state, ProfileState::Ready);
}
