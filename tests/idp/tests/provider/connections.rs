//! Faults of the connection: resets, closes, silence. Raw sockets, so that each kind of end can be told apart.

use bearerd_test_idp::{CallKind, Fault, Outcome, Settings, TestIdp, Times};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::refreshed;

/// Sends a refresh as it goes over the wire.
async fn send(idp: &TestIdp, refresh_token: &str) -> TcpStream {
    let host = idp.base_url().replace("http://", "");
    let form =
        format!("grant_type=refresh_token&client_id=sdk-client&refresh_token={refresh_token}");
    let request = format!(
        "POST /auth/realms/master/protocol/openid-connect/token HTTP/1.1\r\nHost: {host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn resets_and_closes_are_what_they_say() {
    for (fault, reset, carried_out) in [
        (Fault::ResetBefore, true, false),
        (Fault::ResetAfter, true, true),
        (Fault::CloseAfter, false, true),
    ] {
        let idp = TestIdp::start(Settings::default());
        let refresh_token = idp.issue("jane").refresh_token;
        idp.fault(CallKind::Refresh, fault.clone(), Times::Next(1));
        let mut stream = send(&idp, &refresh_token).await;
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer).await.map_err(|error| error.kind());
        let expected = if reset { Err(ErrorKind::ConnectionReset) } else { Ok(0) };
        assert_eq!(end, expected, "{fault:?}");
        assert!(answer.is_empty(), "{fault:?}");
        assert_eq!(idp.is_active(&refresh_token), !carried_out, "{fault:?}");
        let call = idp.calls().pop().unwrap();
        let outcome = if reset { Outcome::Reset } else { Outcome::Closed };
        assert_eq!((call.carried_out, call.outcome), (carried_out, outcome), "{fault:?}");
    }
}

#[tokio::test]
async fn half_an_answer_breaks_off() {
    let idp = TestIdp::start(Settings::default());
    let refresh_token = idp.issue("jane").refresh_token;
    idp.fault(CallKind::Refresh, Fault::HalfAnswer, Times::Next(1));
    let mut answer = String::new();
    send(&idp, &refresh_token).await.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2, "{head}");
    assert!(body.starts_with('{') && !idp.is_active(&refresh_token));
}

#[tokio::test]
async fn a_hang_answers_nothing_and_leaves_the_connection_open() {
    let idp = TestIdp::start(Settings::default());
    let refresh_token = idp.issue("jane").refresh_token;
    idp.fault(CallKind::Refresh, Fault::Hang, Times::UntilCleared);
    let stream = send(&idp, &refresh_token).await;
    idp.ended(CallKind::Refresh, 1).await;
    let kind = stream.try_read(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::WouldBlock));
    assert_eq!(idp.calls()[0].outcome, Outcome::NeverAnswered);
    idp.clear_faults(CallKind::Refresh);
    refreshed(&idp, &refresh_token).await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_stops_nothing() {
    let idp = TestIdp::start(Settings::default());
    let refresh_token = idp.issue("jane").refresh_token;
    let gate = idp.hold(CallKind::Refresh);
    let stream = send(&idp, &refresh_token).await;
    gate.waiting(1).await;
    drop(stream);
    assert!(idp.is_active(&refresh_token));
    gate.release();
    idp.ended(CallKind::Refresh, 1).await;
    assert!(!idp.is_active(&refresh_token), "carried out all the same");
}
