//! Device logins that do not go straight to their end.

use crate::stage::{Stage, link};
use bearerd_client::{ErrorCode, LoginAnswer};
use bearerd_tests::gate_proxy::Kind;
use bearerd_tests::keycloak::{CLIENT, JANE, approve, deny};
use std::time::Duration;

#[test]
fn a_denied_login_and_one_that_nobody_answers_end_as_they_should() {
    let stage = Stage::in_turn(60);
    let login = stage.start_login();
    deny(link(&login), JANE).unwrap();
    let denied = stage.outcome(&login).unwrap_err();
    assert_eq!(denied.code(), Some(ErrorCode::LoginDenied), "{denied}");
    assert_eq!(stage.token().unwrap_err().code(), Some(ErrorCode::LoginRequired));

    stage.admin.set_device_code_lifespan(CLIENT, Duration::from_secs(3)).unwrap();
    let login = stage.start_login();
    assert!(login.expires_in <= 3, "{login:?}");
    let waiting = stage.token().unwrap_err();
    assert_eq!(waiting.code(), Some(ErrorCode::LoginPending), "{waiting}");
    let expired = stage.outcome(&login).unwrap_err();
    assert_eq!(expired.code(), Some(ErrorCode::LoginExpired), "{expired}");
    assert_eq!(stage.token().unwrap_err().code(), Some(ErrorCode::LoginRequired));
    assert_eq!(stage.proxy.count(Kind::DeviceStart), 2, "no read has started a login");
}

#[test]
fn slow_down_makes_the_polls_slower_by_five_seconds_and_the_login_succeeds() {
    let stage = Stage::in_turn(60);
    // The poll that Keycloak gets twice in a row is too fast for it.
    stage.proxy.repeat(Kind::DevicePoll, 1);
    let login = stage.start_login();
    stage.proxy.finished(Kind::DevicePoll, 1);
    approve(link(&login), JANE).unwrap();
    stage.outcome(&login).unwrap();
    assert!(stage.admin.is_active(&stage.token_text()).unwrap());
    let polls = stage.proxy.log_of(Kind::DevicePoll);
    assert_eq!(polls.len(), 2, "{polls:#?}");
    assert_eq!(polls[0].error.as_deref(), Some("slow_down"));
    let pause = polls[1].arrived_at - polls[0].ended_at.unwrap();
    println!("the next poll came after {pause:?}");
    // RFC 8628 §3.5: 5 s more than the interval, which is 1 s here.
    assert!(pause >= Duration::from_millis(5_900), "{pause:?}");
}

#[test]
fn a_second_login_while_one_is_pending_is_shown_the_same_link() {
    let stage = Stage::in_turn(60);
    let first = stage.start_login();
    let second = stage.start_login();
    assert_eq!((&second.login_id, link(&second)), (&first.login_id, link(&first)));
    std::thread::scope(|scope| {
        let followers = [&first, &second].map(|login| scope.spawn(|| stage.outcome(login)));
        approve(link(&first), JANE).unwrap();
        for follower in followers {
            let who = follower.join().unwrap().unwrap();
            assert_eq!(who.user_email.as_deref(), Some(JANE.email));
        }
    });
    assert_eq!(stage.proxy.count(Kind::DeviceStart), 1);
    assert_eq!(stage.events("OAUTH2_DEVICE_CODE_TO_TOKEN"), 1);
}

#[test]
fn a_user_disabled_by_mistake_comes_back_without_a_person() {
    let stage = Stage::in_turn(60).logged_in();
    let old = stage.token_text();
    stage.admin.enable_user(JANE.username, false).unwrap();
    assert_eq!(stage.reject(&old).unwrap_err().code(), Some(ErrorCode::LoginRequired));
    stage.admin.enable_user(JANE.username, true).unwrap();
    assert_eq!(stage.reject(&old).unwrap_err().code(), Some(ErrorCode::LoginRequired));
    assert_eq!(stage.proxy.count(Kind::Refresh), 1, "nobody asked for a login yet");

    let answer = stage.log_in_or_join();
    assert!(matches!(answer, LoginAnswer::Done(_)), "{answer:?}");
    assert!(stage.admin.is_active(&stage.token_text()).unwrap());
    assert_eq!(stage.proxy.count(Kind::Refresh), 2);
    stage.assert_no_login();
}
