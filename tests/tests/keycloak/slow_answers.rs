//! Answers that come late, or never.

use crate::stage::{PROFILE, Stage};
use crate::told::Told;
use bearerd_client::{ErrorCode, EventKind, ProfileState};
use bearerd_tests::daemon::eventually;
use bearerd_tests::gate_proxy::{Fate, Kind};
use std::time::Duration;

#[test]
fn a_refresh_carried_out_late_and_answered_late_keeps_the_session() {
    let stage = Stage::in_turn(60).logged_in();
    let old = stage.token_text();
    stage.proxy.hold(Kind::Refresh);
    stage.proxy.hold_answers(Kind::Refresh);
    let impatient = stage.reject(&old).unwrap_err();
    assert_eq!(impatient.code(), Some(ErrorCode::IdpUnreachable), "{impatient}");
    assert_eq!(stage.events("REFRESH_TOKEN"), 0);

    stage.proxy.open(Kind::Refresh);
    stage.proxy.answers_waiting(Kind::Refresh, 1);
    assert_eq!(stage.events("REFRESH_TOKEN"), 1, "carried out late");
    let impatient = stage.reject(&old).unwrap_err();
    assert_eq!(impatient.code(), Some(ErrorCode::IdpUnreachable), "{impatient}");
    assert_eq!(stage.token_text(), old, "what is still good is served");

    stage.proxy.open_answers(Kind::Refresh);
    let status = stage
        .daemon()
        .until(PROFILE, "the late answer counts", |status| status.fetches == 2 && status.saved);
    assert_eq!(status.state, ProfileState::Ready);
    let newer = stage.token_text();
    assert_ne!(newer, old);
    assert!(stage.admin.is_active(&newer).unwrap());
    let refreshes = stage.proxy.log_of(Kind::Refresh);
    assert_eq!(refreshes.len(), 1, "it was sent once");
    let took = refreshes[0].ended_at.unwrap() - refreshes[0].arrived_at;
    assert!(took > Duration::from_secs(24), "{took:?}");
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 0);
    stage.assert_no_login();
}

#[test]
fn a_lost_answer_spares_the_token_in_hand_and_its_end_is_told_honestly() {
    let stage = Stage::in_turn(12).logged_in();
    let told = Told::by(stage.daemon());
    let logged_in_at = stage.proxy.log_of(Kind::DevicePoll).pop().unwrap().arrived_at;
    let old = stage.token_text();
    stage.proxy.lose_answers(Kind::Refresh, 1);
    let lost = stage.reject(&old).unwrap_err();
    assert_eq!(lost.code(), Some(ErrorCode::IdpUnreachable), "{lost}");
    assert_eq!(stage.events("REFRESH_TOKEN"), 1, "it was carried out");

    // Until the token in hand is nearly used up, nothing is sent, whoever asks, and what is served is good.
    for _ in 0..100 {
        let answer = stage.token().unwrap();
        assert!(answer.degraded && answer.token.unwrap().expose() == old);
        let refused = stage.reject(&old).unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::IdpUnreachable), "{refused}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(stage.admin.is_active(&old).unwrap());
    assert_eq!(stage.proxy.count(Kind::Refresh), 1);

    stage.proxy.finished(Kind::Refresh, 2);
    let refreshes = stage.proxy.log_of(Kind::Refresh);
    assert_eq!((refreshes[0].fate, refreshes[0].status), (Fate::Lost, Some(200)));
    assert_eq!(refreshes[1].error.as_deref(), Some("invalid_grant"));
    let spared = refreshes[1].arrived_at - logged_in_at;
    println!("second use after {spared:?} of 12 s");
    // A tenth of the lifetime before its end; Keycloak may give 11 of 12 s.
    assert!(spared > Duration::from_millis(9_500), "{spared:?}");

    // Keycloak took the second use for theft: the session has ended there, and the access token with it.
    assert!(!stage.admin.is_active(&old).unwrap());
    let reason = told.wait_for(EventKind::LoginRequired);
    assert!(reason.ends_with(HONEST), "{reason}");
    stage.daemon().until_expired(PROFILE);
    let refused = stage.token().unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::LoginRequired));
    let message = refused.to_string();
    println!("{message}");
    assert!(message.starts_with("the session of profile `wallaroo` is over: "), "{message}");
    assert!(message.contains("`invalid_grant`") && message.contains(HONEST), "{message}");
    assert!(message.ends_with("; run `bearerctl login wallaroo`"), "{message}");
    assert_eq!(stage.proxy.count(Kind::Refresh), 2, "and it is not tried a third time");
    assert_eq!(told.of(EventKind::LoginRequired).len(), 1);
}

#[test]
fn an_answer_lost_while_callers_have_no_token_is_asked_for_again_and_told_honestly() {
    let stage = Stage::in_turn(10).logged_in();
    stage.proxy.hold(Kind::Refresh);
    stage.proxy.waiting(Kind::Refresh, 1);
    stage.daemon().until_expired(PROFILE);
    stage.proxy.lose_answers(Kind::Refresh, 1);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| stage.token());
        stage.daemon().until_connections(1);
        stage.proxy.open(Kind::Refresh);
        let lost = caller.join().unwrap().unwrap_err();
        assert_eq!(lost.code(), Some(ErrorCode::IdpUnreachable), "{lost}");
    });
    let message = eventually("the next caller learns the end", || {
        let refused = stage.token().unwrap_err();
        (refused.code() == Some(ErrorCode::LoginRequired)).then(|| refused.to_string())
    });
    assert!(message.contains("`invalid_grant`") && message.contains(HONEST), "{message}");
    assert_eq!(stage.proxy.count(Kind::Refresh), 2);
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 1);
}

/// What the daemon says of a session that a lost answer has ended.
const HONEST: &str = "the answer to an earlier refresh was lost on its way, and the provider does not take the old \
                      token again";
