//! Tokens for other scopes and audiences: fetched once, kept fresh while they are read, dropped when idle.

use crate::play::{Play, denied, failed, granted, later, settings, slot};
use bearerd_proto::ErrorCode;
use bearerd_session::{Cause, Event, Means, OAuthError, Outcome, Own, Request, Settings};
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Jane has logged in, and a reader of `files` has a token.
fn with_files() -> Play {
    let mut play = Play::logged_in(granted("1"));
    let reader = play.read_of("files");
    play.reply(granted("files").refresh(Some("r-2")));
    assert_eq!(play.token_of("files", reader), "a-files");
    play
}

#[test]
fn eight_scopes_asked_by_thirty_two_callers_are_eight_fetches_one_at_a_time_and_then_none() {
    let mut play = Play::logged_in(granted("0"));
    let names: Vec<String> = (0..8).map(|scope| format!("scope-{scope}")).collect();
    let callers: Vec<_> =
        (0..32).map(|caller| (&names[caller % 8], play.read_of(&names[caller % 8]))).collect();
    let mut asked = BTreeSet::new();
    for fetch in 1..=8 {
        // One request is open at a time: `open_request` demands it, the prompter that no token is spent twice.
        assert_eq!(play.open_refresh(), format!("r-{}", fetch - 1));
        let scope = play.open_slot().scope.unwrap();
        let access_token = format!("a-{scope}");
        asked.insert(scope);
        play.reply(granted(&fetch.to_string()).access(&access_token));
    }
    play.nothing_is_sent();
    assert_eq!(asked, names.iter().cloned().collect());
    for (name, caller) in callers {
        assert_eq!(play.token_of(name, caller), format!("a-{name}"));
        let again = play.read_of(name);
        assert_eq!(play.token_of(name, again), format!("a-{name}"));
    }
    assert_eq!(play.refreshes(), 8);
}

#[test]
fn a_slot_is_renewed_while_it_is_read_and_left_to_its_end_while_it_is_not() {
    let mut play = with_files();
    play.advance(900 * SECOND);
    play.glance_at("files");
    play.advance(900 * SECOND);
    let mut renewed = BTreeSet::new();
    for refresh in 3..5 {
        let asked = play.open_slot();
        let name = asked.scope.clone().unwrap_or_else(|| "own".to_owned());
        renewed.insert(name.clone());
        play.reply(granted(&refresh.to_string()).access(&format!("{name}-{refresh}")));
    }
    assert_eq!(renewed, ["files", "own"].map(str::to_owned).into());
    assert!(play.served_of("files").is_some_and(|token| token.starts_with("files-")));
    // From here on nobody reads it: its next renewal does not come.
    let before = play.refreshes();
    play.glance();
    play.advance(1800 * SECOND);
    assert_eq!(play.open_slot(), bearerd_session::SlotKey::default(), "the profile's own alone");
    play.reply(granted("5"));
    play.nothing_is_sent();
    assert_eq!(play.refreshes(), before + 1);
}

#[test]
fn a_slot_that_was_left_alone_is_renewed_again_as_soon_as_it_is_read() {
    let mut play = with_files();
    play.glance();
    play.advance(1900 * SECOND);
    play.reply(granted("3"));
    play.nothing_is_sent();
    assert_eq!(play.served_of("files"), Some("a-files"), "it is good for a while");
    play.glance_at("files");
    assert_eq!(play.open_slot(), slot("files"));
    assert!(!play.shown_others[&slot("files")].asleep, "the next reader need not wake it again");
    play.reply(granted("4"));
    assert_eq!(play.served_of("files"), Some("a-4"));
}

#[test]
fn a_slot_that_nobody_reads_is_gone_with_its_token() {
    let mut play = with_files();
    play.glance();
    play.advance(1900 * SECOND);
    play.reply(granted("3").lives(36_000));
    play.advance(1800 * SECOND);
    assert!(play.shown_others.is_empty());
    let reader = play.read_of("files");
    assert_eq!(play.open_slot(), slot("files"));
    play.reply(granted("5"));
    assert_eq!(play.token_of("files", reader), "a-5");
}

#[test]
fn a_scope_that_is_refused_harms_no_other_and_is_not_asked_for_again_within_a_minute() {
    let mut play = with_files();
    for outcome in [
        denied(OAuthError::InvalidScope),
        denied(OAuthError::InvalidTarget),
        denied(OAuthError::InvalidRequest),
        failed(Cause::WrongAudience { refresh_token: None }),
    ] {
        let reader = play.read_of("bad");
        play.reply(outcome);
        let refusal = play.refusal(reader);
        assert!(
            matches!(refusal.code, ErrorCode::BadRequest | ErrorCode::Misconfigured),
            "{refusal:?}"
        );
        assert!(!play.is_degraded(), "the profile's own token is as good as before");
        assert_eq!(play.served_of("files"), Some("a-files"));
        let wait = refusal.retry_after.unwrap();
        assert!(wait >= 60, "{refusal:?}");
        play.advance((wait - 1).try_into().map(|wait: u32| wait * SECOND).unwrap());
        let again = play.read_of("bad");
        assert_eq!(play.code(again), refusal.code);
        play.nothing_is_sent();
        play.advance(2 * SECOND);
        play.nothing_is_sent();
        let other = play.read_of("files");
        assert_eq!(play.token_of("files", other), "a-files");
    }
}

