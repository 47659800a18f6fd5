//! The events of a daemon, gathered as they come.

use bearerd_client::{Client, Event, EventKind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Somebody who watches `GET /v1/events`.
#[derive(Debug)]
pub struct Watch {
    events: Receiver<Event>,
    seen: Vec<Event>,
}

impl Watch {
    /// Watches from now on: whatever happens after this is seen.
    pub fn of(client: &Client) -> Self {
        let events = client.events().unwrap();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            // Ends with the daemon, or with the watch.
            for event in events.map_while(Result::ok) {
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { events: receiver, seen: Vec::new() }
    }

    /// Waits for the next event of this kind.
    ///
    /// # Panics
    /// Where none comes.
    pub fn next(&mut self, kind: EventKind) -> Event {
        loop {
            let event = match self.events.recv_timeout(PATIENCE) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no event `{}` came, only {:?}", kind.as_str(), self.kinds())
                }
            };
            self.seen.push(event.clone());
            if event.kind == kind {
                return event;
            }
        }
    }

    /// How many events of this kind have been seen up to the last one waited for.
    pub fn seen(&self, kind: EventKind) -> usize {
        self.seen.iter().filter(|event| event.kind == kind).count()
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.seen.iter().map(|event| event.kind.as_str()).collect()
    }
}

/// As that of looking again and again.
const PATIENCE: Duration = Duration::from_secs(30);
