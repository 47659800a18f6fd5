//! Profiles whose tokens stand in a file that somebody else writes: an access token, or a refresh token.

use crate::play::{Play, denied, failed, found, granted, later, slot};
use bearerd_proto::{ErrorCode, EventKind};
use bearerd_session::{Cause, Event, OAuthError, Own, Request, SlotKey};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_token_file_that_changes_is_served_and_a_torn_one_keeps_the_old() {
    let mut play = Play::own(Own::TokenFile);
    play.reply(granted("1").refresh(None).without_end());
    assert_eq!(play.served(), Some("a-1"));
    assert!(play.file.is_none(), "what stands in a file already is not saved");
    play.event(Event::SourceChanged);
    play.reply(failed(Cause::Source));
    assert_eq!(play.served(), Some("a-1"));
    assert!(play.is_degraded());
    play.event(Event::SourceChanged);
    play.reply(granted("2").refresh(None).without_end());
    assert_eq!((play.served(), play.is_degraded()), (Some("a-2"), false));
    let told = play.times_told(EventKind::Refreshed);
    play.event(Event::SourceChanged);
    play.reply(granted("2").refresh(None).without_end());
    assert_eq!(play.times_told(EventKind::Refreshed), told, "the same token is no news");
}

#[test]
fn a_token_file_that_is_missing_is_looked_for_again() {
    let mut play = Play::own(Own::TokenFile);
    play.reply(failed(Cause::Source));
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::Misconfigured);
    play.advance(3 * SECOND);
    if play.open.is_empty() {
        play.read();
    }
    play.reply(granted("1").refresh(None));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_rejected_token_of_a_file_that_has_not_changed_is_rejected_again() {
    let mut play = Play::own(Own::TokenFile);
    play.reply(granted("1").refresh(None));
    let rejecter = play.reject("a-1");
    play.reply(granted("1").refresh(None));
    let refusal = play.refusal(rejecter);
    assert_eq!(refusal.code, ErrorCode::IdpRejected);
    assert!(refusal.retry_after.is_some());
}

#[test]
fn a_token_file_has_no_other_scopes() {
    let mut play = Play::own(Own::TokenFile);
    play.reply(granted("1").refresh(None));
    let reader = play.read_of("files");
    let refusal = play.refusal(reader);
    assert_eq!(refusal.code, ErrorCode::BadRequest);
    assert!(refusal.message.contains("comes from a file"), "{}", refusal.message);
}

#[test]
fn a_refresh_token_out_of_a_file_begins_a_session_and_is_not_taken_twice() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    assert_eq!(play.open_refresh(), "r-file");
    play.reply(granted("1"));
    assert_eq!(play.served(), Some("a-1"));
    // The file holds the old one still: it is not used again, neither now nor after a restart.
    play.event(Event::SourceChanged);
    play.reply(found("r-file"));
    play.nothing_is_sent();
    let boot = play.now.boot + SECOND;
    play.restart("boot-a", boot);
    play.reply(found("r-file"));
    play.nothing_is_sent();
    assert_eq!(play.served(), Some("a-1"));
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(granted("2"));
    // Another one is taken.
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play.reply(granted("3").sid(Some("sid-2")));
    assert_eq!(play.served(), Some("a-3"));
}

#[test]
fn a_refresh_token_out_of_a_file_that_is_refused_is_asked_for_once() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(denied(OAuthError::InvalidGrant));
    let waiter = play.read();
    play.reply(found("r-file"));
    let refusal = play.refusal(waiter);
    assert_eq!(refusal.code, ErrorCode::Misconfigured);
    assert!(refusal.message.contains("refused already"), "{}", refusal.message);
    for _ in 0..24 * 60 {
        while let Some((fetch, request)) = play.open.first().cloned() {
            assert!(matches!(request, Request::Grant { .. }), "only the file is looked at");
            play.answer_to(fetch, found("r-file"));
        }
        play.advance(60 * SECOND);
    }
    assert_eq!(play.refreshes(), 1);
    play.read();
    play.file_holds("r-newer");
    assert_eq!(play.open_refresh(), "r-newer");
    play.reply(granted("1"));
    assert_eq!(play.served(), Some("a-1"));
}

#[test]
fn a_torn_file_does_not_disturb_the_session_that_began_with_it() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.event(Event::SourceChanged);
    play.reply(failed(Cause::Source));
    assert!(!play.is_degraded());
    play.advance(1900 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    // Nor does it bring a renewal forward that nothing is planned of.
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").without_end());
    play.event(Event::SourceChanged);
    play.reply(failed(Cause::Source));
    play.nothing_is_sent();
}

/// A session out of a file, and a token for `files` beside its own.
fn with_files() -> Play {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    let reader = play.read_of("files");
    play.reply(granted("2").access("a-files"));
    assert_eq!(play.token_of("files", reader), "a-files");
    play
}

