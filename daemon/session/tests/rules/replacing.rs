//! A login over a session that is there: left alone until the login is done, then replaced, or tried once more.

use crate::logging_in::{is_done, pending_id, until_poll};
use crate::play::{Disk, Play, denied, device, failed, granted, lost};
use bearerd_proto::{ErrorCode, EventKind, ProfileState};
use bearerd_session::{Cause, OAuthError, Outcome, Request};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A session that is over, and still has its refresh token.
fn over() -> Play {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(1800 * SECOND);
    play
}

#[test]
fn the_live_session_is_left_alone_until_the_login_is_done() {
    let mut play = Play::logged_in(granted("1").lives(600));
    let login_id = play.start_login(false);
    assert_eq!((play.served(), play.is_degraded()), (Some("a-1"), false));
    assert_eq!(play.session.report(play.now).state, ProfileState::Ready);
    let follower = play.follow(&login_id, 60);
    until_poll(&mut play);
    play.reply(denied(OAuthError::AccessDenied));
    assert_eq!(play.code(follower), ErrorCode::LoginDenied);
    play.advance(600 * SECOND);
    assert_eq!(play.open_refresh(), "r-1", "and goes on");
}

#[test]
fn readers_keep_the_old_token_and_its_user_until_the_new_one_is_on_disk() {
    let mut play = Play::logged_in(granted("1"));
    let login_id = play.start_login(true);
    play.disk = Disk::Hangs;
    play.person_confirms(granted("2").to("joe").sid(Some("sid-2")));
    play.step_wall(1);
    let shown = play.shown.clone().unwrap();
    assert_eq!((shown.token.as_str(), shown.user_id.as_deref()), ("a-1", Some("jane")));
    play.nothing_is_sent();
    let (impatient, follower) = (play.follow(&login_id, 0), play.follow(&login_id, 60));
    assert_eq!(pending_id(&mut play, impatient), login_id, "not done yet");
    let cancels = play.cancel(&login_id);
    assert_eq!(play.code(cancels), ErrorCode::NotFound, "too late for that");
    play.disk_is_back(true);
    assert!(is_done(&mut play, follower));
    let shown = play.shown.clone().unwrap();
    assert_eq!((shown.token.as_str(), shown.user_id.as_deref()), ("a-2", Some("joe")));
    assert_eq!(play.open_revocation(), "r-1");
}

#[test]
fn the_old_token_goes_with_its_session_although_the_new_one_has_expired_by_then() {
    let mut play = Play::logged_in(granted("1"));
    play.start_login(true);
    play.disk = Disk::Hangs;
    play.person_confirms(granted("2").lives(1).to("joe").sid(Some("sid-2")));
    play.advance(2 * SECOND);
    assert_eq!(play.served(), None, "nobody gets jane's token as joe's");
    let reader = play.read();
    assert!(play.waits(reader), "joe's next one is on its way");
}

#[test]
fn an_end_while_the_new_token_is_being_saved_is_no_end_of_the_session() {
    let mut play = Play::logged_in(granted("1").refresh(None).lives(60));
    play.advance(54 * SECOND);
    play.start_login(false);
    play.disk = Disk::Hangs;
    play.person_confirms(granted("2").refresh(None));
    play.advance(SECOND);
    assert_eq!(play.served(), None);
    let reader = play.read();
    assert!(play.waits(reader), "the new one is on its way");
    play.disk_is_back(true);
    assert_eq!(play.token(reader), ("a-2".to_owned(), false));
    assert_eq!(play.times_told(EventKind::LoginRequired), 0);
}

