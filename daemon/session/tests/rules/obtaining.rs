//! Profiles that need no person: client credentials, a password, a file.

use crate::play::{Grants, Play, denied, given, granted, later, misconfigured, settings_of};
use bearerd_proto::{ErrorCode, EventKind, ProfileState};
use bearerd_session::{Event, OAuthError, Outcome, Own, Reads, Request, Restored};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const PASSWORD: Own = Own::Sessions { needs_given: false };

fn service(name: &str) -> Grants {
    granted(name).refresh(None).lives(600)
}

/// Jane logs in by a password that comes with it.
fn log_in(play: &mut Play, grants: Grants) {
    let login = play.login_with(given("pw"), false);
    play.reply(grants);
    assert!(matches!(play.answer(login), bearerd_session::Answer::Login(_)));
}

fn grants(play: &Play) -> usize {
    play.sent.iter().filter(|(_, request)| matches!(request, Request::Grant { .. })).count()
}

#[test]
fn client_credentials_are_fetched_at_the_start_and_ahead_of_their_end() {
    let mut play = Play::own(Own::Tokens);
    assert!(play.grant_is_open());
    play.reply(service("1"));
    assert_eq!(play.served(), Some("a-1"));
    for renewal in 2..6 {
        play.advance(300 * SECOND);
        assert!(play.grant_is_open(), "there is no refresh token to use");
        play.glance();
        assert!(!play.is_degraded());
        play.reply(service(&renewal.to_string()));
        assert_eq!(play.served(), Some(format!("a-{renewal}").as_str()));
    }
    assert_eq!((grants(&play), play.refreshes()), (5, 0));
}

#[test]
fn client_credentials_go_on_being_served_through_an_outage_and_a_restart() {
    let mut play = Play::own(Own::Tokens);
    play.reply(service("1"));
    play.advance(300 * SECOND);
    play.reply(later(None));
    assert!(play.is_degraded());
    let boot = play.now.boot + SECOND;
    play.restart("boot-a", boot);
    assert_eq!(play.served(), Some("a-1"));
    play.advance(320 * SECOND);
    let (fetch, _) = play.open_request();
    let reader = play.read();
    play.answer_to(fetch, service("2"));
    assert_eq!(play.token(reader).0, "a-2");
}

#[test]
fn nobody_reads_and_a_service_asks_for_nothing() {
    let mut play = Play::own(Own::Tokens);
    play.reply(service("1"));
    for hour in 0..24 {
        play.advance(HOUR);
        while let Some((fetch, _)) = play.open.first().cloned() {
            play.answer_to(fetch, service(&format!("h{hour}")));
        }
    }
    let sent = play.sent.len();
    assert!(sent <= 14, "{sent} requests; an hour's worth, and no more");
    let reader = play.read();
    play.reply(service("again"));
    assert_eq!(play.token(reader).0, "a-again");
}

#[test]
fn a_disabled_client_is_asked_for_once_in_ten_minutes_at_most() {
    let mut play = Play::own(Own::Tokens);
    for _ in 0..24 * 60 {
        if !play.open.is_empty() {
            play.reply(misconfigured());
        }
        let reader = play.read();
        if !play.open.is_empty() {
            play.reply(misconfigured());
        }
        assert_eq!(play.code(reader), ErrorCode::Misconfigured);
        play.advance(60 * SECOND);
    }
    assert!(grants(&play) <= 6 * 24 + 1, "{} calls in a day", grants(&play));
    assert!(grants(&play) >= 6 * 23, "it is tried again by itself: {}", grants(&play));
}

#[test]
fn a_wrong_password_is_sent_once_in_a_day_until_its_file_changes() {
    let mut play = Play::own(PASSWORD);
    play.reply(denied(OAuthError::InvalidGrant));
    for _ in 0..24 * 60 {
        let reader = play.read();
        let refusal = play.refusal(reader);
        assert_eq!((refusal.code, refusal.retry_after), (ErrorCode::Misconfigured, None));
        play.advance(60 * SECOND);
    }
    assert_eq!(grants(&play), 1);
    assert_eq!(play.session.report(play.now).state, ProfileState::Misconfigured);
    play.event(Event::SourceChanged);
    play.advance(2 * SECOND);
    play.reply(granted("1"));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_wrong_password_is_tried_again_when_a_person_asks_or_the_configuration_is_read() {
    let mut play = Play::own(PASSWORD);
    play.reply(denied(OAuthError::InvalidGrant));
    let login = play.login(false);
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(login), ErrorCode::Misconfigured);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::Misconfigured);
    play.advance(HOUR);
    play.nothing_is_sent();
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::Misconfigured);
    play.reload(settings_of(PASSWORD));
    play.advance(2 * SECOND);
    assert!(play.grant_is_open());
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(HOUR);
    assert_eq!(grants(&play), 3);
}

