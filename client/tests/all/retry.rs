//! The rule of trying again: what is repeated on a new connection, what is not, and when it ends.

use crate::fake_daemon::{FakeDaemon, Gate, Reply, TOKEN, answer, refusal};
use bearerd_client::{
    Client, ClientError, ErrorCode, ImportRequest, LoginRequest, Secret, TokenQuery,
};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

/// For tests in which patience has to end: it decides how long they take, not what they say.
const SHORT: Duration = Duration::from_millis(100);

fn lines(daemon: &FakeDaemon) -> Vec<(usize, String)> {
    daemon.seen().into_iter().map(|seen| (seen.connection, seen.line)).collect()
}

fn token(client: &Client) -> Result<String, ClientError> {
    let answer = client.token(&TokenQuery::default())?;
    Ok(answer.token.unwrap().expose().to_owned())
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, TOKEN)));
    let client = Client::at(daemon.socket());
    for _ in 0..3 {
        assert_eq!(token(&client).unwrap(), "t0ken");
    }
    assert_eq!(lines(&daemon), vec![(0, "GET /v1/token".to_owned()); 3]);
}

#[test]
fn a_close_before_the_first_byte_is_tried_again_on_new_connections() {
    let daemon = FakeDaemon::start(|number, _| match number {
        0..3 => Reply::Close,
        _ => Reply::Send(answer(200, TOKEN)),
    });
    assert_eq!(token(&Client::at(daemon.socket())).unwrap(), "t0ken");
    let connections: Vec<usize> = daemon.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1, 2, 3]);
}

#[test]
fn a_kept_connection_that_has_ended_is_replaced() {
    let daemon = FakeDaemon::start(|number, _| match number {
        1 => Reply::Close,
        _ => Reply::Send(answer(200, TOKEN)),
    });
    let client = Client::at(daemon.socket());
    token(&client).unwrap();
    token(&client).unwrap();
    let connections: Vec<usize> = daemon.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[test]
fn a_close_after_the_first_byte_is_not_tried_again() {
    let cases = ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"to"];
    for begun in cases {
        let daemon = FakeDaemon::start(|_, _| Reply::SendAndClose(begun.as_bytes().to_vec()));
        let error = token(&Client::at(daemon.socket())).unwrap_err();
        assert!(matches!(error, ClientError::BrokeOff { .. }), "{begun:?}: {error:?}");
        assert_eq!(daemon.seen().len(), 1, "{begun:?}");
    }
}

#[test]
fn patience_ends_with_the_last_reason() {
    let daemon = FakeDaemon::start(|_, _| Reply::Close);
    let error = token(&Client::at(daemon.socket()).with_patience(SHORT)).unwrap_err();
    assert!(matches!(error, ClientError::Unanswered { .. }), "{error:?}");
    assert!(daemon.seen().len() > 1);
}

#[test]
fn a_daemon_that_goes_down_or_is_overloaded_is_asked_again_elsewhere() {
    for code in [ErrorCode::ShuttingDown, ErrorCode::Overloaded] {
        let daemon = FakeDaemon::start(move |number, _| match number {
            0 => Reply::Send(refusal(code)),
            _ => Reply::Send(answer(200, TOKEN)),
        });
        assert_eq!(token(&Client::at(daemon.socket())).unwrap(), "t0ken", "{code:?}");
        assert_eq!(daemon.seen()[1].connection, 1, "{code:?}: on a new connection");

        let daemon = FakeDaemon::start(move |_, _| Reply::Send(refusal(code)));
        let error = token(&Client::at(daemon.socket()).with_patience(SHORT)).unwrap_err();
        assert_eq!(error.code(), Some(code));
    }
}

#[test]
fn other_refusals_are_not_tried_again() {
    for code in ErrorCode::ALL {
        if matches!(code, ErrorCode::ShuttingDown | ErrorCode::Overloaded) {
            continue;
        }
        let daemon = FakeDaemon::start(move |_, _| Reply::Send(refusal(code)));
        let error = token(&Client::at(daemon.socket())).unwrap_err();
        assert_eq!((error.code(), daemon.seen().len()), (Some(code), 1), "{code:?}");
    }
}

#[test]
fn a_silent_daemon_is_waited_for_up_to_a_time() {
    let gate = Gate::default();
    let held = gate.clone();
    let daemon = FakeDaemon::start(move |_, _| Reply::Hold(held.clone()));
    let error = token(&Client::at(daemon.socket()).with_patience(SHORT)).unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
    assert_eq!(daemon.seen().len(), 1, "it may still be at work: the request is not repeated");
    gate.open();
}

