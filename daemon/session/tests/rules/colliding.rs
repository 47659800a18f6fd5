//! What is tried beside the session that lives meets a login, a logout, an end, a move: nothing is spent twice, nobody
//! gets what is another's, and nothing is sent to another place.

use crate::beside::{is_done, trying, trying_where_audiences_are_exchanged};
use crate::play::{
    Disk, Play, by_itself, denied, failed, found, granted, import, later, settings, settings_at,
};
use bearerd_proto::Secret;
use bearerd_session::{Cause, Event, OAuthError, Own, Request, Restored, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const ELSEWHERE: &str = "https://two.example";

fn with_an_hour() -> Play {
    let settings = Settings { lifetime: Some(HOUR), ..by_itself(Own::GrantFile, settings()) };
    let mut play = Play::with(settings, Restored::Nothing);
    play.reply(found("r-file"));
    play.reply(granted("1").lives(86_400));
    play.advance(3500 * SECOND);
    play.glance();
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(3 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
    play
}

#[test]
fn a_login_with_a_third_token_while_one_is_in_flight() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    let login = play.login(true);
    play.let_it_find("r-third");
    let third = play.open_of("r-third");
    play.answer_to(trial, granted("joe").to("joe").sid(Some("sid-joe")));
    play.advance(3 * SECOND);
    play.answer_to(third, later(None));
    play.answer(login);
    play.let_it_find("r-third");
    play.advance(20 * SECOND);
    play.open_of("r-third");
}

#[test]
fn what_is_tried_brought_along_after_it_has_rotated() {
    let mut play = trying();
    play.reply(failed(Cause::Unusable { refresh_token: Some(Secret::new("r-rotated")) }));
    play.login_with(import("r-newer"), true);
    assert_eq!(play.open_refresh(), "r-rotated");
}

#[test]
fn what_is_all_there_is_brought_along_after_it_has_rotated() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(failed(Cause::Unusable { refresh_token: Some(Secret::new("r-rotated")) }));
    play.login_with(import("r-file"), true);
    play.nothing_is_sent();
}

#[test]
fn what_the_session_before_began_with_brought_along_is_what_it_has_come_to() {
    let mut play = trying();
    play.reply(granted("2"));
    play.login_with(import("r-file"), true);
    assert_eq!(play.open_refresh(), "r-1", "what it has come to");
}

#[test]
fn an_unwanted_trial_in_flight_at_the_end_of_the_lifetime() {
    let mut play = with_an_hour();
    let (trial, _) = play.open_request();
    let login = play.login(true);
    play.let_it_find("r-file");
    assert!(is_done(&play.answer(login)));
    play.advance(100 * SECOND);
    assert_eq!(play.served(), None, "logged out by its lifetime");
    play.answer_to(trial, granted("joe").to("joe").sid(Some("sid-joe")));
    assert_eq!(play.served(), None, "the file does not hold it any more");
}

#[test]
fn a_login_uses_what_is_tried_at_the_end_of_the_lifetime() {
    let mut play = with_an_hour();
    play.reply(later(None));
    play.advance(30 * SECOND);
    while !play.open.is_empty() {
        play.reply(later(None));
    }
    play.login(true);
    play.let_it_find("r-newer");
    play.open_of("r-newer");
    play.advance(100 * SECOND);
}

#[test]
fn a_login_uses_what_is_tried_when_the_provider_ends_the_live_session() {
    let mut play = trying();
    play.reply(later(None));
    play.login(true);
    play.let_it_find("r-newer");
    play.advance(3 * SECOND);
    play.reject("a-1");
    let live = play.open_of("r-1");
    play.answer_to(live, denied(OAuthError::InvalidGrant));
    play.advance(3 * SECOND);
}