#[test]
fn the_old_refresh_token_is_revoked_once_the_new_one_is_in_force() {
    let mut play = Play::logged_in(granted("1"));
    play.log_in(granted("2").sid(Some("sid-2")));
    assert_eq!(play.open_revocation(), "r-1");
    play.reply(Outcome::Revoked);
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn a_login_in_the_same_session_of_the_idp_revokes_nothing() {
    let mut play = Play::logged_in(granted("1"));
    play.log_in(granted("2"));
    play.nothing_is_sent();
    let mut play = Play::logged_in(granted("1"));
    play.log_in(granted("2").refresh(None));
    play.nothing_is_sent();
}

#[test]
fn a_refresh_under_way_at_a_login_is_revoked_unless_it_shares_the_session_of_the_idp() {
    // Not every answer says whose session it is.
    let cases = [
        ("sid-1", Some("sid-1"), 0),
        ("sid-1", None, 0),
        ("sid-2", Some("sid-1"), 2),
        ("sid-2", None, 2),
    ];
    for (sid, late_sid, revoked) in cases {
        let mut play = Play::logged_in(granted("1").lives(600));
        play.advance(296 * SECOND);
        play.start_login(false);
        play.advance(5 * SECOND);
        let [(refresh, _), (poll, _)] = play.open.as_slice() else {
            panic!("a refresh and a poll were expected: {:?}", play.open)
        };
        let (refresh, poll) = (*refresh, *poll);
        play.answer_to(poll, granted("2").sid(Some(sid)));
        play.answer_to(refresh, granted("3").sid(late_sid));
        let revocations =
            play.sent.iter().filter(|(_, request)| matches!(request, Request::Revoke { .. }));
        assert_eq!(revocations.count(), revoked, "{sid}");
        assert_eq!(play.served(), Some("a-2"));
    }
}

#[test]
fn another_sub_is_denied_and_its_tokens_revoked() {
    let mut play = Play::logged_in(granted("1"));
    let login_id = play.start_login(false);
    play.person_confirms(granted("2").to("joe").sid(Some("sid-2")));
    assert_eq!(play.open_revocation(), "r-2");
    let follower = play.follow(&login_id, 0);
    assert_eq!(play.code(follower), ErrorCode::LoginDenied);
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn another_sub_takes_over_where_the_login_says_replace() {
    let mut play = Play::logged_in(granted("1"));
    play.start_login(true);
    play.person_confirms(granted("2").to("joe").sid(Some("sid-2")));
    assert_eq!(play.served(), Some("a-2"));
    assert_eq!(play.session.report(play.now).user_id.as_deref(), Some("joe"));
    assert_eq!(play.open_revocation(), "r-1");
}

#[test]
fn a_second_caller_can_say_replace() {
    let mut play = Play::logged_in(granted("1"));
    play.start_login(false);
    play.login(true);
    play.person_confirms(granted("2").to("joe").sid(Some("sid-2")));
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn late_tokens_of_a_cancelled_login_do_not_take_the_live_session_along() {
    let mut play = Play::logged_in(granted("1"));
    let login_id = play.start_login(false);
    until_poll(&mut play);
    play.cancel(&login_id);
    play.reply(granted("2"));
    play.nothing_is_sent();
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn the_kept_token_of_a_session_that_is_over_is_tried_once_when_a_login_is_asked_for() {
    let mut play = over();
    play.told.clear();
    let waiter = play.login(false);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    assert!(is_done(&mut play, waiter));
    assert_eq!((play.served(), play.is_degraded()), (Some("a-2"), false));
    assert_eq!(play.times_told(EventKind::LoggedIn), 1);
}

#[test]
fn where_the_kept_token_is_of_no_use_a_person_is_asked() {
    for outcome in [denied(OAuthError::InvalidGrant), failed(Cause::NotSent), lost()] {
        let mut play = over();
        let waiter = play.login(false);
        let reader = play.read();
        assert_eq!(play.code(reader), ErrorCode::LoginRequired, "nobody waits for that try");
        play.reply(outcome);
        assert!(matches!(play.open_request().1, Request::DeviceStart));
        play.reply(Outcome::Device(device()));
        pending_id(&mut play, waiter);
        play.person_confirms(granted("2"));
        assert_eq!((play.served(), play.is_degraded()), (Some("a-2"), false));
        assert_eq!(play.times_told(EventKind::LoginRequired), 1, "not said again");
    }
}

#[test]
fn a_login_that_replaces_does_not_try_the_kept_token() {
    let mut play = over();
    play.login(true);
    assert!(matches!(play.open_request().1, Request::DeviceStart));
}

#[test]
fn a_kept_token_whose_try_has_just_failed_is_not_tried_again_within_two_seconds() {
    for (pause, tried) in [(SECOND, false), (2 * SECOND, true)] {
        let mut play = over();
        let waiter = play.login(false);
        play.reply(failed(Cause::NotSent));
        play.reply(Outcome::Device(device()));
        let login_id = pending_id(&mut play, waiter);
        play.cancel(&login_id);
        play.advance(pause);
        play.login(false);
        let (_, request) = play.open_request();
        assert_eq!(matches!(request, Request::Refresh { .. }), tried, "after {pause:?}");
    }
}
