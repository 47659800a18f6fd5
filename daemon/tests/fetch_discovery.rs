//! A provider that says by itself where its endpoints are: found, believed only under its own name, and looked for again.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd::fetch::{Fetchers, Timeouts, TokenFetcher};
use bearerd_proto::Secret;
use bearerd_session::{Outcome, Request};
use bearerd_test_idp::{CallKind, Documents, Fault, Settings, TestIdp, Times};
use fetch_support::{
    GOOD, HASTY, PATIENT, RawServer, SECRET, answer, failed, fetcher_of, granted, hold, parts_of,
    refresh,
};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A public client of `issuer`.
fn client(issuer: &str) -> String {
    format!("auth_type = \"sso\"\nissuer = \"{issuer}\"\nclient_id = \"sdk-client\"")
}

fn issuer_of(idp: &TestIdp) -> String {
    format!("{}/auth/realms/master", idp.base_url())
}

/// A server that publishes what `document` makes of its own address, and answers all else well.
fn provider(document: impl Fn(&str) -> Value + Send + Sync + 'static) -> RawServer {
    RawServer::serving(move |path, request| {
        let host = fetch_support::header_of(request, "host").unwrap_or_default();
        if path.contains("/.well-known/") {
            return answer(200, "", &document(&format!("http://{host}")).to_string());
        }
        answer(200, "", GOOD)
    })
}

const OPENID: &str = "GET /.well-known/openid-configuration";
const OAUTH: &str = "GET /.well-known/oauth-authorization-server";

