//! Outages: refused connections, silence, and the way back on the same port with the same state.

use bearerd_test_idp::{CallKind, Outcome, Settings, TestIdp};
use std::io::ErrorKind;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{http, refresh_form, refreshed};

#[tokio::test]
async fn the_port_refuses_and_comes_back_with_its_state() {
    let idp = TestIdp::start(Settings::default());
    let host = idp.base_url().replace("http://", "");
    let mut refresh_token = idp.issue("jane").refresh_token;
    for _ in 0..3 {
        let mut open = TcpStream::connect(&host).await.unwrap();
        (refresh_token, _) = refreshed(&idp, &refresh_token).await;
        idp.stop_listening();
        let refused = TcpStream::connect(&host).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        // Closed or reset, depending on whether it was accepted yet.
        let end = open.read(&mut [0; 1]).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        idp.stop_listening();
        idp.start_listening();
        idp.start_listening();
        assert_eq!(idp.base_url(), format!("http://{host}"));
    }
    refreshed(&idp, &refresh_token).await;
    assert_eq!(idp.sessions()[0].refresh_index, 4);
}

#[tokio::test]
async fn silence_takes_requests_and_answers_none() {
    let idp = TestIdp::start(Settings::default());
    let refresh_token = idp.issue("jane").refresh_token;
    idp.set_silent(true);
    let request = http().post(idp.token_endpoint()).form(&refresh_form(&refresh_token)).send();
    let request = tokio::spawn(request);
    idp.ended(CallKind::Refresh, 1).await;
    let call = idp.calls().pop().unwrap();
    assert_eq!((call.outcome, call.carried_out), (Outcome::NeverAnswered, false));
    assert!(!request.is_finished());
    idp.set_silent(false);
    assert!(request.await.unwrap().is_err(), "its connection is closed");
    refreshed(&idp, &refresh_token).await;
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let listen = address.parse().unwrap();
        let refused = TestIdp::try_start(Settings { listen, ..Settings::default() });
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput, "{address}");
    }
}

#[tokio::test]
async fn dropping_it_frees_the_port() {
    let idp = TestIdp::start(Settings::default());
    let host = idp.base_url().replace("http://", "");
    drop(idp);
    assert_eq!(TcpStream::connect(&host).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
