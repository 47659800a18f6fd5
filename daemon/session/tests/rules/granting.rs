//! Logins that nobody has to confirm, beside each other and beside what the profile does by itself.

use crate::play::{Disk, Play, denied, failed, found, given, granted, import, later, settings_of};
use bearerd_proto::{ErrorCode, LoginAnswer, Secret};
use bearerd_session::{
    Answer, Cause, Event, FetchId, Given, Means, OAuthError, Outcome, Own, Request, WaiterId,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const PASSWORD: Own = Own::Sessions { needs_given: false };
const GIVEN: Own = Own::Sessions { needs_given: true };

fn is_done(play: &mut Play, waiter: WaiterId) -> bool {
    matches!(play.answer(waiter), Answer::Login(LoginAnswer::Done(_)))
}

/// The request that was sent last.
fn newest(play: &Play) -> FetchId {
    play.open.last().expect("a request is under way").0
}

/// Jane is logged in by a password that came with her login.
fn by_password() -> Play {
    let mut play = Play::own(GIVEN);
    let login = play.login_with(given("pw"), false);
    play.reply(granted("1"));
    assert!(is_done(&mut play, login));
    play
}

#[test]
fn an_import_of_the_refresh_token_in_use_is_done_already() {
    for seconds in [0, 1800] {
        let mut play = Play::logged_in(granted("1"));
        play.advance(seconds * SECOND);
        let under_way = play.open.len();
        let caller = play.login_with(import("r-1"), true);
        assert!(is_done(&mut play, caller));
        assert_eq!(play.open.len(), under_way, "it is not used once more");
    }
}

#[test]
fn a_refresh_token_that_is_not_rotated_is_not_revoked_for_itself() {
    let mut play = Play::logged_in(granted("1"));
    // The session is over for a while; its token is good again when somebody brings it.
    play.advance(1800 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    let caller = play.login_with(import("r-1"), false);
    play.reply(granted("2").refresh(None).sid(None));
    assert!(is_done(&mut play, caller));
    play.nothing_is_sent();
    play.glance();
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn two_imports_of_one_token_are_one_use_and_another_one_waits() {
    let mut play = Play::new();
    let callers = [(); 2].map(|()| play.login_with(import("r-1"), false));
    let other = play.login_with(import("r-2"), false);
    let refusal = play.refusal(other);
    assert_eq!((refusal.code, refusal.retry_after), (ErrorCode::LoginPending, Some(1)));
    play.reply(granted("2"));
    for caller in callers {
        assert!(is_done(&mut play, caller));
    }
}

#[test]
fn a_login_whose_tokens_go_to_disk_gives_way_to_no_other() {
    let mut play = Play::logged_in(granted("0").sid(Some("sid-0")));
    play.disk = Disk::Hangs;
    let first = play.login_with(import("r-a"), true);
    play.reply(granted("1").sid(Some("sid-1")));
    let second = play.login_with(import("r-b"), true);
    assert_eq!(play.code(second), ErrorCode::LoginPending);
    play.disk_is_back(true);
    assert!(is_done(&mut play, first));
    assert_eq!(play.open_revocation(), "r-0");
}

#[test]
fn an_import_that_is_refused_leaves_the_login_of_a_person_alone() {
    let mut play = Play::logged_in(granted("1"));
    let login_id = play.start_login(false);
    let caller = play.login_with(import("r-2"), false);
    assert_eq!(play.code(caller), ErrorCode::LoginDenied);
    let follower = play.follow(&login_id, 60);
    assert!(play.waits(follower));
}

#[test]
fn a_hundred_passwords_at_once_are_one_attempt() {
    let mut play = Play::own(GIVEN);
    for password in 0..100 {
        play.login_with(given(&password.to_string()), false);
    }
    assert_eq!(play.open.len(), 1);
    let same = play.login_with(given("0"), false);
    play.reply(granted("1"));
    assert!(is_done(&mut play, same));
}

#[test]
fn a_program_that_logs_in_again_and_again_tries_a_wrong_password_every_other_second() {
    let mut play = Play::own(PASSWORD);
    for _ in 0..100 {
        let login = play.login(false);
        while let Some((fetch, _)) = play.open.first().cloned() {
            play.answer_to(fetch, denied(OAuthError::InvalidGrant));
        }
        assert_eq!(play.code(login), ErrorCode::Misconfigured);
        play.advance(SECOND / 10);
    }
    let sent = play.sent.len();
    assert!((5..=11).contains(&sent), "{sent} attempts in ten seconds");
    // Whoever mends the file does not wait.
    play.event(Event::SourceChanged);
    let login = play.login(false);
    let fetch = newest(&play);
    play.answer_to(fetch, granted("1"));
    assert!(is_done(&mut play, login));
}

#[test]
fn a_login_and_the_profile_itself_send_a_password_once() {
    let mut play = Play::own(PASSWORD);
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(600 * SECOND);
    play.login(false);
    assert!(play.grant_is_open());
    // The other way round: what the profile has sent already is the login's, too.
    let mut play = Play::own(PASSWORD);
    let (reader, login) = (play.read(), play.login(false));
    assert!(play.grant_is_open());
    play.reply(granted("1"));
    assert!(is_done(&mut play, login));
    assert_eq!(play.token(reader).0, "a-1");
}

#[test]
fn a_login_that_fails_leaves_the_profile_its_next_attempt() {
    let mut play = Play::own(PASSWORD);
    let (reader, login) = (play.read(), play.login(false));
    play.reply(later(None));
    assert_eq!(play.code(login), ErrorCode::IdpUnreachable);
    assert_eq!(play.code(reader), ErrorCode::IdpUnreachable);
    play.advance(60 * SECOND);
    play.reply(granted("1"));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_session_that_the_profile_began_beside_a_login_is_revoked() {
    let mut play = by_password();
    play.advance(1900 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    let (own, _) = play.open_request();
    play.login_with(given("pw"), false);
    let login = newest(&play);
    play.answer_to(login, granted("login").sid(Some("sid-2")));
    play.answer_to(own, granted("own").sid(Some("sid-3")));
    assert_eq!(play.open_revocation(), "r-own");
}

#[test]
fn a_given_password_that_is_refused_is_forgotten() {
    let mut play = by_password();
    play.advance(1900 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(3600 * SECOND);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
    play.reload(settings_of(GIVEN));
    play.advance(60 * SECOND);
    play.nothing_is_sent();
    let bare = play.login(false);
    assert_eq!(play.code(bare), ErrorCode::BadRequest);
}

#[test]
fn a_given_password_is_not_sent_where_the_configuration_has_another() {
    let mut play = by_password();
    play.reload(settings_of(PASSWORD));
    play.advance(1900 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    assert!(matches!(play.open_request().1, Request::Grant { given: None, .. }));
}

#[test]
fn a_refresh_token_out_of_a_file_outlives_a_login_that_could_not_reach_the_provider() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(failed(Cause::Source));
    let login = play.login(false);
    for outcome in [found("r-file"), failed(Cause::NotSent)] {
        let fetch = newest(&play);
        play.answer_to(fetch, outcome);
    }
    assert_eq!(play.code(login), ErrorCode::IdpUnreachable);
    for _ in 0..3 {
        while let Some((fetch, request)) = play.open.first().cloned() {
            let is_look = matches!(request, Request::Grant { .. });
            play.answer_to(fetch, if is_look { found("r-file") } else { granted("1").into() });
        }
        play.advance(60 * SECOND);
    }
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_lifetime_that_ends_while_the_tokens_go_to_disk_ends_the_login() {
    let mut play = Play::new();
    play.disk = Disk::Hangs;
    let caller = play.ask(|waiter| Event::Login {
        waiter,
        login_id: "short".to_owned(),
        replace: false,
        means: import("r-0"),
        lifetime: Some(SECOND),
    });
    play.reply(granted("1"));
    play.advance(SECOND);
    assert_eq!(play.code(caller), ErrorCode::LoginDenied);
    play.disk_is_back(true);
    assert_eq!(play.open_revocation(), "r-1");
    play.reply(Outcome::Revoked);
    assert!(play.file.is_none());
    play.log_in(granted("2"));
    assert_eq!(play.served(), Some("a-2"), "the next login is one as any");
}

#[test]
fn a_login_joins_one_of_the_same_person_and_password_alone() {
    let mut play = Play::own(GIVEN);
    let first = play.login_with(given("pw"), false);
    let joe = Given { username: Some("joe".to_owned()), password: Secret::new("pw") };
    for other in [given("other"), Means::Given(joe)] {
        let login = play.login_with(other, false);
        assert_eq!(play.code(login), ErrorCode::LoginPending);
    }
    let same = play.login_with(given("pw"), false);
    play.reply(granted("1"));
    assert!(is_done(&mut play, first) && is_done(&mut play, same));
}

#[test]
fn whoever_joins_a_login_may_let_it_replace_another_persons_session() {
    let mut play = by_password();
    let logins = [false, true].map(|replace| play.login_with(given("of-joe"), replace));
    play.reply(granted("2").to("joe").sid(Some("sid-2")));
    for login in logins {
        assert!(is_done(&mut play, login));
    }
}

#[test]
fn a_login_beside_a_refresh_sends_a_request_of_its_own() {
    let mut play = Play::own(PASSWORD);
    play.reply(granted("1"));
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.login(false);
    assert!(matches!(play.open.last(), Some((_, Request::Grant { .. }))));
    assert_eq!(play.open.len(), 2);
}

#[test]
fn an_answer_to_a_request_that_nobody_knows_is_no_login() {
    let mut play = Play::new();
    let login = play.login_with(import("r-0"), false);
    play.answer_to(FetchId(9_999), granted("of-nobody"));
    assert!(play.waits(login));
    assert_eq!(play.served(), None);
}

#[test]
fn a_refresh_token_that_could_not_be_tried_is_no_reason_to_ask_for_another() {
    let mut play = Play::new();
    let login = play.login_with(import("r-0"), false);
    play.reply(failed(Cause::NotSent));
    assert_eq!(play.code(login), ErrorCode::IdpUnreachable);
    play.nothing_is_sent();
    // Nor does a person wait who logs in otherwise.
    play.login(false);
    assert!(matches!(play.open_request().1, Request::DeviceStart));
}

#[test]
fn a_lost_answer_may_have_used_up_what_was_brought_along_and_no_password() {
    let used_up = |refusal: bearerd_proto::ErrorBody| refusal.message.contains("used up");
    let mut play = Play::new();
    let login = play.login_with(import("r-0"), false);
    play.reply(failed(Cause::Lost));
    assert!(used_up(play.refusal(login)));
    let login = play.login_with(import("r-0"), false);
    play.reply(later(None));
    assert!(!used_up(play.refusal(login)));
    let mut play = Play::own(GIVEN);
    let login = play.login_with(given("pw"), false);
    play.reply(failed(Cause::Lost));
    assert!(!used_up(play.refusal(login)));
}

#[test]
fn a_login_by_a_given_password_that_fails_is_not_tried_again_by_itself() {
    let mut play = by_password();
    let login = play.login_with(given("wrong"), true);
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(login), ErrorCode::LoginDenied);
    // The password that was right is kept for the next session.
    play.advance(1990 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    let Request::Grant { given: Some(kept), .. } = play.open_request().1 else { panic!() };
    assert_eq!(kept.password.expose(), "pw");
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn a_password_of_before_that_a_login_finds_wrong_is_forgotten() {
    let mut play = by_password();
    let login = play.login(false);
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(login), ErrorCode::Misconfigured);
    let login = play.login(false);
    assert_eq!(play.code(login), ErrorCode::BadRequest);
}

#[test]
fn a_login_that_the_provider_had_no_time_for_holds_nothing_against_the_password() {
    let mut play = Play::own(PASSWORD);
    play.reply(granted("1"));
    let login = play.login(false);
    play.reply(later(None));
    assert_eq!(play.code(login), ErrorCode::IdpUnreachable);
    play.advance(1990 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(denied(OAuthError::InvalidGrant));
    assert!(play.grant_is_open());
}
