//! Scopes and audiences: what is granted, what follows in the token, what is refused.

use bearerd_test_idp::{Settings, TestIdp, WiderScope};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::client::{Form, assert_refused, claims, claims_of, post, refresh_form, text};

/// Knows `email`, `files` (for `https://files.example`) and `mail` (for two), and takes audiences at their word.
fn idp() -> TestIdp {
    let scopes = [
        ("email", &[][..]),
        ("files", &["https://files.example"]),
        ("mail", &["https://mail.example", "https://imap.example"]),
    ];
    let owned = |of: &[&str]| of.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let scopes: BTreeMap<_, _> =
        scopes.into_iter().map(|(name, audiences)| (name.to_owned(), owned(audiences))).collect();
    TestIdp::start(Settings {
        scopes: Some(scopes),
        scope: "email files mail".into(),
        wider_scope: WiderScope::Refused,
        honours_audience: true,
        audiences: Some(owned(&["https://a.example", "https://b.example"])),
        ..Settings::default()
    })
}

async fn refresh_with(idp: &TestIdp, refresh_token: &str, more: Form<'_>) -> (u16, Value) {
    let mut form = refresh_form(refresh_token).to_vec();
    form.extend_from_slice(more);
    post(&idp.token_endpoint(), &form).await
}

#[tokio::test]
async fn scope_and_audience_of_one_refresh() {
    let idp = TestIdp::start(Settings { honours_audience: true, ..Settings::default() });
    let issued = idp.issue("jane");
    let mut form = refresh_form(&issued.refresh_token).to_vec();
    form.extend([("scope", "email admin"), ("resource", "https://a.example")]);
    let (_, answer) = post(&idp.token_endpoint(), &form).await;
    assert_eq!(answer["scope"], "email");
    assert_eq!(claims(&text(&answer, "access_token"))["aud"], "https://a.example");
    let (refresh_token, access_token) = (text(&answer, "refresh_token"), "access_token");
    idp.configure(|settings| settings.honours_audience = false);
    let mut form = refresh_form(&refresh_token).to_vec();
    form.push(("audience", "https://a.example"));
    let (_, answer) = post(&idp.token_endpoint(), &form).await;
    assert_eq!(answer["scope"], "email profile");
    assert_eq!(claims(&text(&answer, access_token))["aud"], "account");
}

#[tokio::test]
async fn the_audience_follows_the_scope() {
    let idp = idp();
    let mut refresh_token = idp.issue("jane").refresh_token;
    for (scope, audience) in [
        ("files", json!("https://files.example")),
        ("mail", json!(["https://mail.example", "https://imap.example"])),
        ("email", json!("account")),
    ] {
        let (_, answer) = refresh_with(&idp, &refresh_token, &[("scope", scope)]).await;
        assert_eq!(answer["scope"], scope);
        let claims = claims_of(&answer, "access_token");
        assert_eq!((&claims["aud"], &claims["scope"]), (&audience, &json!(scope)));
        refresh_token = text(&answer, "refresh_token");
    }
}

#[tokio::test]
async fn what_is_refused_spends_no_refresh_token() {
    let idp = idp();
    let narrow = idp.issue_for("sdk-client", "jane", "email");
    for (more, error) in [
        (("scope", "nosuch"), "invalid_scope"),
        (("scope", "email files"), "invalid_scope"),
        (("resource", "https://c.example"), "invalid_target"),
        (("audience", "https://c.example"), "invalid_target"),
    ] {
        let refused = refresh_with(&idp, &narrow.refresh_token, &[more]).await;
        assert_refused(&refused, 400, error, "");
    }
    let more = [("resource", "https://a.example"), ("resource", "https://b.example")];
    let (status, answer) = refresh_with(&idp, &narrow.refresh_token, &more).await;
    assert_eq!(status, 200, "{answer}");
    let audience = &claims_of(&answer, "access_token")["aud"];
    assert_eq!(audience, &json!(["https://a.example", "https://b.example"]));
}

#[tokio::test]
async fn a_login_and_a_client_of_its_own_ask_for_scopes_that_exist() {
    let idp = idp();
    let url = idp.token_endpoint();
    let login = [
        ("grant_type", "password"),
        ("client_id", "sdk-client"),
        ("username", "jane"),
        ("password", "jane-pw"),
    ];
    let service = [
        ("grant_type", "client_credentials"),
        ("client_id", "service-client"),
        ("client_secret", "service-secret"),
    ];
    for form in [&login[..], &service[..]] {
        let with = |scope| [form, &[("scope", scope)]].concat();
        let (status, answer) = post(&url, &with("files")).await;
        assert_eq!((status, &answer["scope"]), (200, &json!("files")), "{answer}");
        let audience = &claims_of(&answer, "access_token")["aud"];
        assert_eq!(audience, "https://files.example");
        assert_refused(&post(&url, &with("files nosuch")).await, 400, "invalid_scope", "");
    }
    let start = [("client_id", "sdk-client"), ("scope", "nosuch")];
    assert_refused(&post(&idp.device_endpoint(), &start).await, 400, "invalid_scope", "");
    let elsewhere = [&service[..], &[("resource", "https://b.example")]].concat();
    let (_, answer) = post(&url, &elsewhere).await;
    let audience = claims_of(&answer, "access_token")["aud"].clone();
    let own = ["https://b.example", "https://files.example"].map(Value::from);
    assert!(own.iter().all(|it| audience.as_array().unwrap().contains(it)), "{audience}");
    let refused = [&service[..], &[("resource", "https://c.example")]].concat();
    assert_refused(&post(&url, &refused).await, 400, "invalid_target", "");
}

#[tokio::test]
async fn an_offline_refresh_token_has_no_end() {
    let idp = TestIdp::start(Settings::default());
    let offline = idp.issue_for("sdk-client", "jane", "email offline_access");
    let online = idp.issue("jane");
    idp.advance(std::time::Duration::from_secs(1_000_000));
    let (status, answer) = refresh_with(&idp, &offline.refresh_token, &[("scope", "email")]).await;
    assert_eq!((status, &answer["refresh_expires_in"]), (200, &json!(0)), "{answer}");
    let over = refresh_with(&idp, &online.refresh_token, &[]).await;
    assert_refused(&over, 400, "invalid_grant", "Token is not active");
}
