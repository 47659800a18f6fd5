//! Who a token is for: what is believed, what is asked, and which id tokens make an answer useless.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd::fetch::TokenFetcher;
use bearerd_proto::Secret;
use bearerd_session::{Cause, Outcome, Request, SlotKey};
use bearerd_test_idp::{AccessTokenFormat, CallKind, Settings, TestIdp};
use fetch_support::{GOOD, RawServer, answer, fetcher_of, granted, header_of, jwt, slot};
use serde_json::{Value, json};
use std::sync::Arc;

fn refresh(token: &str) -> Request {
    Request::Refresh { refresh_token: Secret::new(token), slot: SlotKey::default() }
}

fn poll() -> Request {
    Request::DevicePoll { device_code: Secret::new("dc"), code_verifier: None }
}

/// A provider that publishes itself, gives `tokens`, and says `userinfo`.
fn provider(tokens: Value, userinfo: impl Fn() -> String + Send + Sync + 'static) -> RawServer {
    RawServer::serving(move |path, request| {
        let base = format!("http://{}", header_of(request, "host").unwrap());
        match path {
            "/userinfo" => userinfo(),
            "/token" => answer(200, "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n", &tokens.to_string()),
            _ => {
                let document = json!({
                    "issuer": base, "token_endpoint": format!("{base}/token"),
                    "userinfo_endpoint": format!("{base}/userinfo"),
                });
                answer(200, "", &document.to_string())
            }
        }
    })
}

fn client(server: &RawServer, more: &str) -> Arc<dyn TokenFetcher> {
    fetcher_of(&format!(
        "auth_type = \"sso\"\nissuer = \"{}\"\nclient_id = \"me\"\n{more}",
        server.url()
    ))
}

fn tokens(more: Value) -> Value {
    let mut tokens = json!({
        "access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r2",
    });
    for (name, value) in more.as_object().unwrap() {
        tokens[name] = value.clone();
    }
    tokens
}

const OPENID: &str = "scopes = [\"openid\", \"email\"]";

#[tokio::test]
async fn userinfo_is_asked_once_where_nothing_else_says_who_it_is() {
    let server = provider(tokens(json!({})), || {
        answer(200, "", &json!({"sub": "u1", "email": "jane@ex.co"}).to_string())
    });
    let fetcher = client(&server, OPENID);
    let login = granted(fetcher.fetch(poll()).await);
    assert_eq!(login.user_id.as_deref(), Some("u1"));
    assert_eq!(login.user_email.as_deref(), Some("jane@ex.co"));
    let asked = server.requests().pop().unwrap();
    assert_eq!(header_of(&asked, "authorization"), Some("Bearer opaque"));

    // The session that it is known of is not asked about again, another one is.
    granted(fetcher.fetch(refresh("r2")).await);
    assert_eq!(server.asked().iter().filter(|asked| *asked == "GET /userinfo").count(), 1);
    granted(fetcher.fetch(refresh("imported")).await);
    assert_eq!(server.asked().iter().filter(|asked| *asked == "GET /userinfo").count(), 2);
    // A token for another audience is not for userinfo.
    let for_files =
        Request::Refresh { refresh_token: Secret::new("another"), slot: slot(None, Some("files")) };
    granted(fetcher.fetch(for_files).await);
    assert_eq!(server.asked().iter().filter(|asked| *asked == "GET /userinfo").count(), 2);
}

#[tokio::test]
async fn userinfo_is_not_asked_without_openid_or_where_a_token_says_it() {
    let of_me = jwt(&json!({"sub": "u1"}));
    for (more, given) in [
        ("", json!({})),
        (OPENID, json!({"scope": "email"})),
        (OPENID, json!({"access_token": of_me})),
    ] {
        let server = provider(tokens(given.clone()), || answer(500, "", ""));
        granted(client(&server, more).fetch(poll()).await);
        assert!(!server.asked().contains(&"GET /userinfo".to_owned()), "{more} {given}");
    }
}

#[tokio::test]
async fn a_failing_userinfo_fails_nothing() {
    for said in [
        answer(500, "", ""),
        answer(401, "", "{\"error\": \"invalid_token\"}"),
        answer(200, "", "<html>"),
        answer(200, "", "{}"),
        String::new(),
    ] {
        let userinfo = said.clone();
        let server = provider(tokens(json!({"scope": "openid"})), move || userinfo.clone());
        let login = granted(client(&server, "").fetch(poll()).await);
        assert_eq!((login.user_id, login.user_email), (None, None), "{said}");
        assert_eq!(login.refresh_token.unwrap().expose(), "r2");
    }
}

