//! The saved session: read when its profile starts, changed as the session says, both on a blocking thread.

use super::chain;
use crate::registry::Parts;
use crate::store::{Aside as StoreAside, SavedSession, Store, StoreError};
use crate::tasks::TaskError;
use crate::wiped::Wiped;
use bearerd_proto::ProfileName;
use bearerd_session::time::Now;
use bearerd_session::{Aside, Event, Record, Restored, StoreOp};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Reads the saved session in a task of its own: the disk may take its time, and the profile has more to do than wait.
pub(super) fn load(parts: &Parts, profile: &ProfileName, done: mpsc::Sender<Event>) {
    let tasks = parts.tasks.clone();
    let store = Arc::clone(&parts.store);
    let name = profile.clone();
    let work = tasks.spawn_blocking("load", move || store.load(&name));
    tasks.spawn("loaded", async move {
        let _task_has_ended = done.send(Event::Restored(restored(work.await))).await;
    });
}

/// What a profile goes on with while its saved session is being read.
pub(super) fn not_read_yet() -> Restored {
    Restored::Unreadable("the disk has not given it yet; bearerd goes on reading it".to_owned())
}

fn restored(loaded: Result<Result<Option<SavedSession>, StoreError>, TaskError>) -> Restored {
    match loaded {
        Ok(Ok(None)) => Restored::Nothing,
        Ok(Ok(Some(saved))) => match serde_json::from_slice::<Record>(saved.expose()) {
            Ok(record) => Restored::Session(Box::new(record)),
            Err(error) => {
                let place = (error.line(), error.column());
                Restored::Unreadable(format!(
                    "what is inside its seal is not a session of this version (at {}:{}); log in again, which moves \
                     it aside",
                    place.0, place.1
                ))
            }
        },
        Ok(Err(error)) => Restored::Unreadable(chain(&error)),
        Err(error) => Restored::Unreadable(chain(&error)),
    }
}

pub(super) fn perform(
    store: &dyn Store,
    profile: &ProfileName,
    op: StoreOp,
    now: Now,
) -> Result<(), StoreError> {
    match op {
        StoreOp::Forget => store.forget(profile),
        StoreOp::Save { record, aside } => {
            let aside = aside.map(|aside| match aside {
                Aside::Unreadable => StoreAside::Unreadable,
                Aside::Parked => StoreAside::Parked,
            });
            if let Some(aside) = aside {
                let seconds = u64::try_from(now.wall.as_secs()).unwrap_or(0);
                store.set_aside(profile, aside, seconds)?;
            }
            // A record is made of strings and numbers: writing it cannot fail.
            let bytes = Wiped::json(&record).unwrap_or_default();
            store.save(profile, bytes.as_ref())
        }
    }
}
