//! Refresh ahead: when it is due, and what the spacing between two fetches keeps.

use crate::play::{Play, failed, found, granted, later};
use bearerd_proto::EventKind;
use bearerd_session::{Cause, Event, Jitter, Own};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_token_is_renewed_at_half_its_life_within_ten_percent() {
    for (jitter, at) in [(0, 1620), (1 << 15, 1800), (u16::MAX, 1980)] {
        let mut play = Play::new();
        play.jitter = Jitter(jitter);
        play.log_in(granted("1"));
        play.advance(SECOND * (at - 1));
        play.nothing_is_sent();
        play.advance(SECOND * 2);
        assert_eq!(play.open_refresh(), "r-1", "jitter {jitter}");
    }
}

#[test]
fn the_idp_may_say_sooner_but_not_later() {
    let mut play = Play::logged_in(granted("1").refresh_in(60));
    play.advance(60 * SECOND);
    play.reply(granted("2").refresh_in(3000));
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-2");
}

#[test]
fn it_is_renewed_well_before_its_refresh_token_ends() {
    let mut play = Play::logged_in(granted("1").refresh_lives(600));
    play.advance(300 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn under_steady_load_nobody_sees_the_latency_of_the_idp_for_hours() {
    let mut play = Play::logged_in(granted("0").lives(300));
    for second in 0_u64..4 * 3600 {
        play.advance(SECOND);
        play.glance();
        assert!(play.served().is_some(), "after {second} s");
        assert!(!play.is_degraded(), "after {second} s");
        // The IdP needs a minute for each answer.
        if second % 60 == 0
            && let Some((fetch, _)) = play.open.first().cloned()
        {
            let outcome = granted(&play.refreshes().to_string()).lives(300).into();
            play.event(bearerd_session::Event::Answered { fetch, outcome });
        }
    }
    // An answer's minute counts from the life of its token.
    assert!((90..=200).contains(&play.refreshes()), "{} refreshes", play.refreshes());
}

#[test]
fn an_idp_that_hands_back_the_same_short_token_causes_no_storm() {
    let mut play = Play::logged_in(granted("1").lives(1));
    let before = play.refreshes();
    for _ in 0..600 {
        play.advance(SECOND / 10);
        play.glance();
        if let Some((fetch, _)) = play.open.first().cloned() {
            let outcome = granted("1").lives(1).into();
            play.event(bearerd_session::Event::Answered { fetch, outcome });
        }
    }
    let sent = play.refreshes() - before;
    assert!((30..=60).contains(&sent), "{sent} fetches in 60 s, a second apart");
}

#[test]
fn an_idp_that_says_renew_at_once_causes_no_storm() {
    let mut play = Play::logged_in(granted("1").refresh_in(0));
    let before = play.refreshes();
    for _ in 0..60 {
        play.advance(SECOND);
        if let Some((fetch, _)) = play.open.first().cloned() {
            let outcome = granted(&play.refreshes().to_string()).refresh_in(0).into();
            play.event(bearerd_session::Event::Answered { fetch, outcome });
        }
    }
    let sent = play.refreshes() - before;
    assert!((4..=6).contains(&sent), "{sent} fetches in 60 s, 10 s apart");
}

#[test]
fn callers_without_a_token_wait_two_seconds_for_the_next_fetch_and_not_ten() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(30 * SECOND);
    // The answer was on its way for most of its token's life.
    play.advance(25 * SECOND);
    play.reply(granted("2").lives(26));
    play.advance(SECOND);
    assert_eq!(play.served(), None);
    let caller = play.read();
    play.advance(Duration::from_millis(999));
    play.nothing_is_sent();
    play.advance(Duration::from_millis(1));
    play.reply(granted("3").lives(60));
    assert_eq!(play.token(caller), ("a-3".to_owned(), false));
}

#[test]
fn a_suspend_ends_in_one_refresh_and_no_expired_token() {
    let mut play = Play::logged_in(granted("1"));
    play.glance();
    play.suspend(3500 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.advance(200 * SECOND);
    assert_eq!((play.served(), play.refreshes()), (None, 1));
}

#[test]
fn a_wall_clock_stepped_by_a_day_changes_nothing_but_what_people_see() {
    for seconds in [-86_400, 86_400] {
        let mut play = Play::logged_in(granted("1"));
        let sent = play.sent.len();
        play.step_wall(seconds);
        assert_eq!(play.served(), Some("a-1"));
        play.advance(1799 * SECOND);
        assert_eq!(play.sent.len(), sent);
        play.advance(SECOND);
        assert_eq!(play.open_refresh(), "r-1");
    }
}

#[test]
fn refreshed_is_told_for_each_token_and_degraded_once_for_each_kind_of_failure() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(failed(Cause::NotSent));
    for _ in 0..3 {
        play.advance(4 * SECOND);
        play.reply(later(None));
    }
    play.advance(60 * SECOND);
    play.reply(granted("2"));
    assert_eq!(play.times_told(EventKind::Degraded), 1);
    assert_eq!(play.times_told(EventKind::Refreshed), 2);
}

#[test]
fn an_email_that_a_renewal_leaves_out_is_kept() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(granted("2").without_email());
    assert_eq!(play.session.report(play.now).user_email.as_deref(), Some("jane@ex.co"));
}

#[test]
fn what_never_ends_and_is_never_renewed_wants_no_timer() {
    let play = Play::logged_in(granted("1").lives(u64::MAX).refresh(None));
    assert_eq!(play.session.deadline(play.now), None);
}

#[test]
fn tokens_are_counted_as_they_come() {
    let mut play = Play::logged_in(granted("1"));
    for fetches in 1..4 {
        assert_eq!(play.session.report(play.now).fetches, fetches);
        play.glance();
        play.advance(1800 * SECOND);
        play.reply(granted("1"));
    }
}

#[test]
fn the_end_of_a_refresh_token_counts_from_its_request() {
    let mut play = Play::new();
    play.start_login(false);
    play.advance(5 * SECOND);
    let asked = play.now.boot;
    play.advance(2 * SECOND);
    play.reply(granted("1").refresh_lives(600));
    let ends = |play: &Play| {
        let grant = play.file.as_ref().and_then(|file| file.grant.as_ref());
        grant.and_then(|grant| grant.expires.as_ref()).map(|ends| ends.boot)
    };
    assert_eq!(ends(&play), Some(asked + 600 * SECOND));
    play.reject("a-1");
    let asked = play.now.boot;
    play.advance(2 * SECOND);
    play.reply(granted("2").refresh_lives(900));
    assert_eq!(ends(&play), Some(asked + 900 * SECOND));
}

#[test]
fn the_same_token_once_more_is_told_and_a_file_that_holds_what_it_held_is_not() {
    let mut play = Play::logged_in(granted("1"));
    let before = play.times_told(EventKind::Refreshed);
    play.advance(1900 * SECOND);
    play.reply(granted("2").access("a-1"));
    assert_eq!(play.times_told(EventKind::Refreshed), before + 1);
    let mut play = Play::own(Own::TokenFile);
    for (token, told) in [("1", 1), ("1", 1), ("2", 2)] {
        play.event(Event::SourceChanged);
        play.reply(granted(token).refresh(None));
        assert_eq!(play.times_told(EventKind::Refreshed), told);
    }
}

#[test]
fn an_answer_of_another_kind_changes_no_refresh_token() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1900 * SECOND);
    play.reply(found("r-other"));
    assert!(play.is_degraded());
    play.advance(100 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}
