//! A session is bound to where it came from: elsewhere it is parked, and none of its tokens goes there.

use crate::play::{
    Disk, Play, by_itself, denied, device, found, granted, import, lost, settings, settings_at,
};
use bearerd_proto::{ErrorCode, EventKind};
use bearerd_session::time::Boot;
use bearerd_session::{Aside, OAuthError, Outcome, Own, Restored};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const ELSEWHERE: &str = "https://two.example";

fn on_disk(play: &Play) -> String {
    let grant = play.file.as_ref().and_then(|file| file.grant.as_ref()).expect("a saved grant");
    grant.refresh_token.expose().to_owned()
}

#[test]
fn a_saved_session_of_another_place_is_login_required_and_kept() {
    let saved = Play::logged_in(granted("1")).file.unwrap();
    let mut play = Play::with(settings_at(ELSEWHERE), Restored::Session(Box::new(saved)));
    let reader = play.read();
    let refusal = play.refusal(reader);
    assert_eq!(refusal.code, ErrorCode::LoginRequired);
    assert!(refusal.message.contains("https://one.example"), "{}", refusal.message);
    play.advance(3600 * SECOND);
    play.nothing_is_sent();
    assert_eq!(on_disk(&play), "r-1");
}

#[test]
fn another_client_user_or_auth_type_is_another_place_too() {
    let saved = Play::logged_in(granted("1")).file.unwrap();
    let other = |change: fn(&mut bearerd_session::Binding)| {
        let mut settings = settings();
        change(&mut settings.binding);
        Play::with(settings, Restored::Session(Box::new(saved.clone())))
    };
    for play in [
        other(|binding| binding.client_id = "other".to_owned()),
        other(|binding| binding.user = Some("joe".to_owned())),
        other(|binding| binding.auth_type = "orch".to_owned()),
    ] {
        assert_eq!(play.served(), None);
        play.nothing_is_sent();
    }
}

#[test]
fn a_reload_to_another_place_parks_and_the_way_back_brings_it_back() {
    let mut play = Play::logged_in(granted("1"));
    play.reload(settings_at(ELSEWHERE));
    assert_eq!(play.served(), None);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
    assert_eq!(play.times_told(EventKind::LoginRequired), 1);
    play.nothing_is_sent();
    play.reload(settings());
    assert_eq!(play.served(), Some("a-1"));
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn a_wall_clock_set_while_it_was_parked_makes_no_token_younger_after_a_reboot() {
    for daemon_runs in [true, false] {
        let mut play = Play::logged_in(granted("1"));
        play.reload(settings_at(ELSEWHERE));
        if daemon_runs {
            play.step_wall(-2400);
        } else {
            play.now.wall = play.now.wall - 2400 * SECOND;
            play.restart("boot-a", play.now.boot);
        }
        play.now.wall = play.now.wall + 3700 * SECOND;
        play.restart("boot-b", Boot::from_millis(5_000));
        play.reload(settings());
        assert_eq!(play.served(), None);
        assert_eq!(play.open_refresh(), "r-1", "the session itself is back");
    }
}

#[test]
fn a_wall_clock_set_while_there_is_no_session_touches_no_disk() {
    let mut play = Play::new();
    play.step_wall(-2400);
    assert!(play.file.is_none());
}

#[test]
fn whoever_was_never_logged_in_is_not_told_of_a_move() {
    let mut play = Play::new();
    play.reload(settings_at(ELSEWHERE));
    assert_eq!(play.times_told(EventKind::LoginRequired), 0);
}

#[test]
fn a_rotation_under_way_when_it_was_parked_is_saved() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reload(settings_at(ELSEWHERE));
    let asked = play.now.boot;
    play.advance(SECOND);
    play.reply(granted("2").refresh_lives(86_400));
    assert_eq!(on_disk(&play), "r-2");
    let grant = play.file.as_ref().and_then(|file| file.grant.as_ref()).unwrap();
    let ends = grant.expires.as_ref().map(|ends| ends.boot);
    assert_eq!(ends, Some(asked + 86_400 * SECOND), "it counts from its request");
    assert_eq!(play.served(), None);
    play.reload(settings());
    play.advance(1800 * SECOND);
    assert_eq!(play.open_refresh(), "r-2");
}

