//! A daemon made of canned bytes: a thread for each connection, and a closure that says what each request gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use tempfile::TempDir;

/// What a request gets.
pub(crate) enum Reply {
    /// These bytes; the connection stays.
    Send(Vec<u8>),
    /// These bytes one at a time.
    Drip(Vec<u8>),
    /// These bytes, and the connection is closed.
    SendAndClose(Vec<u8>),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing, until the gate opens; then the connection is closed.
    Hold(Gate),
}

/// Held back until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

/// One request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Which connection it came on, from 0.
    pub(crate) connection: usize,
    /// Method and target.
    pub(crate) line: String,
    pub(crate) body: String,
}

/// The daemon. Its socket goes with it.
pub(crate) struct FakeDaemon {
    folder: TempDir,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl FakeDaemon {
    /// Answers the n-th request (from 0, over all connections) with what `reply` says.
    pub(crate) fn start(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        Self::over(folder, listener, reply)
    }

    /// The same over a listener that is there already.
    pub(crate) fn over(
        folder: TempDir,
        listener: UnixListener,
        reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reply = Arc::new(reply);
        let all_seen = Arc::clone(&seen);
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (seen, reply) = (Arc::clone(&all_seen), Arc::clone(&reply));
                std::thread::spawn(move || serve(connection, stream.unwrap(), &seen, &*reply));
            }
        });
        Self { folder, seen }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    connection: usize,
    stream: UnixStream,
    seen: &Mutex<Vec<Seen>>,
    reply: &(dyn Fn(usize, &Seen) -> Reply + Send + Sync),
) {
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    let mut answers = stream;
    while let Some(request) = read_request(connection, &mut requests) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        // The client may be gone: that is for its test to judge.
        let _ = match reply(number, &request) {
            Reply::Send(bytes) => answers.write_all(&bytes),
            Reply::Drip(bytes) => bytes.chunks(1).try_for_each(|byte| answers.write_all(byte)),
            Reply::SendAndClose(bytes) => return drop(answers.write_all(&bytes)),
            Reply::Close => return,
            Reply::Hold(gate) => return gate.wait(),
        };
    }
}

fn read_request(connection: usize, requests: &mut BufReader<UnixStream>) -> Option<Seen> {
    let mut line = String::new();
    requests.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut length = 0;
    loop {
        let mut field = String::new();
        requests.read_line(&mut field).ok()?;
        match field.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    requests.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Seen { connection, line, body: String::from_utf8(body).unwrap() })
}

/// An answer with its length.
pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An error of the protocol.
pub(crate) fn refusal(code: bearerd_client::ErrorCode) -> Vec<u8> {
    let body = bearerd_client::ErrorBody::new(code, format!("said {}", code.as_str()));
    answer(code.status(), &serde_json::to_string(&body).unwrap())
}

/// A token answer.
pub(crate) const TOKEN: &str = r#"{"token":"t0ken","token_type":"Bearer","expires_at":2000000000,"expires_in":300,
"refresh_at":1999999850,"refresh_in":150,"profile":"a","user_email":"jane@ex.co","degraded":false,"new_field":1}"#;
