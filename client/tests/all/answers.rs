//! What an answer may look like: every route's own, cut in pieces, huge, or of something else than bearerd.

use crate::fake_daemon::{FakeDaemon, Reply, TOKEN, answer};
use bearerd_client::{
    Client, ClientError, EventKind, HealthStatus, LoginAnswer, LoginRequest, LogoutRequest,
    ProfileSettings, ProfileState, RejectRequest, Revocation, Secret, TokenQuery,
};
use std::time::Duration;

fn client(reply: Reply) -> (FakeDaemon, Client) {
    let reply = std::sync::Mutex::new(Some(reply));
    let daemon = FakeDaemon::start(move |_, _| reply.lock().unwrap().take().unwrap());
    let client = Client::at(daemon.socket());
    (daemon, client)
}

fn client_answering(body: &str) -> (FakeDaemon, Client) {
    client(Reply::Send(answer(200, body)))
}

fn line_and_body(daemon: &FakeDaemon) -> (String, String) {
    let seen = daemon.seen().remove(0);
    (seen.line, seen.body)
}

#[test]
fn a_token_is_understood_however_it_comes() {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{TOKEN}\r\n0\r\n\r\n",
        TOKEN.len()
    );
    let replies = [
        Reply::Send(answer(200, TOKEN)),
        Reply::Drip(answer(200, TOKEN)),
        Reply::Send(chunked.clone().into_bytes()),
        Reply::Drip(chunked.into_bytes()),
        Reply::SendAndClose(format!("HTTP/1.0 200 OK\r\n\r\n{TOKEN}").into_bytes()),
    ];
    for (case, reply) in replies.into_iter().enumerate() {
        let (_daemon, client) = client(reply);
        let answer = client.token(&TokenQuery::default()).unwrap();
        assert_eq!(answer.token.unwrap().expose(), "t0ken", "case {case}");
        assert_eq!(answer.refresh_in, Some(150), "case {case}");
    }
}

#[test]
fn what_is_not_bearerd_s_is_refused_without_quoting_it() {
    let endless = vec![b'x'; 8 * 1024 * 1024];
    let replies = [
        Reply::Send(b"220 mail.example.com ESMTP s3cret\r\n".to_vec()),
        Reply::Send(answer(200, "s3cret")),
        Reply::Send(answer(200, r#"{"token":"s3cret"}"#)),
        Reply::Send(answer(200, r#"{"token":"t","degraded":"s3cret"}"#)),
        Reply::Send(answer(500, "s3cret")),
        Reply::Send(answer(302, "{}")),
        Reply::SendAndClose([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), endless.clone()].concat()),
        Reply::SendAndClose([b"HTTP/1.1 200 OK\r\nX: ".to_vec(), endless].concat()),
        Reply::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec()),
        Reply::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xff".to_vec()),
    ];
    for (case, reply) in replies.into_iter().enumerate() {
        let (daemon, client) = client(reply);
        let error = client.token(&TokenQuery::default()).unwrap_err();
        assert!(matches!(error, ClientError::Protocol { .. }), "case {case}: {error:?}");
        assert!(!format!("{error:?} {error}").contains("s3cret"), "case {case}: {error:?}");
        assert_eq!(daemon.seen().len(), 1, "case {case}");
    }
}

#[test]
fn bytes_after_an_answer_are_not_taken_for_the_next_one() {
    let daemon = FakeDaemon::start(|number, _| match number {
        0 => Reply::Send([answer(200, TOKEN), answer(200, "{}")].concat()),
        _ => Reply::Send(answer(200, TOKEN)),
    });
    let client = Client::at(daemon.socket());
    for _ in 0..2 {
        client.token(&TokenQuery::default()).unwrap();
    }
    let connections: Vec<usize> = daemon.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1]);
}

