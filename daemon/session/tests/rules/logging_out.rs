//! Logout: forgotten at once, revoked where that is wanted, and nothing that comes late brings it back.

use crate::play::{Disk, Play, failed, granted, lost, settings_at};
use bearerd_proto::{ErrorCode, EventKind, Revocation};
use bearerd_session::time::Boot;
use bearerd_session::{Cause, Constant, Event, Kind, Outcome, Restored, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_logout_forgets_at_once_and_revokes() {
    let mut play = Play::logged_in(granted("1"));
    let leaver = play.logout(true);
    assert_eq!(play.served(), None);
    assert!(play.file.is_none());
    assert_eq!(play.open_revocation(), "r-1");
    assert!(play.waits(leaver));
    play.reply(Outcome::Revoked);
    assert_eq!(play.logged_out(leaver), (Revocation::Revoked, None));
    assert_eq!(play.times_told(EventKind::LoggedOut), 1);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
    play.advance(7200 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn a_logout_without_revocation_tells_the_idp_nothing() {
    let mut play = Play::logged_in(granted("1"));
    let leaver = play.logout(false);
    assert_eq!(play.logged_out(leaver), (Revocation::Skipped, None));
    play.nothing_is_sent();
    assert!(play.file.is_none());
}

#[test]
fn an_idp_that_cannot_be_told_is_said_and_changes_nothing() {
    let mut play = Play::logged_in(granted("1"));
    let (first, second) = (play.logout(true), play.logout(true));
    assert_eq!(play.logged_out(second), (Revocation::Skipped, None), "nothing was left to revoke");
    play.reply(failed(Cause::NotSent));
    let (revocation, message) = play.logged_out(first);
    assert_eq!(revocation, Revocation::Failed);
    assert!(message.is_some_and(|message| message.contains("idp.example")));
    let mut play = Play::logged_in(granted("1"));
    let leaver = play.logout(true);
    play.advance(12 * SECOND);
    assert_eq!(play.logged_out(leaver).0, Revocation::Failed);
}

#[test]
fn an_answer_that_arrives_after_the_logout_is_revoked_and_dropped() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    let (refresh, _) = play.open_request();
    play.logout(true);
    play.answer_to(refresh, granted("2"));
    assert_eq!(play.served(), None);
    assert!(play.file.is_none());
    let revoked: Vec<_> =
        play.open.iter().map(|(_, request)| format!("{:?}", request.kind())).collect();
    assert_eq!(revoked, ["Revoke", "Revoke"], "the old one and the new one");
}

#[test]
fn after_a_logout_without_revocation_it_is_only_dropped() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    let (refresh, _) = play.open_request();
    play.logout(false);
    play.answer_to(refresh, granted("2"));
    play.nothing_is_sent();
    assert_eq!(play.served(), None);
}

#[test]
fn a_login_under_way_at_a_logout_ends_with_it() {
    for (revoke, revocations) in [(true, 1), (false, 0)] {
        let mut play = Play::new();
        let login_id = play.start_login(false);
        let follower = play.follow(&login_id, 60);
        play.advance(5 * SECOND);
        let (poll, _) = play.open_request();
        play.logout(revoke);
        assert_eq!(play.code(follower), ErrorCode::LoginDenied);
        play.answer_to(poll, granted("1"));
        assert_eq!(play.open.len(), revocations);
        assert_eq!(play.served(), None);
    }
}

#[test]
fn a_logout_while_the_login_is_being_saved_revokes_both_sessions() {
    let mut play = Play::logged_in(granted("1"));
    play.start_login(false);
    play.disk = Disk::Hangs;
    play.person_confirms(granted("2").sid(Some("sid-2")));
    play.logout(true);
    play.disk_is_back(true);
    assert!(play.file.is_none());
    assert_eq!(play.served(), None);
    assert_eq!(play.open.len(), 2, "r-1 and r-2: {:?}", play.sent);
}

#[test]
fn callers_that_wait_are_told_login_required() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let (reader, rejecter, strict) = (play.read(), play.reject("whatever"), play.wish(30, true));
    play.logout(true);
    for waiter in [reader, rejecter, strict] {
        assert_eq!(play.code(waiter), ErrorCode::LoginRequired);
    }
}

#[test]
fn a_file_that_cannot_be_removed_is_said_and_removed_later() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Fails;
    let leaver = play.logout(false);
    let (_, message) = play.logged_out(leaver);
    assert!(message.is_some_and(|message| message.contains("no space left")));
    assert_eq!(play.served(), None);
    play.disk = Disk::Works;
    play.advance(60 * SECOND);
    assert!(play.file.is_none());
}

#[test]
fn a_lost_answer_after_the_logout_is_nothing() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    let (refresh, _) = play.open_request();
    play.logout(false);
    play.answer_to(refresh, lost());
    play.advance(7200 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn a_constant_profile_has_nothing_to_forget_but_what_was_parked() {
    let constant = || {
        let constant = Constant { token: None, user_id: None, user_email: None };
        Settings { kind: Kind::Constant(constant), ..settings_at("constant") }
    };
    let mut play = Play::with(constant(), Restored::Nothing);
    play.disk = Disk::Hangs;
    let leaver = play.logout(true);
    assert_eq!(play.logged_out(leaver), (Revocation::Skipped, None), "no disk is waited for");

    let saved = Play::logged_in(granted("1")).file.map(Box::new).map(Restored::Session).unwrap();
    let mut play = Play::with(constant(), saved);
    play.logout(true);
    assert!(play.file.is_none());
    assert_eq!(play.times_told(EventKind::LoggedOut), 1);
}

#[test]
fn a_session_of_a_refresh_token_alone_or_of_an_access_token_alone_is_one_to_log_out_of() {
    let mut without_access_token = Play::logged_in(granted("1").lives(60));
    without_access_token.now.wall = without_access_token.now.wall + 600 * SECOND;
    without_access_token.restart("boot-b", Boot::from_millis(5_000));
    assert_eq!(without_access_token.served(), None);
    let without_refresh_token = Play::logged_in(granted("1").refresh(None));
    for mut play in [without_access_token, without_refresh_token] {
        play.logout(false);
        assert_eq!(play.times_told(EventKind::LoggedOut), 1);
        assert!(play.file.is_none());
    }
}

#[test]
fn whoever_logs_out_and_goes_away_is_not_answered_and_the_others_are() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Hangs;
    let (gone, stays) = (play.logout(false), play.logout(false));
    play.event(Event::Gone(gone));
    play.disk_is_back(true);
    assert!(play.waits(gone));
    assert_eq!(play.logged_out(stays), (Revocation::Skipped, None));
}
