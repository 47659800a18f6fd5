//! What the daemon tells those who watch it.

use bearerd_client::{Event, EventKind};
use bearerd_tests::daemon::{Daemon, eventually};
use std::sync::{Arc, Mutex};

/// The events of a daemon from now on, to its end.
#[derive(Debug)]
pub(crate) struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    pub(crate) fn by(daemon: &Daemon) -> Self {
        let events = daemon.client().events().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        // It ends with the daemon.
        std::thread::spawn(move || {
            for event in events.map_while(Result::ok) {
                list.lock().unwrap().push(event);
            }
        });
        Self(told)
    }

    /// What it said of this kind, in order.
    pub(crate) fn of(&self, kind: EventKind) -> Vec<String> {
        let list = self.0.lock().unwrap();
        let of_kind = list.iter().filter(|event| event.kind == kind);
        of_kind.map(|event| event.message.clone().unwrap_or_default()).collect()
    }

    /// Waits until it has said this; what was said before is in the list then.
    pub(crate) fn wait_for(&self, kind: EventKind) -> String {
        eventually(kind.as_str(), || self.of(kind).pop())
    }
}
