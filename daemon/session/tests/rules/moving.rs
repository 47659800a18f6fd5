//! A profile that moves to another place while something is under way: nothing of the old place comes to life at the new
//! one, and nothing of the old session is lost.

use crate::play::{Play, by_itself, found, granted, later, settings, settings_at};
use bearerd_proto::ErrorCode;
use bearerd_session::{Own, Request, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const ELSEWHERE: &str = "https://two.example";
const PASSWORD: Own = Own::Sessions { needs_given: false };

fn saved_grant(play: &Play) -> &str {
    let grant = play.file.as_ref().and_then(|file| file.grant.as_ref()).expect("a saved grant");
    grant.refresh_token.expose()
}

#[test]
fn the_first_answer_of_the_old_place_is_nobodys() {
    for kind in [PASSWORD, Own::Tokens, Own::TokenFile] {
        let mut play = Play::own(kind);
        let (first, _) = play.open_request();
        play.reload(by_itself(kind, settings_at(ELSEWHERE)));
        play.answer_to(first, granted("old"));
        assert_eq!(play.served(), None, "{kind:?}");
        play.reply(granted("new").refresh(None));
        assert_eq!(play.served(), Some("a-new"), "{kind:?}");
    }
}

#[test]
fn a_renewal_without_a_refresh_token_is_nobodys_either() {
    let mut play = Play::own(Own::Tokens);
    play.reply(granted("1").refresh(None).lives(600));
    play.advance(300 * SECOND);
    let (renewal, _) = play.open_request();
    play.reload(by_itself(Own::Tokens, settings_at(ELSEWHERE)));
    play.answer_to(renewal, granted("old").refresh(None));
    assert_eq!(play.served(), None);
}

#[test]
fn a_refresh_token_out_of_the_old_places_file_is_not_sent_to_the_new_one() {
    let mut play = Play::own(Own::GrantFile);
    let (look, _) = play.open_request();
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.answer_to(look, found("r-old"));
    assert_eq!(play.refreshes(), 0);
}

#[test]
fn a_token_of_another_scope_that_comes_after_the_way_back_is_that_scopes() {
    let mut play = Play::logged_in(granted("1"));
    let reader = play.read_of("files");
    let (refresh, _) = play.open_request();
    play.reload(settings_at(ELSEWHERE));
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
    play.reload(settings());
    play.answer_to(refresh, granted("files").refresh(Some("r-2")));
    assert_eq!((play.served(), play.served_of("files")), (Some("a-1"), Some("a-files")));
    assert_eq!(saved_grant(&play), "r-2");
}

#[test]
fn what_an_exchange_gives_is_not_the_parked_sessions_refresh_token() {
    let mut play = Play::logged_in_with(Settings { exchanges: true, ..settings() }, granted("1"));
    play.read_of("audience:files");
    let (exchange, _) = play.open_request();
    play.reload(settings_at(ELSEWHERE));
    play.answer_to(exchange, granted("files").refresh(Some("r-exchanged")));
    assert_eq!(saved_grant(&play), "r-1");
}

#[test]
fn the_parked_session_is_saved_with_its_last_answer_before_another_takes_its_place() {
    for (kind, refresh_token) in
        [(Own::TokenFile, None), (Own::Tokens, None), (PASSWORD, Some("r-new"))]
    {
        let mut play = Play::logged_in(granted("1"));
        play.advance(1800 * SECOND);
        let (refresh, _) = play.open_request();
        play.reload(by_itself(kind, settings_at(ELSEWHERE)));
        let (first, _) = play.open.last().cloned().unwrap();
        play.answer_to(first, granted("new").refresh(refresh_token));
        play.advance(2 * SECOND);
        assert_eq!(play.served(), Some("a-new"), "{kind:?}: the old place holds nobody up");
        play.answer_to(refresh, granted("2"));
        let aside = play.aside.iter().filter_map(|(_, record)| record.as_ref());
        let kept: Vec<_> = play
            .file
            .iter()
            .chain(aside)
            .filter_map(|record| Some(record.grant.as_ref()?.refresh_token.expose()))
            .collect();
        assert!(kept.contains(&"r-2"), "{kind:?}: {kept:?}");
        assert_eq!(kept.contains(&"r-new"), refresh_token.is_some(), "{kind:?}: {kept:?}");
    }
}

#[test]
fn what_was_only_tried_before_a_move_holds_up_no_save_of_the_new_place() {
    let mut play = Play::logged_in(granted("1"));
    play.reload(by_itself(Own::GrantFile, settings_at(ELSEWHERE)));
    play.reply(found("r-before"));
    let (trial, _) = play.open_request();
    // Another one is in the file by now, and could not be tried.
    play.login(true);
    play.let_it_find("r-file");
    let (login, _) = play.open.last().cloned().expect("it is tried");
    play.answer_to(login, later(None));
    play.reload(by_itself(PASSWORD, settings_at("https://three.example")));
    let (first, _) = play.open.last().cloned().expect("the new place is asked");
    play.answer_to(first, granted("new"));
    assert_eq!(saved_grant(&play), "r-new");
    play.answer_to(trial, granted("before"));
    assert_eq!(saved_grant(&play), "r-new");
}

#[test]
fn a_token_out_of_a_file_does_not_move_the_parked_session_aside() {
    let mut play = Play::logged_in(granted("1"));
    play.reload(by_itself(Own::TokenFile, settings_at(ELSEWHERE)));
    play.reply(granted("file").refresh(None));
    play.step_wall(100);
    play.reload(settings());
    assert_eq!((play.aside.len(), saved_grant(&play)), (0, "r-1"));
    assert_eq!(play.open_refresh(), "r-1");
}

#[test]
fn whoever_waits_for_a_token_hears_of_the_move_at_once() {
    let mut play = Play::own(Own::Tokens);
    let reader = play.read();
    play.reload(settings_at(ELSEWHERE));
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
    // Where nobody is needed, the new place answers.
    let mut play = Play::own(Own::Tokens);
    let reader = play.read();
    play.reload(by_itself(Own::Tokens, settings_at(ELSEWHERE)));
    let (first, request) = play.open.last().cloned().unwrap();
    assert!(matches!(request, Request::Grant { .. }));
    play.answer_to(first, granted("new").refresh(None));
    assert_eq!(play.token(reader).0, "a-new");
}
