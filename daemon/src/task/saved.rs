//! The saved session: read when its profile starts, changed as the session says, both on a blocking thread.

use super::chain;
use crate::registry::Parts;
use crate::store::{Store, StoreError};
use bearerd_proto::ProfileName;
use bearerd_saved::restored;
use bearerd_session::time::Now;
use bearerd_session::{Event, Restored, StoreOp};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Reads the saved session in a task of its own: the disk may take its time, and the profile has more to do than wait.
pub(super) fn load(parts: &Parts, profile: &ProfileName, done: mpsc::Sender<Event>) {
    let tasks = parts.tasks.clone();
    let store = Arc::clone(&parts.store);
    let name = profile.clone();
    let work = tasks.spawn_blocking("load", move || store.load(&name));
    tasks.spawn("loaded", async move {
        let restored = match work.await {
            Ok(loaded) => restored(loaded),
            Err(error) => Restored::Unreadable(chain(&error)),
        };
        let _task_has_ended = done.send(Event::Restored(restored)).await;
    });
}

/// What a profile goes on with while its saved session is being read.
pub(super) fn not_read_yet() -> Restored {
    Restored::Unreadable("the disk has not given it yet; bearerd goes on reading it".to_owned())
}

/// Changes the saved session of one profile, one change at a time.
#[derive(Debug)]
pub(super) struct Saver {
    store: Arc<dyn Store>,
    profile: ProfileName,
    saver: Mutex<bearerd_saved::Saver>,
}

impl Saver {
    pub(super) fn new(store: Arc<dyn Store>, profile: ProfileName) -> Self {
        Self { store, profile, saver: Mutex::default() }
    }

    /// Blocks.
    pub(super) fn perform(&self, op: StoreOp, now: Now) -> Result<(), StoreError> {
        let mut saver = self.saver.lock().unwrap_or_else(PoisonError::into_inner);
        saver.perform(&*self.store, &self.profile, op, now)
    }
}