/// The file holds another refresh token, which is used next.
fn another_is_found(play: &mut Play, refresh_token: &str) {
    play.event(Event::SourceChanged);
    play.reply(found(refresh_token));
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), refresh_token);
}

#[test]
fn a_file_of_somebody_whose_name_no_token_tells_shows_no_other_name_and_no_other_slot() {
    let mut play = with_files();
    another_is_found(&mut play, "r-joe");
    play.reply(granted("joe").nobody());
    assert_eq!((play.served(), play.served_of("files")), (Some("a-joe"), None));
    assert_eq!(play.shown.as_ref().unwrap().user_id, None);
    let mut play = Play::own(Own::TokenFile);
    play.reply(granted("1").refresh(None));
    play.event(Event::SourceChanged);
    play.reply(granted("joe").refresh(None).nobody());
    assert_eq!(play.shown.as_ref().unwrap().user_id, None);
}

#[test]
fn another_scope_waits_until_it_shows_whose_file_it_is() {
    let mut play = with_files();
    // Jane's session has ended, and her token for `files` is good still.
    play.reject("a-1");
    play.reply(denied(OAuthError::InvalidGrant));
    play.let_it_find("r-joe");
    play.advance(2 * SECOND);
    let reader = play.read_of("other");
    assert_eq!((play.open_refresh(), play.open_slot()), ("r-joe".to_owned(), SlotKey::default()));
    play.reply(granted("joe").to("joe"));
    assert_eq!(play.served_of("files"), None, "Jane's");
    assert_eq!(play.open_slot(), slot("other"));
    play.reply(granted("other").to("joe"));
    assert_eq!(play.token_of("other", reader), "a-other");
    assert_eq!(play.shown_others[&slot("other")].user_id.as_deref(), Some("joe"));
}

#[test]
fn a_dead_refresh_token_in_its_file_does_not_cost_the_live_session() {
    for restarts in [false, true] {
        let mut play = with_files();
        another_is_found(&mut play, "r-dead");
        if restarts {
            let boot = play.now.boot + SECOND;
            play.restart("boot-a", boot);
            assert_eq!(play.served_of("files"), Some("a-files"));
            play.reply(found("r-dead"));
            play.advance(2 * SECOND);
        }
        play.reply(denied(OAuthError::InvalidGrant));
        assert_eq!((play.times_told(EventKind::Degraded), play.is_degraded()), (1, false));
        play.reject("a-1");
        assert_eq!(play.open_refresh(), "r-2", "restarts: {restarts}");
        play.reply(granted("3"));
        assert_eq!((play.served(), play.served_of("files")), (Some("a-3"), Some("a-files")));
        // It is known by now.
        play.event(Event::SourceChanged);
        play.reply(found("r-dead"));
        play.nothing_is_sent();
    }
}

#[test]
fn a_file_that_is_rewritten_all_the_time_makes_no_storm() {
    let mut play = Play::own(Own::GrantFile);
    for writing in 0..1000 {
        while let Some((fetch, request)) = play.open.first().cloned() {
            let file = found(&format!("r-{writing}"));
            let is_look = matches!(request, Request::Grant { .. });
            play.answer_to(fetch, if is_look { file } else { later(None) });
        }
        play.event(Event::SourceChanged);
        play.advance(SECOND / 10);
    }
    assert!((10..=51).contains(&play.refreshes()), "{} in 100 s", play.refreshes());
}

#[test]
fn the_refresh_token_of_a_file_is_not_used_again_after_a_logout() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.logout(false);
    let reader = play.read();
    play.reply(found("r-file"));
    let refusal = play.refusal(reader);
    assert_eq!(refusal.code, ErrorCode::Misconfigured);
    assert!(refusal.message.contains("or logged out"), "{}", refusal.message);
    assert_eq!(play.refreshes(), 1);
}

#[test]
fn a_look_at_the_file_of_an_idle_session_leaves_its_renewal_where_it_was() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(4 * 3600));
    play.advance(7300 * SECOND);
    play.event(Event::SourceChanged);
    play.reply(found("r-file"));
    play.nothing_is_sent();
    play.glance();
    assert_eq!(play.open_refresh(), "r-1", "half of its token's life is over");
}

#[test]
fn who_comes_while_the_file_is_looked_at_does_not_wait_for_that_alone() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(7300));
    play.advance(7400 * SECOND);
    play.event(Event::SourceChanged);
    let reader = play.read();
    play.reply(found("r-file"));
    play.reply(granted("2"));
    assert_eq!(play.token(reader).0, "a-2");
    play.advance(10 * SECOND);
    play.event(Event::SourceChanged);
    let caller = play.reject("a-2");
    play.reply(found("r-file"));
    play.reply(granted("3"));
    assert_eq!(play.token(caller).0, "a-3");
}
