//! `kill -9` of the daemon: the next one serves on without a login.

use crate::stage::{PROFILE, Stage};
use crate::told::Told;
use bearerd_client::{ErrorCode, EventKind, ProfileState, RejectRequest, Secret};
use bearerd_tests::daemon::name;
use bearerd_tests::gate_proxy::{Fate, Kind};
use std::thread::JoinHandle;
use std::time::Duration;

#[test]
fn a_killed_daemon_serves_again_without_a_login_also_while_keycloak_is_away() {
    let mut stage = Stage::in_turn(60).logged_in();
    let first = stage.token_text();
    stage.kill9();
    stage.start();
    assert_eq!(stage.token_text(), first);
    let second = stage.renew();
    assert_ne!(second, first);

    stage.kill9();
    stage.server.stop();
    stage.proxy.wait_refusing();
    stage.start();
    assert_eq!(stage.token_text(), second, "served while nobody could have renewed it");
    let away = stage.reject(&second).unwrap_err();
    assert_eq!(away.code(), Some(ErrorCode::IdpUnreachable), "{away}");
    stage.kill9();
    stage.start();
    assert_eq!(stage.token_text(), second);

    stage.server.start_again().unwrap();
    stage.proxy.wait_open();
    let third = stage.renew();
    assert_ne!(third, second);
    stage.assert_no_login();
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 0);
    assert_eq!(stage.proxy.carried_out(Kind::Refresh), 2);
}

#[test]
fn a_daemon_killed_during_a_refresh_that_never_arrived_has_lost_nothing() {
    let mut stage = Stage::in_turn(60).logged_in();
    let old = stage.token_text();
    stage.proxy.hold(Kind::Refresh);
    let rejecter = reject_and_forget(&stage, &old);
    stage.proxy.waiting(Kind::Refresh, 1);
    stage.kill9();
    rejecter.join().unwrap();
    stage.proxy.cut_standing(Kind::Refresh);
    stage.proxy.finished(Kind::Refresh, 1);
    stage.proxy.open(Kind::Refresh);
    stage.start();
    assert_eq!(stage.token_text(), old);
    stage.renew();
    stage.assert_no_login();
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 0);
}

#[test]
fn a_daemon_killed_between_an_answer_and_its_save_says_what_is_lost() {
    let mut stage = Stage::in_turn(10).logged_in();
    let old = stage.token_text();
    stage.proxy.hold_answers(Kind::Refresh);
    let rejecter = reject_and_forget(&stage, &old);
    stage.proxy.answers_waiting(Kind::Refresh, 1);
    stage.kill9();
    rejecter.join().unwrap();
    stage.proxy.lose_standing(Kind::Refresh);
    stage.proxy.finished(Kind::Refresh, 1);
    stage.proxy.open_answers(Kind::Refresh);
    stage.start();
    let told = Told::by(stage.daemon());
    assert_eq!(stage.token_text(), old, "what was on disk is served");

    let reason = told.wait_for(EventKind::LoginRequired);
    println!("{reason}");
    let honest = "the token came from the saved session: if the daemon was killed between an answer and its save, the \
                  newer token is lost";
    assert!(reason.ends_with(honest), "{reason}");
    let status = stage.daemon().status(PROFILE);
    assert_eq!(status.state, ProfileState::LoginRequired);
    let refreshes = stage.proxy.log_of(Kind::Refresh);
    let fates: Vec<_> = refreshes.iter().map(|refresh| (refresh.fate, refresh.status)).collect();
    assert_eq!(fates, [(Fate::Lost, Some(200)), (Fate::Delivered, Some(400))]);
}

/// Starts a refresh, for a caller who does not wait for the daemon to come back.
fn reject_and_forget(stage: &Stage, token: &str) -> JoinHandle<()> {
    let client = stage.daemon().client().with_patience(Duration::from_millis(500));
    let request = RejectRequest { profile: Some(name(PROFILE)), token: Secret::new(token) };
    std::thread::spawn(move || {
        client.reject(&request).unwrap_err();
    })
}
