//! What crosses: a request under way when its session changes hands, a token that is used and brought along at once.

use crate::play::{Disk, Play, by_itself, denied, granted, import, later, settings, settings_at};
use bearerd_proto::{ErrorCode, LoginAnswer};
use bearerd_session::{Answer, Event, OAuthError, Own, Request, Restored, Settings, SlotKey};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const ELSEWHERE: &str = "https://two.example";

#[test]
fn what_the_old_place_grants_after_a_move_is_no_token_of_the_new_one() {
    let mut play = Play::own(Own::Tokens);
    let (fetch, _) = play.open_request();
    play.reload(by_itself(Own::Tokens, settings_at(ELSEWHERE)));
    play.answer_to(fetch, granted("old").refresh(None));
    assert_eq!(play.served(), None);
    play.reply(granted("new").refresh(None));
    assert_eq!(play.served(), Some("a-new"));
}

#[test]
fn a_token_of_a_scope_that_crosses_a_move_and_the_way_back_is_of_that_scope() {
    let mut play = Play::logged_in(granted("1"));
    play.read_of("files");
    let (fetch, _) = play.open_request();
    play.reload(settings_at(ELSEWHERE));
    play.reload(settings());
    play.answer_to(fetch, granted("files"));
    assert_eq!((play.served(), play.served_of("files")), (Some("a-1"), Some("a-files")));
}

#[test]
fn a_refused_scope_that_nobody_asks_for_is_not_asked_for_again() {
    let mut play = Play::logged_in(granted("1"));
    play.read_of("files");
    play.reply(granted("files").lives(60));
    play.advance(10 * SECOND);
    play.glance_at("files");
    play.advance(25 * SECOND);
    play.reply(denied(OAuthError::InvalidScope));
    let sent = play.sent.len();
    play.advance(600 * SECOND);
    assert_eq!(play.sent.len(), sent, "its token has ended, and nobody waits");
}

#[test]
fn who_rejects_the_token_before_gets_the_one_of_the_same_scope() {
    let mut play = Play::logged_in(granted("1"));
    play.read_of("files");
    play.reply(granted("files"));
    play.reject("a-files");
    play.reply(granted("newer"));
    let late = play.reject("a-files");
    assert_eq!(play.token_of("files", late), "a-newer");
}

#[test]
fn the_token_before_is_known_although_the_provider_gives_the_same_one_twice() {
    let mut play = Play::logged_in(granted("1"));
    play.read_of("files");
    play.reply(granted("files"));
    for token in ["newer", "newer"] {
        play.advance(10 * SECOND);
        play.glance_at("files");
        play.advance(1850 * SECOND);
        while let Some((fetch, request)) = play.open.first().cloned() {
            let is_own =
                matches!(&request, Request::Refresh { slot, .. } if *slot == SlotKey::default());
            play.answer_to(fetch, granted(if is_own { "own" } else { token }));
        }
    }
    assert_eq!(play.served_of("files"), Some("a-newer"));
    let late = play.reject("a-files");
    assert_eq!(play.token_of("files", late), "a-newer");
}

#[test]
fn a_password_that_a_login_found_wrong_is_not_sent_again_when_the_session_ends() {
    let mut play = Play::own(Own::Sessions { needs_given: false });
    play.reply(granted("1"));
    play.login(false);
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(1800 * SECOND);
    play.nothing_is_sent();
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::Misconfigured);
    play.event(Event::SourceChanged);
    assert!(play.grant_is_open());
}

#[test]
fn a_login_whose_session_ends_before_it_is_saved_ends_with_it() {
    let lifetime = Some(SECOND);
    let mut play = Play::with(Settings { lifetime, ..settings() }, Restored::Nothing);
    play.disk = Disk::Hangs;
    let caller = play.login_with(import("r-import"), false);
    play.reply(granted("1"));
    play.advance(SECOND);
    assert_eq!(play.code(caller), ErrorCode::LoginDenied);
    assert_eq!(play.served(), None);
}

#[test]
fn the_end_of_a_session_that_was_never_saved_leaves_the_parked_one_on_disk() {
    let mut play = Play::logged_in(granted("1"));
    let lifetime = Some(10 * SECOND);
    play.reload(Settings { lifetime, ..settings_at(ELSEWHERE) });
    play.disk = Disk::Fails;
    play.login_with(import("r-import"), false);
    play.reply(granted("2"));
    play.advance(9 * SECOND);
    play.disk = Disk::Works;
    play.advance(120 * SECOND);
    let grant = play.file.as_ref().and_then(|file| file.grant.as_ref());
    assert_eq!(grant.map(|grant| grant.refresh_token.expose()), Some("r-1"));
}

#[test]
fn a_login_whose_tokens_have_come_is_not_pushed_aside_by_another() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Hangs;
    let one = play.login_with(import("r-import"), true);
    play.reply(granted("2").sid(Some("sid-2")));
    let other = play.login_with(import("r-other"), true);
    play.nothing_is_sent();
    assert_eq!(play.refusal(other).retry_after, Some(1));
    play.disk_is_back(true);
    assert!(matches!(play.answer(one), Answer::Login(LoginAnswer::Done(_))));
    assert_eq!(play.served(), Some("a-2"));
}

