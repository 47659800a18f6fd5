//! The saved session: read when its profile starts, changed as the session says, both on a blocking thread.

use super::chain;
use crate::registry::Parts;
use crate::store::{Aside as StoreAside, SavedSession, Store, StoreError};
use crate::tasks::TaskError;
use crate::wiped::Wiped;
use bearerd_proto::ProfileName;
use bearerd_session::time::Now;
use bearerd_session::{Aside, Binding, Event, Record, Restored, StoreOp};
use std::sync::{Arc, Mutex, PoisonError};
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

/// Changes the saved session of one profile, one change at a time.
#[derive(Debug)]
pub(super) struct Saver {
    store: Arc<dyn Store>,
    profile: ProfileName,
    /// Where the session came from that a save has put in place although it failed.
    in_place: Mutex<Option<Binding>>,
}

impl Saver {
    pub(super) fn new(store: Arc<dyn Store>, profile: ProfileName) -> Self {
        Self { store, profile, in_place: Mutex::default() }
    }

    /// Blocks.
    pub(super) fn perform(&self, op: StoreOp, now: Now) -> Result<(), StoreError> {
        let mut in_place = self.in_place.lock().unwrap_or_else(PoisonError::into_inner);
        match op {
            StoreOp::Forget => {
                self.store.forget(&self.profile)?;
                *in_place = None;
                Ok(())
            }
            StoreOp::Save { record, aside } => {
                // What had to be kept was moved before, and what stands there now is this very session.
                if let Some(aside) = aside.filter(|_| in_place.as_ref() != Some(&record.binding)) {
                    let aside = match aside {
                        Aside::Unreadable => StoreAside::Unreadable,
                        Aside::Parked => StoreAside::Parked,
                    };
                    let seconds = u64::try_from(now.wall.as_secs()).unwrap_or(0);
                    self.store.set_aside(&self.profile, aside, seconds)?;
                    *in_place = None;
                }
                // A record is made of strings and numbers: writing it cannot fail.
                let bytes = Wiped::json(&record).unwrap_or_default();
                let saved = self.store.save(&self.profile, bytes.as_ref());
                match &saved {
                    Ok(()) => *in_place = None,
                    Err(error) if error.is_in_place() => *in_place = Some(record.binding),
                    Err(_) => {}
                }
                saved
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NotSavedReason;
    use bearerd_session::Moment;
    use bearerd_session::time::{Boot, Wall};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A disk whose folder can't be synced at first, with a session of old in the file's place.
    #[derive(Debug, Default)]
    struct Disk {
        syncs: AtomicBool,
        aside: Mutex<Vec<StoreAside>>,
    }

    impl Store for Disk {
        fn load(&self, _: &ProfileName) -> Result<Option<SavedSession>, StoreError> {
            Ok(None)
        }

        fn save(&self, _: &ProfileName, _: &[u8]) -> Result<(), StoreError> {
            let reason = NotSavedReason::Unconfirmed(std::io::ErrorKind::Other.into());
            match self.syncs.load(Ordering::SeqCst) {
                true => Ok(()),
                false => Err(StoreError::NotSaved { path: PathBuf::new(), reason }),
            }
        }

        fn forget(&self, _: &ProfileName) -> Result<(), StoreError> {
            Ok(())
        }

        fn set_aside(
            &self,
            _: &ProfileName,
            why: StoreAside,
            _: u64,
        ) -> Result<Option<PathBuf>, StoreError> {
            self.aside.lock().unwrap().push(why);
            Ok(None)
        }
    }

    const NOW: Now = Now { boot: Boot::from_millis(1), wall: Wall::from_secs(1) };

    fn save(client_id: &str, aside: Option<Aside>) -> StoreOp {
        let config = format!(
            "[profile.a]\nauth_type = 'sso'\nkeycloak_addr = 'https://idp.test'\nclient_id = '{client_id}'\n"
        );
        let config = crate::config::Config::parse(&config, "/c".as_ref()).unwrap();
        let saved = Moment { boot_id: String::new(), boot: NOW.boot, wall: NOW.wall };
        let record = Record {
            binding: config.default_profile().unwrap().binding(),
            saved,
            grant: None,
            user_id: None,
            user_email: None,
            slots: Vec::new(),
        };
        StoreOp::Save { record: Box::new(record), aside }
    }

    #[test]
    fn what_a_failed_save_put_in_place_is_not_moved_aside() {
        let disk = Arc::new(Disk::default());
        let saver = Saver::new(disk.clone(), "a".parse().unwrap());
        for _ in 0..3 {
            assert!(saver.perform(save("one", Some(Aside::Parked)), NOW).is_err());
        }
        assert_eq!(*disk.aside.lock().unwrap(), [StoreAside::Parked], "the old one alone");
        assert!(saver.perform(save("two", Some(Aside::Parked)), NOW).is_err());
        assert_eq!(disk.aside.lock().unwrap().len(), 2, "the session of another place is kept");
        disk.syncs.store(true, Ordering::SeqCst);
        saver.perform(save("two", Some(Aside::Parked)), NOW).unwrap();
        assert_eq!(disk.aside.lock().unwrap().len(), 2);
        saver.perform(save("two", Some(Aside::Unreadable)), NOW).unwrap();
        assert_eq!(disk.aside.lock().unwrap().len(), 3, "that one was found on disk later");
    }
}
