//! Keycloak's grants from end to end, against the test IdP, and what each of its faults is taken for.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd::fetch::TokenFetcher;
use bearerd_proto::Secret;
use bearerd_session::{DeviceAuthorization, Outcome, Request, SlotKey};
use bearerd_test_idp::{CallKind, Fault, Settings, TestIdp, Times};
use fetch_support::{HASTY, PATIENT, RawServer, answer, failed, fetcher, form_of, granted, send};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn refresh(token: &str) -> Request {
    Request::Refresh { refresh_token: Secret::new(token), slot: SlotKey::default() }
}

fn revoke(token: &str) -> Request {
    Request::Revoke { refresh_token: Secret::new(token) }
}

async fn start(fetcher: &Arc<dyn TokenFetcher>) -> DeviceAuthorization {
    match fetcher.fetch(Request::DeviceStart).await {
        Outcome::Device(device) => device,
        other => panic!("{other:?}"),
    }
}

fn poll(device: &DeviceAuthorization) -> Request {
    let (device_code, code_verifier) = (device.device_code.clone(), device.code_verifier.clone());
    Request::DevicePoll { device_code, code_verifier }
}

#[tokio::test]
async fn a_login_is_started_polled_refreshed_and_revoked() {
    let idp = TestIdp::start(Settings { device_interval_seconds: Some(0), ..Settings::default() });
    let fetcher = fetcher(&idp.base_url(), "", PATIENT);

    let device = start(&fetcher).await;
    assert_eq!(device.lifetime, Duration::from_secs(600));
    let (cause, _) = failed(fetcher.fetch(poll(&device)).await);
    assert_eq!(cause, "AuthorizationPending");
    idp.approve(&device.user_code, "jane");
    let login = granted(fetcher.fetch(poll(&device)).await);
    assert_eq!(login.user_email.as_deref(), Some("jane@ex.co"));
    assert_eq!(login.user_id.as_deref(), Some("99cace15-e0d4-4bb6-bf14-35efee181b90"));
    assert_eq!(login.lifetime, Some(Duration::from_secs(300)));
    assert_eq!(login.refresh_lifetime, Some(Duration::from_secs(1800)));
    assert_eq!(login.idp_session.as_deref(), Some(idp.sessions()[0].id.as_str()));
    assert!(login.idp_time.is_some(), "from `iat`: no `Date` is sent");

    let first = login.refresh_token.unwrap();
    let refreshed = granted(fetcher.fetch(refresh(first.expose())).await);
    let second = refreshed.refresh_token.unwrap();
    assert!(!second.same_as(&first), "the rotated one is handed on");
    assert!(idp.is_active(refreshed.access_token.expose()));

    assert!(matches!(fetcher.fetch(revoke(second.expose())).await, Outcome::Revoked));
    assert!(!idp.sessions()[0].active);
    assert!(matches!(fetcher.fetch(revoke("dead or never known")).await, Outcome::Revoked));
    let (cause, message) = failed(fetcher.fetch(refresh(second.expose())).await);
    assert_eq!(cause, "InvalidGrant");
    assert!(message.contains("answered HTTP 400, `invalid_grant`: "), "{message}");
}

#[tokio::test]
async fn a_denied_or_expired_login_says_so() {
    let idp = TestIdp::start(Settings { device_interval_seconds: Some(0), ..Settings::default() });
    let fetcher = fetcher(&idp.base_url(), "", PATIENT);
    let device = start(&fetcher).await;
    idp.deny(&device.user_code);
    assert_eq!(failed(fetcher.fetch(poll(&device)).await).0, "AccessDenied");
    let device = start(&fetcher).await;
    idp.expire(&device.user_code);
    assert_eq!(failed(fetcher.fetch(poll(&device)).await).0, "ExpiredToken");
    let device = start(&fetcher).await;
    idp.slow_down_next(1);
    assert_eq!(failed(fetcher.fetch(poll(&device)).await).0, "SlowDown");
}

#[tokio::test]
async fn a_wrong_client_or_realm_says_what_to_mend() {
    let idp = TestIdp::start(Settings::default());
    let unknown = fetcher(&idp.base_url(), "client_id = \"nobody\"", PATIENT);
    let (cause, message) = failed(unknown.fetch(Request::DeviceStart).await);
    assert_eq!(cause, "InvalidClient");
    assert!(message.ends_with("(check `client_id`)"), "{message}");

    let elsewhere = fetcher(&format!("{}/elsewhere", idp.base_url()), "", PATIENT);
    let (cause, message) = failed(elsewhere.fetch(Request::DeviceStart).await);
    assert_eq!(cause, "WrongPlace");
    assert!(message.ends_with("(check `keycloak_addr` and `realm`)"), "{message}");
}

