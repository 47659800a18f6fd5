//! No secret in the log, at any level. Alone in its process, because the log is one for all threads.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearerd_proto::Secret;
use bearerd_session::{Given, Outcome, Request, SlotKey};
use bearerd_test_idp::{
    Authentication, CallKind, Client, Fault, KeyPair, Settings, SigningAlgorithm, TestIdp, Times,
};
use fetch_support::{PATIENT, fetcher, fetcher_of, grant, granted, secret_file};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::Level;

#[tokio::test]
async fn no_secret_is_logged_whatever_a_request_comes_to() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .init();

    let idp = TestIdp::start(Settings { auto_approve: Some("jane".into()), ..Settings::default() });
    let fetcher = fetcher(&idp.base_url(), "", PATIENT);
    let device = match fetcher.fetch(Request::DeviceStart).await {
        Outcome::Device(device) => device,
        other => panic!("{other:?}"),
    };
    let (device_code, code_verifier) = (device.device_code, device.code_verifier);
    let login = granted(fetcher.fetch(Request::DevicePoll { device_code, code_verifier }).await);
    let mut refresh_token = login.refresh_token.unwrap();
    for fault in [
        Fault::Pass,
        Fault::Status(503),
        Fault::ResetBefore,
        Fault::OkWithError("invalid_grant".into()),
        Fault::OauthError { status: 400, error: "invalid_grant".into() },
        Fault::Garbage,
    ] {
        idp.fault(CallKind::Refresh, fault, Times::Next(1));
        let refresh =
            Request::Refresh { refresh_token: refresh_token.clone(), slot: SlotKey::default() };
        if let Outcome::Granted(granted) = fetcher.fetch(refresh).await {
            refresh_token = granted.refresh_token.unwrap();
        }
    }
    fetcher.fetch(Request::Revoke { refresh_token: Secret::new(refresh_token.expose()) }).await;

    let mut secrets = idp.issued_secrets();
    secrets.extend(by_other_grants(&idp).await);

    let log = log.text();
    assert!(log.contains("the identity provider answered host=\"127.0.0.1:"), "{log}");
    assert!(log.contains("the identity provider did not answer"), "{log}");
    secrets.extend(idp.issued_secrets());
    for secret in secrets {
        assert!(!log.contains(&secret), "a secret is logged");
    }
}

/// A service by each kind of secret and a user by password, at a provider that is discovered; gives what they send.
async fn by_other_grants(idp: &TestIdp) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let secret = secret_file(folder.path(), "secret", "service-secret");
    let keys = KeyPair::generate(SigningAlgorithm::Es256);
    let key = secret_file(folder.path(), "key", keys.private_key_pem());
    let key_client =
        Client::new("key-client", Authentication::PrivateKeyJwt(keys.public_key().clone()));
    idp.register(key_client);
    let issuer = format!("issuer = \"{}/auth/realms/master\"", idp.base_url());
    let service = |client: &str, more: String| {
        format!("auth_type = \"client_credentials\"\n{issuer}\nclient_id = \"{client}\"\n{more}")
    };
    let by_secret = |method: &str| {
        let secret = secret.display();
        let lines =
            format!("client_secret_file = \"{secret}\"\ntoken_endpoint_auth_method = \"{method}\"");
        service("service-client", lines)
    };
    let user = format!("auth_type = \"user_password\"\n{issuer}\nclient_id = \"sdk-client\"");
    let given = Given { username: Some("jane".into()), password: Secret::new("jane-pw") };
    let by_password = Request::Grant { slot: SlotKey::default(), given: Some(given) };
    let by_key = service("key-client", format!("private_key_file = \"{}\"", key.display()));
    for (lines, request) in [
        (by_secret("client_secret_basic"), grant()),
        (by_secret("client_secret_post"), grant()),
        (by_key, grant()),
        (user, by_password),
    ] {
        granted(fetcher_of(&lines).fetch(request).await);
    }
    let pem = keys.private_key_pem().lines().nth(1).unwrap().to_owned();
    let basic = STANDARD.encode("service-client:service-secret");
    vec!["service-secret".into(), basic, pem, "jane-pw".into()]
}

/// What the process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
