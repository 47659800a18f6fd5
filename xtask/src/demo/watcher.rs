//! Follows the daemon's events in a thread of its own.

use super::narrator::Narrator;
use crate::failure::{Failure, While};
use bearerd_client::{Client, Event, EventKind};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Events since it was opened, with the moment at which each came.
#[derive(Debug)]
pub(crate) struct Watcher {
    events: Receiver<(Instant, Event)>,
}

impl Watcher {
    /// Watches until the daemon ends.
    pub(crate) fn open(socket: &Path) -> Result<Self, Failure> {
        let events =
            Client::at(socket).events().while_doing(|| "open the stream of events".to_owned())?;
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for event in events.map_while(Result::ok) {
                if sender.send((Instant::now(), event)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { events: receiver })
    }

    /// Forgets what has come so far.
    pub(crate) fn skip(&self) {
        while self.events.try_recv().is_ok() {}
    }

    /// Waits for an event of this kind, and tells those that come before it too.
    pub(crate) fn await_event(
        &self,
        kind: EventKind,
        within: Duration,
        say: &Narrator,
    ) -> Result<Instant, Failure> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((at, event)) = self.events.recv_timeout(left) else {
                return Err(Failure::new(format!(
                    "expected the event `{}` within {} s; seen: none",
                    kind.as_str(),
                    within.as_secs()
                )));
            };
            let reason = event.message.map(|message| format!(": {message}")).unwrap_or_default();
            say.note(&format!("event: {}{reason}", event.kind.as_str()));
            if event.kind == kind {
                return Ok(at);
            }
        }
    }
}