#[tokio::test]
async fn each_fault_is_one_request_and_has_its_kind() {
    let login_page = "https://login.example.com/".to_owned();
    for (fault, expected) in [
        (Fault::Status(500), "Later"),
        (Fault::Status(503), "Later"),
        (Fault::Status(502), "Lost"),
        (Fault::Status(504), "Lost"),
        (Fault::Status(404), "WrongPlace"),
        (Fault::TooManyRequests { retry_after: 7 }, "Later"),
        (Fault::ResetBefore, "Lost"),
        (Fault::ResetAfter, "Lost"),
        (Fault::CloseAfter, "Lost"),
        (Fault::HalfAnswer, "Lost"),
        (Fault::Garbage, "Lost"),
        (Fault::Html, "Lost"),
        (Fault::Huge, "Lost"),
        (Fault::Redirect(login_page), "Unusable"),
        (Fault::OauthError { status: 400, error: "invalid_grant".into() }, "InvalidGrant"),
        (Fault::ExpiresIn(json!(0)), "Unusable"),
        (Fault::OkWithError("invalid_grant".into()), "Unusable"),
        (Fault::NoAccessToken, "Unusable"),
        (Fault::TokenType("DPoP".into()), "Unusable"),
    ] {
        let idp = TestIdp::start(Settings::default());
        let fetcher = fetcher(&idp.base_url(), "", PATIENT);
        let token = idp.issue("jane").refresh_token;
        idp.fault(CallKind::Refresh, fault.clone(), Times::Next(1));
        let outcome = fetcher.fetch(refresh(&token)).await;
        let shown = format!("{outcome:?}");
        assert_eq!(failed(outcome).0, expected, "{fault:?}");
        assert_eq!(idp.refreshes_sent(), 1, "{fault:?}");
        assert!(!idp.issued_secrets().iter().any(|secret| shown.contains(secret)), "{fault:?}");
    }
}

#[tokio::test]
async fn silence_and_a_trickle_are_lost_when_time_runs_out() {
    for fault in [Fault::Hang, Fault::Trickle] {
        let idp = TestIdp::start(Settings::default());
        let fetcher = fetcher(&idp.base_url(), "", HASTY);
        let token = idp.issue("jane").refresh_token;
        idp.fault(CallKind::Refresh, fault.clone(), Times::Next(1));
        assert_eq!(failed(fetcher.fetch(refresh(&token)).await).0, "Lost", "{fault:?}");
        assert_eq!(idp.refreshes_sent(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_still_hands_on_its_refresh_token() {
    let idp = TestIdp::start(Settings::default());
    let fetcher = fetcher(&idp.base_url(), "", PATIENT);
    let token = idp.issue("jane").refresh_token;
    idp.fault(CallKind::Refresh, Fault::NoAccessToken, Times::Next(1));
    let rotated = match fetcher.fetch(refresh(&token)).await {
        Outcome::Failed(bearerd_session::Failure {
            cause: bearerd_session::Cause::Unusable { refresh_token: Some(rotated) },
            ..
        }) => rotated,
        other => panic!("{other:?}"),
    };
    granted(fetcher.fetch(refresh(rotated.expose())).await);
}

#[tokio::test]
async fn the_requests_are_those_of_the_rfcs() {
    const ROUTE: &str = "/auth/realms/team%20a/protocol/openid-connect";
    let server = RawServer::start(|mut stream| send(&mut stream, answer(503, "", "")));
    let more = "realm = \"team a\"\nclient_id = \"a&b\"\nscopes = [\"openid\", \"email\"]\n\
                extra_parameters = { hint = \"x=y\" }";
    let fetcher = server.fetcher(more, PATIENT);
    let poll = Request::DevicePoll {
        device_code: Secret::new("dc"),
        code_verifier: Some(Secret::new("v")),
    };
    for request in [Request::DeviceStart, poll, refresh("a+b"), revoke("r")] {
        fetcher.fetch(request).await;
    }
    let requests = server.requests();
    let challenge = form_of(&requests[0]).remove("code_challenge").unwrap();
    let start = format!(
        "client_id=a%26b&scope=openid+email&code_challenge={challenge}&code_challenge_method=S256&hint=x%3Dy"
    );
    for (request, (path, body)) in requests.iter().zip([
        ("/auth/device", &*start),
        ("/token", "client_id=a%26b&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=dc&code_verifier=v&hint=x%3Dy"),
        ("/token", "client_id=a%26b&grant_type=refresh_token&refresh_token=a%2Bb&hint=x%3Dy"),
        ("/revoke", "client_id=a%26b&token=r&token_type_hint=refresh_token&hint=x%3Dy"),
    ]) {
        let (head, sent) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(head.lines().next().unwrap(), format!("POST {ROUTE}{path} HTTP/1.1"));
        assert_eq!(sent, body, "{path}");
        let head = head.to_ascii_lowercase();
        for header in [
            "content-type: application/x-www-form-urlencoded",
            "accept: application/json",
            concat!("user-agent: bearerd/", env!("CARGO_PKG_VERSION")),
        ] {
            assert!(head.lines().any(|line| line == header), "{header} in {head}");
        }
    }
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn a_person_gets_links_at_the_public_address() {
    let idp = TestIdp::start(Settings::default());
    let inside = start(&fetcher(&idp.base_url(), "", PATIENT)).await;
    let line = "public_addr = \"https://login.example.com\"";
    let outside = start(&fetcher(&idp.base_url(), line, PATIENT)).await;
    let public = |link: &str| link.replace(&idp.base_url(), "https://login.example.com");
    assert!(inside.verification_uri.starts_with(&idp.base_url()));
    assert_eq!(outside.verification_uri, public(&inside.verification_uri));
    let complete = outside.verification_uri_complete.unwrap();
    assert!(complete.starts_with("https://login.example.com/auth/"), "{complete}");
    assert!(complete.contains(&outside.user_code), "{complete}");
}
