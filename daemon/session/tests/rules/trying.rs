//! What a file holds or a person brings along: used once at a time, tried, and no session lost by it.

use crate::play::{
    Disk, Play, by_itself, denied, failed, found, granted, import, later, settings, settings_at,
};
use bearerd_proto::{ErrorCode, LoginAnswer};
use bearerd_session::{Answer, Cause, Event, OAuthError, Outcome, Own, Request};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const ELSEWHERE: &str = "https://two.example";

#[test]
fn the_sessions_own_refresh_token_brought_along_is_not_spent_beside_it() {
    for replace in [false, true] {
        let mut play = Play::logged_in(granted("1"));
        let caller = play.login_with(import("r-1"), replace);
        play.nothing_is_sent();
        assert!(matches!(play.answer(caller), Answer::Login(LoginAnswer::Done(_))), "{replace}");
    }
}

#[test]
fn a_refresh_token_brought_along_twice_is_spent_once_for_both() {
    let mut play = Play::new();
    let one = play.login_with(import("r-import"), false);
    let other = play.login_with(import("r-import"), false);
    assert_eq!(play.open_refresh(), "r-import");
    play.reply(granted("1"));
    for caller in [one, other] {
        assert!(matches!(play.answer(caller), Answer::Login(LoginAnswer::Done(_))));
    }
}

#[test]
fn a_refresh_token_that_is_just_being_tried_is_not_spent_beside_that() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reply(denied(OAuthError::InvalidGrant));
    play.login(false);
    assert_eq!(play.open_refresh(), "r-1");
    let caller = play.login_with(import("r-1"), false);
    assert_eq!(play.open_refresh(), "r-1");
    assert!(play.refusal(caller).retry_after.is_some());
}

#[test]
fn a_refresh_token_of_a_file_is_not_taken_again_after_a_logout_unless_a_person_asks() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").refresh(None));
    play.logout(true);
    play.reply(Outcome::Revoked);
    let reader = play.read();
    play.reply(found("r-file"));
    assert_eq!(play.code(reader), ErrorCode::Misconfigured);
    play.login(false);
    play.let_it_find("r-file");
    assert_eq!(play.open_refresh(), "r-file");
}

#[test]
fn what_a_login_finds_in_a_file_is_not_spent_while_going_down() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(later(None));
    let caller = play.login(false);
    play.event(Event::Drain);
    play.let_it_find("r-file");
    play.nothing_is_sent();
    assert_eq!(play.code(caller), ErrorCode::ShuttingDown);
}

#[test]
fn what_a_file_holds_moves_the_parked_session_aside_only_when_it_has_given_a_token() {
    let on_disk = |play: &Play| {
        let grant = play.file.as_ref().and_then(|file| file.grant.as_ref());
        grant.map(|grant| grant.refresh_token.expose().to_owned())
    };
    for is_taken in [false, true] {
        let mut play = Play::own(Own::GrantFile);
        play.reply(found("r-file"));
        play.reply(granted("1"));
        play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
        play.reply(found("r-elsewhere"));
        assert_eq!(on_disk(&play).as_deref(), Some("r-1"), "it is only tried");
        let refused = denied(OAuthError::InvalidGrant);
        play.reply(if is_taken { granted("2").into() } else { refused });
        let expected = if is_taken { "r-2" } else { "r-1" };
        assert_eq!(on_disk(&play).as_deref(), Some(expected));
        play.reload(by_itself(Own::GrantFile, settings()));
        assert_eq!(play.served(), (!is_taken).then_some("a-1"));
    }
}

#[test]
fn the_parked_session_comes_back_while_what_a_file_holds_is_tried() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.reply(found("r-elsewhere"));
    play.reload(by_itself(Own::GrantFile, settings()));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn what_is_used_for_a_session_that_is_no_more_is_not_used_beside_that() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    let (old, _) = play.open_request();
    play.logout(false);
    let caller = play.login(false);
    play.let_it_find("r-file");
    assert_eq!((play.refreshes(), play.refusal(caller).retry_after), (1, Some(1)));

    play.answer_to(old, later(None));
    let caller = play.login(false);
    play.let_it_find("r-file");
    play.reply(granted("1"));
    assert!(matches!(play.answer(caller), Answer::Login(LoginAnswer::Done(_))));

    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    let (old, _) = play.open_request();
    play.logout(false);
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.reload(by_itself(Own::GrantFile, settings()));
    play.let_it_find("r-file");
    assert_eq!(play.refreshes(), 1);
    play.answer_to(old, later(None));
    play.let_it_find("r-file");
    assert_eq!(play.refreshes(), 2);
    play.reply(granted("1"));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_refresh_token_that_is_being_revoked_is_not_used_beside_that() {
    let mut play = Play::logged_in(granted("1"));
    play.logout(true);
    let caller = play.login_with(import("r-1"), true);
    assert!(matches!(play.open_request(), (_, Request::Revoke { .. })));
    assert_eq!(play.refusal(caller).retry_after, Some(1));
}

