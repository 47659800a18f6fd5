//! Device logins, from the start to the tokens or the refusal.

use bearerd_test_idp::{CallKind, Client, EarlyPoll, Settings, TestIdp};
use std::time::Duration;

use crate::client::{assert_refused, http, poll, poll_with, post, start_device, text};

/// No interval: these tests poll as they please.
fn idp() -> TestIdp {
    TestIdp::start(Settings { device_interval_seconds: Some(0), ..Settings::default() })
}

#[tokio::test]
async fn an_approved_code_gives_tokens_once() {
    let idp = idp();
    let started = start_device(&idp).await;
    let (device_code, user_code) = (text(&started, "device_code"), text(&started, "user_code"));
    assert_eq!(started["expires_in"], 600);
    assert_eq!(started["interval"], 0);
    let link = text(&started, "verification_uri_complete");
    assert_eq!(link, format!("{}/device?user_code={user_code}", idp.issuer()));

    let pending = poll(&idp, &device_code).await;
    assert_refused(&pending, 400, "authorization_pending", "still pending");
    assert_eq!(idp.pending_user_codes(), std::slice::from_ref(&user_code));
    idp.approve(&user_code.to_lowercase().replace('-', ""), "bob");
    let (status, answer) = poll(&idp, &device_code).await;
    assert_eq!((status, answer["expires_in"].as_u64()), (200, Some(300)), "{answer}");
    assert_eq!(idp.sessions()[0].username, "bob");
    assert!(idp.is_active(&text(&answer, "access_token")));
    assert_refused(&poll(&idp, &device_code).await, 400, "invalid_grant", "Device code not valid");

    let polls: Vec<_> = idp.calls_of(CallKind::DevicePoll);
    let errors: Vec<_> = polls.iter().map(|call| call.error()).collect();
    assert_eq!(errors, [Some("authorization_pending"), None, Some("invalid_grant")]);
}

#[tokio::test]
async fn denied_and_expired_codes_say_so() {
    let idp = idp();
    idp.deny_next();
    let denied = text(&start_device(&idp).await, "device_code");
    for _ in 0..2 {
        assert_refused(&poll(&idp, &denied).await, 400, "access_denied", "denied");
    }
    let started = start_device(&idp).await;
    idp.expire(&text(&started, "user_code"));
    let expired = text(&started, "device_code");
    assert_refused(&poll(&idp, &expired).await, 400, "expired_token", "expired");
    idp.advance(Duration::from_secs(11));
    assert_refused(&poll(&idp, &expired).await, 400, "invalid_grant", "Device code not valid");
}

#[tokio::test]
async fn impatient_polls_are_slowed_down() {
    for (early_poll, step, then) in [
        (EarlyPoll::SlowDown, 5, "authorization_pending"),
        (EarlyPoll::SlowDownAndRaise, 5, "slow_down"),
        (EarlyPoll::Ignore, 0, "authorization_pending"),
    ] {
        let idp = TestIdp::start(Settings { early_poll, ..Settings::default() });
        let code = text(&start_device(&idp).await, "device_code");
        let first = poll(&idp, &code).await;
        assert_refused(&first, 400, "authorization_pending", "");
        if early_poll != EarlyPoll::Ignore {
            assert_refused(&poll(&idp, &code).await, 400, "slow_down", "Slow down");
        }
        idp.advance(Duration::from_secs(step));
        assert_refused(&poll(&idp, &code).await, 400, then, "");
    }
}

#[tokio::test]
async fn slow_down_can_be_ordered() {
    let idp = idp();
    let code = text(&start_device(&idp).await, "device_code");
    idp.approve_next("jane");
    idp.slow_down_next(2);
    for _ in 0..2 {
        assert_refused(&poll(&idp, &code).await, 400, "slow_down", "");
    }
    assert_eq!(poll(&idp, &code).await.0, 200);
}

#[tokio::test]
async fn a_challenge_wants_its_verifier() {
    let idp = idp();
    // The pair of RFC 7636, appendix B.
    let (challenge, verifier) = (
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    );
    idp.approve_next("jane");
    let form = [
        ("client_id", "sdk-client"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    let (_, started) = post(&idp.device_endpoint(), &form).await;
    let code = text(&started, "device_code");
    assert_refused(&poll(&idp, &code).await, 400, "invalid_grant", "not specified");
    let wrong = poll_with(&idp, &code, &[("code_verifier", "wrong")]).await;
    assert_refused(&wrong, 400, "invalid_grant", "mismatch");
    assert_eq!(poll_with(&idp, &code, &[("code_verifier", verifier)]).await.0, 200);
    assert!(idp.issued_secrets().iter().any(|secret| secret == verifier));
}

#[tokio::test]
async fn a_client_can_demand_a_challenge() {
    let idp = idp();
    idp.register(Client::public("strict").demanding_challenge());
    let plain = post(&idp.device_endpoint(), &[("client_id", "strict")]).await;
    assert_refused(&plain, 400, "invalid_request", "Missing parameter: code_challenge_method");
    let form =
        [("client_id", "strict"), ("code_challenge", "x"), ("code_challenge_method", "S256")];
    assert_eq!(post(&idp.device_endpoint(), &form).await.0, 200);
}

#[tokio::test]
async fn a_person_approves_on_the_page() {
    let idp = idp();
    let started = start_device(&idp).await;
    let link = text(&started, "verification_uri_complete");
    let page = http().get(&link).send().await.unwrap().text().await.unwrap();
    for part in ["Approve", "Deny", &text(&started, "user_code"), "jane@ex.co"] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    let form = [("user", "jane"), ("decision", "approve")];
    let response = http().post(&link).form(&form).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("You are signed in as <b>jane</b>"));
    assert_eq!(poll(&idp, &text(&started, "device_code")).await.0, 200);
    assert_eq!(idp.sessions()[0].username, "jane");
}

#[tokio::test]
async fn every_login_can_be_approved_at_once() {
    let idp = TestIdp::start(Settings {
        auto_approve: Some("jane".into()),
        verification_uri_complete: false,
        device_interval_seconds: None,
        ..Settings::default()
    });
    for _ in 0..2 {
        let started = start_device(&idp).await;
        assert!(started.get("interval").is_none(), "{started}");
        assert!(started.get("verification_uri_complete").is_none(), "{started}");
        assert_eq!(poll(&idp, &text(&started, "device_code")).await.0, 200);
    }
}