#[test]
fn a_session_by_password_is_refreshed_and_begun_again_by_itself_when_it_ends() {
    let mut play = Play::own(PASSWORD);
    play.reply(granted("1"));
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    play.glance();
    play.advance(1900 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    assert!(play.grant_is_open());
    assert_eq!(play.served(), Some("a-2"), "the token in hand is served meanwhile");
    play.reply(granted("3"));
    assert_eq!(play.served(), Some("a-3"));
    assert_eq!(play.times_told(EventKind::LoginRequired), 0);
    let saved = play.file.as_ref().unwrap().grant.as_ref().unwrap();
    assert_eq!(saved.refresh_token.expose(), "r-3");
}

#[test]
fn a_saved_session_by_password_is_taken_up_without_another_login() {
    let mut play = Play::own(PASSWORD);
    play.reply(granted("1"));
    let boot = play.now.boot + SECOND;
    play.restart("boot-a", boot);
    assert_eq!(play.served(), Some("a-1"));
    play.nothing_is_sent();
}

#[test]
fn beside_a_saved_session_that_cannot_be_opened_none_is_begun() {
    let mut play = Play::own(PASSWORD);
    play.reply(granted("1"));
    play.unreadable_file = true;
    let boot = play.now.boot + SECOND;
    play.restart("boot-a", boot);
    play.nothing_is_sent();
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::StateUnreadable);
    // What holds access tokens alone needs no disk.
    let mut service_play =
        Play::with(settings_of(Own::Tokens), Restored::Unreadable("a locked key".to_owned()));
    service_play.unreadable_file = true;
    service_play.reply(service("1"));
    assert_eq!(service_play.served(), Some("a-1"));
    assert!(service_play.aside.is_empty(), "what can't be opened stays where it is");
}

#[test]
fn a_slot_of_a_session_that_is_not_there_yet_waits_for_it() {
    let mut play = Play::own(PASSWORD);
    let reader = play.read_of("files");
    assert_eq!(play.open_slot(), bearerd_session::SlotKey::default());
    play.reply(granted("1"));
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    assert_eq!(play.token_of("files", reader), "a-2");
}

