//! Logins by device code (RFC 8628): one at a time, shared, polled as it says, beside the live session until done.

use crate::play::{Play, denied, device, failed, granted, later, lost, misconfigured, settings};
use bearerd_proto::{ErrorCode, EventKind, LoginAnswer, ProfileState};
use bearerd_session::{
    Answer, Cause, DeviceAuthorization, Event, OAuthError, Outcome, Request, WaiterId,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn pending_id(play: &mut Play, waiter: WaiterId) -> String {
    match play.answer(waiter) {
        Answer::Login(LoginAnswer::Pending(pending)) => pending.login_id,
        other => panic!("a pending login was expected, not {other:?}"),
    }
}

pub(crate) fn is_done(play: &mut Play, waiter: WaiterId) -> bool {
    matches!(play.answer(waiter), Answer::Login(LoginAnswer::Done(_)))
}

/// Time passes until the next poll is sent; gives how long that took.
pub(crate) fn until_poll(play: &mut Play) -> Duration {
    let from = play.now.boot;
    for _ in 0..200 {
        if !play.open.is_empty() {
            return from.until(play.now.boot);
        }
        play.advance(SECOND);
    }
    panic!("no poll in 200 s");
}

#[test]
fn a_login_shows_its_link_and_ends_with_tokens_on_disk() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    assert_eq!(play.session.report(play.now).state, ProfileState::LoginPending);
    let follower = play.follow(&login_id, 60);
    play.person_confirms(granted("1"));
    assert!(is_done(&mut play, follower));
    assert_eq!(play.served(), Some("a-1"));
    assert!(play.file.is_some());
    assert_eq!(play.session.report(play.now).state, ProfileState::Ready);
    assert_eq!(play.times_told(EventKind::LoggedIn), 1);
    let late = play.follow(&login_id, 60);
    assert!(is_done(&mut play, late), "how it ended can still be asked");
}

#[test]
fn a_second_caller_is_shown_the_same_link() {
    let mut play = Play::new();
    let (first, second) = (play.login(false), play.login(false));
    play.reply(Outcome::Device(device()));
    let id = pending_id(&mut play, first);
    assert_eq!(pending_id(&mut play, second), id);
    let third = play.login(false);
    assert_eq!(pending_id(&mut play, third), id);
    assert_eq!(play.sent.len(), 1);
}

#[test]
fn polls_are_five_seconds_apart_and_slow_down_adds_five_for_good() {
    let mut play = Play::new();
    play.start_login(false);
    assert_eq!(until_poll(&mut play), 5 * SECOND);
    play.reply(denied(OAuthError::AuthorizationPending));
    assert_eq!(until_poll(&mut play), 5 * SECOND);
    for seconds in [10, 15] {
        play.reply(denied(OAuthError::SlowDown));
        assert_eq!(until_poll(&mut play), SECOND * seconds);
    }
    play.reply(denied(OAuthError::AuthorizationPending));
    assert_eq!(until_poll(&mut play), 15 * SECOND);
}

#[test]
fn an_interval_of_nothing_is_no_storm() {
    let mut play = Play::new();
    play.login(false);
    play.reply(Outcome::Device(DeviceAuthorization { interval: Duration::ZERO, ..device() }));
    assert_eq!(until_poll(&mut play), SECOND);
}

#[test]
fn a_transient_failure_of_a_poll_backs_off_and_goes_on() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    for outcome in [
        failed(Cause::NotSent),
        lost(),
        later(None),
        denied(OAuthError::ServerError),
        denied(OAuthError::TemporarilyUnavailable),
        failed(Cause::Unusable { refresh_token: None }),
    ] {
        let pause = until_poll(&mut play);
        assert!(pause >= 5 * SECOND, "{pause:?}");
        play.reply(outcome);
    }
    assert!(until_poll(&mut play) >= 16 * SECOND, "half of 32 s");
    play.reply(later(Some(60)));
    assert_eq!(until_poll(&mut play), 60 * SECOND);
    play.reply(granted("1"));
    let follower = play.follow(&login_id, 0);
    assert!(is_done(&mut play, follower));
}

