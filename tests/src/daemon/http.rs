//! Requests as they stand, for what no client of ours would send.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The error code in the body.
    pub fn code(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        json["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(super) fn request(
    socket: &Path,
    method: &str,
    target: &str,
    headers: &[&str],
    body: &str,
) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nHost: bearerd\r\nConnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    if !body.is_empty() {
        request.push_str("Content-Type: application/json\r\n");
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body);
    // A server may refuse before it has read everything: its answer is what counts.
    let _refused_early = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

/// Connections at `socket` that the listener has accepted.
pub(super) fn accepted_connections(socket: &Path) -> usize {
    connections(socket, CONNECTED)
}

/// Connections at `socket` that wait to be accepted.
pub(super) fn queued_connections(socket: &Path) -> usize {
    connections(socket, CONNECTING)
}

/// As the kernel lists them (unix(7), `/proc/net/unix`): accepted ones are "connected", those in the backlog still
/// "connecting".
fn connections(socket: &Path, state: &str) -> usize {
    let path = socket.display().to_string();
    let list = std::fs::read_to_string("/proc/net/unix").unwrap();
    let of_socket = list.lines().filter(|line| line.ends_with(&path));
    of_socket.filter(|line| line.split_whitespace().nth(5) == Some(state)).count()
}

/// `SS_CONNECTING` and `SS_CONNECTED` in hexadecimal.
const CONNECTING: &str = "02";
const CONNECTED: &str = "03";