#[test]
fn what_becomes_of_it_here_is_not_sent_there() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.let_it_find("r-newer");
    play.answer_to(trial, granted("one"));
    play.is_new_there("r-newer");
    play.let_it_find("r-newer");
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn an_exchange_between_the_answer_and_its_save_is_not_of_the_one_before() {
    let mut play = trying_where_audiences_are_exchanged();
    play.disk = Disk::Hangs;
    play.reply(granted("joe").to("joe").sid(Some("sid-joe")));
    play.read_of("audience:files");
    play.nothing_is_sent();
    play.disk_is_back(true);
    let (_, request) = play.open_request();
    let Request::Exchange { subject_token, .. } = request else { panic!("{request:?}") };
    assert_eq!(subject_token.expose(), "a-joe", "a-1 is Jane's");
}

#[test]
fn who_waits_for_an_audience_while_it_is_tried_gets_the_token_of_the_new_one() {
    let mut play = trying_where_audiences_are_exchanged();
    let reader = play.read_of("audience:files");
    play.reply(granted("joe").to("joe").sid(Some("sid-joe")));
    assert_eq!(play.shown.as_ref().and_then(|shown| shown.user_id.as_deref()), Some("joe"));
    let (exchange, request) = play.open_request();
    assert!(
        matches!(&request, Request::Exchange { subject_token, .. } if subject_token.expose() == "a-joe"),
        "it is Jane's token that is exchanged, and shown as Joe's"
    );
    play.answer_to(exchange, granted("files").refresh(None));
    play.token_of("audience:files", reader);
}

#[test]
fn a_logout_elsewhere_revokes_nothing_of_the_place_before_there() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.logout(true);
    play.answer_to(trial, granted("one").sid(Some("sid-one")));
    assert_eq!(play.revoked(), [""; 0]);
}

#[test]
fn what_a_denied_login_has_spent_is_not_spent_again() {
    let mut play = trying();
    play.reply(later(None));
    play.login(false);
    play.let_it_find("r-newer");
    let login = play.open_of("r-newer");
    play.answer_to(login, granted("joe").to("joe").sid(Some("sid-joe")));
    play.advance(10 * SECOND);
    play.file_holds("r-file");
    play.advance(20 * SECOND);
    play.file_holds("r-newer");
    play.advance(20 * SECOND);
    let uses = play.sent.iter().filter(|(_, request)| {
        matches!(request, Request::Refresh { refresh_token, .. } if refresh_token.expose() == "r-newer")
    });
    assert_eq!(uses.count(), 2, "tried, and the login's");
}

#[test]
fn what_is_refused_while_the_profile_is_away_or_its_login_cancelled_is_not_sent_again() {
    for moves in [false, true] {
        let mut play = trying();
        if moves {
            let (trial, _) = play.open_request();
            play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
            play.answer_to(trial, denied(OAuthError::InvalidGrant));
            play.reload(by_itself(Own::GrantFile, settings()));
            play.let_it_find("r-newer");
        } else {
            play.reply(later(None));
            let login = play.login(true);
            play.let_it_find("r-newer");
            let (trial, _) = play.open_request();
            play.cancel(&format!("login-{}", login.0));
            play.answer_to(trial, denied(OAuthError::InvalidGrant));
        }
        play.advance(30 * SECOND);
        let sent = play.sent.iter().filter(|(_, request)| {
            matches!(request, Request::Refresh { refresh_token, .. } if refresh_token.expose() == "r-newer")
        });
        let expected = if moves { 1 } else { 2 };
        assert_eq!(sent.count(), expected, "moves: {moves}");
    }
}

#[test]
fn a_login_spares_what_is_in_the_file_also_where_it_is_all_there_is() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(later(None));
    play.login_with(import("r-import"), true);
    let login = play.open_of("r-import");
    play.answer_to(login, granted("2").sid(Some("sid-2")));
    assert_eq!(play.revoked(), [""; 0]);
}

#[test]
fn the_slots_of_the_session_before_are_not_the_new_ones() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").nobody());
    play.read_of("files");
    play.reply(granted("files").refresh(Some("r-1b")).nobody());
    assert_eq!(play.served_of("files"), Some("a-files"));
    play.event(Event::SourceChanged);
    play.reply(found("r-newer"));
    play.advance(10 * SECOND);
    play.reply(granted("joe").to("joe").sid(Some("sid-joe")));
    assert_eq!(play.shown.as_ref().and_then(|shown| shown.user_id.as_deref()), Some("joe"));
    assert_eq!(play.served_of("files"), None);
}

