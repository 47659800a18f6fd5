//! A small OAuth client: sends forms, gives status and JSON.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearerd_test_idp::TestIdp;
use serde_json::Value;
use std::time::Duration;

pub(crate) type Form<'a> = &'a [(&'a str, &'a str)];

/// An HTTP client that follows no redirects, keeps no connection and gives up before the test runner does.
pub(crate) fn http() -> reqwest::Client {
    // Only the first call installs it; the others find it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

pub(crate) async fn post(url: &str, form: Form<'_>) -> (u16, Value) {
    let response = http().post(url).form(form).send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

pub(crate) async fn start_device(idp: &TestIdp) -> Value {
    let (status, answer) = post(&idp.device_endpoint(), &[("client_id", "sdk-client")]).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

pub(crate) async fn poll(idp: &TestIdp, device_code: &str) -> (u16, Value) {
    poll_with(idp, device_code, &[]).await
}

pub(crate) async fn poll_with(idp: &TestIdp, device_code: &str, more: Form<'_>) -> (u16, Value) {
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "sdk-client"),
        ("device_code", device_code),
    ];
    form.extend_from_slice(more);
    post(&idp.token_endpoint(), &form).await
}

pub(crate) async fn refresh(idp: &TestIdp, refresh_token: &str) -> (u16, Value) {
    post(&idp.token_endpoint(), &refresh_form(refresh_token)).await
}

pub(crate) fn refresh_form(refresh_token: &str) -> [(&'static str, &str); 3] {
    [("grant_type", "refresh_token"), ("client_id", "sdk-client"), ("refresh_token", refresh_token)]
}

/// A refresh that must succeed; gives the new refresh token and access token.
pub(crate) async fn refreshed(idp: &TestIdp, refresh_token: &str) -> (String, String) {
    let (status, answer) = refresh(idp, refresh_token).await;
    assert_eq!(status, 200, "{answer}");
    (text(&answer, "refresh_token"), text(&answer, "access_token"))
}

/// A refusal must have this status, this `error` and these words.
#[track_caller]
pub(crate) fn assert_refused(answer: &(u16, Value), status: u16, error: &str, words: &str) {
    assert_eq!((answer.0, answer.1["error"].as_str()), (status, Some(error)), "{}", answer.1);
    let description = answer.1["error_description"].as_str().unwrap_or_default();
    assert!(description.contains(words), "{description}");
}

#[track_caller]
pub(crate) fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}

/// The claims of a JWT.
#[track_caller]
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The claims of a token in an answer.
#[track_caller]
pub(crate) fn claims_of(answer: &Value, field: &str) -> Value {
    claims(&text(answer, field))
}