#[test]
fn readers_of_an_audience_do_not_hurry_the_profiles_own_token_that_has_just_failed() {
    let exchanging = Settings { exchanges: true, ..settings() };
    let mut play = Play::logged_in_with(exchanging, granted("1").lives(60));
    play.advance(30 * SECOND);
    play.suspend(40 * SECOND);
    let unusable = || crate::play::failed(bearerd_session::Cause::Unusable { refresh_token: None });
    while let Some((fetch, _)) = play.open.first().cloned() {
        play.answer_to(fetch, unusable());
    }
    let sent = play.sent.len();
    for _ in 0..3 {
        let reader = play.read_of("audience:files");
        assert_eq!(play.code(reader), ErrorCode::IdpRejected);
    }
    assert_eq!(play.sent.len(), sent);
}

#[test]
fn a_session_that_ends_as_soon_as_it_begins_is_not_begun_again_at_once() {
    let mut play = Play::own(Own::Sessions { needs_given: false });
    play.reply(granted("1"));
    play.read_of("files");
    play.reply(denied(OAuthError::InvalidGrant));
    let begun = |play: &Play| {
        let is_own = |request: &Request| matches!(request, Request::Grant { slot, .. } if *slot == SlotKey::default());
        play.sent.iter().filter(|(_, request)| is_own(request)).count()
    };
    assert_eq!(begun(&play), 1);
    while let Some((fetch, _)) = play.open.first().cloned() {
        play.answer_to(fetch, later(None));
    }
    play.advance(70 * SECOND);
    assert!(begun(&play) > 1);
}

#[test]
fn a_token_of_the_session_before_is_not_exchanged_for_the_new_one() {
    let exchanging = Settings { exchanges: true, ..settings() };
    let mut play = Play::logged_in_with(exchanging, granted("1"));
    play.disk = Disk::Hangs;
    play.login_with(import("r-import"), true);
    play.reply(granted("2").to("joe").sid(Some("sid-2")));
    let reader = play.read_of("audience:files");
    play.nothing_is_sent();
    play.disk_is_back(true);
    let exchange = play.open.iter().find_map(|(fetch, request)| match request {
        Request::Exchange { subject_token, .. } => Some((*fetch, subject_token.expose())),
        _ => None,
    });
    let Some((fetch, "a-2")) = exchange else { panic!("{exchange:?}") };
    play.answer_to(fetch, granted("files").refresh(None).to("joe"));
    assert_eq!(play.token_of("audience:files", reader), "a-files");
}

#[test]
fn a_failure_is_remembered_for_the_next_reader_of_a_scope_that_nobody_waits_for() {
    let mut play = Play::logged_in(granted("1"));
    play.read_of("files");
    play.reply(crate::play::failed(bearerd_session::Cause::Unusable { refresh_token: None }));
    play.advance(1500 * MILLISECOND);
    let reader = play.read_of("files");
    play.nothing_is_sent();
    assert_eq!(play.code(reader), ErrorCode::IdpRejected);
}

#[test]
fn a_login_does_not_hurry_a_token_that_has_just_come() {
    let mut play = Play::logged_in(granted("1"));
    play.read_of("files");
    play.reply(later(None));
    play.login(false);
    play.reply(later(None));
    play.advance(5 * SECOND);
    let is_own = |request: &Request| matches!(request, Request::Refresh { slot, .. } if *slot == SlotKey::default());
    assert!(!play.sent.iter().any(|(_, request)| is_own(request)));
}

#[test]
fn who_waits_for_a_save_is_not_refused_because_another_scope_fails() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(10 * SECOND);
    play.suspend(100 * SECOND);
    play.disk = Disk::Hangs;
    let reader = play.read();
    play.reply(granted("2"));
    let other = play.read_of("files");
    play.reply(later(None));
    assert_eq!(play.code(other), ErrorCode::IdpUnreachable);
    play.disk_is_back(true);
    assert_eq!(play.token(reader).0, "a-2");
}

#[test]
fn the_next_session_of_the_same_person_keeps_what_was_got_for_a_scope() {
    for (next, kept) in [(granted("2"), Some("a-files")), (granted("2").to("joe"), None)] {
        let mut play = Play::own(Own::Sessions { needs_given: false });
        play.reply(granted("1"));
        play.read_of("files");
        play.reply(granted("files"));
        play.advance(1990 * SECOND);
        assert_eq!(play.open_refresh(), "r-files");
        play.reply(denied(OAuthError::InvalidGrant));
        play.reply(next);
        assert_eq!((play.served(), play.served_of("files")), (Some("a-2"), kept));
    }
}

#[test]
fn who_waits_for_a_scope_when_the_session_is_logged_out_gets_it_of_the_next_one() {
    let mut play = Play::own(Own::Sessions { needs_given: false });
    play.reply(granted("1"));
    let reader = play.read_of("files");
    let (crossing, _) = play.open_request();
    play.logout(false);
    play.answer_to(crossing, granted("old"));
    assert!(play.grant_is_open());
    play.reply(granted("2"));
    assert_eq!(play.open_refresh(), "r-2");
    play.reply(granted("files"));
    assert_eq!(play.token_of("files", reader), "a-files");
}

#[test]
fn an_exchange_that_has_no_answer_at_the_end_has_lost_no_refresh_token() {
    for (what, is_lost) in [("audience:files", false), ("files", true)] {
        let exchanging = Settings { exchanges: true, ..settings() };
        let mut play = Play::logged_in_with(exchanging, granted("1"));
        play.read_of(what);
        play.event(Event::Drain);
        play.event(Event::End);
        let grant = play.file.as_ref().and_then(|file| file.grant.as_ref());
        assert_eq!(grant.map(|grant| grant.lost), Some(is_lost), "{what}");
    }
}