#[test]
fn a_file_that_changes_between_a_login_and_its_save_is_read_after_that() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.disk = Disk::Hangs;
    play.login_with(import("r-import"), true);
    play.reply(granted("2"));
    play.event(Event::SourceChanged);
    play.nothing_is_sent();
    play.disk_is_back(true);
    while let Some((fetch, Request::Revoke { .. })) = play.open.first().cloned() {
        play.answer_to(fetch, Outcome::Revoked);
    }
    play.reply(found("r-newer"));
    assert_eq!(play.served(), Some("a-2"));
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn what_a_login_takes_out_of_a_file_is_refused_once() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(failed(Cause::Source));
    let login = play.login(false);
    play.let_it_find("r-file");
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(login), ErrorCode::LoginDenied);
    // A program in a loop does not try it as often as it can.
    let login = play.login(false);
    assert_eq!(play.code(login), ErrorCode::LoginDenied);
    play.advance(10 * SECOND);
    let reader = play.read();
    play.let_it_find("r-file");
    play.nothing_is_sent();
    assert_eq!(play.code(reader), ErrorCode::Misconfigured);
}

#[test]
fn what_is_brought_along_and_could_not_be_tried_says_nothing_of_the_file() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    let login = play.login_with(import("r-import"), true);
    play.reply(failed(Cause::NotSent));
    assert_eq!(play.code(login), ErrorCode::IdpUnreachable);
    play.nothing_is_sent();
}

#[test]
fn another_refresh_token_in_the_file_while_one_is_tried_costs_the_live_session_nothing() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    for token in ["r-wrong", "r-wrong-too"] {
        play.file_holds(token);
        play.advance(10 * SECOND);
        assert_eq!(play.open_refresh(), token);
        play.reply(failed(Cause::Unusable { refresh_token: None }));
        play.advance(10 * SECOND);
        assert_eq!(play.open_refresh(), token);
        play.reply(failed(Cause::Unusable { refresh_token: None }));
    }
    play.advance(100 * SECOND);
    assert_eq!(play.open_refresh(), "r-wrong-too");
    play.reply(denied(OAuthError::InvalidGrant));
    play.reject("a-1");
    assert_eq!(play.open_refresh(), "r-1", "the live session goes on");
}

#[test]
fn a_login_is_not_done_before_what_the_file_holds_has_given_a_token() {
    for (outcome, code) in
        [(None, ErrorCode::LoginPending), (Some(later(None)), ErrorCode::IdpUnreachable)]
    {
        let mut play = Play::own(Own::GrantFile);
        let caller = play.login(false);
        let [(profiles, _), (persons, _)] = play.open[..] else { panic!("{:?}", play.open) };
        play.answer_to(profiles, found("r-file"));
        if let Some(outcome) = outcome {
            let refresh = play.open.iter().map(|(fetch, _)| *fetch).max();
            play.answer_to(refresh.expect("it is tried"), outcome);
        }
        play.answer_to(persons, found("r-file"));
        assert_eq!(play.code(caller), code);
    }
}

#[test]
fn what_a_file_held_is_not_lost_by_a_move_while_it_is_tried() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    for (here, there, new, next) in [
        (settings(), settings_at(ELSEWHERE), "r-new", "2"),
        (settings_at(ELSEWHERE), settings(), "r-elsewhere", "3"),
    ] {
        play.reload(by_itself(Own::GrantFile, here.clone()));
        play.advance(10 * SECOND);
        play.reply(found(new));
        play.advance(2 * SECOND);
        assert_eq!(play.open_refresh(), new);
        let (trial, _) = play.open_request();
        play.reload(by_itself(Own::GrantFile, there));
        play.answer_to(trial, granted(next));
        play.reply(failed(Cause::Source));
        play.reload(by_itself(Own::GrantFile, here));
        play.reply(found(new));
        play.advance(2 * SECOND);
        assert_eq!(play.open_refresh(), format!("r-{next}"), "its successor");
        play.reply(granted("last"));
        assert_eq!(play.served(), Some("a-last"));
    }
}

#[test]
fn what_is_tried_at_a_move_and_is_all_there_is_keeps_its_successor() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    let (trial, _) = play.open_request();
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.answer_to(trial, granted("1"));
    play.reply(failed(Cause::Source));
    play.reload(by_itself(Own::GrantFile, settings()));
    play.reply(found("r-file"));
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}