#[test]
fn what_a_login_takes_out_of_the_file_is_not_taken_again_after_a_logout() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1"));
    play.login(true);
    play.let_it_find("r-newer");
    let login = play.open_of("r-newer");
    play.logout(false);
    play.read();
    play.let_it_find("r-newer");
    play.answer_to(login, granted("2"));
    play.let_it_find("r-newer");
    play.nothing_is_sent();
}

#[test]
fn what_one_client_may_not_use_is_tried_for_the_next() {
    let mut play = trying();
    play.reply(denied(OAuthError::InvalidGrant));
    let mut mended = settings();
    mended.binding.client_id = "other-client".to_owned();
    play.reload(by_itself(Own::GrantFile, mended));
    play.let_it_find("r-newer");
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn what_the_file_holds_is_known_after_another_that_it_held_was_brought_along() {
    let mut play = trying();
    play.reply(granted("2").sid(Some("sid-2")));
    let login = play.login_with(import("r-file"), true);
    play.reply(granted("3").sid(Some("sid-3")));
    assert!(is_done(&play.answer(login)));
    assert_eq!(play.open_revocation(), "r-2");
    play.file_holds("r-newer");
    play.advance(20 * SECOND);
    assert_eq!(play.open_revocation(), "r-2", "nothing else is sent");
}

#[test]
fn what_has_become_of_the_files_brought_along_makes_the_files_known() {
    let mut play = trying();
    play.reply(failed(Cause::Unusable { refresh_token: Some(Secret::new("r-rotated")) }));
    let login = play.login_with(import("r-rotated"), true);
    play.reply(granted("2"));
    assert!(is_done(&play.answer(login)));
    play.file_holds("r-other");
    play.advance(10 * SECOND);
    assert_eq!(play.open_refresh(), "r-other");
    play.reply(denied(OAuthError::InvalidGrant));
    play.file_holds("r-newer");
    play.advance(20 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn what_a_useless_late_answer_brings_is_revoked() {
    let mut play = trying();
    let (trial, _) = play.open_request();
    play.login(true);
    play.let_it_find("r-third");
    play.answer_to(trial, failed(Cause::Unusable { refresh_token: Some(Secret::new("r-late")) }));
    assert_eq!(play.revoked(), ["r-late"]);
}

#[test]
fn what_is_tried_goes_on_without_a_look_where_the_live_session_ends() {
    let mut play = trying();
    play.reply(failed(Cause::Unusable { refresh_token: None }));
    play.reject("a-1");
    play.reply(denied(OAuthError::InvalidGrant));
    play.advance(2 * SECOND);
    assert_eq!(play.open_refresh(), "r-newer");
}

#[test]
fn a_change_of_the_file_outlives_the_session_that_ends_meanwhile() {
    let mut play = with_an_hour();
    let (trial, _) = play.open_request();
    play.event(Event::SourceChanged);
    play.advance(100 * SECOND);
    assert_eq!(play.revoked(), ["r-1"], "its lifetime is over");
    play.answer_to(trial, granted("2"));
    play.let_it_find("r-third");
    play.advance(10 * SECOND);
    play.open_of("r-third");
}

#[test]
fn what_outlives_its_session_is_the_session_that_is_parked() {
    let mut play = with_an_hour();
    let (trial, _) = play.open_request();
    play.advance(100 * SECOND);
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.answer_to(trial, granted("2"));
    play.let_it_find("r-elsewhere");
    play.reload(by_itself(Own::GrantFile, settings()));
    play.let_it_find("r-newer");
    play.advance(2 * SECOND);
    play.open_of("r-2");
}

#[test]
fn what_the_file_holds_is_known_after_a_logout_while_another_is_brought_along() {
    let mut play = Play::own(Own::GrantFile);
    play.reply(found("r-file"));
    play.reply(granted("1").refresh(Some("r-file")));
    play.login_with(import("r-import"), true);
    play.logout(false);
    play.read();
    play.let_it_find("r-file");
    play.advance(10 * SECOND);
    assert_eq!(play.refreshes(), 2, "the file's once, and that");
}
