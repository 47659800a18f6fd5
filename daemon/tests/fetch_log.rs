//! No secret in the log, at any level. Alone in its process, because the log is one for all threads.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd_proto::Secret;
use bearerd_session::{Outcome, Request, SlotKey};
use bearerd_test_idp::{CallKind, Fault, Settings, TestIdp, Times};
use fetch_support::{PATIENT, fetcher, granted};
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

    let log = log.text();
    assert!(log.contains("the identity provider answered host=\"127.0.0.1:"), "{log}");
    assert!(log.contains("the identity provider did not answer"), "{log}");
    for secret in idp.issued_secrets() {
        assert!(!log.contains(&secret), "a secret is logged");
    }
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
