//! The control API, route by route, on its own port through an outage.

use bearerd_test_idp::{CallKind, Outcome, Rotation, Settings, TestIdp};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::client::{http, poll, refresh, refreshed, start_device, text};

fn idp() -> TestIdp {
    TestIdp::start(Settings {
        control_port: Some(0),
        device_interval_seconds: Some(0),
        ..Settings::default()
    })
}

async fn control(idp: &TestIdp, method: Method, route: &str, body: Value) -> (u16, Value) {
    let request = http().request(method, format!("{}{route}", idp.control_url()));
    let request = if body.is_null() { request } else { request.json(&body) };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn does(idp: &TestIdp, method: Method, route: &str, body: Value) -> Value {
    let (status, answer) = control(idp, method.clone(), route, body).await;
    assert_eq!(status, 200, "{method} {route}: {answer}");
    answer
}

#[tokio::test]
async fn a_login_is_decided_from_outside() {
    let idp = idp();
    let overview = does(&idp, Method::GET, "", Value::Null).await;
    assert_eq!(overview["base_url"], idp.base_url());
    let started = start_device(&idp).await;
    let (device_code, user_code) = (text(&started, "device_code"), text(&started, "user_code"));
    let devices = does(&idp, Method::GET, "/devices", Value::Null).await;
    assert_eq!(devices, json!([{"user_code": user_code, "state": "pending"}]));
    let approval = json!({"user_code": user_code, "user": "bob"});
    does(&idp, Method::POST, "/approve", approval.clone()).await;
    assert_eq!(control(&idp, Method::POST, "/approve", approval).await.0, 404, "decided already");
    assert_eq!(poll(&idp, &device_code).await.0, 200);
    let sessions = does(&idp, Method::GET, "/sessions", Value::Null).await;
    assert_eq!(sessions[0]["username"], "bob");

    does(&idp, Method::POST, "/deny", json!({})).await;
    let denied = start_device(&idp).await;
    assert_eq!(poll(&idp, &text(&denied, "device_code")).await.1["error"], "access_denied");
    let expiring = start_device(&idp).await;
    does(&idp, Method::POST, "/expire", json!({"user_code": expiring["user_code"]})).await;
    assert_eq!(poll(&idp, &text(&expiring, "device_code")).await.1["error"], "expired_token");
}

#[tokio::test]
async fn faults_and_calls() {
    let idp = idp();
    let issued = idp.issue("jane");
    let order = json!({"kind": "refresh", "fault": {"status": 503}, "times": {"next": 1}});
    does(&idp, Method::POST, "/faults", order).await;
    assert_eq!(refresh(&idp, &issued.refresh_token).await.0, 503);
    let order = json!({"kind": "refresh", "fault": "hang"});
    does(&idp, Method::POST, "/faults", order).await;
    does(&idp, Method::DELETE, "/faults?kind=refresh", Value::Null).await;
    refreshed(&idp, &issued.refresh_token).await;

    let calls = does(&idp, Method::GET, "/calls?kind=refresh", Value::Null).await;
    assert_eq!(calls[0]["outcome"], json!({"answered": {"status": 503, "error": null}}));
    assert_eq!(calls[1]["carried_out"], true);
    let counts = does(&idp, Method::GET, "/counts", Value::Null).await;
    assert_eq!(counts, json!({"refresh": 2}), "control requests do not count");
    does(&idp, Method::DELETE, "/calls", Value::Null).await;
    assert!(idp.calls().is_empty());
}

#[tokio::test]
async fn a_gate_from_outside() {
    let idp = Arc::new(idp());
    let gate =
        does(&idp, Method::POST, "/gates", json!({"kind": "refresh", "when": "after"})).await;
    let route = format!("/gates/{}", gate["gate"]);
    let request = tokio::spawn({
        let idp = Arc::clone(&idp);
        async move { refreshed(&idp, &idp.issue("jane").refresh_token).await }
    });
    let answer = does(&idp, Method::GET, &format!("{route}?waiting=1"), Value::Null).await;
    assert_eq!(answer["standing"], 1);
    assert!(idp.calls()[0].carried_out && idp.calls()[0].outcome == Outcome::Pending);
    does(&idp, Method::DELETE, &route, Value::Null).await;
    request.await.unwrap();
    assert_eq!(control(&idp, Method::DELETE, &route, Value::Null).await.0, 404);
}

#[tokio::test]
async fn an_outage_from_outside() {
    let idp = idp();
    let issued = idp.issue("jane");
    does(&idp, Method::POST, "/outage", json!({"mode": "refuse"})).await;
    let refused = http().get(idp.base_url()).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    does(&idp, Method::POST, "/outage", json!({"mode": "off"})).await;
    refreshed(&idp, &issued.refresh_token).await;

    // On the main port too: it answers the request that closes it, and opens again by itself.
    let url = format!("{}/control/outage", idp.base_url());
    let order = json!({"mode": "refuse", "seconds": 1});
    let answer = http().post(&url).json(&order).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let refused = http().get(idp.base_url()).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    let reopened = async {
        while tokio::net::TcpStream::connect(idp.base_url().replace("http://", "")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reopened).await.expect("it opens again");

    does(&idp, Method::POST, "/outage", json!({"mode": "silent"})).await;
    let request = tokio::spawn(http().get(idp.endpoint("userinfo")).send());
    idp.ended(CallKind::Userinfo, 1).await;
    assert_eq!(idp.calls_of(CallKind::Userinfo)[0].outcome, Outcome::NeverAnswered);
    does(&idp, Method::POST, "/outage", json!({"mode": "off"})).await;
    assert!(request.await.unwrap().is_err(), "its connection is closed");
    assert_eq!(refresh(&idp, "unknown").await.0, 400);
}

#[tokio::test]
async fn administration() {
    let idp = idp();
    let issued = idp.issue("jane");
    let changes = json!({"access_token_seconds": 9, "rotation": "same"});
    let settings = does(&idp, Method::PATCH, "/settings", changes).await;
    assert_eq!(settings["access_token_seconds"], 9);
    assert_eq!(idp.settings().rotation, Rotation::Same);
    assert_eq!(idp.settings().users.len(), 2, "what cannot be changed stays");
    assert_eq!(control(&idp, Method::PATCH, "/settings", json!({"nonsense": 1})).await.0, 400);
    assert!(!settings.to_string().contains("jane-pw"));

    for (action, error) in [("disable", Some("invalid_grant")), ("enable", None)] {
        does(&idp, Method::POST, &format!("/users/jane/{action}"), Value::Null).await;
        let (_, answer) = refresh(&idp, &issued.refresh_token).await;
        assert_eq!(answer["error"].as_str(), error);
    }
    does(&idp, Method::POST, "/clients/sdk-client/disable", Value::Null).await;
    assert_eq!(refresh(&idp, &issued.refresh_token).await.0, 401);
    does(&idp, Method::POST, "/clients/sdk-client/enable", Value::Null).await;
    does(&idp, Method::POST, "/users/jane/log-out", Value::Null).await;
    let session = format!("/sessions/{}", issued.session);
    assert_eq!(control(&idp, Method::DELETE, &session, Value::Null).await.0, 404, "ended already");
    let bob = format!("/sessions/{}", idp.issue("bob").session);
    does(&idp, Method::DELETE, &bob, Value::Null).await;
    assert!(idp.sessions().iter().all(|session| !session.active));
    assert_eq!(control(&idp, Method::POST, "/users/eve/disable", Value::Null).await.0, 404);
    assert_eq!(idp.count(CallKind::Refresh), 3);
}

#[tokio::test]
async fn a_browser_page_cannot_steer_it() {
    let idp = idp();
    let request = http().post(format!("{}/deny", idp.control_url()));
    let response = request.header("origin", "https://evil.example").json(&json!({})).send();
    assert_eq!(response.await.unwrap().status(), 403);
}
