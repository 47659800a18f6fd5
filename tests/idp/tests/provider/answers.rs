//! Faults that give an answer, but the wrong one.

use bearerd_test_idp::{CallKind, Fault, Settings, TestIdp, Times};
use serde_json::{Value, json};

use crate::client::{http, refresh, refresh_form, refreshed, text};

const ONCE: Times = Times::Next(1);

async fn send(idp: &TestIdp, refresh_token: &str) -> reqwest::Response {
    let form = refresh_form(refresh_token);
    http().post(idp.token_endpoint()).form(&form).send().await.unwrap()
}

fn faulty(fault: Fault) -> (TestIdp, String) {
    let idp = TestIdp::start(Settings::default());
    let refresh_token = idp.issue("jane").refresh_token;
    idp.fault(CallKind::Refresh, fault, ONCE);
    (idp, refresh_token)
}

#[tokio::test]
async fn a_refusal_by_fault_spends_nothing() {
    for (fault, status, header) in [
        (Fault::Status(503), 503, None),
        (Fault::TooManyRequests { retry_after: 7 }, 429, Some(("retry-after", "7"))),
        (
            Fault::RetryAfter { status: 503, value: "soon".into() },
            503,
            Some(("retry-after", "soon")),
        ),
        (
            Fault::Redirect("http://elsewhere.example/".into()),
            302,
            Some(("location", "http://elsewhere.example/")),
        ),
        (Fault::OauthError { status: 400, error: "server_error".into() }, 400, None),
        (Fault::Garbage, 200, Some(("content-type", "application/json"))),
        (Fault::Html, 200, Some(("content-type", "text/html;charset=utf-8"))),
    ] {
        let (idp, refresh_token) = faulty(fault.clone());
        let response = send(&idp, &refresh_token).await;
        assert_eq!(response.status(), status, "{fault:?}");
        if let Some((name, value)) = header {
            assert_eq!(response.headers()[name], value, "{fault:?}");
        }
        let body = response.bytes().await.unwrap();
        let object = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let error = object["error"].as_str();
        let call = idp.calls().pop().unwrap();
        assert_eq!((call.status(), call.error()), (Some(status), error), "{fault:?}");
        assert!(!call.carried_out, "{fault:?}");
        refreshed(&idp, &refresh_token).await;
    }
}

#[tokio::test]
async fn a_gateway_loses_an_answer() {
    let (idp, refresh_token) = faulty(Fault::Status(502).carried_out());
    assert_eq!(send(&idp, &refresh_token).await.status(), 502);
    assert!(!idp.is_active(&refresh_token), "the token is spent");
    let call = idp.calls().pop().unwrap();
    assert!(call.carried_out && call.refresh_index == Some(0), "{call:?}");
}

#[tokio::test]
async fn fields_of_an_answer_can_be_odd() {
    let expires_in = |value: Value| (Fault::ExpiresIn(value.clone()), "expires_in", Some(value));
    for (fault, field, value) in [
        expires_in(json!(0)),
        expires_in(json!(-5)),
        expires_in(json!("300")),
        expires_in(json!(1e12)),
        expires_in(Value::Null),
        expires_in(json!("abc")),
        (Fault::NoExpiresIn, "expires_in", None),
        (Fault::NoAccessToken, "access_token", None),
        (Fault::DropRefreshToken, "refresh_token", None),
        (Fault::TokenType("DPoP".into()), "token_type", Some(json!("DPoP"))),
        (Fault::OkWithError("invalid_grant".into()), "error", Some(json!("invalid_grant"))),
        (Fault::Set { field: "scope".into(), value: json!(7) }, "scope", Some(json!(7))),
    ] {
        let (idp, refresh_token) = faulty(fault.clone());
        let (status, answer) = refresh(&idp, &refresh_token).await;
        assert_eq!((status, answer.get(field)), (200, value.as_ref()), "{fault:?}");
        assert!(!idp.is_active(&refresh_token), "{fault:?}: the token is spent");
    }
}

#[tokio::test]
async fn the_same_tokens_can_come_again() {
    let idp = TestIdp::start(Settings::default());
    let issued = idp.issue("jane");
    idp.fault(CallKind::Refresh, Fault::SameTokenAgain, Times::Next(2));
    for _ in 0..2 {
        let (refresh_token, access_token) = refreshed(&idp, &issued.refresh_token).await;
        assert_eq!(refresh_token, issued.refresh_token);
        assert_eq!(access_token, issued.access_token);
    }
    let (refresh_token, _) = refreshed(&idp, &issued.refresh_token).await;
    assert_ne!(refresh_token, issued.refresh_token);
}

#[tokio::test]
async fn a_huge_answer_goes_on_and_on() {
    let (idp, refresh_token) = faulty(Fault::Huge);
    let mut response = send(&idp, &refresh_token).await;
    assert_eq!(response.status(), 200);
    let (mut length, mut start, mut end) = (0, Vec::new(), Vec::new());
    while let Some(chunk) = response.chunk().await.unwrap() {
        if start.is_empty() {
            start = chunk.to_vec();
        }
        length += chunk.len();
        end = chunk.to_vec();
    }
    assert!(length > 100 * 1024 * 1024, "{length}");
    assert!(start.starts_with(br#"{"token_type":"Bearer""#) && end.ends_with(br#""}"#));
}

#[tokio::test]
async fn a_trickle_gives_one_byte_at_a_time() {
    let (idp, refresh_token) = faulty(Fault::Trickle.carried_out());
    let mut response = send(&idp, &refresh_token).await;
    for expected in [b"{", b"\""] {
        assert_eq!(response.chunk().await.unwrap().unwrap().as_ref(), expected);
    }
    assert!(!idp.is_active(&refresh_token), "the answer is a real one");
}

#[tokio::test]
async fn calls_are_logged_without_secrets() {
    let (idp, refresh_token) = faulty(Fault::Pass);
    let (status, answer) = refresh(&idp, &refresh_token).await;
    assert_eq!(status, 200);
    let call = idp.calls().pop().unwrap();
    assert!(call.ended_at.unwrap() >= call.arrived_at && call.arrived_at.as_secs() > 0, "{call:?}");
    let printed = format!("{:?} {:?} {:?}", idp.calls(), idp.settings(), idp.issue("bob"));
    let mut secrets = idp.issued_secrets();
    assert!(secrets.contains(&text(&answer, "access_token")) && secrets.contains(&refresh_token));
    secrets.extend(["jane-pw".into(), "service-secret".into()]);
    for secret in secrets {
        assert!(!printed.contains(&secret), "a secret is printed");
    }
}
