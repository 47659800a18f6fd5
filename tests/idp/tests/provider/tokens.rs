//! Passwords and client credentials, what stands in tokens, and the endpoints that look at them.

use bearerd_test_idp::{AccessTokenFormat, CallKind, Settings, TestIdp};
use serde_json::{Value, json};

use crate::client::{assert_refused, claims, http, post, text};

#[tokio::test]
async fn a_password_gives_a_token_that_says_who_it_is_for() {
    let idp = TestIdp::start(Settings::default());
    let mut form = vec![
        ("grant_type", "password"),
        ("client_id", "sdk-client"),
        ("username", "jane"),
        ("password", "jane-pw"),
    ];
    let (status, answer) = post(&idp.token_endpoint(), &form).await;
    assert_eq!((status, answer["refresh_expires_in"].as_u64()), (200, Some(1800)), "{answer}");
    let access_token = text(&answer, "access_token");
    let claims = claims(&access_token);
    assert_eq!(claims["sub"], "99cace15-e0d4-4bb6-bf14-35efee181b90");
    assert_eq!(claims["email"], "jane@ex.co");
    assert_eq!(claims["iss"], idp.issuer());
    assert_eq!(claims["azp"], "sdk-client");
    assert_eq!(claims["sid"], idp.sessions()[0].id);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(claims["jti"].is_string());
    assert!(idp.issued_secrets().contains(&access_token));

    idp.set_password("jane", "jane-pw-2");
    let refused = post(&idp.token_endpoint(), &form).await;
    assert_refused(&refused, 401, "invalid_grant", "Invalid user credentials");
    form[3].1 = "jane-pw-2";
    assert_eq!(post(&idp.token_endpoint(), &form).await.0, 200);

    form[3].1 = "wrong";
    let refused = post(&idp.token_endpoint(), &form).await;
    assert_refused(&refused, 401, "invalid_grant", "Invalid user credentials");
    form[0].1 = "urn:example:unknown";
    let refused = post(&idp.token_endpoint(), &form).await;
    assert_refused(&refused, 400, "unsupported_grant_type", "");
}

#[tokio::test]
async fn client_credentials_want_a_secret() {
    let idp = TestIdp::start(Settings::default());
    let url = idp.token_endpoint();
    let grant = ("grant_type", "client_credentials");
    let refused = post(&url, &[grant, ("client_id", "sdk-client")]).await;
    assert_refused(&refused, 401, "unauthorized_client", "Public client");
    let wrong = [grant, ("client_id", "service-client"), ("client_secret", "wrong")];
    assert_refused(&post(&url, &wrong).await, 401, "unauthorized_client", "");
    assert_refused(&post(&url, &[grant]).await, 401, "invalid_client", "");

    let basic = http().post(&url).basic_auth("service-client", Some("service-secret"));
    let answer: Value = basic.form(&[grant]).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (answer["refresh_expires_in"].as_u64(), answer.get("refresh_token")),
        (Some(0), None)
    );
    assert!(idp.is_active(&text(&answer, "access_token")));
    let call = idp.calls().pop().unwrap();
    assert_eq!(
        (call.kind, call.client_id.as_deref()),
        (CallKind::ClientCredentials, Some("service-client"))
    );
}

#[tokio::test]
async fn introspection_and_userinfo_follow_the_session() {
    let idp = TestIdp::start(Settings {
        access_token_format: AccessTokenFormat::Opaque,
        ..Settings::default()
    });
    let issued = idp.issue("bob");
    assert!(!issued.access_token.contains('.'));
    let form = [("client_id", "sdk-client"), ("token", &*issued.access_token)];
    let userinfo = || http().get(idp.endpoint("userinfo")).bearer_auth(&issued.access_token).send();
    let (_, answer) = post(&idp.endpoint("token/introspect"), &form).await;
    assert_eq!((&answer["active"], &answer["username"]), (&json!(true), &json!("bob")));
    let answer: Value = userinfo().await.unwrap().json().await.unwrap();
    assert_eq!(answer["email"], "bob@ex.co");

    idp.end_session(&issued.session);
    let (_, answer) = post(&idp.endpoint("token/introspect"), &form).await;
    assert_eq!(answer, json!({"active": false}));
    assert_eq!(userinfo().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_date_is_sent_only_if_wanted_and_can_be_wrong() {
    let idp = TestIdp::start(Settings::default());
    let date = async || {
        let response = http().get(idp.endpoint("userinfo")).send().await.unwrap();
        response.headers().get("date").map(|date| date.to_str().unwrap().to_owned())
    };
    assert_eq!(date().await, None);
    // Far enough in the past that no run of this test is right by chance: 1970.
    idp.configure(|settings| {
        settings.date_header = true;
        settings.clock_skew_seconds = -4_000_000_000;
    });
    assert_eq!(date().await.as_deref(), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
}
