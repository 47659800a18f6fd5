//! The documents that say where everything is, endpoints that move, and an issuer that lies.

use bearerd_test_idp::{CallKind, Documents, Fault, Settings, TestIdp, Times};
use serde_json::{Value, json};

use crate::client::{assert_refused, http, post, refresh_form, refreshed, text};

async fn document(url: &str) -> (u16, Value) {
    let response = http().get(url).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

fn urls(idp: &TestIdp) -> [String; 2] {
    [
        format!("{}/.well-known/openid-configuration", idp.issuer()),
        format!("{}/.well-known/oauth-authorization-server/auth/realms/master", idp.base_url()),
    ]
}

#[tokio::test]
async fn discovery_names_the_endpoints_of_any_realm() {
    let idp = TestIdp::start(Settings::default());
    let issuer = format!("{}/auth/realms/other", idp.base_url());
    let url = format!("{issuer}/.well-known/openid-configuration");
    let document: Value = http().get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], issuer);
    let endpoint = text(&document, "token_endpoint");
    assert_eq!(endpoint, format!("{issuer}/protocol/openid-connect/token"));

    let issued = idp.issue("jane");
    let elsewhere = post(&endpoint, &refresh_form(&issued.refresh_token)).await;
    assert_refused(&elsewhere, 400, "invalid_grant", "Invalid refresh token");
    refreshed(&idp, &issued.refresh_token).await;
    idp.configure(|settings| settings.issuer = Some("https://elsewhere.example".into()));
    let document: Value = http().get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], "https://elsewhere.example");
}

#[tokio::test]
async fn either_document_can_be_missing() {
    let idp = TestIdp::start(Settings::default());
    let [openid, oauth] = urls(&idp);
    let (both, same) = (document(&openid).await, document(&oauth).await);
    assert_eq!((both.0, &both.1["issuer"]), (200, &json!(idp.issuer())));
    assert_eq!(both, same);
    for (documents, statuses) in [
        (Documents::OpenidConfiguration, (200, 404)),
        (Documents::OauthAuthorizationServer, (404, 200)),
        (Documents::None, (404, 404)),
    ] {
        idp.configure(|settings| settings.documents = documents);
        let there = (document(&openid).await.0, document(&oauth).await.0);
        assert_eq!(there, statuses, "{documents:?}");
    }
    assert_eq!(idp.count(CallKind::Discovery), 8);
}

#[tokio::test]
async fn endpoints_move_and_the_old_ones_are_gone() {
    let idp = TestIdp::start(Settings::default());
    let old = idp.token_endpoint();
    let issued = idp.issue("jane");
    idp.configure(|settings| settings.endpoints_at = "elsewhere/v2".into());
    assert_ne!(idp.token_endpoint(), old);
    assert_eq!(post(&old, &refresh_form(&issued.refresh_token)).await.0, 404);
    let gone = idp.calls().pop().unwrap();
    assert_eq!((gone.kind, gone.status(), gone.carried_out), (CallKind::Refresh, Some(404), false));
    let (_, moved) = document(&urls(&idp)[0]).await;
    assert_eq!(moved["token_endpoint"], idp.token_endpoint());
    refreshed(&idp, &issued.refresh_token).await;
    // The page for people stays where it is.
    assert_eq!(document(&format!("{}/device", idp.issuer())).await.0, 200);
}

#[tokio::test]
async fn an_issuer_lies_once() {
    let idp = TestIdp::start(Settings::default());
    let lie = Fault::Set { field: "issuer".into(), value: json!("https://evil.example") };
    idp.fault(CallKind::Discovery, lie, Times::Next(1));
    let [openid, _] = urls(&idp);
    assert_eq!(document(&openid).await.1["issuer"], "https://evil.example");
    assert_eq!(document(&openid).await.1["issuer"], idp.issuer());
}
