//! A fetcher as the daemon makes it, and servers that answer it byte by byte.
#![allow(dead_code, reason = "each test binary uses its part")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearerd::clock::Clock;
use bearerd::config::{Config, Profile};
use bearerd::fetch::{Fetchers, HttpClients, Timeouts, TokenFetcher};
use bearerd::tasks::Tasks;
use bearerd_proto::Secret;
use bearerd_session::{Cause, Failure, Granted, Outcome, Request, SlotKey};
use rustix::net::sockopt::set_socket_linger;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the requests of these tests carry; it must show nowhere.
pub(crate) const SECRET: &str = "a-refresh-token-that-must-not-show";

/// A token endpoint's good answer.
pub(crate) const GOOD: &str =
    r#"{"access_token":"access-token-1","token_type":"Bearer","expires_in":60}"#;

/// Longer than any step of a test may take: nothing is measured by it.
pub(crate) const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(20),
    spending: Duration::from_secs(20),
    sparing: Duration::from_secs(20),
};

/// For servers that never answer.
pub(crate) const HASTY: Timeouts = Timeouts {
    connect: Duration::from_millis(400),
    spending: Duration::from_millis(400),
    sparing: Duration::from_millis(400),
};

/// The fetcher of a profile at `keycloak_addr` with these further lines.
pub(crate) fn fetcher(
    keycloak_addr: &str,
    more: &str,
    timeouts: Timeouts,
) -> Arc<dyn TokenFetcher> {
    let (clients, profile) = parts(keycloak_addr, more, timeouts);
    clients.fetcher_for(&profile).unwrap()
}

/// What such a fetcher is made of.
pub(crate) fn parts(
    keycloak_addr: &str,
    more: &str,
    timeouts: Timeouts,
) -> (HttpClients, Arc<Profile>) {
    let lines = format!(
        "auth_type = \"sso\"\nkeycloak_addr = \"{keycloak_addr}\"\nallow_http = true\n{more}"
    );
    parts_of(&lines, timeouts)
}

/// What the fetcher of a profile with these lines is made of.
pub(crate) fn parts_of(lines: &str, timeouts: Timeouts) -> (HttpClients, Arc<Profile>) {
    let text = format!("[profile.p]\n{lines}\n");
    let config = Config::parse(&text, Path::new("/nowhere/config.toml")).unwrap();
    let (clock, _nobody_sleeps) = Clock::system().unwrap();
    let clients = HttpClients::with_timeouts(Tasks::new(), clock, timeouts);
    (clients, Arc::clone(config.default_profile().unwrap()))
}

/// The fetcher of a profile with these lines.
pub(crate) fn fetcher_of(lines: &str) -> Arc<dyn TokenFetcher> {
    let (clients, profile) = parts_of(lines, PATIENT);
    clients.fetcher_for(&profile).unwrap()
}

/// A grant by the profile's own means, for its own slot.
pub(crate) fn grant() -> Request {
    grant_for(None, None)
}

/// The same for a scope and an audience.
pub(crate) fn grant_for(scope: Option<&str>, audience: Option<&str>) -> Request {
    Request::Grant { slot: slot(scope, audience), given: None }
}

pub(crate) fn slot(scope: Option<&str>, audience: Option<&str>) -> SlotKey {
    SlotKey { scope: scope.map(str::to_owned), audience: audience.map(str::to_owned) }
}

/// A file that its owner alone can read.
pub(crate) fn secret_file(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// The failure's cause and message.
pub(crate) fn failed(outcome: Outcome) -> (String, String) {
    let failure = failure(outcome);
    (cause(&failure), failure.message)
}

pub(crate) fn refresh() -> Request {
    Request::Refresh { refresh_token: Secret::new(SECRET), slot: SlotKey::default() }
}

pub(crate) fn granted(outcome: Outcome) -> Granted {
    match outcome {
        Outcome::Granted(granted) => *granted,
        other => panic!("{other:?}"),
    }
}

/// The failure, after a look that it shows no secret.
pub(crate) fn failure(outcome: Outcome) -> Failure {
    let shown = format!("{outcome:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("access-token-1"), "{shown}");
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// The failure's cause by its name alone.
pub(crate) fn cause(failure: &Failure) -> String {
    match &failure.cause {
        Cause::OAuth(error) => format!("{error:?}"),
        Cause::Unusable { .. } => "Unusable".into(),
        Cause::WrongAudience { .. } => "WrongAudience".into(),
        other => format!("{other:?}"),
    }
}

/// A server on loopback that a test scripts.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    connections: Arc<Mutex<usize>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    /// Reads each request, then does `answer`.
    pub(crate) fn start(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&requests);
        let mut server = Self::start_raw(move |mut stream| {
            log.lock().unwrap().push(read_request(&mut stream));
            answer(stream);
        });
        server.requests = requests;
        server
    }

    /// Answers each request with what `answer` makes of its path and its whole text.
    pub(crate) fn serving(answer: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&requests);
        let mut server = Self::start_raw(move |mut stream| {
            let request = read_request(&mut stream);
            let path = request.split(' ').nth(1).unwrap_or_default();
            let answer = answer(path, &request);
            log.lock().unwrap().push(request);
            send(&mut stream, answer);
        });
        server.requests = requests;
        server
    }

    /// Does `serve` with each connection.
    pub(crate) fn start_raw(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Arc<Mutex<usize>> = Arc::default();
        let (count, serve) = (Arc::clone(&connections), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                *count.lock().unwrap() += 1;
                let (stream, serve) = (stream.unwrap(), Arc::clone(&serve));
                thread::spawn(move || serve(stream));
            }
        });
        Self { address, connections, requests: Arc::default() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn fetcher(&self, more: &str, timeouts: Timeouts) -> Arc<dyn TokenFetcher> {
        fetcher(&self.url(), more, timeouts)
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Method and path of each request.
    pub(crate) fn asked(&self) -> Vec<String> {
        let first = |request: &String| request.split(' ').take(2).collect::<Vec<_>>().join(" ");
        self.requests().iter().map(first).collect()
    }
}

/// Head and body of one request, as far as it came.
pub(crate) fn read_request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            });
            if body.len() >= length.unwrap_or(0_usize) {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return text,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// The parameters of a form's request.
pub(crate) fn form_of(request: &str) -> BTreeMap<String, String> {
    let body = request.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// A header of a request, by its name in small letters.
pub(crate) fn header_of<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let head = request.split_once("\r\n\r\n").map(|(head, _)| head)?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A JWT with these claims, whose signature says nothing.
pub(crate) fn jwt(claims: &serde_json::Value) -> String {
    format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A whole answer with this body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// Writes what the peer takes; one that has gone away is no fault of the test.
pub(crate) fn send(stream: &mut impl Write, bytes: impl AsRef<[u8]>) {
    let _gone = stream.write_all(bytes.as_ref()).and_then(|()| stream.flush());
}

/// Ends the connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
}

/// Keeps the connection open until the peer goes away.
pub(crate) fn hold(mut stream: TcpStream) {
    while matches!(stream.read(&mut [0; 64]), Ok(read) if read > 0) {}
}
