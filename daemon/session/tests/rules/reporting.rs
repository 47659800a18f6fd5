//! What `status` says of a session.

use crate::play::{
    Disk, Play, by_itself, denied, found, granted, misconfigured, settings, settings_at,
};
use bearerd_proto::{ErrorCode, ProfileState};
use bearerd_session::{OAuthError, Own, Restored};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn whoever_has_never_logged_in_has_no_error() {
    let report = Play::new().session.report(Play::new().now);
    assert_eq!((report.state, report.last_error), (ProfileState::LoginRequired, None));
}

#[test]
fn a_session_that_is_over_is_that_also_where_an_older_one_cannot_be_opened() {
    let mut play = Play::with(settings(), Restored::Unreadable("its key is missing".to_owned()));
    play.disk = Disk::Fails;
    play.log_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    let report = play.session.report(play.now);
    assert_eq!(report.state, ProfileState::LoginRequired);
    assert_eq!(report.last_error.map(|error| error.code), Some(ErrorCode::LoginRequired));
}

#[test]
fn what_keeps_a_saved_session_from_being_used_is_the_last_error() {
    let unreadable = Restored::Unreadable("its key is missing".to_owned());
    let saved = Play::logged_in(granted("1")).file.map(Box::new).map(Restored::Session).unwrap();
    for (place, restored, code) in [
        (settings(), unreadable, ErrorCode::StateUnreadable),
        (settings_at("https://two.example"), saved, ErrorCode::LoginRequired),
    ] {
        let play = Play::with(place, restored);
        let error = play.session.report(play.now).last_error.unwrap();
        assert_eq!((error.code, error.at), (code, play.now.wall.as_secs()));
    }
}

#[test]
fn the_next_renewal_and_the_login_under_way_are_told() {
    let mut play = Play::logged_in(granted("1"));
    let report = play.session.report(play.now);
    assert_eq!(report.refresh, Some(play.now.boot + 1800 * SECOND));
    assert_eq!((report.expires, report.login), (Some(play.now.boot + 3600 * SECOND), None));
    let login_id = play.start_login(false);
    let login = play.session.report(play.now).login.unwrap();
    assert_eq!((login.login_id, login.user_code.as_deref()), (login_id, Some("ABCD-EFGH")));
}

#[test]
fn a_session_whose_save_waits_for_the_old_places_answer_is_not_saved() {
    let by_password = Own::Sessions { needs_given: false };
    let mut play = Play::own(by_password);
    play.reply(granted("1"));
    play.advance(1900 * SECOND);
    let (late, _) = play.open_request();
    play.reload(by_itself(by_password, settings_at("https://two.example")));
    assert!(play.session.report(play.now).saved, "nothing is to be saved");
    let (grant, _) = play.open.last().cloned().expect("another session is begun");
    play.answer_to(grant, granted("2"));
    assert!(!play.session.report(play.now).saved, "its save waits");
    play.answer_to(late, granted("3"));
    assert!(play.session.report(play.now).saved);
}

#[test]
fn a_save_that_has_just_begun_is_no_reason_to_worry() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Hangs;
    play.advance(1900 * SECOND);
    play.reply(granted("2"));
    assert!(play.session.report(play.now).saved);
    play.advance(3 * SECOND);
    assert!(!play.session.report(play.now).saved, "it hangs");
}

#[test]
fn what_waits_for_a_person_says_no_time() {
    let mut play = Play::own(Own::GrantFile);
    let reader = play.read();
    play.reply(found("r-file"));
    play.reply(misconfigured());
    let refusal = play.refusal(reader);
    assert_eq!(
        (refusal.code, refusal.retry_after.filter(|wait| *wait > 86_400)),
        (ErrorCode::Misconfigured, None)
    );
    let mut play = Play::own(Own::Sessions { needs_given: false });
    let reader = play.read();
    play.reply(denied(OAuthError::InvalidGrant));
    let refusal = play.refusal(reader);
    assert_eq!((refusal.code, refusal.retry_after), (ErrorCode::Misconfigured, None));
}