#[test]
fn the_refresh_token_of_an_answer_for_another_audience_counts() {
    let mut play = Play::logged_in(granted("1"));
    let reader = play.read_of("audience:files");
    let refresh_token = Some(bearerd_proto::Secret::new("r-2"));
    play.reply(failed(Cause::WrongAudience { refresh_token }));
    assert_eq!(play.code(reader), ErrorCode::BadRequest);
    assert_eq!(play.file.as_ref().unwrap().grant.as_ref().unwrap().refresh_token.expose(), "r-2");
    let other = play.read_of("audience:other");
    assert_eq!(play.open_refresh(), "r-2");
    play.reply(granted("3"));
    assert_eq!(play.token_of("audience:other", other), "a-3");
}

#[test]
fn there_are_sixty_four_slots_and_the_next_caller_is_told_so() {
    let mut play = Play::logged_in(granted("0"));
    for scope in 0..64 {
        let reader = play.read_of(&format!("scope-{scope}"));
        play.reply(granted(&format!("{scope}")));
        play.token_of(&format!("scope-{scope}"), reader);
    }
    let refused = play.read_of("one too many");
    let refusal = play.refusal(refused);
    assert_eq!(refusal.code, ErrorCode::Overloaded);
    assert!(refusal.message.contains("64 scopes and audiences"), "{}", refusal.message);
    assert_eq!(refusal.retry_after, Some(60));
    let known = play.read_of("scope-63");
    assert_eq!(play.token_of("scope-63", known), "a-63");
    play.nothing_is_sent();
    // When their tokens are over there is room again.
    play.advance(1900 * SECOND);
    play.reply(granted("again").lives(36_000));
    play.advance(1800 * SECOND);
    let reader = play.read_of("one too many");
    play.reply(granted("more"));
    assert_eq!(play.token_of("one too many", reader), "a-more");
}

#[test]
fn refused_scopes_do_not_fill_the_slots_for_ever() {
    let mut play = Play::logged_in(granted("0").lives(36_000));
    for scope in 0..64 {
        let reader = play.read_of(&format!("bad-{scope}"));
        play.reply(denied(OAuthError::InvalidScope));
        assert_eq!(play.code(reader), ErrorCode::BadRequest);
    }
    let refused = play.read_of("good");
    assert_eq!(play.code(refused), ErrorCode::Overloaded);
    play.advance(61 * SECOND);
    play.nothing_is_sent();
    let reader = play.read_of("good");
    play.reply(granted("good"));
    assert_eq!(play.token_of("good", reader), "a-good");
}

#[test]
fn slots_survive_a_restart_in_the_middle_of_an_outage() {
    let mut play = with_files();
    let boot = play.now.boot + 60 * SECOND;
    play.restart("boot-a", boot);
    assert_eq!(play.served_of("files"), Some("a-files"));
    play.nothing_is_sent();
}

#[test]
fn a_new_login_takes_the_slots_of_the_session_before_with_it() {
    let mut play = with_files();
    play.log_in(granted("new").sid(Some("sid-2")));
    assert_eq!(play.served_of("files"), None);
    play.answer_to(play.open[0].0, bearerd_session::Outcome::Revoked);
    let reader = play.read_of("files");
    play.reply(granted("newer").sid(Some("sid-2")));
    assert_eq!(play.token_of("files", reader), "a-newer");
}

#[test]
fn a_logout_takes_all_slots() {
    let mut play = with_files();
    play.logout(true);
    assert_eq!((play.served(), play.served_of("files")), (None, None));
    let reader = play.read_of("files");
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
}

#[test]
fn a_token_of_a_slot_that_is_rejected_is_fetched_anew() {
    let mut play = with_files();
    let rejecter = play.reject("a-files");
    assert_eq!(play.open_slot(), slot("files"));
    play.reply(granted("4"));
    assert_eq!(play.token_of("files", rejecter), "a-4");
}

#[test]
fn an_outage_is_the_answer_of_all_slots_without_a_token() {
    let mut play = with_files();
    let reader = play.read_of("other");
    play.reply(later(None));
    assert_eq!(play.code(reader), ErrorCode::IdpUnreachable);
    assert_eq!(play.served_of("files"), Some("a-files"));
}

