//! A refresh token that is known already, out of a file or brought along: it is not spent a second time.

use crate::beside::{is_done, trying, trying_beside};
use crate::play::{Play, by_itself, denied, failed, found, granted, import, later, settings};
use bearerd_proto::{ErrorCode, Secret};
use bearerd_session::{Cause, Event, OAuthError, Own, Request, Restored};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_live_sessions_own_refresh_token_brought_along_is_not_spent() {
    let mut play = trying_beside(None);
    let (trial, _) = play.open_request();
    let login = play.login_with(import("r-1"), true);
    assert!(is_done(&play.answer(login)));
    assert_eq!(play.revoked(), [""; 0]);
    play.answer_to(trial, denied(OAuthError::InvalidGrant));
    play.reject("a-1");
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn what_is_only_tried_is_no_session_for_who_brings_it_along() {
    let mut play = trying();
    let login = play.login_with(import("r-newer"), true);
    assert_eq!(play.code(login), ErrorCode::LoginPending, "it is used just now");
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    let login = play.login_with(import("r-newer"), true);
    assert_eq!(play.open_refresh(), "r-newer");
    play.advance(10 * SECOND);
    play.reply(granted("2").sid(Some("sid-2")));
    assert!(is_done(&play.answer(login)));
    assert_eq!(play.served(), Some("a-2"));
    // It is the session's now.
    play.file_holds("r-newer");
    play.advance(10 * SECOND);
    assert_eq!(play.open_revocation(), "r-1");
}

#[test]
fn what_is_tried_and_is_rotated_by_a_login_that_fails_is_tried_on() {
    for in_file in [false, true] {
        let mut play = trying();
        play.reply(failed(Cause::Unusable { refresh_token: None }));
        let login = if in_file {
            let login = play.login(true);
            play.let_it_find("r-newer");
            login
        } else {
            play.login_with(import("r-newer"), true)
        };
        assert_eq!(play.open_refresh(), "r-newer");
        play.reply(failed(Cause::Unusable { refresh_token: Some(Secret::new("r-rotated")) }));
        assert_eq!(play.code(login), ErrorCode::IdpRejected);
        play.let_it_find("r-newer");
        play.advance(10 * SECOND);
        assert_eq!(play.open_refresh(), "r-rotated");
        let login = play.login(true);
        play.let_it_find("r-newer");
        assert_eq!(play.code(login), ErrorCode::LoginPending);
        assert_eq!(play.revoked(), [""; 0]);
    }
}

#[test]
fn what_a_login_takes_out_of_the_file_is_what_has_become_of_it() {
    let mut play = trying();
    play.reply(failed(Cause::Unusable { refresh_token: Some(Secret::new("r-rotated")) }));
    let login = play.login(true);
    play.let_it_find("r-newer");
    assert_eq!(play.open_refresh(), "r-rotated");
    play.reply(granted("2"));
    assert!(is_done(&play.answer(login)));
    play.file_holds("r-newer");
    play.advance(10 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn a_file_that_is_back_after_the_other_has_given_a_token_brings_the_session_before() {
    let mut play = trying();
    play.event(Event::SourceChanged);
    play.reply(granted("2").refresh(Some("r-2")));
    assert_eq!(play.served(), Some("a-2"));
    play.let_it_find("r-file");
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-1", "what has become of that");
    play.reply(granted("3"));
    assert_eq!(play.served(), Some("a-3"));
}

#[test]
fn a_file_that_is_back_to_what_the_live_session_began_with_is_not_taken_again() {
    for is_refused in [false, true] {
        for restarts in [false, true] {
            let mut play = trying();
            let refused = denied(OAuthError::InvalidGrant);
            play.reply(if is_refused { refused } else { later(None) });
            if restarts {
                let boot = play.now.boot + SECOND;
                play.restart("boot-a", boot);
            }
            play.file_holds("r-file");
            play.advance(60 * SECOND);
            let login = play.login(true);
            play.let_it_find("r-file");
            play.answer(login);
            let uses = play.sent.iter().filter(|(_, request)| {
                matches!(request, Request::Refresh { refresh_token, .. } if refresh_token.expose() == "r-file")
            });
            // A restart sees nothing of what was sent before.
            assert_eq!(uses.count(), usize::from(!restarts), "{is_refused}");
        }
    }
}

#[test]
fn a_file_that_is_back_ends_the_trial_of_what_it_held_for_a_while() {
    let mut play = trying();
    play.reply(failed(Cause::Unusable { refresh_token: Some(Secret::new("r-rotated")) }));
    play.file_holds("r-file");
    play.advance(10 * SECOND);
    play.nothing_is_sent();
    play.file_holds("r-newer");
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-rotated");
}

#[test]
fn a_file_that_is_back_to_what_a_session_before_began_with_is_taken_again() {
    // Where refresh tokens are not rotated, it is of use for ever.
    let mut play = Play::own(Own::GrantFile);
    for (token, name) in [("r-file", "1"), ("r-newer", "2"), ("r-file", "3")] {
        play.file_holds(token);
        play.advance(10 * SECOND);
        assert_eq!(play.open_refresh(), token);
        play.reply(granted(name).refresh(Some(token)));
        let expected = format!("a-{name}");
        assert_eq!(play.served(), Some(expected.as_str()));
    }
}

#[test]
fn what_the_live_session_began_with_brought_along_is_not_spent_again() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    let login = play.login_with(import("r-file"), true);
    assert!(is_done(&play.answer(login)));
    play.nothing_is_sent();
}

#[test]
fn what_was_brought_along_is_not_taken_from_the_file_again() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    let login = play.login_with(import("r-import"), true);
    play.reply(granted("2"));
    assert!(is_done(&play.answer(login)));
    play.file_holds("r-import");
    play.advance(20 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn the_live_sessions_newest_in_the_file_is_no_other_session() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.file_holds("r-1");
    play.advance(20 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn a_login_that_finds_the_file_back_is_done_and_what_it_held_for_a_while_does_not_win() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    let login = play.login(true);
    play.let_it_find("r-file");
    assert!(is_done(&play.answer(login)));
    play.answer_to(trial, granted("2"));
    play.advance(10 * SECOND);
    play.nothing_is_sent();
    assert_eq!(play.served(), Some("a-1"));
    // Nothing of it is lost.
    play.file_holds("r-newer");
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-2");
}

#[test]
fn a_session_that_the_version_before_has_saved_does_not_spend_its_files_token_twice() {
    let mut play = trying();
    play.reply(later(None));
    let mut saved = play.file.clone().expect("it is saved");
    saved.grant.as_mut().expect("a grant").source = None;
    let restored = Restored::Session(Box::new(saved));
    let mut play = Play::at(by_itself(Own::GrantFile, settings()), restored, play.now, "boot-a");
    play.file_holds("r-newer");
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play.reply(later(None));
    play.file_holds("r-file");
    play.advance(10 * SECOND);
    play.nothing_is_sent();
}
