//! One request and its answer on one connection.

use crate::clock::Deadline;
use crate::connection::Connection;
use crate::request::Request;
use crate::response::{Answer, Body, Framing, Head, Malformed, take_head};
use bearerd_proto::Secret;
use std::io;

/// Why an exchange gave no answer: by this it is decided whether the request may be repeated.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Closed or reset before the first byte of an answer: it may.
    Unanswered(io::Error),
    /// The time was over: the request may still be under way, so it may not.
    Late,
    /// Closed or reset after the first byte: it may not.
    BrokeOff(io::Error),
    /// Not an answer of HTTP/1.1, or one without bounds.
    Malformed(Malformed),
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Sends the request and reads its answer; also says whether the connection can carry another.
pub(crate) fn exchange(
    connection: &mut Connection,
    request: &Request,
    deadline: Deadline,
) -> Result<(Answer, bool), Failure> {
    let head = ask(connection, request, deadline)?;
    let mut body = Body::framed(head.framing);
    let mut decoded = Vec::new();
    loop {
        body.decode(&mut connection.unread, &mut decoded)?;
        if body.is_complete() {
            break;
        }
        match connection.receive(deadline).map_err(|error| late_or(error, Failure::BrokeOff))? {
            0 if head.framing == Framing::UntilClose => break,
            0 => return Err(Failure::BrokeOff(io::ErrorKind::UnexpectedEof.into())),
            _ => {}
        }
    }
    let text = String::from_utf8(decoded).map_err(|_error| Malformed("its body is not UTF-8"))?;
    // Bytes beyond the answer belong to no request: whatever they are, they may not become the next one's answer.
    let keep_alive = head.keep_alive && connection.unread.is_empty();
    Ok((Answer { status: head.status, body: Secret::new(text) }, keep_alive))
}

/// Sends the request and reads the head of its answer.
pub(crate) fn ask(
    connection: &mut Connection,
    request: &Request,
    deadline: Deadline,
) -> Result<Head, Failure> {
    let sent = connection.send(request.bytes(), deadline);
    // A server may answer before it has read everything, and close: its answer counts for more than the failed send.
    if let Err(error) = sent
        && error.kind() == io::ErrorKind::WouldBlock
    {
        return Err(Failure::Late);
    }
    loop {
        if let Some(head) = take_head(&mut connection.unread)? {
            return Ok(head);
        }
        let begun = !connection.unread.is_empty();
        let closed = if begun { Failure::BrokeOff } else { Failure::Unanswered };
        if connection.receive(deadline).map_err(|error| late_or(error, closed))? == 0 {
            return Err(closed(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// `WouldBlock` is how the kernel says that a socket's time is over.
fn late_or(error: io::Error, otherwise: fn(io::Error) -> Failure) -> Failure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Failure::Late,
        _ => otherwise(error),
    }
}