#[test]
fn an_audience_is_exchanged_for_where_the_profile_says_so() {
    let mut play = Play::logged_in_with(Settings { exchanges: true, ..settings() }, granted("1"));
    let reader = play.read_of("audience:files");
    match play.open_request().1 {
        Request::Exchange { subject_token, slot: asked } => {
            assert_eq!((subject_token.expose(), asked), ("a-1", slot("audience:files")));
        }
        other => panic!("an exchange was expected, not {other:?}"),
    }
    play.reply(granted("files").refresh(None));
    assert_eq!(play.token_of("audience:files", reader), "a-files");
    let refused = play.read_of("audience:other");
    play.reply(denied(OAuthError::AccessDenied));
    assert_eq!(play.code(refused), ErrorCode::BadRequest);
    assert_eq!(play.refreshes(), 0);
}

#[test]
fn an_exchange_waits_for_the_profiles_own_token() {
    let mut play =
        Play::logged_in_with(Settings { exchanges: true, ..settings() }, granted("1").lives(60));
    play.suspend(120 * SECOND);
    play.reply(later(None));
    play.advance(3 * SECOND);
    if let Some((fetch, _)) = play.open.first().cloned() {
        play.answer_to(fetch, later(None));
    }
    play.advance(3 * SECOND);
    let reader = play.read_of("audience:files");
    assert_eq!(play.open_slot(), bearerd_session::SlotKey::default());
    play.reply(granted("2"));
    assert!(matches!(play.open_request().1, Request::Exchange { .. }));
    play.reply(granted("files").refresh(None));
    assert_eq!(play.token_of("audience:files", reader), "a-files");
}

#[test]
fn another_word_for_the_person_in_another_audiences_token_changes_nothing() {
    let mut play = with_files();
    let reader = play.read_of("audience:pairwise");
    play.reply(granted("3").to("x-4711"));
    assert_eq!(play.token_of("audience:pairwise", reader), "a-3");
    assert_eq!(play.served_of("files"), Some("a-files"));
    assert_eq!(play.shown.as_ref().unwrap().user_id.as_deref(), Some("jane"));
    let rejecter = play.reject("a-1");
    play.reply(granted("4"));
    assert_eq!(play.token(rejecter).0, "a-4");
    assert_eq!(play.served_of("audience:pairwise"), Some("a-3"));
}

#[test]
fn whoever_waits_for_a_slot_through_a_login_gets_that_of_the_new_session() {
    let mut play = Play::logged_in(granted("1"));
    let waiting = ["a", "b"].map(|name| (name, play.read_of(name)));
    let (late, _) = play.open_request();
    let refresh_token = bearerd_proto::Secret::new("r-import");
    play.login_with(Means::Import { refresh_token }, true);
    let (import, _) = play.open.last().cloned().unwrap();
    play.answer_to(import, granted("2").sid(Some("sid-2")));
    play.answer_to(late, granted("late"));
    for answer in 3.. {
        let Some((fetch, request)) = play.open.first().cloned() else { break };
        match request {
            Request::Revoke { .. } => play.answer_to(fetch, Outcome::Revoked),
            _ => play.answer_to(fetch, granted(&answer.to_string()).sid(Some("sid-2"))),
        }
    }
    for (name, waiter) in waiting {
        play.token_of(name, waiter);
    }
}

#[test]
fn a_slot_that_nobody_has_read_for_an_hour_makes_room_for_another() {
    let mut play = Play::logged_in(granted("0").lives(86_400));
    for scope in 0..64 {
        let name = format!("scope-{scope}");
        let reader = play.read_of(&name);
        play.reply(granted(&scope.to_string()).lives(86_400));
        play.token_of(&name, reader);
        play.advance(SECOND);
    }
    play.advance(3500 * SECOND);
    let early = play.read_of("more");
    assert_eq!(play.code(early), ErrorCode::Overloaded);
    play.advance(100 * SECOND);
    play.glance_at("scope-0");
    play.event(Event::Timer(play.reads()));
    let reader = play.read_of("more");
    play.reply(granted("more"));
    assert_eq!(play.token_of("more", reader), "a-more");
    assert_eq!((play.served_of("scope-0"), play.served_of("scope-1")), (Some("a-0"), None));
    assert_eq!(play.shown_others.len(), 64);
}

#[test]
fn a_service_without_a_name_keeps_its_other_tokens_when_its_own_is_renewed() {
    let mut play = Play::own(Own::Tokens);
    play.reply(granted("1").refresh(None).nobody());
    play.read_of("files");
    play.reply(granted("files").refresh(None).nobody());
    play.reject("a-1");
    play.reply(granted("2").refresh(None).nobody());
    assert_eq!((play.served(), play.served_of("files")), (Some("a-2"), Some("a-files")));
}
