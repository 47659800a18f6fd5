//! A token for a scope or an audience: what is asked for, what comes, and what is refused.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd::fetch::TokenFetcher;
use bearerd_proto::Secret;
use bearerd_session::{Cause, Outcome, Request, SlotKey};
use bearerd_test_idp::{CallKind, Settings, TestIdp, WiderScope};
use fetch_support::{RawServer, answer, failed, fetcher_of, form_of, granted, jwt, slot};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

fn sso(addr: &str, more: &str) -> Arc<dyn TokenFetcher> {
    fetcher_of(&format!("auth_type = \"sso\"\nkeycloak_addr = \"{addr}\"\n{more}"))
}

fn refresh(token: &str, slot: SlotKey) -> Request {
    Request::Refresh { refresh_token: Secret::new(token), slot }
}

/// A provider as Keycloak is one: scopes alone decide for whom a token is.
fn by_scopes() -> (TestIdp, String) {
    let scopes = [("openid", ""), ("files:read", "files"), ("mail:read", "mail")];
    let audiences = |audience: &str| match audience {
        "" => Vec::new(),
        audience => vec![audience.to_owned()],
    };
    let scopes: BTreeMap<String, Vec<String>> =
        scopes.iter().map(|(scope, audience)| ((*scope).to_owned(), audiences(audience))).collect();
    let idp = TestIdp::start(Settings {
        scopes: Some(scopes),
        scope: "openid files:read".into(),
        wider_scope: WiderScope::LeftOut,
        ..Settings::default()
    });
    let token = idp.issue("jane").refresh_token;
    (idp, token)
}

const TABLE: &str = "audience_parameter = { files = \"files:read\", mail = \"mail:read\" }";

#[tokio::test]
async fn an_audience_of_the_table_is_asked_for_by_its_scope() {
    let (idp, token) = by_scopes();
    let fetcher = sso(&idp.base_url(), TABLE);
    let files = granted(fetcher.fetch(refresh(&token, slot(None, Some("files")))).await);
    assert_eq!(files.scope.as_deref(), Some("files:read"));
    // The login did not ask for it: this provider leaves the scope out without a word.
    let rotated = files.refresh_token.unwrap();
    let outcome = fetcher.fetch(refresh(rotated.expose(), slot(None, Some("mail")))).await;
    let rotated = match outcome {
        Outcome::Failed(failure) => match failure.cause {
            Cause::WrongAudience { refresh_token: Some(rotated) } => {
                let ends = "answered HTTP 200 with a token that is not for the audience that was \
                            asked for (check its scope in `audience_parameter`, and that the login \
                            asked for that scope)";
                assert!(failure.message.ends_with(ends), "{}", failure.message);
                rotated
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let sent = idp.refreshes_sent();
    let unknown = failed(fetcher.fetch(refresh(rotated.expose(), slot(None, Some("other")))).await);
    assert_eq!(unknown.0, "InvalidTarget");
    assert_eq!(
        unknown.1,
        "nothing was sent: the audience is not in the table `audience_parameter`"
    );
    assert_eq!(idp.refreshes_sent(), sent);
    // The rotated token of the useless answer is the one that goes on.
    granted(fetcher.fetch(refresh(rotated.expose(), SlotKey::default())).await);
}

#[tokio::test]
async fn a_scope_that_a_caller_asked_for_is_the_callers_to_mend() {
    let (idp, token) = by_scopes();
    let fetcher = sso(&idp.base_url(), "");
    let (cause, message) = failed(fetcher.fetch(refresh(&token, slot(Some("nosuch"), None))).await);
    assert_eq!(cause, "InvalidScope");
    assert!(!message.contains("(check"), "{message}");
}

#[tokio::test]
async fn resource_and_audience_are_parameters_that_a_provider_can_follow() {
    for parameter in ["resource", "audience"] {
        let audiences = Some(vec!["https://files.example.com".to_owned()]);
        let idp =
            TestIdp::start(Settings { honours_audience: true, audiences, ..Settings::default() });
        let token = idp.issue("jane").refresh_token;
        let line = format!("audience_parameter = \"{parameter}\"");
        let fetcher = sso(&idp.base_url(), &line);
        let wanted = slot(None, Some("https://files.example.com"));
        let files = granted(fetcher.fetch(refresh(&token, wanted)).await);
        let rotated = files.refresh_token.unwrap();
        let wanted = slot(None, Some("https://mail.example.com"));
        let (cause, _) = failed(fetcher.fetch(refresh(rotated.expose(), wanted)).await);
        assert_eq!(cause, "InvalidTarget", "{parameter}");
    }
}

#[tokio::test]
async fn an_exchange_gives_a_token_for_the_audience_and_no_session() {
    let subject = jwt(&json!({"sub": "u1"}));
    let for_files = jwt(&json!({"aud": ["files"], "sub": "u1", "email": "jane@ex.co"}));
    let body = json!({
        "access_token": for_files, "token_type": "Bearer", "expires_in": 60,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "refresh_token": "another-session",
    });
    let server = RawServer::serving(move |_, _| answer(200, "", &body.to_string()));
    let fetcher = sso(&server.url(), "audience_parameter = \"exchange\"\nscopes = [\"openid\"]");
    let exchange = |slot| Request::Exchange { subject_token: Secret::new(&subject), slot };
    let token = granted(fetcher.fetch(exchange(slot(Some("read"), Some("files")))).await);
    assert_eq!(token.user_email.as_deref(), Some("jane@ex.co"));
    assert!(token.refresh_token.is_none());
    let form = form_of(&server.requests().pop().unwrap());
    let access_token = "urn:ietf:params:oauth:token-type:access_token";
    for (name, value) in [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &*subject),
        ("subject_token_type", access_token),
        ("requested_token_type", access_token),
        ("audience", "files"),
        ("scope", "read"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    let (cause, message) = failed(fetcher.fetch(exchange(slot(None, Some("mail")))).await);
    assert_eq!(cause, "WrongAudience");
    assert!(message.ends_with("(check what the IdP allows this client)"), "{message}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_provider_makes_an_exchange_of_a_token_in_hand_or_refuses_it() {
    let audiences = Some(vec!["https://a.example".to_owned()]);
    let idp = TestIdp::start(Settings { audiences, ..Settings::default() });
    let session = idp.issue("jane");
    let fetcher = sso(&idp.base_url(), "audience_parameter = \"exchange\"");
    let exchange = |audience| Request::Exchange {
        subject_token: Secret::new(&session.access_token),
        slot: slot(None, Some(audience)),
    };
    let token = granted(fetcher.fetch(exchange("https://a.example")).await);
    assert!(idp.is_active(token.access_token.expose()));
    assert_eq!(failed(fetcher.fetch(exchange("https://b.example")).await).0, "InvalidTarget");
    assert_eq!(idp.calls_of(CallKind::Exchange).len(), 2);
}
