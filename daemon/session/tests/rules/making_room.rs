//! Slots that go with their tokens, or stay although they have none.

use crate::play::{Disk, Play, denied, failed, granted, import, later};
use bearerd_proto::ErrorCode;
use bearerd_session::{Cause, Event, OAuthError, SlotKey};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Somebody has got a token of each of these scopes.
fn with_scopes(count: u32, seconds: u64) -> Play {
    let mut play = Play::logged_in(granted("0").lives(86_400));
    for scope in 0..count {
        let name = format!("scope-{scope}");
        let reader = play.read_of(&name);
        play.reply(granted(&scope.to_string()).lives(seconds));
        play.token_of(&name, reader);
    }
    play
}

#[test]
fn slots_whose_tokens_have_ended_are_no_more() {
    let mut play = with_scopes(64, 600);
    play.advance(601 * SECOND);
    let reader = play.read_of("more");
    assert!(play.waits(reader), "none of them is read, and none has a token");
}

#[test]
fn nobody_makes_room_while_there_is_some() {
    let mut play = with_scopes(2, 86_400);
    play.advance(7200 * SECOND);
    play.read_of("more");
    play.reply(granted("more"));
    assert_eq!(play.served_of("scope-0"), Some("a-0"));
    assert_eq!(play.served_of("scope-1"), Some("a-1"));
}

#[test]
fn whoever_asks_by_the_task_is_a_reader_as_well() {
    let mut play = with_scopes(1, 3600);
    play.advance(10 * SECOND);
    let reader = play.read_of("scope-0");
    play.token_of("scope-0", reader);
    play.advance(2000 * SECOND);
    assert_ne!(play.open_slot(), SlotKey::default());
}

#[test]
fn a_login_hides_what_was_got_for_the_session_before_although_the_disk_hangs() {
    let mut play = with_scopes(1, 3600);
    play.disk = Disk::Hangs;
    play.login_with(import("r-import"), true);
    play.reply(granted("2").sid(Some("sid-2")));
    assert_eq!(play.served_of("scope-0"), None);
}

#[test]
fn a_scope_whose_token_ends_sooner_than_another_may_come_is_not_asked_for_sooner() {
    let mut play = Play::logged_in(granted("0").lives(86_400));
    let reader = play.read_of("short");
    play.now.boot = play.now.boot + 500 * MILLISECOND;
    play.reply(granted("short").lives(1));
    play.token_of("short", reader);
    play.advance(700 * MILLISECOND);
    assert_eq!(play.served_of("short"), None);
    play.read_of("short");
    play.nothing_is_sent();
    play.advance(301 * MILLISECOND);
    assert_eq!(play.open_slot().scope.as_deref(), Some("short"));
}

#[test]
fn a_slot_that_somebody_waits_for_or_that_is_asked_for_counts() {
    let mut play = Play::logged_in(granted("0").lives(86_400));
    let readers: Vec<_> = (0..64).map(|scope| play.read_of(&format!("scope-{scope}"))).collect();
    play.event(Event::Gone(readers[0]));
    let more = play.read_of("more");
    assert_eq!(play.code(more), ErrorCode::Overloaded);
    play.reply(later(None));
    assert_eq!(play.code(readers[63]), ErrorCode::IdpUnreachable);
}

#[test]
fn a_slot_without_a_token_whose_failure_holds_nobody_up_any_more_goes() {
    let mut play = with_scopes(64, 600);
    play.advance(20 * SECOND);
    play.reject("a-0");
    play.reply(denied(OAuthError::InvalidScope));
    play.advance(600 * SECOND);
    let readers: Vec<_> = (0..64).map(|scope| play.read_of(&format!("new-{scope}"))).collect();
    assert!(readers.into_iter().all(|reader| play.waits(reader)));
}

#[test]
fn a_failure_that_holds_nobody_up_any_more_takes_no_room_from_that_moment_on() {
    let unusable = || failed(Cause::Unusable { refresh_token: None });
    let mut play = with_scopes(63, 86_400);
    let reader = play.read_of("files");
    play.reply(granted("files").lives(60));
    play.token_of("files", reader);
    play.advance(SECOND);
    play.glance_at("files");
    // So many in a row that the next attempt by itself is a good while after the next that a reader may ask for.
    play.advance(30 * SECOND);
    for pause in [2, 3, 5] {
        play.reply(unusable());
        play.advance(pause * SECOND);
    }
    play.advance(60 * SECOND);
    assert_eq!(play.served_of("files"), None);
    play.reply(unusable());
    for (passes, is_room) in [(1_999, false), (1, true)] {
        play.advance(passes * MILLISECOND);
        let more = play.read_of("more");
        assert_eq!(play.waits(more), is_room);
    }
}
