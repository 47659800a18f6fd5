//! What the profile's file holds now is tried beside the session that lives: that one is the profile's until the other
//! has given a token.

use crate::play::{
    Disk, Play, by_itself, denied, failed, found, granted, import, later, lost, settings,
    settings_at,
};
use bearerd_proto::{LoginAnswer, Revocation, Secret};
use bearerd_session::{
    Answer, Cause, Event, OAuthError, Outcome, Own, Request, Restored, Settings,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const ELSEWHERE: &str = "https://two.example";

/// Jane's session lives, and another refresh token in her file is being tried.
pub(crate) fn trying() -> Play {
    trying_beside(Some("sid-1"))
}

/// The same, the live one in this session of the IdP.
pub(crate) fn trying_beside(sid: Option<&str>) -> Play {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").sid(sid));
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play
}

/// The same, where a token for another audience is got by exchange.
pub(crate) fn trying_where_audiences_are_exchanged() -> Play {
    let settings = Settings { exchanges: true, ..by_itself(Own::GrantFile, settings()) };
    let mut play = Play::with(settings, Restored::Nothing);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(10 * SECOND);
    play
}

pub(crate) fn is_done(answer: &Answer) -> bool {
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
    let live = play.open_of("r-1");
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
        let import = play.open_of("r-import");
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
    let import = play.open_of("r-import");
    play.answer_to(import, granted("2").sid(Some("sid-2")));
    assert_eq!(play.revoked(), ["r-1"], "whoever wrote the file may need the other one");
}

#[test]
fn a_cancelled_login_of_the_live_ones_idp_session_is_not_revoked() {
    let mut play = trying();
    play.login_with(import("r-import"), true);
    let import = play.open_of("r-import");
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
    let login = play.open_of("r-third");
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
    play.reject("a-1");
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
    let settings = Settings { lifetime: Some(HOUR), ..by_itself(Own::GrantFile, settings()) };
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
    let trial = play.open_of("r-newer");
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
    let import = play.open_of("r-import");
    play.event(Event::SourceChanged);
    play.answer_to(import, granted("2"));
    play.let_it_find("r-newer");
    play.advance(20 * SECOND);
    play.open_of("r-newer");
}

#[test]
fn what_it_has_rotated_to_is_tried_on() {
    let mut play = trying();
    let newer = Some(Secret::new("r-rotated"));
    play.reply(failed(Cause::Unusable { refresh_token: newer }));
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-rotated");
}

#[test]
fn a_lost_answer_to_it_costs_the_live_session_no_renewal() {
    let mut play = trying();
    play.reply(lost());
    play.advance(5 * SECOND);
    let rejecter = play.reject("a-1");
    assert_eq!(play.open_refresh(), "r-newer", "nothing in hand hangs on it");
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    assert_eq!(play.token(rejecter).0, "a-2");
}

#[test]
fn a_word_that_may_be_about_it_starves_nobody_and_any_other_says_nothing_of_it() {
    for error in [OAuthError::InvalidRequest, OAuthError::InvalidTarget] {
        let mut play = trying();
        play.reply(denied(error));
        play.reject("a-1");
        assert_eq!(play.open_refresh(), "r-1", "{error:?}");
        play.reply(granted("2"));
        play.advance(600 * SECOND);
        play.nothing_is_sent();
    }
    for error in [OAuthError::UnauthorizedClient, OAuthError::Other] {
        let mut play = trying();
        play.reply(denied(error));
        play.advance(600 * SECOND);
        assert_eq!(play.open_refresh(), "r-newer", "{error:?}");
    }
}

#[test]
fn while_nobody_reads_it_is_no_storm() {
    let mut play = trying();
    play.reply(later(None));
    play.advance(2 * HOUR);
    let from = play.sent.len();
    for _ in 0..24 * 60 {
        play.advance(60 * SECOND);
        if !play.open.is_empty() {
            play.reply(later(None));
        }
    }
    let sent = play.sent.len() - from;
    assert!(sent < 200, "{sent} in a day that nobody reads");
}

#[test]
fn an_exchange_under_way_at_the_end_of_the_live_session_serves_nothing() {
    let settings =
        Settings { lifetime: Some(HOUR), exchanges: true, ..by_itself(Own::GrantFile, settings()) };
    let mut play = Play::with(settings, Restored::Nothing);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(86_400));
    play.advance(3590 * SECOND);
    play.glance();
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    play.read_of("audience:files");
    let (exchange, request) = play.open_request();
    assert!(matches!(request, Request::Exchange { .. }), "{request:?}");
    play.advance(11 * SECOND);
    assert_eq!(play.served(), None);
    play.answer_to(exchange, granted("files").refresh(None));
    assert_eq!(play.served_of("audience:files"), None, "its session is over");
}

#[test]
fn an_audience_that_is_refused_says_nothing_of_the_file() {
    let mut play = trying_where_audiences_are_exchanged();
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    play.read_of("audience:files");
    let (exchange, request) = play.open_request();
    assert!(matches!(request, Request::Exchange { .. }), "{request:?}");
    play.answer_to(exchange, denied(OAuthError::InvalidTarget));
    play.advance(60 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn what_has_become_of_it_in_one_place_is_sent_to_no_other() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.answer_to(trial, granted("one"));
    play.is_new_there("r-newer");
    play.let_it_find("r-newer");
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn until_its_token_is_on_disk_the_one_before_is_served_under_its_own_name() {
    let mut play = trying();
    play.disk = Disk::Hangs;
    play.reply(granted("joe").to("joe").sid(Some("sid-joe")));
    let shown = |play: &Play| {
        let shown = play.shown.as_ref().expect("a token is published");
        (shown.token.clone(), shown.user_id.clone())
    };
    // Whatever makes readers look again.
    play.event(Event::WallStepped);
    assert_eq!(shown(&play), ("a-1".to_owned(), Some("jane".to_owned())));
    play.disk_is_back(true);
    assert_eq!(shown(&play), ("a-joe".to_owned(), Some("joe".to_owned())));
}
