//! Starts with a reuse window: a use that may have had no answer is repeated while the IdP gives that answer once more.

use crate::play::{Disk, Play, denied, failed, granted, lost, settings, settings_at};
use bearerd_session::time::Boot;
use bearerd_session::{Cause, Event, OAuthError, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The same as [`logged_in`], at an IdP that takes a used refresh token once more for a minute.
fn with_window(after: u64) -> Play {
    let window = Settings { reuse_window: Some(60 * SECOND), ..settings() };
    let mut play = Play::logged_in_with(window, granted("1"));
    play.advance(Duration::from_secs(after));
    play
}

#[test]
fn with_a_reuse_window_the_refresh_token_from_the_disk_is_used_at_once_and_readers_wait_for_nothing()
 {
    // Long before it would be due by itself.
    let mut play = with_window(600);
    play.reject("a-1");
    // Killed between the answer and its save: the IdP knows the successor, the disk does not.
    assert_eq!(play.open_refresh(), "r-1");
    play.disk = Disk::Hangs;
    play.reply(granted("2"));
    play.disk = Disk::Works;
    play.restart("boot-a", play.now.boot);
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), false));
    assert_eq!(play.open_refresh(), "r-1", "while the window is open");
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"));
    play.nothing_is_sent();
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-2");
}

#[test]
fn that_is_one_refresh_for_each_start() {
    let mut play = with_window(600);
    for number in 2..5 {
        play.restart("boot-a", play.now.boot);
        assert_eq!(play.refreshes(), 1, "by this process");
        play.reply(granted(&number.to_string()));
        play.nothing_is_sent();
    }
}

#[test]
fn where_the_idp_is_known_not_to_rotate_a_restart_with_a_window_refreshes_nothing() {
    let mut play = with_window(1800);
    play.reply(granted("2").refresh(Some("r-1")));
    play.restart("boot-a", play.now.boot);
    play.nothing_is_sent();
}

#[test]
fn a_session_that_was_over_is_not_tried_by_a_restart_with_a_window() {
    let mut play = with_window(1800);
    play.reply(denied(OAuthError::InvalidGrant));
    play.restart("boot-a", play.now.boot);
    play.nothing_is_sent();
}

/// A use is under way, and its process ends without an answer in one way or another.
fn ways_to_end_without_an_answer() -> [fn(&mut Play); 4] {
    let drained = |play: &mut Play| {
        play.event(Event::Drain);
        play.reply(lost());
    };
    let ended = |play: &mut Play| play.event(Event::End);
    let repeated = |play: &mut Play| play.reply(lost());
    let killed = |_: &mut Play| {};
    [drained, ended, repeated, killed]
}

#[test]
fn whatever_had_no_answer_is_repeated_by_a_start_within_the_window() {
    for (number, end) in ways_to_end_without_an_answer().iter().enumerate() {
        let mut play = with_window(600);
        play.reject("a-1");
        play.advance(SECOND);
        end(&mut play);
        play.advance(10 * SECOND);
        play.restart("boot-a", play.now.boot);
        assert_eq!(play.refreshes(), 1, "way {number}");
        play.reply(granted("2"));
        assert_eq!(play.served(), Some("a-2"), "way {number}");
        play.nothing_is_sent();
    }
}

#[test]
fn where_the_window_is_known_to_be_over_a_start_spares_the_token_in_hand() {
    for end in &ways_to_end_without_an_answer()[..3] {
        let mut play = with_window(600);
        play.reject("a-1");
        play.advance(SECOND);
        end(&mut play);
        play.advance(61 * SECOND);
        play.restart("boot-a", play.now.boot);
        play.advance(600 * SECOND);
        play.nothing_is_sent();
        assert_eq!(play.served(), Some("a-1"));
    }
}

#[test]
fn a_machine_that_was_down_for_longer_than_the_window_refreshes_as_planned() {
    for (since_boot, refreshes) in [(59, 1), (60, 0)] {
        let mut play = with_window(600);
        play.step_wall(300);
        play.restart("boot-b", Boot::from_millis(since_boot * 1000));
        assert_eq!(play.refreshes(), refreshes, "{since_boot} s after the boot");
    }
}

#[test]
fn a_start_that_does_not_reach_the_idp_within_the_window_goes_back_to_its_plan() {
    let mut play = with_window(600);
    play.restart("boot-a", play.now.boot);
    let began = play.now.boot;
    let mut tries = 0;
    while began.until(play.now.boot) < 120 * SECOND {
        if !play.open.is_empty() {
            assert!(began.until(play.now.boot) < 60 * SECOND, "the window is over");
            play.reply(failed(Cause::NotSent));
            tries += 1;
        }
        play.advance(SECOND);
    }
    assert!(tries > 1, "within the window it is tried again");
    play.advance(900 * SECOND);
    play.nothing_is_sent();
    play.advance(300 * SECOND);
    assert_eq!(play.open_refresh(), "r-1", "at half of its life");
}

#[test]
fn a_parked_session_whose_answer_was_lost_is_repeated_on_its_way_back() {
    let window = |place: Settings| Settings { reuse_window: Some(60 * SECOND), ..place };
    for (away, refreshes) in [(10, 1), (70, 0)] {
        let mut play = with_window(600);
        play.reject("a-1");
        play.reload(window(settings_at("https://two.example")));
        play.reply(lost());
        play.advance(Duration::from_secs(away));
        play.reload(window(settings()));
        assert_eq!(play.open.len(), refreshes, "{away} s later");
    }
}

#[test]
fn a_start_repeats_once_and_then_spares_the_token_in_hand() {
    let mut play = with_window(600);
    play.reject("a-1");
    play.event(Event::End);
    play.restart("boot-a", play.now.boot);
    play.reply(lost());
    play.advance(600 * SECOND);
    play.nothing_is_sent();
    assert_eq!(play.served(), Some("a-1"));
}