#[test]
fn a_poll_whose_answer_was_lost_is_named_when_its_code_is_used_up() {
    let useless = failed(Cause::Unusable { refresh_token: None });
    for (before, named) in [(lost(), true), (useless, true), (later(None), false)] {
        let mut play = Play::new();
        let login_id = play.start_login(false);
        until_poll(&mut play);
        play.reply(before);
        until_poll(&mut play);
        play.reply(denied(OAuthError::InvalidGrant));
        let follower = play.follow(&login_id, 0);
        let refusal = play.refusal(follower);
        assert_eq!(refusal.code, ErrorCode::LoginExpired);
        assert_eq!(refusal.message.contains("was lost on its way"), named, "{}", refusal.message);
    }
}

#[test]
fn a_refresh_token_in_a_useless_answer_to_a_poll_is_revoked() {
    let useless = || {
        let refresh_token = Some(bearerd_proto::Secret::new("r-9"));
        failed(Cause::Unusable { refresh_token })
    };
    let mut play = Play::new();
    play.start_login(false);
    until_poll(&mut play);
    play.reply(useless());
    assert_eq!(play.open_revocation(), "r-9");

    let mut play = Play::logged_in(granted("1"));
    play.start_login(false);
    until_poll(&mut play);
    play.reply(useless());
    play.nothing_is_sent();
}

#[test]
fn any_other_oauth_error_of_a_poll_ends_the_login() {
    use OAuthError as E;
    for (error, code) in [
        (E::AccessDenied, ErrorCode::LoginDenied),
        (E::ExpiredToken, ErrorCode::LoginExpired),
        (E::InvalidGrant, ErrorCode::LoginExpired),
        (E::InvalidClient, ErrorCode::Misconfigured),
        (E::UnauthorizedClient, ErrorCode::Misconfigured),
        (E::InvalidScope, ErrorCode::BadRequest),
        (E::Other, ErrorCode::IdpRejected),
    ] {
        let mut play = Play::new();
        let login_id = play.start_login(false);
        let follower = play.follow(&login_id, 60);
        until_poll(&mut play);
        play.reply(denied(error));
        assert_eq!(play.code(follower), code, "{error:?}");
        play.advance(600 * SECOND);
        play.nothing_is_sent();
        let late = play.follow(&login_id, 60);
        assert_eq!(play.code(late), code, "how it ended can still be asked");
    }
}

#[test]
fn a_login_that_nobody_confirms_expires_with_its_code() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    for _ in 0..119 {
        until_poll(&mut play);
        play.reply(denied(OAuthError::AuthorizationPending));
    }
    let follower = play.follow(&login_id, 60);
    play.advance(5 * SECOND);
    assert_eq!(play.code(follower), ErrorCode::LoginExpired);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
}

#[test]
fn a_poll_under_way_at_the_codes_end_still_counts() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    until_poll(&mut play);
    play.advance(700 * SECOND);
    play.reply(granted("1"));
    let follower = play.follow(&login_id, 0);
    assert!(is_done(&mut play, follower));
}

#[test]
fn following_is_a_long_poll_of_sixty_seconds_at_most() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    let (now, longest) = (play.follow(&login_id, 0), play.follow(&login_id, 3600));
    assert_eq!(pending_id(&mut play, now), login_id);
    play.advance(Duration::from_millis(59_999));
    assert!(play.waits(longest));
    play.advance(Duration::from_millis(1));
    assert_eq!(pending_id(&mut play, longest), login_id);
    let unknown = play.follow("another", 60);
    assert_eq!(play.code(unknown), ErrorCode::NotFound);
}

#[test]
fn whoever_goes_away_is_not_answered_and_the_others_are() {
    let mut play = Play::new();
    let (gone, stays) = (play.login(false), play.login(false));
    play.event(Event::Gone(gone));
    play.reply(Outcome::Device(device()));
    assert!(play.waits(gone));
    let login_id = pending_id(&mut play, stays);
    let (gone, stays) = (play.follow(&login_id, 60), play.follow(&login_id, 60));
    play.event(Event::Gone(gone));
    play.person_confirms(granted("1"));
    assert!(play.waits(gone) && is_done(&mut play, stays));
}

