//! Refusals: each says what happened, what to do next, and when to come again.

use crate::logging_in::until_poll;
use crate::play::{Play, denied, failed, granted, misconfigured};
use bearerd_proto::ErrorBody;
use bearerd_session::{Cause, Event, OAuthError};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// What a caller without a token is told after an attempt that ended in `cause`.
fn after(cause: Cause) -> ErrorBody {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    let caller = play.read();
    play.reply(failed(cause));
    play.refusal(caller)
}

#[test]
fn what_heals_by_itself_is_said_to() {
    for cause in [Cause::NotSent, Cause::Unusable { refresh_token: None }] {
        let message = after(cause).message;
        assert!(message.contains("idp.example"), "{message}");
        assert!(message.ends_with("bearerd tries again by itself"), "{message}");
    }
}

#[test]
fn what_a_person_has_to_mend_is_said_with_the_command_that_follows() {
    for cause in [Cause::WrongPlace, Cause::OAuth(OAuthError::InvalidClient)] {
        let message = after(cause).message;
        assert!(message.contains("systemctl --user reload bearerd"), "{message}");
    }
    let message = after(Cause::OAuth(OAuthError::InvalidScope)).message;
    assert!(message.ends_with("OAuth(InvalidScope)"), "nothing else helps here: {message}");
}

#[test]
fn whoever_comes_while_it_goes_down_is_told_to_come_again_in_a_second() {
    let mut play = Play::logged_in(granted("1"));
    play.event(Event::Drain);
    let login = play.login(false);
    assert_eq!(play.refusal(login).retry_after, Some(1));
}

#[test]
fn a_login_that_ended_badly_says_how_to_start_another() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    let follower = play.follow(&login_id, 60);
    until_poll(&mut play);
    play.reply(denied(OAuthError::AccessDenied));
    assert_eq!(play.refusal(follower).login_hint.as_deref(), Some("bearerctl login wallaroo"));
}

#[test]
fn patience_that_has_ended_says_what_happened_before() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.suspend(600 * SECOND);
    play.reply(misconfigured());
    play.advance(600 * SECOND);
    let caller = play.read();
    play.advance(12 * SECOND);
    let refusal = play.refusal(caller);
    assert_eq!(refusal.retry_after, Some(1));
    assert!(refusal.message.contains("before that: failed to renew"), "{}", refusal.message);
}