#[test]
fn a_long_poll_is_waited_for_longer_than_patience() {
    let daemon = FakeDaemon::start(|number, _| match number {
        0 => Reply::Send(answer(200, TOKEN)),
        _ => Reply::Send(answer(200, r#"{"state":"done","user_id":"7"}"#)),
    });
    let client = Client::at(daemon.socket());
    token(&client).unwrap();
    // No patience at all: with the connection that is there, only the time of the long poll itself is left.
    let client = client.with_patience(Duration::ZERO);
    client.login_state("id/1", Duration::from_secs(60)).unwrap();
    assert!(matches!(token(&client).unwrap_err(), ClientError::TimedOut { .. }));
    assert_eq!(daemon.seen()[1].line, "GET /v1/login/id%2F1?wait=60");
}

#[test]
fn a_socket_that_was_never_there_fails_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    // Patience without end: the test hangs where this is tried again.
    let client = Client::at(&path).with_patience(Duration::MAX);
    let error = token(&client).unwrap_err();
    let ClientError::Unreachable { tried, source } = error else { panic!("{error:?}") };
    assert_eq!(tried, std::slice::from_ref(&path));
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);

    drop(UnixListener::bind(&path).unwrap());
    let error = token(&client).unwrap_err();
    let ClientError::Unreachable { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_daemon_that_restarts_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let client = Arc::new(Client::at(&path));
    let asking = Arc::clone(&client);
    let call = std::thread::spawn(move || token(&asking));

    // The first daemon takes the connection and ends, and its socket with it.
    let (taken, _) = listener.accept().unwrap();
    std::fs::remove_file(&path).unwrap();
    drop((listener, taken));
    // The next one is there only once the client has missed the socket at least once, or just now: either way it is met.
    let listener = UnixListener::bind(&path).unwrap();
    let daemon = FakeDaemon::over(folder, listener, |_, _| Reply::Send(answer(200, TOKEN)));
    assert_eq!(call.join().unwrap().unwrap(), "t0ken");
    assert_eq!(daemon.seen().len(), 1);
}

#[test]
fn a_daemon_that_is_gone_for_good_is_waited_for_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let client = Client::at(&path).with_patience(SHORT);
    let ending = std::thread::spawn(move || {
        let (taken, _) = listener.accept().unwrap();
        std::fs::remove_file(path).unwrap();
        drop((listener, taken));
    });
    let error = token(&client).unwrap_err();
    ending.join().unwrap();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    // Patience without end: the test hangs where the second call waits too.
    let client = client.with_patience(Duration::MAX);
    assert!(matches!(token(&client).unwrap_err(), ClientError::Unreachable { .. }));
}

#[test]
fn a_full_backlog_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    // A backlog of 0 has room for one connection that nobody has accepted (unix(7)).
    rustix::net::listen(&listener, 0).unwrap();
    let filling = UnixStream::connect(&path).unwrap();

    let error = token(&Client::at(&path).with_patience(SHORT)).unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");

    let waiting = Client::at(&path);
    let call = std::thread::spawn(move || token(&waiting));
    drop(filling);
    let daemon = FakeDaemon::over(folder, listener, |_, _| Reply::Send(answer(200, TOKEN)));
    assert_eq!(call.join().unwrap().unwrap(), "t0ken");
    assert_eq!(daemon.seen().len(), 1);
}

#[test]
fn a_request_with_a_password_is_repeated_as_it_was() {
    let daemon = FakeDaemon::start(|number, _| match number {
        0 => Reply::Close,
        _ => Reply::Send(answer(200, r#"{"state":"done"}"#)),
    });
    let request = LoginRequest {
        username: Some("jane".to_owned()),
        password: Some(Secret::new("hunter2")),
        ..LoginRequest::default()
    };
    Client::at(daemon.socket()).login(&request).unwrap();
    let bodies: Vec<String> = daemon.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [r#"{"username":"jane","password":"hunter2"}"#; 2]);
}

#[test]
fn an_import_is_sent_once_on_a_connection_of_its_own() {
    for code in [None, Some(ErrorCode::ShuttingDown), Some(ErrorCode::Overloaded)] {
        let daemon = FakeDaemon::start(move |number, _| match (number, code) {
            (0, _) => Reply::Send(answer(200, TOKEN)),
            (_, Some(code)) => Reply::Send(refusal(code)),
            (_, None) => Reply::Close,
        });
        let client = Client::at(daemon.socket());
        token(&client).unwrap();
        let request =
            ImportRequest { profile: None, refresh_token: Secret::new("r3fresh"), replace: false };
        let error = client.import(&request).unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        assert!(!format!("{error:?} {request:?}").contains("r3fresh"), "{error:?}");
        let expected = [(0, "GET /v1/token".to_owned()), (1, "POST /v1/import".to_owned())];
        assert_eq!(lines(&daemon), expected);
    }
}

#[test]
fn threads_share_a_client() {
    let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, TOKEN)));
    let client = Client::at(daemon.socket());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(token(&client).unwrap(), "t0ken");
                }
            });
        }
    });
    assert_eq!(daemon.seen().len(), 400);
}