#[test]
fn a_rotation_that_is_answered_after_the_way_back_is_the_refresh_under_way() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.reload(settings_at(ELSEWHERE));
    play.reload(settings());
    play.reject("a-1");
    assert_eq!(play.refreshes(), 1, "not twice at once");
    play.reply(granted("2"));
    assert_eq!((play.served(), on_disk(&play)), (Some("a-2"), "r-2".to_owned()));
}

#[test]
fn what_a_parked_session_comes_to_is_remembered() {
    for (outcome, lost, over) in
        [(lost(), true, false), (denied(OAuthError::InvalidGrant), false, true)]
    {
        let mut play = Play::logged_in(granted("1"));
        play.advance(1800 * SECOND);
        play.reload(settings_at(ELSEWHERE));
        play.reply(outcome);
        let grant = play.file.and_then(|file| file.grant).unwrap();
        assert_eq!((grant.lost, grant.over.is_some()), (lost, over));
    }
}

#[test]
fn a_login_at_the_new_place_moves_the_parked_file_aside() {
    let mut play = Play::logged_in(granted("1"));
    play.reload(settings_at(ELSEWHERE));
    play.log_in(granted("2"));
    assert_eq!((play.served(), on_disk(&play)), (Some("a-2"), "r-2".to_owned()));
    let [(Aside::Parked, Some(parked))] = play.aside.as_slice() else {
        panic!("one file was to be moved aside: {:?}", play.aside);
    };
    assert_eq!(parked.grant.as_ref().unwrap().refresh_token.expose(), "r-1");
    play.nothing_is_sent();
    play.advance(1800 * SECOND);
    play.reply(granted("3"));
    assert_eq!(play.aside.len(), 1, "only once");
}

#[test]
fn a_parked_file_is_not_overwritten_by_a_save_of_the_parked_session_that_ends_after_the_login() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    play.disk = Disk::Hangs;
    play.reload(settings_at(ELSEWHERE));
    play.reply(granted("2"));
    // The parked session's save hangs while somebody logs in at the new place.
    play.log_in(granted("3"));
    play.disk_is_back(true);
    assert_eq!(on_disk(&play), "r-3");
    assert!(
        matches!(play.aside.as_slice(), [(Aside::Parked, Some(parked))]
            if parked.grant.as_ref().unwrap().refresh_token.expose() == "r-2"),
        "{:?}",
        play.aside
    );
}

#[test]
fn two_moves_with_a_bad_disk_lose_neither_session() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Fails;
    play.reload(settings_at(ELSEWHERE));
    play.log_in(granted("2"));
    play.reload(settings_at("https://three.example"));
    play.disk = Disk::Works;
    play.advance(100 * SECOND);
    let parked: Vec<_> = play
        .aside
        .iter()
        .filter_map(|(_, record)| record.as_ref()?.grant.as_ref())
        .map(|grant| grant.refresh_token.expose())
        .collect();
    assert_eq!((parked, on_disk(&play).as_str()), (vec!["r-1"], "r-2"));
}

#[test]
fn tokens_that_arrive_after_the_move_are_not_revoked_at_the_new_place() {
    let mut play = Play::new();
    play.start_login(false);
    play.advance(5 * SECOND);
    play.reload(settings_at(ELSEWHERE));
    play.reply(granted("1"));
    play.nothing_is_sent();
    assert_eq!(play.served(), None);
}

#[test]
fn a_move_ends_the_login_under_way() {
    let mut play = Play::new();
    let login_id = play.start_login(false);
    let follower = play.follow(&login_id, 60);
    play.reload(settings_at(ELSEWHERE));
    assert_eq!(play.code(follower), ErrorCode::LoginDenied);
    play.advance(600 * SECOND);
    play.nothing_is_sent();
}

#[test]
fn the_answer_to_one_parked_session_is_not_taken_for_that_to_another() {
    let mut play = Play::logged_in(granted("1"));
    play.advance(1800 * SECOND);
    let (first, _) = play.open_request();
    play.reload(settings_at(ELSEWHERE));
    play.login(false);
    let (start, _) = play.open.last().cloned().unwrap();
    play.answer_to(start, Outcome::Device(device()));
    play.advance(5 * SECOND);
    let (poll, _) = play.open.last().cloned().unwrap();
    play.answer_to(poll, granted("2"));
    play.reject("a-2");
    let (second, _) = play.open.last().cloned().unwrap();
    play.reload(settings_at("https://three.example"));
    play.reload(settings_at(ELSEWHERE));
    play.answer_to(first, granted("3"));
    assert_eq!((play.served(), on_disk(&play).as_str()), (Some("a-2"), "r-2"));
    play.answer_to(second, granted("4"));
    assert_eq!((play.served(), on_disk(&play).as_str()), (Some("a-4"), "r-4"));
}