#[tokio::test]
async fn a_login_at_a_discovered_provider_goes_all_its_way() {
    for documents in [Documents::OpenidConfiguration, Documents::OauthAuthorizationServer] {
        let settings = Settings {
            documents,
            endpoints_at: "somewhere/else".into(),
            auto_approve: Some("jane".into()),
            ..Settings::default()
        };
        let idp = TestIdp::start(settings);
        let fetcher = fetcher_of(&client(&issuer_of(&idp)));
        let device = match fetcher.fetch(Request::DeviceStart).await {
            Outcome::Device(device) => device,
            other => panic!("{other:?}"),
        };
        let (device_code, code_verifier) = (device.device_code, device.code_verifier);
        let login =
            granted(fetcher.fetch(Request::DevicePoll { device_code, code_verifier }).await);
        assert_eq!(login.user_email.as_deref(), Some("jane@ex.co"));
        let refresh_token = login.refresh_token.unwrap();
        let refresh = Request::Refresh { refresh_token, slot: Default::default() };
        let refreshed = granted(fetcher.fetch(refresh).await);
        assert!(idp.is_active(refreshed.access_token.expose()));
        let refresh_token = refreshed.refresh_token.unwrap();
        let revoked = fetcher.fetch(Request::Revoke { refresh_token }).await;
        assert!(matches!(revoked, Outcome::Revoked), "{revoked:?}");
        let asked = if documents == Documents::OpenidConfiguration { 1 } else { 2 };
        assert_eq!(idp.calls_of(CallKind::Discovery).len(), asked, "kept after that");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_no_error_before_a_token_is_needed() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fetcher = fetcher_of(&client(&format!("http://{address}")));
    let (cause, message) = failed(fetcher.fetch(refresh()).await);
    assert_eq!(cause, "NotSent");
    let expected =
        format!("no discovery document: `{address}` was not reached: connection refused");
    assert!(message.starts_with(&expected), "{message}");
}

#[tokio::test]
async fn whatever_becomes_of_the_document_the_refresh_token_is_not_lost() {
    for (fault, expected) in [
        (Fault::Status(500), "Later"),
        (Fault::Status(503), "Later"),
        (Fault::Status(502), "Later"),
        (Fault::TooManyRequests { retry_after: 7 }, "Later"),
        (Fault::ResetBefore, "Later"),
        (Fault::CloseAfter, "Later"),
        (Fault::HalfAnswer, "Later"),
        (Fault::Garbage, "Later"),
        (Fault::Html, "Later"),
        (Fault::Huge, "Later"),
        (Fault::Redirect("https://login.example.com/".into()), "Unusable"),
    ] {
        let idp = TestIdp::start(Settings::default());
        let fetcher = fetcher_of(&client(&issuer_of(&idp)));
        idp.fault(CallKind::Discovery, fault.clone(), Times::Next(1));
        let token = idp.issue("jane").refresh_token;
        let refresh =
            || Request::Refresh { refresh_token: Secret::new(&token), slot: Default::default() };
        assert_eq!(failed(fetcher.fetch(refresh()).await).0, expected, "{fault:?}");
        assert_eq!(idp.refreshes_sent(), 0, "{fault:?}");
        granted(fetcher.fetch(refresh()).await);
    }
}

#[tokio::test]
async fn a_document_that_does_not_come_ends_in_the_time_of_what_spends_nothing() {
    let server = RawServer::start(hold);
    let timeouts = Timeouts { spending: PATIENT.spending, ..HASTY };
    let (clients, profile) = parts_of(&client(&server.url()), timeouts);
    let (cause, message) = failed(clients.fetcher_for(&profile).unwrap().fetch(refresh()).await);
    assert_eq!(cause, "Later");
    assert!(message.contains("none within 0.4 s"), "{message}");
}

#[tokio::test]
async fn another_issuer_gets_no_token_and_is_named() {
    let server = provider(
        |base| json!({"issuer": "https://other.example.com/a", "token_endpoint": format!("{base}/token")}),
    );
    let (cause, message) = failed(fetcher_of(&client(&server.url())).fetch(refresh()).await);
    assert_eq!(cause, "WrongPlace");
    assert_eq!(
        message,
        format!(
            "`{}` answered HTTP 200 with the discovery document of another issuer, \
             `https://other.example.com/a`: write that one as `issuer`, if you trust it",
            server.address
        )
    );
    assert_eq!(server.asked(), [OPENID]);
}

#[tokio::test]
async fn no_document_at_either_place_is_the_wrong_place() {
    let server = RawServer::serving(|_, _| answer(404, "", ""));
    let (cause, message) = failed(fetcher_of(&client(&server.url())).fetch(refresh()).await);
    assert_eq!(cause, "WrongPlace");
    assert_eq!(
        message,
        format!("no discovery document: `{}` answered HTTP 404 (check `issuer`)", server.address)
    );
    assert_eq!(server.asked(), [OPENID, OAUTH]);
}

#[tokio::test]
async fn an_endpoint_that_is_missing_or_unsafe_is_named() {
    for (endpoint, ends) in [
        (json!(null), "has no `token_endpoint`: the provider offers none"),
        (json!("/token"), "has a `token_endpoint` that is no https address"),
        (
            json!("http://idp.example.com/token"),
            "has a `token_endpoint` that is plain http to another machine: tokens would travel \
             readable; let the provider publish https, or set `allow_http = true` by hand",
        ),
    ] {
        let document = endpoint.clone();
        let server = provider(move |base| json!({"issuer": base, "token_endpoint": document}));
        let (cause, message) = failed(fetcher_of(&client(&server.url())).fetch(refresh()).await);
        assert_eq!(cause, "WrongPlace", "{endpoint}");
        let expected = format!("the discovery document of `{}` {ends}", server.address);
        assert_eq!(message, expected);
    }
    let server =
        provider(|base| json!({"issuer": base, "token_endpoint": format!("{base}/token")}));
    let fetcher = fetcher_of(&client(&server.url()));
    let (cause, message) = failed(fetcher.fetch(Request::DeviceStart).await);
    assert_eq!(cause, "WrongPlace");
    assert!(message.contains("has no `device_authorization_endpoint`: "), "{message}");
    granted(fetcher.fetch(refresh()).await);
}

#[tokio::test]
async fn a_vanished_endpoint_is_looked_for_again_and_found() {
    let idp = TestIdp::start(Settings::default());
    let fetcher = fetcher_of(&client(&issuer_of(&idp)));
    let token = idp.issue("jane").refresh_token;
    let refresh = |token: &str| Request::Refresh {
        refresh_token: Secret::new(token),
        slot: Default::default(),
    };
    let first = granted(fetcher.fetch(refresh(&token)).await);
    idp.configure(|settings| settings.endpoints_at = "elsewhere/v2".into());
    let second = granted(fetcher.fetch(refresh(first.refresh_token.unwrap().expose())).await);
    assert!(idp.is_active(second.access_token.expose()));
    assert_eq!(idp.calls_of(CallKind::Discovery).len(), 2, "once, and once more");
}

#[tokio::test]
async fn an_endpoint_that_answers_404_where_the_document_has_it_is_asked_once() {
    let server = RawServer::serving(|path, request| {
        let host = fetch_support::header_of(request, "host").unwrap_or_default();
        let base = format!("http://{host}");
        let document = json!({"issuer": base, "token_endpoint": format!("{base}/token")});
        match path.contains("/.well-known/") {
            true => answer(200, "", &document.to_string()),
            false => answer(404, "", ""),
        }
    });
    let (cause, message) = failed(fetcher_of(&client(&server.url())).fetch(refresh()).await);
    assert_eq!(cause, "WrongPlace");
    assert_eq!(message, format!("`{}` answered HTTP 404 (check `issuer`)", server.address));
    assert_eq!(server.asked(), [OPENID, "POST /token", OPENID]);
}

#[tokio::test]
async fn a_reload_reads_the_document_again() {
    let readings = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&readings);
    let server = provider(move |base| {
        let reading = count.fetch_add(1, Ordering::SeqCst);
        json!({"issuer": base, "token_endpoint": format!("{base}/token-{reading}")})
    });
    let (clients, profile) = parts_of(&client(&server.url()), PATIENT);
    let fetcher: Arc<dyn TokenFetcher> = clients.fetcher_for(&profile).unwrap();
    granted(fetcher.fetch(refresh()).await);
    granted(fetcher.fetch(refresh()).await);
    clients.read_again();
    granted(fetcher.fetch(refresh()).await);
    let expected = [OPENID, "POST /token-0", "POST /token-0", OPENID, "POST /token-1"];
    assert_eq!(server.asked(), expected);
}

#[tokio::test]
async fn an_issuer_with_a_slash_is_taken_to_the_letter() {
    let names = Arc::new(Mutex::new(String::new()));
    let name = Arc::clone(&names);
    let server = provider(move |base| {
        let issuer = format!("{base}{}", name.lock().unwrap());
        json!({"issuer": issuer, "token_endpoint": format!("{base}/token")})
    });
    let with_slash = format!("{}/", server.url());
    assert_eq!(failed(fetcher_of(&client(&with_slash)).fetch(refresh()).await).0, "WrongPlace");
    "/".clone_into(&mut names.lock().unwrap());
    granted(fetcher_of(&client(&with_slash)).fetch(refresh()).await);
    assert_eq!(failed(fetcher_of(&client(&server.url())).fetch(refresh()).await).0, "WrongPlace");
    assert!(server.asked().iter().all(|asked| asked == OPENID || asked == "POST /token"));
    assert!(!server.requests().iter().any(|sent| sent.starts_with("GET") && sent.contains(SECRET)));
}