#[test]
fn reject_sends_the_token_back() {
    let (daemon, client) = client_answering(TOKEN);
    let request = RejectRequest { profile: None, token: Secret::new("old") };
    assert_eq!(client.reject(&request).unwrap().token.unwrap().expose(), "t0ken");
    let expected = ("POST /v1/token/reject".to_owned(), r#"{"token":"old"}"#.to_owned());
    assert_eq!(line_and_body(&daemon), expected);
}

#[test]
fn a_login_is_started_watched_and_given_up() {
    let pending =
        r#"{"state":"pending","login_id":"7","profile":"a","expires_at":1,"expires_in":2}"#;
    let (daemon, client) = client_answering(pending);
    let request = LoginRequest { replace: true, ..LoginRequest::default() };
    let LoginAnswer::Pending(login) = client.login(&request).unwrap() else { panic!() };
    assert_eq!(login.login_id, "7");
    let expected = ("POST /v1/login".to_owned(), r#"{"replace":true}"#.to_owned());
    assert_eq!(line_and_body(&daemon), expected);

    let (daemon, client) = client_answering(r#"{"state":"done","user_email":"jane@ex.co"}"#);
    let LoginAnswer::Done(who) = client.login_state("7", Duration::MAX).unwrap() else { panic!() };
    assert_eq!(who.user_email.as_deref(), Some("jane@ex.co"));
    assert_eq!(line_and_body(&daemon).0, "GET /v1/login/7?wait=60");

    let (daemon, client) = client_no_content();
    client.cancel_login("7").unwrap();
    assert_eq!(line_and_body(&daemon).0, "DELETE /v1/login/7");
}

fn client_no_content() -> (FakeDaemon, Client) {
    client(Reply::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()))
}

#[test]
fn a_profile_is_put_and_removed() {
    let (daemon, client) = client_answering(
        r#"{"profile":"a","auth_type":"sso","settings":{"realm":"r"},"run_time":true}"#,
    );
    let settings: ProfileSettings =
        serde_json::from_str(r#"{"auth_type":"sso","realm":"r"}"#).unwrap();
    let name = "a".parse().unwrap();
    assert!(client.put_profile(&name, &settings).unwrap().run_time);
    let body = r#"{"auth_type":"sso","realm":"r"}"#.to_owned();
    assert_eq!(line_and_body(&daemon), ("PUT /v1/profiles/a".to_owned(), body));

    let (daemon, client) = client_answering(r#"{"profile":"a","revocation":"revoked"}"#);
    assert_eq!(client.remove_profile(&name).unwrap().revocation, Revocation::Revoked);
    assert_eq!(line_and_body(&daemon).0, "DELETE /v1/profiles/a");
}

#[test]
fn logout_says_what_became_of_each() {
    let (daemon, client) =
        client_answering(r#"{"profiles":[{"profile":"a","revocation":"revoked"}]}"#);
    let request = LogoutRequest { profile: Some("a".parse().unwrap()), revoke: Some(false) };
    assert_eq!(client.logout(&request).unwrap().profiles[0].revocation, Revocation::Revoked);
    let expected = ("POST /v1/logout".to_owned(), r#"{"profile":"a","revoke":false}"#.to_owned());
    assert_eq!(line_and_body(&daemon), expected);
}

#[test]
fn status_profiles_and_health_are_read() {
    let (_daemon, client) = client_answering(
        r#"{"version":"9","pid":1,"uptime":2,"profiles":[{"profile":"a","auth_type":"sso","state":"floating",
        "saved":true,"fetches":3}]}"#,
    );
    assert_eq!(client.status().unwrap().profiles[0].state, ProfileState::Unknown);

    let (_daemon, client) = client_answering(
        r#"{"default_profile":"a","profiles":[{"profile":"a","auth_type":"sso","settings":{"realm":"master"}}]}"#,
    );
    assert_eq!(client.profiles().unwrap().profiles[0].settings["realm"], "master");

    let (_daemon, client) = client_answering(r#"{"status":"locked"}"#);
    assert_eq!(client.health().unwrap().status, HealthStatus::Locked);
}

#[test]
fn events_come_one_by_one_until_the_stream_ends() {
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let stream = [
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        &chunk(": hello\n\nevent: refreshed\ndata: {\"kind\":\"refreshed\",\"prof"),
        &chunk("ile\":\"a\",\"at\":1}\n\nevent: x\ndata: {\"kind\":\"x\",\"profile\":\"b\",\"at\":2}\n\n"),
    ]
    .concat();
    let ended = format!("{stream}0\r\n\r\n");
    for reply in [Reply::Send(ended.clone().into_bytes()), Reply::Drip(ended.into_bytes())] {
        let (_daemon, client) = client(reply);
        let kinds: Result<Vec<EventKind>, _> =
            client.events().unwrap().map(|event| event.map(|event| event.kind)).collect();
        assert_eq!(kinds.unwrap(), [EventKind::Refreshed, EventKind::Unknown]);
    }

    let (_daemon, client) = client(Reply::SendAndClose(stream.into_bytes()));
    let mut events = client.events().unwrap().skip(2);
    assert!(matches!(events.next(), Some(Err(ClientError::BrokeOff { .. }))));
    assert!(events.next().is_none());
}
