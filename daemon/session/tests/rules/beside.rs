//! What the profile's file holds now is tried beside the session that lives: that one is the profile's until the other
//! has given a token.

use crate::play::{
    Play, by_itself, denied, failed, found, granted, import, later, settings, settings_at,
};
use bearerd_proto::{ErrorCode, LoginAnswer, Revocation, Secret};
use bearerd_session::{
    Answer, Cause, Event, FetchId, OAuthError, Outcome, Own, Request, Restored, Settings,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const ELSEWHERE: &str = "https://two.example";

/// Jane's session lives, and another refresh token in her file is being tried.
fn trying() -> Play {
    trying_beside(Some("sid-1"))
}

/// The same, the live one in this session of the IdP.
fn trying_beside(sid: Option<&str>) -> Play {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").sid(sid));
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play
}

/// The request under way that spends this refresh token, or revokes it.
fn open_of(play: &Play, token: &str) -> FetchId {
    let is_its = |request: &Request| match request {
        Request::Refresh { refresh_token, .. } | Request::Revoke { refresh_token } => {
            refresh_token.expose() == token
        }
        _ => false,
    };
    let open = play.open.iter().find(|(_, request)| is_its(request));
    open.unwrap_or_else(|| panic!("nothing is sent with `{token}`: {:?}", play.open)).0
}

fn is_done(answer: &Answer) -> bool {
    matches!(answer, Answer::Login(LoginAnswer::Done(_)))
}

#[test]
fn a_logout_revokes_the_live_session_too() {
    let mut play = trying();
    play.logout(true);
    assert_eq!(play.revoked(), ["r-newer", "r-1"]);
    let mut play = trying();
    play.logout(false);
    assert_eq!(play.revoked(), [""; 0]);
}

#[test]
fn a_logout_says_what_became_of_the_live_session() {
    let mut play = trying();
    let leaver = play.logout(true);
    let live = open_of(&play, "r-1");
    play.answer_to(live, later(None));
    let [.., (tried, Request::Revoke { .. })] = play.open[..] else { panic!("{:?}", play.open) };
    play.answer_to(tried, Outcome::Revoked);
    assert_eq!(play.logged_out(leaver).0, Revocation::Failed);
}

#[test]
fn a_login_replaces_the_live_session_and_leaves_nothing_of_what_was_tried() {
    // In the live one's session at the IdP nothing of that may be revoked.
    for (sid, expected) in [("sid-2", &["r-1", "r-3"][..]), ("sid-1", &["r-3"])] {
        let mut play = trying();
        let (trial, _) = play.open_request();
        let login = play.login_with(import("r-import"), true);
        let import = open_of(&play, "r-import");
        play.answer_to(import, granted("2").sid(Some(sid)));
        assert!(is_done(&play.answer(login)));
        let saved = play.file.as_ref().and_then(|file| file.grant.as_ref()).expect("it is saved");
        assert_eq!(saved.refresh_token.expose(), "r-2");
        play.answer_to(trial, granted("3").sid(Some("sid-3")));
        assert_eq!(play.revoked(), expected, "{sid}");
        assert_eq!(play.served(), Some("a-2"));
    }
}

#[test]
fn a_login_spares_what_is_in_the_file() {
    let mut play = trying();
    play.reply(later(None));
    play.login_with(import("r-import"), true);
    let import = open_of(&play, "r-import");
    play.answer_to(import, granted("2").sid(Some("sid-2")));
    assert_eq!(play.revoked(), ["r-1"], "whoever wrote the file may need the other one");
}

#[test]
fn the_live_sessions_own_refresh_token_brought_along_is_not_spent() {
    let mut play = trying_beside(None);
    let (trial, _) = play.open_request();
    let login = play.login_with(import("r-1"), true);
    assert!(is_done(&play.answer(login)));
    assert_eq!(play.revoked(), [""; 0]);
    play.answer_to(trial, denied(OAuthError::InvalidGrant));
    play.advance(3 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn what_is_only_tried_is_no_session_for_who_brings_it_along() {
    let mut play = trying();
    play.reply(later(None));
    let login = play.login_with(import("r-newer"), true);
    assert_eq!(play.code(login), ErrorCode::IdpUnreachable);
    play.nothing_is_sent();
}

#[test]
fn a_cancelled_login_of_the_live_ones_idp_session_is_not_revoked() {
    let mut play = trying();
    play.login_with(import("r-import"), true);
    let import = open_of(&play, "r-import");
    let caller = play.cancel("login-0");
    assert!(matches!(play.answer(caller), Answer::Cancelled));
    play.answer_to(import, granted("2"));
    assert_eq!(play.revoked(), [""; 0], "the live session hangs on `sid-1`");
}

#[test]
fn what_was_tried_holds_up_no_save_of_the_new_place() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    // Another one is in the file by now, and could not be tried.
    play.login(true);
    play.let_it_find("r-third");
    let login = open_of(&play, "r-third");
    play.answer_to(login, later(None));
    play.reload(by_itself(Own::Sessions { needs_given: false }, settings_at(ELSEWHERE)));
    let (first, _) = play.open.last().cloned().expect("the new place is asked");
    play.answer_to(first, granted("new"));
    for answer in [None, Some(granted("before"))] {
        if let Some(answer) = answer {
            play.answer_to(trial, answer);
        }
        let saved = play.file.as_ref().and_then(|file| file.grant.as_ref()).expect("it is saved");
        assert_eq!(saved.refresh_token.expose(), "r-new");
    }
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
            play.event(Event::SourceChanged);
            play.let_it_find("r-file");
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
    for (in_file, next) in [("r-file", "r-1"), ("r-newer", "r-rotated")] {
        play.event(Event::SourceChanged);
        play.let_it_find(in_file);
        play.advance(10 * SECOND);
        assert_eq!(play.open_refresh(), next);
        if next == "r-1" {
            play.reply(granted("1").refresh(Some("r-2")).lives(7200));
        }
    }
}

#[test]
fn a_file_that_is_back_to_what_a_session_before_began_with_is_taken_again() {
    // Where refresh tokens are not rotated, it is of use for ever.
    let mut play = Play::own(Own::GrantFile);
    for (token, name) in [("r-file", "1"), ("r-newer", "2"), ("r-file", "3")] {
        play.event(Event::SourceChanged);
        play.let_it_find(token);
        play.advance(10 * SECOND);
        assert_eq!(play.open_refresh(), token);
        play.reply(granted(name).refresh(Some(token)));
        let expected = format!("a-{name}");
        assert_eq!(play.served(), Some(expected.as_str()));
    }
}

#[test]
fn a_token_that_comes_too_late_gives_the_one_before_no_other_name() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    play.advance(10 * SECOND);
    play.answer_to(trial, granted("joe").to("joe").sid(Some("sid-joe")).lives(5));
    assert_eq!(play.served(), None, "Jane's, and the session is Joe's by now");
    let boot = play.now.boot + SECOND;
    play.restart("boot-a", boot);
    assert_eq!(play.served(), None);
}

#[test]
fn a_scope_that_is_refused_to_it_is_not_refused_to_the_live_session() {
    let mut play = trying();
    play.reply(denied(OAuthError::InvalidScope));
    play.advance(65 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn it_is_tried_although_nobody_has_read_for_hours() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(300).refresh_lives(1800));
    for round in 0..80 {
        play.advance(100 * SECOND);
        if !play.open.is_empty() {
            play.reply(granted(&format!("kept-{round}")).lives(300).refresh_lives(1800));
        }
    }
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn it_lengthens_no_lifetime() {
    let hour = Duration::from_secs(3600);
    let settings = Settings { lifetime: Some(hour), ..by_itself(Own::GrantFile, settings()) };
    let mut play = Play::with(settings, Restored::Nothing);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(86_400));
    play.advance(3500 * SECOND);
    play.glance();
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(3 * SECOND);
    play.reply(later(None));
    play.advance(97 * SECOND);
    assert_eq!((play.served(), play.revoked()), (None, vec!["r-1"]), "its lifetime is over");
    // What is in the file is tried on, and has a life of its own.
    play.advance(60 * SECOND);
    let trial = open_of(&play, "r-newer");
    play.answer_to(trial, granted("2").lives(86_400));
    assert_eq!(play.served(), Some("a-2"));
    play.advance(3000 * SECOND);
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn a_changed_file_that_is_looked_at_while_a_login_is_granted_is_not_missed() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.login_with(import("r-import"), true);
    let import = open_of(&play, "r-import");
    play.event(Event::SourceChanged);
    play.answer_to(import, granted("2"));
    play.let_it_find("r-newer");
    play.advance(20 * SECOND);
    open_of(&play, "r-newer");
}

#[test]
fn what_it_has_rotated_to_is_tried_on() {
    let mut play = trying();
    let newer = Some(Secret::new("r-rotated"));
    play.reply(failed(Cause::Unusable { refresh_token: newer }));
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-rotated");
}