#[test]
fn a_session_that_is_back_before_it_was_saved_waits_for_that() {
    let mut play = Play::logged_in(granted("1").lives(60));
    play.advance(30 * SECOND);
    play.disk = Disk::Hangs;
    play.reply(granted("2"));
    assert_eq!(play.served(), Some("a-1"), "the new one waits for its save");
    play.reload(settings_at(ELSEWHERE));
    play.reload(settings());
    assert_eq!(play.served(), None);
    play.disk_is_back(true);
    assert_eq!((play.served(), on_disk(&play)), (Some("a-2"), "r-2".to_owned()));
}

#[test]
fn the_first_token_of_a_session_that_is_back_without_one_waits_its_own_two_seconds() {
    let mut play = Play::logged_in(granted("1"));
    play.reload(settings_at(ELSEWHERE));
    play.disk = Disk::Hangs;
    // Nobody knows any more how old its token is: what hangs on its way to the disk is the session alone.
    play.step_wall(-2400);
    play.reload(settings());
    assert_eq!(play.open_refresh(), "r-1");
    play.advance(Duration::from_millis(1_500));
    play.reply(granted("2"));
    play.advance(Duration::from_millis(1_999));
    assert_eq!(play.served(), None, "nothing has waited before it");
    play.advance(Duration::from_millis(1));
    assert_eq!(play.served(), Some("a-2"));
}

/// Another place gives tokens for what a person brings along.
fn import_elsewhere(play: &mut Play) {
    play.login_with(import("r-import"), false);
    let (import, _) = play.open.last().cloned().expect("it is tried");
    play.answer_to(import, granted("elsewhere"));
}

/// The refresh token of what was moved aside last.
fn moved_aside(play: &Play) -> &str {
    let (_, record) = play.aside.last().expect("something was moved aside");
    let grant = record.as_ref().and_then(|record| record.grant.as_ref());
    grant.expect("a session was moved aside").refresh_token.expose()
}

#[test]
fn a_parked_session_that_no_save_came_through_for_is_saved_before_another_moves_it_aside() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Fails;
    play.read_of("files");
    play.reply(granted("2"));
    play.reload(settings_at(ELSEWHERE));
    import_elsewhere(&mut play);
    play.disk = Disk::Works;
    play.advance(120 * SECOND);
    assert_eq!((moved_aside(&play), on_disk(&play).as_str()), ("r-2", "r-elsewhere"));
}

#[test]
fn a_parked_session_that_has_changed_once_more_is_on_disk_before_another_moves_it_aside() {
    let mut play = Play::logged_in(granted("1"));
    play.disk = Disk::Hangs;
    play.read_of("files");
    play.reply(granted("2"));
    play.read_of("mail");
    let (late, _) = play.open_request();
    play.reload(settings_at(ELSEWHERE));
    import_elsewhere(&mut play);
    play.answer_to(late, granted("3"));
    play.disk_is_back(true);
    assert_eq!((moved_aside(&play), on_disk(&play).as_str()), ("r-3", "r-elsewhere"));
}

#[test]
fn what_waits_for_its_save_is_not_shown_by_a_save_of_the_parked_session() {
    let by_password = Own::Sessions { needs_given: false };
    let mut play = Play::own(by_password);
    play.reply(granted("1"));
    play.advance(1900 * SECOND);
    let (late, _) = play.open_request();
    play.reload(by_itself(by_password, settings_at(ELSEWHERE)));
    play.disk = Disk::Hangs;
    let (grant, _) = play.open.last().cloned().expect("another session is begun");
    play.answer_to(late, granted("2"));
    play.answer_to(grant, granted("new"));
    play.read_of("files");
    play.disk_does_one();
    // Another wish comes while that save is made once more.
    play.reply(granted("files").refresh(None));
    play.disk_does_one();
    assert_eq!((on_disk(&play).as_str(), play.served()), ("r-2", None));
    play.disk_is_back(true);
    assert_eq!((on_disk(&play).as_str(), play.served()), ("r-new", Some("a-new")));
}

#[test]
fn a_disk_that_fails_at_a_move() {
    let mut play = Play::own(Own::GrantFile);
    play.disk = Disk::Fails;
    play.reply(found("r-file"));
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.advance(3 * SECOND);
}
