//! When what a file holds is tried again beside the session that lives, and what that one and its readers notice of it.

use crate::beside::trying;
use crate::play::{
    Play, by_itself, denied, failed, found, granted, later, lost, misconfigured, settings, slot,
};
use bearerd_proto::ErrorCode;
use bearerd_session::{Cause, Event, OAuthError, Own, Restored, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_client_that_is_mended_is_tried_with_at_once() {
    let mut play = trying();
    play.reply(misconfigured());
    play.advance(10 * SECOND);
    play.reload(by_itself(Own::GrantFile, settings()));
    play.let_it_find("r-newer");
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn another_token_in_the_file_after_one_that_was_refused_by_another_word() {
    for error in [OAuthError::InvalidRequest, OAuthError::InvalidScope] {
        let mut play = trying();
        play.reply(denied(error));
        play.advance(10 * SECOND);
        play.file_holds("r-good");
        play.advance(30 * SECOND);
        assert_eq!(play.open_refresh(), "r-good", "{error:?}");
    }
}

#[test]
fn a_live_session_that_the_provider_does_not_renew_does_not_starve_the_new_file() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(300));
    play.advance(160 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
    play.reply(denied(OAuthError::InvalidRequest));
    play.advance(200 * SECOND);
    play.reload(by_itself(Own::GrantFile, settings()));
    play.let_it_find("r-good");
    for _ in 0..24 * 6 {
        play.glance();
        for _ in 0..10 {
            play.advance(60 * SECOND);
            if play.open.is_empty() {
                continue;
            }

            match play.open_refresh().as_str() {
                "r-1" => play.reply(denied(OAuthError::InvalidRequest)),
                "r-good" => return,
                other => panic!("{other}"),
            }
        }
    }
    panic!("never tried in a day");
}

/// Nobody has read for hours, and what the file holds is tried.
fn trying_unread(settings: Settings) -> Play {
    let mut play = Play::with(settings, Restored::Nothing);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(86_400));
    play.advance(2 * HOUR);
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(3 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play
}

#[test]
fn a_lost_answer_within_the_reuse_window_is_asked_for_once_more() {
    let reuse_window = Some(10 * SECOND);
    let settings = Settings { reuse_window, ..by_itself(Own::GrantFile, settings()) };
    let mut play = trying_unread(settings);
    play.reply(lost());
    assert_eq!(play.open_refresh(), "r-newer", "although nobody has read for hours");
    play.reply(lost());
    play.advance(60 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn who_reads_again_has_it_tried_again_soon() {
    let mut play = trying_unread(by_itself(Own::GrantFile, settings()));
    play.reply(later(None));
    for _ in 0..60 {
        play.glance();
        play.advance(10 * SECOND);
    }
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn a_provider_that_has_answered_it_is_not_unreachable() {
    let mut play = trying();
    play.reply(later(None));
    assert!(!play.is_degraded(), "it says nothing of the session");
    play.advance(5 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(60 * SECOND);
    play.nothing_is_sent();
    assert!(!play.is_degraded(), "{:?}", play.session.report(play.now));
}

/// No token is good any more, what the session asks for is refused for a while, and what the file holds is being tried.
fn trying_alone() -> Play {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(300));
    play.advance(100 * SECOND);
    play.file_holds("r-good");
    play.advance(2 * SECOND);
    let mut tries = 0;
    while play.served().is_some() || play.open.is_empty() || play.open_refresh() != "r-good" {
        if !play.open.is_empty() {
            match play.open_refresh().as_str() {
                "r-1" => play.reply(denied(OAuthError::InvalidScope)),
                _ => play.reply(failed(Cause::Unusable { refresh_token: None })),
            }
        }
        play.glance();
        play.advance(SECOND);
        tries += 1;
        assert!(tries < 1000);
    }
    assert_eq!(play.open_refresh(), "r-good");
    play
}

#[test]
fn a_caller_without_a_token_joins_what_is_tried() {
    let mut play = trying_alone();
    let reader = play.read();
    assert!(play.waits(reader), "{:?}", play.refusal(reader));
    play.reply(granted("2"));
    assert_eq!(play.token(reader).0, "a-2");
}

#[test]
fn who_has_joined_what_is_tried_hears_at_once_that_nothing_comes_of_it() {
    let mut play = trying_alone();
    let (reader, other) = (play.read(), play.read_of("files"));
    play.reply(denied(OAuthError::InvalidGrant));
    assert_eq!(play.code(reader), ErrorCode::BadRequest);
    assert_eq!(play.open_slot(), slot("files"), "that is not refused to the session");
    play.reply(granted("files"));
    assert_eq!(play.token_of("files", other), "a-files");
}

#[test]
fn going_down_a_caller_without_a_token_waits_for_what_is_under_way() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(20));
    play.advance(3 * SECOND);
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play.event(Event::Drain);
    play.advance(16 * SECOND);
    assert_eq!(play.served(), None);
    let reader = play.read();
    assert!(play.waits(reader), "{:?}", play.refusal(reader));
    play.reply(granted("2"));
    assert_eq!(play.token(reader).0, "a-2");
}

#[test]
fn what_was_found_is_tried_at_once_although_the_look_before_had_failed_and_nobody_reads() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(failed(Cause::Source));
    play.advance(2 * HOUR);
    while !play.open.is_empty() {
        play.reply(failed(Cause::Source));
    }
    play.file_holds("r-file");
    play.advance(HOUR);
    assert_eq!(play.open_refresh(), "r-file");
}

#[test]
fn a_trial_without_an_answer_is_no_renewal_without_one() {
    let mut play = trying();
    play.advance(13 * SECOND);
    assert!(play.session.report(play.now).last_error.is_none());
}

#[test]
fn what_is_due_of_the_session_goes_before_it() {
    let mut play = trying();
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    play.read_of("files");
    let rejecter = play.reject("a-1");
    play.advance(SECOND);
    // Both have waited for the answer to this.
    play.reply(granted("files"));
    assert_eq!(play.open_refresh(), "r-files");
    play.reply(granted("2"));
    assert_eq!(play.token(rejecter).0, "a-2");
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn only_a_trial_that_has_failed_while_nobody_reads_puts_a_session_to_sleep() {
    let is_asleep = |play: &Play| play.shown.as_ref().expect("a token is published").asleep;
    let mut play = trying();
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    assert!(!is_asleep(&play), "somebody reads");
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(86_400));
    play.advance(2 * HOUR);
    play.file_holds("r-file");
    assert!(!is_asleep(&play), "nothing has failed");
    play.file_holds("r-newer");
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    assert!(is_asleep(&play));
}
