//! Sessions that the administrator ends or bars: said once, and Keycloak is left alone.

use crate::stage::{PROFILE, Stage};
use crate::told::Told;
use bearerd_client::{ErrorCode, EventKind, ProfileState};
use bearerd_tests::gate_proxy::Kind;
use bearerd_tests::keycloak::{CLIENT, JANE};
use std::time::{Duration, Instant};

/// How long callers ask on and on, twice the lifetime of the token in hand.
const OBSERVED: Duration = Duration::from_secs(20);

#[test]
fn a_user_logged_out_by_the_administrator_is_told_once_and_costs_one_call() {
    let stage = Stage::in_turn(10).logged_in();
    let told = Told::by(stage.daemon());
    let old = stage.token_text();
    stage.admin.logout_user(JANE.username).unwrap();
    let refused = stage.reject(&old).unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::LoginRequired), "{refused}");
    assert!(stage.token().unwrap().degraded, "the token in hand is served on, marked");
    assert_eq!(stage.reject(&old).unwrap_err().code(), Some(ErrorCode::LoginRequired));

    stage.daemon().until_expired(PROFILE);
    for _ in 0..100 {
        let refused = stage.token().unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::LoginRequired), "{refused}");
    }
    let output = stage.daemon().bearerctl(&["token", PROFILE]);
    assert_eq!(output.status.code(), Some(3));
    let hint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(hint.contains("bearerctl login wallaroo"), "{hint}");
    assert_eq!(stage.proxy.count(Kind::Refresh), 1);
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 1);

    stage.log_in();
    told.wait_for(EventKind::LoggedIn);
    assert_eq!(told.of(EventKind::LoginRequired).len(), 1, "{told:?}");
    // A login tries the kept token once: the session could have been barred by mistake.
    assert_eq!(stage.proxy.count(Kind::Refresh), 2);
    stage.renew();
}

#[test]
fn a_disabled_client_is_misconfigured_after_one_call_and_mended_by_a_reload() {
    let stage = Stage::in_turn(10).logged_in();
    let old = stage.token_text();
    stage.admin.enable_client(CLIENT, false).unwrap();
    let until = Instant::now() + OBSERVED;
    let (mut served, mut refused) = (0, 0);
    while Instant::now() < until {
        let rejected = stage.reject(&old).unwrap_err();
        assert_eq!(rejected.code(), Some(ErrorCode::Misconfigured), "{rejected}");
        match stage.token() {
            Ok(answer) => {
                assert!(answer.degraded);
                served += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), Some(ErrorCode::Misconfigured), "{error}");
                assert!(error.retry_after().is_some_and(|wait| wait > 500), "{error:?}");
                refused += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("{served} reads served, {refused} refused");
    assert!(served > 50 && refused > 50);
    let status = stage.daemon().status(PROFILE);
    assert_eq!(status.state, ProfileState::Misconfigured);
    let planned = status.refresh_in.unwrap();
    // Ten minutes after the one call.
    assert!((570..=580).contains(&planned), "{planned}");
    let message = status.last_error.unwrap().message;
    assert!(message.contains("`invalid_client`") && message.contains("`client_id`"), "{message}");
    assert_eq!(stage.proxy.count(Kind::Refresh), 1, "one call in all");

    stage.admin.enable_client(CLIENT, true).unwrap();
    let still = stage.token().unwrap_err();
    assert!(still.to_string().contains("reload"), "{still}");
    assert_eq!(stage.proxy.count(Kind::Refresh), 1, "nobody told bearerd yet");
    stage.daemon().reload();
    stage.daemon().until(PROFILE, "it is mended", |status| status.state == ProfileState::Ready);
    assert!(stage.admin.is_active(&stage.token_text()).unwrap());
    assert_eq!(stage.proxy.count(Kind::Refresh), 2);
    stage.assert_no_login();
}