#[test]
fn a_start_that_fails_is_the_callers_answer() {
    for (outcome, code) in [
        (failed(Cause::NotSent), ErrorCode::IdpUnreachable),
        (later(Some(7)), ErrorCode::IdpUnreachable),
        (misconfigured(), ErrorCode::Misconfigured),
        (failed(Cause::WrongPlace), ErrorCode::Misconfigured),
        (granted("1").into(), ErrorCode::IdpRejected),
    ] {
        let mut play = Play::new();
        let waiter = play.login(false);
        play.reply(outcome);
        assert_eq!(play.code(waiter), code);
        let again = play.login(false);
        play.nothing_is_sent();
        assert_eq!(play.code(again), code, "within 2 s it is the same answer");
        // The longest of these Retry-Afters.
        play.advance(7 * SECOND);
        play.login(false);
        assert!(matches!(play.open_request().1, Request::DeviceStart), "the next one starts anew");
    }
}

#[test]
fn a_start_is_waited_for_twelve_seconds_and_goes_on() {
    let mut play = Play::new();
    let waiter = play.login(false);
    play.advance(12 * SECOND);
    assert_eq!(play.code(waiter), ErrorCode::IdpUnreachable);
    let again = play.login(false);
    play.reply(Outcome::Device(device()));
    pending_id(&mut play, again);
    assert_eq!(play.sent.len(), 1);
}

#[test]
fn a_cancelled_login_polls_no_more_and_its_late_tokens_are_revoked() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    let follower = play.follow(&login_id, 60);
    until_poll(&mut play);
    let cancels = play.cancel(&login_id);
    assert!(matches!(play.answer(cancels), Answer::Cancelled));
    assert_eq!(play.code(follower), ErrorCode::LoginDenied);
    play.reply(granted("1"));
    assert_eq!(play.open_revocation(), "r-1");
    assert_eq!(play.served(), None);
    let again = play.cancel(&login_id);
    assert_eq!(play.code(again), ErrorCode::NotFound);
}

#[test]
fn without_a_refresh_token_the_session_lives_as_long_as_its_token() {
    let mut play = Play::logged_in(granted("1").refresh(None));
    let report = play.session.report(play.now);
    assert_eq!((report.state, report.refresh), (ProfileState::Ready, None));
    play.advance(3600 * SECOND);
    play.nothing_is_sent();
    assert_eq!(play.times_told(EventKind::LoginRequired), 1);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
}

#[test]
fn a_constant_profile_is_logged_in_already() {
    let kind = bearerd_session::Kind::Constant(bearerd_session::Constant {
        token: None,
        user_id: None,
        user_email: None,
    });
    let mut play = Play::with(
        bearerd_session::Settings { kind, ..settings() },
        bearerd_session::Restored::Nothing,
    );
    let waiter = play.login(false);
    assert!(is_done(&mut play, waiter));
}

#[test]
fn logins_keep_to_retry_after() {
    let mut play = Play::new();
    let waiter = play.login(false);
    play.reply(later(Some(300)));
    assert_eq!(play.refusal(waiter).retry_after, Some(300));
    play.advance(100 * SECOND);
    let waiter = play.login(false);
    assert_eq!(play.refusal(waiter).retry_after, Some(200));
    play.nothing_is_sent();
    play.advance(200 * SECOND);
    play.login(false);
    assert!(matches!(play.open_request().1, Request::DeviceStart));
}

#[test]
fn the_answer_of_a_cancelled_start_is_not_taken_for_that_of_the_next() {
    for late in [Outcome::Device(device()), failed(Cause::NotSent)] {
        let mut play = Play::new();
        play.login(false);
        let (cancelled, _) = play.open_request();
        play.cancel("login-0");
        let waiter = play.login(false);
        play.answer_to(cancelled, late);
        assert!(play.waits(waiter));
        play.reply(Outcome::Device(device()));
        pending_id(&mut play, waiter);
    }
}

#[test]
fn how_the_last_sixteen_logins_ended_can_be_asked() {
    let mut play = Play::new();
    let mut ids = Vec::new();
    for _ in 0..17 {
        let login_id = play.start_login(false);
        play.cancel(&login_id);
        ids.push(login_id);
    }
    let mut code = |id: &String| {
        let follower = play.follow(id, 0);
        play.code(follower)
    };
    let (first, others) = ids.split_first().unwrap();
    assert_eq!(code(first), ErrorCode::NotFound);
    assert!(others.iter().all(|id| code(id) == ErrorCode::LoginDenied));
}
