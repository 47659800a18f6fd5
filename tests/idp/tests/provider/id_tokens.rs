//! Id tokens: when they come, what they say, and how a fault makes them wrong.

use bearerd_test_idp::{AccessTokenFormat, CallKind, Fault, Settings, TestIdp, Times};
use serde_json::{Value, json};

use crate::client::{claims_of, http, refresh, text};

fn idp() -> TestIdp {
    TestIdp::start(Settings {
        scope: "openid email".into(),
        access_token_format: AccessTokenFormat::Opaque,
        ..Settings::default()
    })
}

#[tokio::test]
async fn one_comes_with_openid_and_says_who_it_is_for() {
    let idp = idp();
    let issued = idp.issue("jane");
    let (_, answer) = refresh(&idp, &issued.refresh_token).await;
    let claims = claims_of(&answer, "id_token");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(idp.issuer()), &json!("sdk-client")));
    assert_eq!(claims["sub"], "99cace15-e0d4-4bb6-bf14-35efee181b90");
    assert_eq!((&claims["email"], &claims["sid"]), (&json!("jane@ex.co"), &json!(issued.session)));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(idp.issued_secrets().contains(&text(&answer, "id_token")));

    let issued = idp.issue_for("sdk-client", "jane", "email");
    let (_, answer) = refresh(&idp, &issued.refresh_token).await;
    assert!(answer.get("id_token").is_none(), "{answer}");
}

#[tokio::test]
async fn a_claim_can_be_wrong_or_missing() {
    let idp = idp();
    let mut refresh_token = idp.issue("jane").refresh_token;
    for (claim, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!(["another"])),
        ("exp", json!(1)),
        ("nonce", json!("n1")),
        ("sub", Value::Null),
    ] {
        let fault = Fault::IdTokenClaim { claim: claim.into(), value: value.clone() };
        idp.fault(CallKind::Refresh, fault, Times::Next(1));
        let (_, answer) = refresh(&idp, &refresh_token).await;
        let claims = claims_of(&answer, "id_token");
        assert_eq!(claims[claim], value);
        assert_eq!(claims.get(claim).is_some(), !value.is_null());
        assert_eq!(claims["azp"], "sdk-client", "the others stay");
        refresh_token = text(&answer, "refresh_token");
    }
}

#[tokio::test]
async fn a_person_can_be_without_an_address() {
    let idp = idp();
    idp.configure(|settings| settings.users[0].email = None);
    let (_, answer) = refresh(&idp, &idp.issue("jane").refresh_token).await;
    assert_eq!(claims_of(&answer, "id_token").get("email"), None);
    let access_token = text(&answer, "access_token");
    let userinfo = http().get(idp.endpoint("userinfo")).bearer_auth(access_token).send();
    let userinfo: Value = userinfo.await.unwrap().json().await.unwrap();
    assert_eq!((userinfo.get("email"), &userinfo["preferred_username"]), (None, &json!("jane")));
}
