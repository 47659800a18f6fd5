//! A session that is forgotten after a time: as the profile says, or as the login did.

use crate::play::{Play, by_itself, found, granted, settings};
use bearerd_proto::{ErrorCode, EventKind};
use bearerd_session::time::{Boot, Wall};
use bearerd_session::{Event, Kind, Means, Outcome, Own, Request, Restored, Settings};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn for_eight_hours() -> Settings {
    Settings { lifetime: Some(8 * HOUR), ..settings() }
}

/// Time passes, and each refresh is answered.
fn pass(play: &mut Play, time: Duration) {
    let until = play.now.boot + time;
    while play.now.boot < until {
        play.advance(60 * SECOND);
        play.glance();
        while let Some((fetch, _)) = play.open.first().cloned() {
            let name = play.sent.len().to_string();
            play.answer_to(fetch, granted(&name));
        }
    }
}

#[test]
fn a_session_is_forgotten_after_the_lifetime_of_its_profile() {
    let mut play = Play::logged_in_with(for_eight_hours(), granted("1"));
    pass(&mut play, 8 * HOUR - 60 * SECOND);
    assert!(play.served().is_some());
    play.advance(61 * SECOND);
    assert_eq!(play.served(), None);
    assert!(play.open_revocation().starts_with("r-"));
    play.reply(Outcome::Revoked);
    assert!(play.file.is_none(), "nothing of it is left on disk");
    assert_eq!(play.times_told(EventKind::LoggedOut), 1);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
    pass(&mut play, HOUR);
    play.nothing_is_sent();
}

#[test]
fn a_login_may_say_less_and_not_more() {
    for (asked, hours) in [(Some(2 * HOUR), 2), (Some(20 * HOUR), 8), (None, 8)] {
        let mut play = Play::with(for_eight_hours(), Restored::Nothing);
        let means = Means::Own;
        play.ask(|waiter| Event::Login {
            waiter,
            login_id: "login".to_owned(),
            replace: false,
            means,
            lifetime: asked,
        });
        play.reply(Outcome::Device(crate::play::device()));
        play.person_confirms(granted("1"));
        pass(&mut play, hours * HOUR - 120 * SECOND);
        assert!(play.served().is_some(), "{asked:?}");
        play.advance(120 * SECOND);
        assert_eq!(play.served(), None, "{asked:?}");
    }
}

#[test]
fn a_restart_and_a_reboot_do_not_lengthen_it() {
    for boot_id in ["boot-a", "boot-b"] {
        let mut play = Play::logged_in_with(for_eight_hours(), granted("1"));
        pass(&mut play, 4 * HOUR);
        let boot = play.now.boot + SECOND;
        play.restart(boot_id, boot);
        pass(&mut play, 4 * HOUR - 120 * SECOND);
        assert!(play.served().is_some(), "{boot_id}");
        play.advance(180 * SECOND);
        assert_eq!(play.served(), None, "{boot_id}");
    }
}

#[test]
fn a_wall_clock_that_was_lost_in_a_reboot_does_not_lengthen_it() {
    let mut play = Play::logged_in_with(for_eight_hours(), granted("1"));
    pass(&mut play, HOUR);
    play.now.wall = Wall::from_secs(0);
    play.restart("boot-b", Boot::from_millis(5_000));
    pass(&mut play, 8 * HOUR);
    let reader = play.read();
    assert_eq!(play.code(reader), ErrorCode::LoginRequired);
}

#[test]
fn without_a_lifetime_a_session_lives_on() {
    let mut play = Play::logged_in(granted("1"));
    pass(&mut play, 48 * HOUR);
    assert!(play.served().is_some());
}

#[test]
fn a_profile_that_needs_nobody_begins_another_for_its_next_reader() {
    let kind = Kind::Own(Own::Sessions { needs_given: false });
    let mut play = Play::with(Settings { kind, ..for_eight_hours() }, Restored::Nothing);
    play.reply(granted("1"));
    pass(&mut play, 8 * HOUR - 60 * SECOND);
    play.advance(61 * SECOND);
    assert!(play.open_revocation().starts_with("r-"));
    play.reply(Outcome::Revoked);
    let reader = play.read();
    assert!(play.grant_is_open());
    play.reply(granted("other"));
    assert_eq!(play.token(reader).0, "a-other");
}

#[test]
fn it_counts_from_when_a_session_begins_and_not_from_each_token() {
    for own in [Own::Tokens, Own::Sessions { needs_given: false }, Own::GrantFile] {
        let mut play = Play::with(by_itself(own, for_eight_hours()), Restored::Nothing);
        let answer = |play: &mut Play| {
            while let Some((fetch, request)) = play.open.first().cloned() {
                let is_look = own == Own::GrantFile && matches!(request, Request::Grant { .. });
                let tokens = granted(&play.sent.len().to_string());
                let tokens = if own == Own::Tokens { tokens.refresh(None) } else { tokens };
                play.answer_to(fetch, if is_look { found("r-file") } else { tokens.into() });
            }
        };
        answer(&mut play);
        for _ in 0..8 * 60 - 1 {
            play.glance();
            play.advance(60 * SECOND);
            answer(&mut play);
            assert!(play.served().is_some(), "{own:?}");
        }
        assert_eq!(play.times_told(EventKind::LoggedOut), 0, "{own:?}");
        play.advance(61 * SECOND);
        assert_eq!(play.times_told(EventKind::LoggedOut), 1, "{own:?}");
    }
}
