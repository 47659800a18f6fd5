//! Server-sent events of `GET /v1/events`, one by one.

use crate::clock::Deadline;
use crate::connection::Connection;
use crate::error::ClientError;
use crate::response::{Body, Framing, Malformed};
use bearerd_proto::Event;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What happens in the daemon, as it happens.
///
/// The iterator waits for the next event and ends when the daemon ends the stream. It fails once, and ends then, where
/// the connection breaks or gives no sign of life for 60 s. Events that came before it was opened don't come again: ask
/// for the status after opening it.
#[derive(Debug)]
pub struct Events {
    /// `None` after the end.
    connection: Option<Connection>,
    body: Body,
    until_close: bool,
    text: Vec<u8>,
}

impl Events {
    pub(crate) fn over(connection: Connection, framing: Framing) -> Self {
        Self {
            connection: Some(connection),
            body: Body::framed(framing),
            until_close: framing == Framing::UntilClose,
            text: Vec::new(),
        }
    }

    fn next_event(&mut self, connection: &mut Connection) -> Result<Option<Event>, ClientError> {
        let path = Arc::clone(connection.path());
        let malformed = |reason: Malformed| ClientError::Protocol {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        };
        loop {
            self.body.decode(&mut connection.unread, &mut self.text).map_err(malformed)?;
            while let Some(message) = take_message(&mut self.text) {
                let event = event_of(&message).map_err(malformed)?;
                if event.is_some() {
                    return Ok(event);
                }
            }
            if self.body.is_complete() {
                return Ok(None);
            }
            let path = || path.to_path_buf();
            match connection.receive(Deadline::after(SILENCE_MAX)) {
                Ok(0) if self.until_close => return Ok(None),
                Ok(0) => {
                    let source = io::ErrorKind::UnexpectedEof.into();
                    return Err(ClientError::BrokeOff { path: path(), source });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(ClientError::TimedOut { path: path() });
                }
                Err(source) => return Err(ClientError::BrokeOff { path: path(), source }),
            }
        }
    }
}

impl Iterator for Events {
    type Item = Result<Event, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut connection = self.connection.take()?;
        let next = self.next_event(&mut connection).transpose();
        if let Some(Ok(_)) = next {
            self.connection = Some(connection);
        }
        next
    }
}

/// The longest silence: the daemon sends a comment every 15 s where there is nothing to tell.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Takes one message off the front: the lines up to an empty one, line ends as `\n`.
fn take_message(text: &mut Vec<u8>) -> Option<Vec<u8>> {
    // The daemon ends lines with `\n`; `\r\n` is taken too, as the format allows it.
    let (end, after) = [(b"\n\n".as_slice(), 2), (b"\r\n\r\n".as_slice(), 4)]
        .into_iter()
        .filter_map(|(mark, length)| {
            let end = text.windows(length).position(|window| window == mark)?;
            Some((end, end + length))
        })
        .min()?;
    let mut message: Vec<u8> = text.drain(..after).collect();
    message.truncate(end);
    Some(message)
}

/// The event in a message; `None` for a comment, or a field that means nothing here.
fn event_of(message: &[u8]) -> Result<Option<Event>, Malformed> {
    let message = str::from_utf8(message).map_err(|_error| Malformed("an event is not UTF-8"))?;
    let data: Vec<&str> = message
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|data| data.strip_prefix(' ').unwrap_or(data))
        .collect();
    if data.is_empty() {
        return Ok(None);
    }
    let event = serde_json::from_str(&data.join("\n"));
    event.map(Some).map_err(|_error| Malformed("an event's data is not the JSON of an event"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearerd_proto::EventKind;

    #[test]
    fn messages_are_taken_one_by_one() {
        let mut text = b": hello\n\nevent: refreshed\ndata: 1\n\ndata: 2\r\n\r\nda".to_vec();
        let mut messages = Vec::new();
        while let Some(message) = take_message(&mut text) {
            messages.push(String::from_utf8(message).unwrap());
        }
        assert_eq!(messages, [": hello", "event: refreshed\ndata: 1", "data: 2"]);
        assert_eq!(text, b"da");
    }

    #[test]
    fn an_event_is_its_data() {
        let message =
            "event: refreshed\ndata: {\"kind\":\"refreshed\",\ndata: \"profile\":\"a\",\"at\":7}";
        let event = event_of(message.as_bytes()).unwrap().unwrap();
        assert_eq!((event.kind, event.profile.as_str(), event.at), (EventKind::Refreshed, "a", 7));
        assert_eq!(event_of(b": keep-alive"), Ok(None));
        assert!(event_of(b"data: {}").is_err());
    }
}
