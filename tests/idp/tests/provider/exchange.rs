//! Token exchange (RFC 8693): what comes of a token in hand, and what is refused.

use bearerd_test_idp::{CallKind, Fault, Settings, TestIdp, Times, WiderScope};
use serde_json::Value;

use crate::client::{Form, assert_refused, claims, claims_of, post, text};

async fn exchange(idp: &TestIdp, subject_token: &str, more: Form<'_>) -> (u16, Value) {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "sdk-client"),
        ("subject_token", subject_token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    post(&idp.token_endpoint(), &[&form[..], more].concat()).await
}

#[tokio::test]
async fn a_token_for_elsewhere_is_made_of_one_in_hand() {
    let idp = TestIdp::start(Settings::default());
    let issued = idp.issue("jane");
    let more = [("audience", "https://a.example"), ("scope", "email")];
    let (status, answer) = exchange(&idp, &issued.access_token, &more).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
    let (own, made) = (claims(&issued.access_token), claims_of(&answer, "access_token"));
    assert_eq!((&made["aud"], &made["scope"]), (&"https://a.example".into(), &"email".into()));
    assert_eq!((&made["sub"], &made["sid"]), (&own["sub"], &own["sid"]));
    let made = text(&answer, "access_token");
    assert!(idp.is_active(&made) && idp.is_active(&issued.access_token));
    idp.end_session(&issued.session);
    assert!(!idp.is_active(&made), "it ends with its session");

    let call = idp.calls_of(CallKind::Exchange).pop().unwrap();
    assert_eq!(call.session.as_deref(), Some(&*issued.session));
    assert_eq!(
        (call.scope.as_deref(), call.audiences),
        (Some("email"), vec!["https://a.example".to_owned()])
    );
}

#[tokio::test]
async fn what_cannot_be_exchanged_is_refused() {
    let idp = TestIdp::start(Settings {
        audiences: Some(vec!["https://a.example".into()]),
        wider_scope: WiderScope::Refused,
        ..Settings::default()
    });
    let issued = idp.issue("jane");
    let subject = &*issued.access_token;
    for (subject, more, error) in [
        ("never-issued", ("audience", "https://a.example"), "invalid_request"),
        (&*issued.refresh_token, ("audience", "https://a.example"), "invalid_request"),
        (subject, ("audience", "https://b.example"), "invalid_target"),
        (subject, ("scope", "admin"), "invalid_scope"),
        (
            subject,
            ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
            "invalid_request",
        ),
    ] {
        assert_refused(&exchange(&idp, subject, &[more]).await, 400, error, "");
    }
    idp.fault(CallKind::Exchange, Fault::Status(503), Times::Next(1));
    assert_eq!(exchange(&idp, subject, &[]).await.0, 503);
    let gate = idp.hold(CallKind::Exchange);
    let (answer, ()) = tokio::join!(exchange(&idp, subject, &[]), async {
        gate.waiting(1).await;
        gate.release();
    });
    assert_eq!(answer.0, 200);
}
