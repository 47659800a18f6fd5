//! Restarts: what the disk says is worth something, the clocks are not believed beyond that.

use crate::play::{Disk, Play, denied, granted, later, lost, settings, settings_at};
use bearerd_proto::{ErrorCode, EventKind, ProfileState};
use bearerd_session::time::Boot;
use bearerd_session::{Aside, Event, OAuthError, Restored};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Logged in for an hour, `after` seconds ago.
fn logged_in(after: u64) -> Play {
    let mut play = Play::logged_in(granted("1"));
    play.advance(Duration::from_secs(after));
    play
}

fn left(play: &Play) -> u64 {
    let ends = play.shown.as_ref().and_then(|shown| shown.expires).expect("a token with an end");
    play.now.boot.until(ends).as_secs()
}

#[test]
fn in_the_same_boot_the_token_is_served_on_and_renewed_when_it_was_due() {
    let mut play = logged_in(600);
    play.restart("boot-a", play.now.boot);
    assert_eq!((play.served(), left(&play)), (Some("a-1"), 3000));
    assert!(!play.is_degraded(), "nothing has failed");
    assert_eq!(play.session.report(play.now).user_id.as_deref(), Some("jane"));
    play.nothing_is_sent();
    play.advance(1200 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn in_the_middle_of_an_outage_it_goes_on_serving() {
    let mut play = logged_in(1800);
    play.reply(later(None));
    play.restart("boot-a", play.now.boot);
    assert_eq!(play.served(), Some("a-1"));
    play.reply(later(None));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn in_another_boot_what_is_left_counts_by_the_wall_clock() {
    for boot in [0, 5_000, 100_000_000] {
        let mut play = logged_in(600);
        play.restart("boot-b", Boot::from_millis(boot));
        assert_eq!((play.served(), left(&play)), (Some("a-1"), 3000), "{boot}");
        play.advance(1199 * SECOND);
        play.nothing_is_sent();
        play.advance(SECOND);
        assert_eq!(play.open_refresh(), "r-1", "{boot}");
        play.advance(1799 * SECOND);
        assert_eq!(play.served(), Some("a-1"), "{boot}");
        play.advance(SECOND);
        assert_eq!(play.served(), None, "{boot}");
    }
}

#[test]
fn a_second_restart_right_after_a_reboot_makes_the_token_no_younger() {
    let mut play = logged_in(600);
    play.restart("boot-b", Boot::from_millis(5_000));
    // Something is saved in this boot.
    play.reject("a-1");
    play.reply(lost());
    for boot_id in ["boot-b", "boot-c"] {
        play.advance(100 * SECOND);
        let before = left(&play);
        play.restart(boot_id, play.now.boot);
        assert_eq!(left(&play), before, "{boot_id}");
    }
}

#[test]
fn an_expired_token_is_not_taken_up_and_a_new_one_is_fetched_at_once() {
    let mut play = logged_in(600);
    play.now.wall = play.now.wall + 3001 * SECOND;
    play.restart("boot-b", Boot::from_millis(5_000));
    assert_eq!(play.served(), None);
    assert_eq!(play.session.report(play.now).state, ProfileState::Degraded, "none as yet");
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn a_wall_clock_before_the_save_is_not_believed() {
    let mut play = logged_in(600);
    play.now.wall = play.now.wall - 86_400 * SECOND;
    play.restart("boot-b", Boot::from_millis(5_000));
    assert_eq!(play.served(), None);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn nor_is_it_believed_once_it_has_gone_on() {
    // Set back behind the request of the token, and between that and a save.
    for back in [4000, 300] {
        let mut play = logged_in(600);
        play.reject("a-1");
        play.reply(lost());
        play.now.wall = play.now.wall - back * SECOND;
        play.restart("boot-b", Boot::from_millis(5_000));
        assert_eq!(play.served(), None, "{back}");
        play.now.wall = play.now.wall + back * SECOND;
        play.restart("boot-c", Boot::from_millis(5_000));
        assert_eq!(play.served(), None, "what the clock spoke against is on disk no more: {back}");
    }
}

#[test]
fn a_wall_clock_set_while_it_ran_makes_no_token_younger_or_older_after_a_reboot() {
    for (set_by, down, left_is) in [
        (-2400, 3000, None),
        (-2400, 2700, Some(300)),
        (-86_400, 600, Some(2400)),
        (86_400, 600, Some(2400)),
        (86_400, 3000, None),
    ] {
        let mut play = logged_in(600);
        play.step_wall(set_by);
        play.now.wall = play.now.wall + down * SECOND;
        play.restart("boot-b", Boot::from_millis(5_000));
        let case = format!("set by {set_by} s, down for {down} s");
        assert_eq!(play.served(), left_is.map(|_| "a-1"), "{case}");
        match left_is {
            Some(seconds) => assert_eq!(left(&play), seconds, "{case}"),
            None => assert_eq!(play.open_refresh(), "r-1", "{case}"),
        }
    }
}

#[test]
fn a_wall_clock_set_while_the_disk_was_bad_is_saved_when_it_is_back() {
    let mut play = logged_in(600);
    play.disk = crate::play::Disk::Fails;
    play.step_wall(-2400);
    play.disk = crate::play::Disk::Works;
    play.advance(60 * SECOND);
    play.now.wall = play.now.wall + 3000 * SECOND;
    play.restart("boot-b", Boot::from_millis(5_000));
    assert_eq!(play.served(), None);
}

#[test]
fn a_wall_clock_set_while_it_was_down_makes_no_token_younger_after_the_next_reboot() {
    let mut play = logged_in(600);
    let saved_at = play.now.boot;
    play.now.wall = play.now.wall - 400 * SECOND;
    play.restart("boot-a", saved_at);
    assert_eq!((play.served(), left(&play)), (Some("a-1"), 3000), "this boot's clock tells");
    play.now.wall = play.now.wall + 3100 * SECOND;
    play.restart("boot-b", Boot::from_millis(5_000));
    assert_eq!(play.served(), None);
}

#[test]
fn a_restart_does_not_repeat_a_lost_answer_while_the_token_in_hand_is_good() {
    let mut play = logged_in(1800);
    play.reply(lost());
    play.restart("boot-a", play.now.boot);
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), true));
    let wisher = play.wish(3500, false);
    assert_eq!(play.token(wisher), ("a-1".to_owned(), true));
    play.advance(1700 * SECOND);
    play.nothing_is_sent();
    play.advance(70 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn a_session_that_was_over_stays_over_and_is_not_said_again() {
    let mut play = logged_in(1800);
    play.reply(denied(OAuthError::InvalidGrant));
    play.restart("boot-a", play.now.boot);
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), true));
    play.advance(3600 * SECOND);
    play.nothing_is_sent();
    assert_eq!(play.times_told(EventKind::LoginRequired), 0);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
}

#[test]
fn the_end_right_after_a_restart_says_what_may_have_been_lost() {
    let mut play = logged_in(600);
    play.restart("boot-b", Boot::from_millis(5_000));
    play.reject("a-1");
    play.reply(denied(OAuthError::InvalidGrant));
    let message = play.session.report(play.now).last_error.unwrap().message;
    assert!(message.contains("came from the saved session"), "{message}");
}

#[test]
fn what_cannot_be_opened_is_state_unreadable_and_stays() {
    let unreadable = Restored::Unreadable("its key is missing".to_owned());
    let mut play = Play::with(settings(), unreadable);
    assert!(play.session.is_unreadable());
    let reader = play.read();
    let refusal = play.refusal(reader);
    assert_eq!(refusal.code, ErrorCode::StateUnreadable);
    assert!(refusal.message.contains("its key is missing"));
    assert_eq!(play.session.report(play.now).state, ProfileState::StateUnreadable);
    let leaver = play.logout(true);
    let (_, message) = play.logged_out(leaver);
    assert_eq!(
        message.unwrap(),
        "the saved session can't be opened and stays on disk, its refresh token not revoked; this daemon revokes and \
         removes it as soon as it can be opened, and after a restart you have to log out again: its key is missing"
    );
    let leaver = play.logout(false);
    let (_, message) = play.logged_out(leaver);
    assert!(message.unwrap().contains("this daemon removes it as soon as"));
    assert!(play.unreadable_file);
    play.advance(3600 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn a_login_moves_what_cannot_be_opened_aside() {
    let unreadable = Restored::Unreadable("its key is missing".to_owned());
    let mut play = Play::with(settings(), unreadable);
    play.log_in(granted("1"));
    assert_eq!(play.served(), Some("a-1"));
    assert!(matches!(play.aside.as_slice(), [(Aside::Unreadable, None)]));
    assert!(play.file.is_some() && !play.session.is_unreadable());
    play.advance(1800 * SECOND);
    play.reply(granted("2"));
    assert_eq!(play.aside.len(), 1, "only once");
}

#[test]
fn what_can_be_opened_again_is_taken_up_on_reload() {
    let saved = logged_in(0).file.map(Box::new).map(Restored::Session).unwrap();
    let mut play = Play::with(settings(), Restored::Unreadable("the keyring is locked".to_owned()));
    play.advance(60 * SECOND);
    play.event(Event::Restored(saved));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_logout_before_it_could_be_opened_is_carried_out_then() {
    let saved = logged_in(0).file.map(Box::new).map(Restored::Session).unwrap();
    let mut play = Play::with(settings(), Restored::Unreadable("the disk is away".to_owned()));
    play.logout(true);
    play.unreadable_file = false;
    play.event(Event::Restored(saved));
    assert_eq!(play.served(), None);
    assert_eq!(play.open_revocation(), "r-1");
    assert!(play.file.is_none());
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
}

#[test]
fn after_a_logout_with_a_bad_disk_what_cannot_be_opened_is_still_not_deleted() {
    let unreadable = Restored::Unreadable("its key is missing".to_owned());
    let mut play = Play::with(settings(), unreadable);
    play.disk = Disk::Fails;
    play.log_in(granted("1"));
    play.logout(true);
    assert_eq!(play.served(), None, "what is in memory is forgotten");
    assert_eq!(play.open_revocation(), "r-1");
    play.disk = Disk::Works;
    play.advance(100 * SECOND);
    assert!(play.unreadable_file);
}

#[test]
fn what_is_read_again_takes_the_place_of_nothing() {
    let saved = || logged_in(0).file.map(Box::new).map(Restored::Session).unwrap();
    let mut play = Play::new();
    play.event(Event::Restored(saved()));
    assert_eq!(play.served(), None, "nothing was unreadable");

    let mut play = Play::with(settings(), Restored::Unreadable("its key is missing".to_owned()));
    play.disk = Disk::Fails;
    play.log_in(granted("2"));
    play.event(Event::Restored(saved()));
    assert_eq!(play.served(), Some("a-2"), "somebody has logged in meanwhile");
    play.disk = Disk::Works;
    play.advance(100 * SECOND);
    assert!(matches!(play.aside.as_slice(), [(Aside::Unreadable, _)]));
}

#[test]
fn a_logout_before_it_could_be_opened_revokes_what_is_its_own_and_where_that_is_wanted() {
    for (place, revoke) in [(settings(), false), (settings_at("https://two.example"), true)] {
        let saved = logged_in(0).file.map(Box::new).map(Restored::Session).unwrap();
        let mut play = Play::with(place, Restored::Unreadable("the disk is away".to_owned()));
        play.logout(revoke);
        play.unreadable_file = false;
        play.event(Event::Restored(saved));
        play.nothing_is_sent();
        assert!(play.file.is_none());
    }
}

#[test]
fn a_session_that_is_over_after_a_lost_answer_says_so_after_a_restart() {
    let mut play = logged_in(1800);
    play.reply(lost());
    play.advance(1770 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    play.restart("boot-a", play.now.boot);
    let error = play.session.report(play.now).last_error.unwrap();
    assert_eq!(error.code, ErrorCode::LoginRequired);
}

#[test]
fn a_second_restart_counts_by_the_boot_time_clock_where_the_wall_clock_was_set_back() {
    let mut play = logged_in(600);
    play.restart("boot-a", play.now.boot);
    play.reject("a-1");
    play.reply(lost());
    play.step_wall(-300);
    play.restart("boot-a", play.now.boot);
    assert_eq!(left(&play), 3000);
}

#[test]
fn and_so_it_does_for_a_token_of_before_this_boot() {
    let mut play = logged_in(600);
    play.restart("boot-b", Boot::from_millis(5_000));
    play.reject("a-1");
    play.reply(lost());
    play.disk = Disk::Fails;
    play.step_wall(-300);
    play.restart("boot-b", play.now.boot);
    assert_eq!(left(&play), 3000);
}

#[test]
fn a_token_without_a_known_end_is_renewed_at_half_of_what_its_refresh_token_has_left() {
    let mut play = Play::logged_in(granted("1").without_end().refresh_lives(3600));
    play.advance(1000 * SECOND);
    play.restart("boot-a", play.now.boot);
    assert_eq!(play.served(), Some("a-1"));
    play.advance(1299 * SECOND);
    play.nothing_is_sent();
    play.advance(SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn a_reload_after_a_restart_sends_a_lost_request_again_where_that_spends_nothing() {
    let mut play = logged_in(1800);
    play.reply(granted("2").refresh(Some("r-1")));
    play.reject("a-2");
    play.reply(lost());
    play.restart("boot-a", play.now.boot);
    play.nothing_is_sent();
    play.reload(settings());
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn a_refresh_token_that_ends_later_makes_the_renewal_no_sooner_after_a_restart() {
    let mut play = Play::logged_in(granted("1").refresh_lives(4000));
    play.advance(600 * SECOND);
    play.restart("boot-a", play.now.boot);
    play.advance(1199 * SECOND);
    play.nothing_is_sent();
    play.advance(SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}