#[test]
fn a_password_that_a_login_gave_is_kept_in_memory_alone() {
    let mut play = Play::own(Own::Sessions { needs_given: true });
    play.nothing_is_sent();
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
    let bare = play.login(false);
    let refusal = play.refusal(bare);
    assert_eq!(refusal.code, ErrorCode::BadRequest);
    assert!(refusal.message.contains("--password-stdin"), "{}", refusal.message);
    let login = play.login_with(given("pw"), false);
    match play.open_request().1 {
        Request::Grant { given: Some(given), .. } => {
            assert_eq!(given.username.as_deref(), Some("jane"));
        }
        other => panic!("a password was expected, not {other:?}"),
    }
    play.reply(granted("1"));
    assert!(matches!(play.answer(login), bearerd_session::Answer::Login(_)));
    assert_eq!(play.served(), Some("a-1"));
    let saved = serde_json::to_string(play.file.as_ref().unwrap()).unwrap();
    assert!(!saved.contains("pw"), "{saved}");
    // The session ends: the password that is kept begins another.
    play.advance(1900 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"));
    // After a restart it is not there any more: the session lives as long as it lives.
    let boot = play.now.boot + SECOND;
    play.restart("boot-a", boot);
    play.advance(1900 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    play.nothing_is_sent();
    play.advance(HOUR);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
}

#[test]
fn a_wrong_password_that_a_login_gave_is_that_logins_answer_and_nobody_elses() {
    let mut play = Play::own(Own::Sessions { needs_given: true });
    log_in(&mut play, granted("1"));
    let login = play.login_with(given("pw"), false);
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(login), ErrorCode::LoginDenied);
    assert!(!play.is_degraded());
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn another_person_by_password_needs_to_say_so() {
    let mut play = Play::own(Own::Sessions { needs_given: true });
    log_in(&mut play, granted("1"));
    let login = play.login_with(given("pw"), false);
    play.reply(granted("joe").to("joe").sid(Some("sid-2")));
    assert_eq!(play.code(login), ErrorCode::LoginDenied);
    assert_eq!(play.open_revocation(), "r-joe");
    play.reply(Outcome::Revoked);
    let login = play.login_with(given("pw"), true);
    play.reply(granted("joe2").to("joe").sid(Some("sid-3")));
    assert!(matches!(play.answer(login), bearerd_session::Answer::Login(_)));
    assert_eq!(play.served(), Some("a-joe2"));
}

#[test]
fn the_password_of_a_session_that_lives_is_not_sent_because_its_file_changed() {
    let mut play = Play::own(PASSWORD);
    play.reply(granted("1"));
    play.event(Event::SourceChanged);
    play.nothing_is_sent();
}

#[test]
fn a_logout_ends_a_session_and_the_next_reader_begins_another() {
    let mut play = Play::own(PASSWORD);
    play.reply(granted("1"));
    let leaver = play.logout(true);
    assert_eq!(play.open_revocation(), "r-1");
    play.reply(Outcome::Revoked);
    play.logged_out(leaver);
    assert!(play.file.is_none());
    let reader = play.read();
    play.reply(granted("2"));
    assert_eq!(play.token(reader).0, "a-2");
}

#[test]
fn a_reader_that_waits_through_a_logout_gets_the_next_token() {
    let mut play = Play::own(Own::Tokens);
    let reader = play.read();
    let (first, _) = play.open_request();
    play.logout(true);
    play.answer_to(first, service("late"));
    assert!(play.waits(reader), "an answer after a logout never comes to life");
    play.reply(service("2"));
    assert_eq!(play.token(reader).0, "a-2");
}

#[test]
fn going_down_nothing_is_obtained() {
    let mut play = Play::own(Own::Tokens);
    play.reply(service("1"));
    play.event(Event::Drain);
    play.advance(HOUR);
    play.event(Event::Woke(Reads::default()));
    play.event(Event::SourceChanged);
    play.nothing_is_sent();
}

#[test]
fn a_session_begins_with_the_profiles_own_scopes_and_a_token_alone_with_any() {
    for (kind, is_asked_for) in [(Own::Tokens, true), (PASSWORD, false)] {
        let mut play = Play::own(kind);
        play.read_of("files");
        play.reply(denied(OAuthError::InvalidScope));
        let of_files = |request: &Request| matches!(request, Request::Grant { slot, .. } if slot.scope.is_some());
        assert_eq!(play.open.iter().any(|(_, it)| of_files(it)), is_asked_for, "{kind:?}");
    }
}

#[test]
fn a_saved_token_that_can_be_opened_again_is_taken_up_unless_a_newer_one_is_here() {
    let token = |name| granted(name).refresh(None);
    let mut before = Play::own(Own::Tokens);
    before.reply(token("1"));
    let saved = || before.file.clone().map(Box::new).map(Restored::Session).unwrap();
    for (newer, served) in [(None, "a-1"), (Some(token("2")), "a-2")] {
        let unreadable = Restored::Unreadable("its key is missing".to_owned());
        let mut play = Play::with(settings_of(Own::Tokens), unreadable);
        play.reply(newer.map_or(later(None), Outcome::from));
        (play.unreadable_file, play.file) = (false, before.file.clone());
        play.event(Event::Restored(saved()));
        assert_eq!(play.served(), Some(served));
        play.advance(60 * SECOND);
        while let Some((fetch, _)) = play.open.first().cloned() {
            play.answer_to(fetch, token("3"));
        }
        let on_disk = play.file.as_ref().map(|file| file.slots[0].token.expose());
        assert_eq!(on_disk, play.served(), "what is here is saved");
    }
}
