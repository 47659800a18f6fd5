//! What a session wants saved, done: one change at a time, the old file moved aside where it has to be kept.

use crate::{Aside, NotSavedReason, SavedSession, Store, StoreError, Wiped, chain};
use bearerd_proto::ProfileName;
use bearerd_session::time::Now;
use bearerd_session::{Aside as SessionAside, Binding, Record, Restored, StoreFailure, StoreOp};

/// What one life of the daemon knows of the file that it changes for a profile.
#[derive(Debug, Default)]
pub struct Saver {
    /// Where the session came from that a save has put in place although it failed.
    in_place: Option<Binding>,
}

impl Saver {
    /// Changes the profile's saved session as its heart says.
    ///
    /// # Errors
    /// Those of [`Store::set_aside`], [`Store::save`] and [`Store::forget`]; trying again later is safe.
    pub fn perform(
        &mut self,
        store: &dyn Store,
        profile: &ProfileName,
        op: StoreOp,
        now: Now,
    ) -> Result<(), StoreError> {
        match op {
            StoreOp::Forget => {
                store.forget(profile)?;
                self.in_place = None;
                Ok(())
            }
            StoreOp::Save { record, aside } => {
                // What had to be kept was moved before, and what stands there now is this very session.
                if let Some(aside) =
                    aside.filter(|_| self.in_place.as_ref() != Some(&record.binding))
                {
                    let aside = match aside {
                        SessionAside::Unreadable => Aside::Unreadable,
                        SessionAside::Parked => Aside::Parked,
                    };
                    let seconds = u64::try_from(now.wall.as_secs()).unwrap_or(0);
                    store.set_aside(profile, aside, seconds)?;
                    self.in_place = None;
                }
                let saved = match Wiped::json(&record) {
                    Ok(bytes) => store.save(profile, bytes.as_ref()),
                    // A record is made of strings and numbers: writing it fails where there is no memory for it.
                    Err(_) => Err(StoreError::not_saved(
                        format!("{profile}.session"),
                        NotSavedReason::Seal,
                    )),
                };
                match &saved {
                    Ok(()) => self.in_place = None,
                    Err(error) if error.is_in_place() => self.in_place = Some(record.binding),
                    Err(_) => {}
                }
                saved
            }
        }
    }
}

/// What a load found, as the profile's heart takes it.
pub fn restored(loaded: Result<Option<SavedSession>, StoreError>) -> Restored {
    match loaded {
        Ok(None) => Restored::Nothing,
        Ok(Some(saved)) => match serde_json::from_slice::<Record>(saved.expose()) {
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
        Err(error) => Restored::Unreadable(chain(&error)),
    }
}

impl From<StoreError> for StoreFailure {
    fn from(error: StoreError) -> Self {
        Self { message: chain(&error), unopenable: error.is_unopenable() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NotSavedReason;
    use bearerd_session::Moment;
    use bearerd_session::time::{Boot, Wall};
    use std::path::PathBuf;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A disk whose folder can't be synced at first, with a session of old in the file's place.
    #[derive(Debug, Default)]
    struct Disk {
        /// Nothing can be written.
        is_full: bool,
        syncs: AtomicBool,
        aside: Mutex<Vec<Aside>>,
    }

    impl Store for Disk {
        fn load(&self, _: &ProfileName) -> Result<Option<SavedSession>, StoreError> {
            Ok(None)
        }

        fn save(&self, _: &ProfileName, _: &[u8]) -> Result<(), StoreError> {
            let reason = match self.is_full {
                true => NotSavedReason::Seal,
                false => NotSavedReason::Unconfirmed(std::io::ErrorKind::Other.into()),
            };
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
            why: Aside,
            _: u64,
        ) -> Result<Option<PathBuf>, StoreError> {
            self.aside.lock().unwrap().push(why);
            Ok(None)
        }
    }

    const NOW: Now = Now { boot: Boot::from_millis(1), wall: Wall::from_secs(1) };

    fn save(client_id: &str, aside: Option<SessionAside>) -> StoreOp {
        let record = Record {
            binding: Binding {
                auth_type: "sso".to_owned(),
                endpoint: "https://idp.test".to_owned(),
                client_id: client_id.to_owned(),
                user: None,
            },
            saved: Moment { boot_id: String::new(), boot: NOW.boot, wall: NOW.wall },
            ends: None,
            source: None,
            grant: None,
            user_id: None,
            user_email: None,
            slots: Vec::new(),
        };
        StoreOp::Save { record: Box::new(record), aside }
    }

    #[test]
    fn what_a_failed_save_put_in_place_is_not_moved_aside() {
        let disk = Disk::default();
        let profile = "a".parse().unwrap();
        let mut saver = Saver::default();
        let mut perform = |op| saver.perform(&disk, &profile, op, NOW);
        for _ in 0..3 {
            assert!(perform(save("one", Some(SessionAside::Parked))).is_err());
        }
        assert_eq!(*disk.aside.lock().unwrap(), [Aside::Parked], "the old one alone");
        assert!(perform(save("two", Some(SessionAside::Parked))).is_err());
        assert_eq!(disk.aside.lock().unwrap().len(), 2, "the session of another place is kept");
        disk.syncs.store(true, Ordering::SeqCst);
        perform(save("two", Some(SessionAside::Parked))).unwrap();
        assert_eq!(disk.aside.lock().unwrap().len(), 2);
        perform(save("two", Some(SessionAside::Unreadable))).unwrap();
        assert_eq!(disk.aside.lock().unwrap().len(), 3, "that one was found on disk later");
    }

    #[test]
    fn what_is_not_in_place_is_no_reason_to_leave_the_old_one_there() {
        let disk = Disk { is_full: true, ..Disk::default() };
        let profile = "a".parse().unwrap();
        let mut saver = Saver::default();
        for _ in 0..2 {
            let op = save("one", Some(SessionAside::Parked));
            assert!(saver.perform(&disk, &profile, op, NOW).is_err());
        }
        assert_eq!(disk.aside.lock().unwrap().len(), 2);
    }
}
