//! Saves: a rotated refresh token is on disk before its access token is served, and a bad disk holds nobody up.

use crate::play::{Disk, Play, granted};
use bearerd_proto::EventKind;
use bearerd_session::Aside;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A renewal is under way, and the disk will do with its save as said.
fn renewing(disk: Disk) -> Play {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(30 * SECOND);
    play.disk = disk;
    play
}

fn on_disk(play: &Play) -> String {
    let grant = play.file.as_ref().and_then(|file| file.grant.as_ref()).expect("a saved grant");
    grant.refresh_token.expose().to_owned()
}

#[test]
fn the_new_token_is_served_when_its_refresh_token_is_on_disk() {
    let mut play = renewing(Disk::Hangs);
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-1"), "not before");
    play.advance(SECOND);
    assert_eq!(play.served(), Some("a-1"));
    play.disk_is_back(true);
    assert_eq!((play.served(), on_disk(&play)), (Some("a-2"), "r-2".to_owned()));
    assert_eq!(play.times_told(EventKind::NotSaved), 0);
    assert!(play.session.report(play.now).saved);
}

#[test]
fn callers_without_a_token_wait_for_the_save_too() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.disk = Disk::Hangs;
    let early = play.read();
    play.reply(granted("2"));
    let late = play.read();
    assert!(play.waits(early) && play.waits(late));
    play.disk_is_back(true);
    assert_eq!(play.token(early), ("a-2".to_owned(), false));
    assert_eq!(play.token(late), ("a-2".to_owned(), false));
    assert_eq!(play.refreshes(), 1);
}

#[test]
fn a_save_that_fails_holds_nobody_up_and_says_so() {
    let mut play = renewing(Disk::Fails);
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"));
    assert!(!play.is_degraded(), "that is no matter of the token");
    assert_eq!(play.times_told(EventKind::NotSaved), 1);
    assert!(!play.session.report(play.now).saved);
}

#[test]
fn a_failed_save_is_tried_again_until_it_works_and_said_once() {
    let mut play = renewing(Disk::Fails);
    play.reply(granted("2"));
    play.advance(20 * SECOND);
    assert_eq!(on_disk(&play), "r-1");
    play.disk = Disk::Works;
    play.advance(60 * SECOND);
    assert_eq!(on_disk(&play), "r-2");
    assert!(play.session.report(play.now).saved);
    assert_eq!(play.times_told(EventKind::NotSaved), 1);
}

#[test]
fn a_save_that_hangs_holds_nobody_up_for_longer_than_two_seconds() {
    let mut play = renewing(Disk::Hangs);
    play.reply(granted("2"));
    play.advance(Duration::from_millis(1_999));
    assert_eq!(play.served(), Some("a-1"));
    play.advance(Duration::from_millis(1));
    assert_eq!(play.served(), Some("a-2"));
    assert_eq!(play.times_told(EventKind::NotSaved), 1);
    assert!(!play.session.report(play.now).saved);
}

#[test]
fn the_next_token_waits_its_own_two_seconds_behind_a_save_that_still_hangs() {
    let mut play = renewing(Disk::Hangs);
    play.reply(granted("2").lives(60));
    play.advance(30 * SECOND);
    play.reply(granted("3").lives(60));
    play.advance(Duration::from_millis(1_999));
    assert_eq!(play.served(), Some("a-2"));
    play.advance(Duration::from_millis(1));
    assert_eq!(play.served(), Some("a-3"));
}

#[test]
fn the_newest_save_wins() {
    let mut play = renewing(Disk::Hangs);
    play.reply(granted("2").lives(60));
    play.advance(30 * SECOND);
    play.reply(granted("3").lives(60));
    play.advance(SECOND);
    play.disk_is_back(true);
    assert_eq!(on_disk(&play), "r-3", "the first save's end starts the newest one's");
    assert!(play.session.report(play.now).saved);
}

#[test]
fn a_newer_save_does_not_wait_for_the_failure_of_an_older_one() {
    let mut play = renewing(Disk::Hangs);
    play.reply(granted("2").lives(60));
    play.advance(30 * SECOND);
    play.reply(granted("3").lives(60));
    // The old order fails; the disk works again from there on.
    play.disk_fails_once();
    assert_eq!(on_disk(&play), "r-3");
    assert_eq!(play.served(), Some("a-3"));
}

#[test]
fn a_token_that_did_not_rotate_is_served_at_once() {
    let mut play = renewing(Disk::Hangs);
    play.reply(granted("2").refresh(Some("r-1")));
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn a_token_that_expires_while_its_save_hangs_is_not_served() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.disk = Disk::Hangs;
    play.reply(granted("2").lives(1));
    play.advance(2 * SECOND);
    assert_eq!(play.served(), None);
}

#[test]
fn a_token_that_expires_while_its_save_hangs_does_not_replace_a_good_one() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Hangs;
    play.reject("a-1");
    play.reply(granted("2").lives(1));
    play.advance(2 * SECOND);
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_file_that_went_bad_is_kept_and_a_login_moves_it_aside() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.gone_bad = true;
    play.suspend(30 * SECOND);
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"), "a save that fails holds nobody up");
    assert!(!play.session.report(play.now).saved);
    assert!(play.aside.is_empty(), "nobody asked for a login");
    play.log_in(granted("3"));
    assert_eq!(play.aside.iter().map(|(why, _)| *why).collect::<Vec<_>>(), [Aside::Unreadable]);
    assert_eq!(play.served(), Some("a-3"));
    assert!(play.session.report(play.now).saved);
}

#[test]
fn a_logout_outruns_the_save_of_a_login_that_finds_a_bad_file() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.gone_bad = true;
    play.start_login(false);
    play.disk = Disk::Hangs;
    play.person_confirms(granted("2"));
    play.logout(true);
    play.disk_is_back(true);
    assert!(play.aside.is_empty(), "nothing is moved aside for a session that is gone");
    assert!(play.file.is_none());
}

#[test]
fn only_clocks_that_lie_further_apart_than_before_are_worth_a_save() {
    let mut play = Play::logged_in(granted("1"));
    let saved_at = |play: &Play| play.file.as_ref().unwrap().saved.boot;
    let first = saved_at(&play);
    for _ in 0..10 {
        // What the kernel also says after a suspend, and when the clock was set to what it was.
        play.advance(SECOND);
        play.step_wall(0);
        assert_eq!(saved_at(&play), first);
    }
    play.step_wall(-40);
    assert_eq!(saved_at(&play), play.now.boot);
    play.advance(SECOND);
    play.step_wall(0);
    assert!(saved_at(&play) < play.now.boot, "once for each step");
}