#[tokio::test]
async fn an_id_token_says_who_it_is_where_the_access_token_does_not() {
    // One second after the provider's `Date`, and years before this machine's clock.
    let good = json!({
        "sub": "u1", "email": "jane@ex.co", "aud": "me", "exp": 1_700_000_001, "sid": "s1",
    });
    for (access_token, user, email) in [
        ("opaque".to_owned(), Some("u1"), Some("jane@ex.co")),
        (jwt(&json!({"scope": "x"})), Some("u1"), Some("jane@ex.co")),
        (jwt(&json!({"sub": "u1"})), Some("u1"), Some("jane@ex.co")),
        (jwt(&json!({"sub": "u1", "email": "j@ex.co"})), Some("u1"), Some("j@ex.co")),
        // As pairwise subjects have it: this e-mail is not known to be theirs.
        (jwt(&json!({"sub": "u2"})), Some("u2"), None),
    ] {
        let login = with_id_token(&access_token, good.clone(), None).await;
        let login = granted(login);
        assert_eq!(login.user_id.as_deref(), user, "{access_token}");
        assert_eq!(login.user_email.as_deref(), email, "{access_token}");
        assert_eq!(login.idp_session.as_deref(), Some("s1"), "{access_token}");
    }
}

#[tokio::test]
async fn an_id_token_that_fails_a_check_makes_the_answer_useless_and_names_it() {
    let good = json!({"sub": "u1", "aud": "me", "exp": 1_700_000_001});
    let jwt_of_jane = jwt(&json!({"sub": "u1", "email": "jane@ex.co"}));
    for (name, value, words) in [
        ("iss", json!("https://other.example.com"), "of another issuer (`iss`)"),
        ("aud", json!("you"), "for another client (`aud`)"),
        ("azp", json!("you"), "for several clients that was given to another one (`azp`)"),
        ("exp", json!(1_600_000_000), "whose time is over (`exp`)"),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        if name == "azp" {
            claims["aud"] = json!(["you", "me"]);
        }
        let iss = claims.get("iss").cloned();
        for access_token in ["opaque", &jwt_of_jane] {
            match with_id_token(access_token, claims.clone(), iss.clone()).await {
                Outcome::Failed(failure) => {
                    assert!(failure.message.ends_with(words), "{}", failure.message);
                    match failure.cause {
                        Cause::Unusable { refresh_token: Some(rotated) } => {
                            assert_eq!(rotated.expose(), "r2");
                        }
                        other => panic!("{other:?}"),
                    }
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

/// What becomes of a login with such an id token; its issuer is the provider's own unless said.
async fn with_id_token(access_token: &str, claims: Value, iss: Option<Value>) -> Outcome {
    let access_token = access_token.to_owned();
    let server = RawServer::serving(move |path, request| {
        let base = format!("http://{}", header_of(request, "host").unwrap());
        if path != "/token" {
            let document = json!({"issuer": base, "token_endpoint": format!("{base}/token")});
            return answer(200, "", &document.to_string());
        }
        let mut claims = claims.clone();
        claims["iss"] = iss.clone().unwrap_or(json!(base));
        let tokens = tokens(json!({"access_token": access_token, "id_token": jwt(&claims)}));
        answer(200, "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n", &tokens.to_string())
    });
    client(&server, "").fetch(poll()).await
}

#[tokio::test]
async fn an_opaque_token_of_a_realm_is_known_by_its_id_token() {
    let settings = Settings {
        access_token_format: AccessTokenFormat::Opaque,
        scope: "openid email".into(),
        auto_approve: Some("jane".into()),
        ..Settings::default()
    };
    let idp = TestIdp::start(settings);
    let lines = format!("auth_type = \"sso\"\nkeycloak_addr = \"{}\"\n{OPENID}", idp.base_url());
    let fetcher = fetcher_of(&lines);
    let device = match fetcher.fetch(Request::DeviceStart).await {
        Outcome::Device(device) => device,
        other => panic!("{other:?}"),
    };
    let (device_code, code_verifier) = (device.device_code, device.code_verifier);
    let login = granted(fetcher.fetch(Request::DevicePoll { device_code, code_verifier }).await);
    assert_eq!(login.user_email.as_deref(), Some("jane@ex.co"));
    assert!(login.user_id.is_some());
    assert!(idp.calls_of(CallKind::Userinfo).is_empty());

    // Another realm's id token is refused, whatever the address.
    idp.configure(|settings| {
        settings.issuer = Some(format!("{}/auth/realms/other", "http://127.0.0.1"));
    });
    let refresh_token = idp.issue("jane").refresh_token;
    match fetcher.fetch(refresh(&refresh_token)).await {
        Outcome::Failed(failure) => {
            assert!(failure.message.ends_with("of another issuer (`iss`)"), "{}", failure.message);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_without_any_identity_is_as_good() {
    let server = RawServer::serving(|_, _| answer(200, "", GOOD));
    let lines = format!("auth_type = \"sso\"\nkeycloak_addr = \"{}\"", server.url());
    let token = granted(fetcher_of(&lines).fetch(refresh("r")).await);
    assert_eq!((token.user_id, token.user_email), (None, None));
}
