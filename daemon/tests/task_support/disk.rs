//! A disk that holds calls at a gate, or refuses them.

use super::{BOOT_ID, at_this_moment};
use bearerd::config::{Auth, Config};
use bearerd::store::{Aside, NotSavedReason, SavedSession, Store, StoreError};
use bearerd_proto::{ProfileName, Secret};
use bearerd_session::time::Now;
use bearerd_session::{Moment, Record, SavedGrant, SavedSlot};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    files: Mutex<BTreeMap<ProfileName, Vec<u8>>>,
    aside: Mutex<Vec<(ProfileName, Aside)>>,
    gates: Mutex<BTreeMap<(Op, ProfileName), Arc<Gate>>>,
    full: AtomicBool,
    loads: AtomicUsize,
    saves: AtomicUsize,
}

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    Load,
    Save,
}

impl Disk {
    /// With a session for each profile of `config` that can have one; its access token has `lifetime` left.
    pub(crate) fn with_sessions_of(config: &Config, now: Now, lifetime: Duration) -> Self {
        let disk = Self::default();
        for (name, profile) in config.profiles() {
            if matches!(profile.auth(), Auth::Sso(_)) {
                let saved = Moment { boot_id: BOOT_ID.to_owned(), boot: now.boot, wall: now.wall };
                let record = Record {
                    binding: profile.binding(),
                    saved: saved.clone(),
                    ends: None,
                    source: None,
                    grant: Some(SavedGrant {
                        refresh_token: Secret::new(format!("{name}-refresh-0")),
                        expires: None,
                        known_not_to_rotate: false,
                        over: None,
                        lost: false,
                        lost_since: None,
                        idp_session: None,
                        source: None,
                    }),
                    user_id: Some(format!("{name}-user")),
                    user_email: None,
                    slots: vec![SavedSlot {
                        scope: None,
                        audience: None,
                        token: Secret::new(format!("{name}-access-0")),
                        asked: saved,
                        lifetime: Some(lifetime.as_millis().try_into().unwrap()),
                        ends: None,
                        granted_scope: None,
                    }],
                };
                disk.write(name, serde_json::to_vec(&record).unwrap());
            }
        }
        disk
    }

    pub(crate) fn write(&self, name: &ProfileName, bytes: Vec<u8>) {
        self.0.files.lock().unwrap().insert(name.clone(), bytes);
    }

    /// What stands there.
    pub(crate) fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.0.files.lock().unwrap().get(&name.parse().unwrap()).cloned()
    }

    /// The refresh token on disk.
    pub(crate) fn refresh_token(&self, name: &str) -> Option<String> {
        let files = self.0.files.lock().unwrap();
        let record: Record = serde_json::from_slice(files.get(&name.parse().unwrap())?).unwrap();
        record.grant.map(|grant| grant.refresh_token.expose().to_owned())
    }

    /// From now on such calls of the profile wait, until what this gives is dropped.
    pub(crate) fn hold(&self, op: Op, name: &str) -> Held {
        let gate = Arc::new(Gate::default());
        self.0.gates.lock().unwrap().insert((op, name.parse().unwrap()), Arc::clone(&gate));
        Held(gate)
    }

    /// Whether saves are refused from now on.
    pub(crate) fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    /// Loads that were begun.
    pub(crate) fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }

    /// Saves that were begun.
    pub(crate) fn saves(&self) -> usize {
        self.0.saves.load(Ordering::SeqCst)
    }

    /// What was moved aside, and why.
    pub(crate) fn aside(&self) -> Vec<(String, Aside)> {
        let aside = self.0.aside.lock().unwrap();
        aside.iter().map(|(name, why)| (name.to_string(), *why)).collect()
    }

    fn pass(&self, op: Op, name: &ProfileName) {
        let gate = self.0.gates.lock().unwrap().get(&(op, name.clone())).cloned();
        if let Some(gate) = gate {
            gate.pass();
        }
    }
}

impl Store for Disk {
    fn load(&self, profile: &ProfileName) -> Result<Option<SavedSession>, StoreError> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        self.pass(Op::Load, profile);
        Ok(self.0.files.lock().unwrap().get(profile).cloned().map(SavedSession::new))
    }

    fn save(&self, profile: &ProfileName, session: &[u8]) -> Result<(), StoreError> {
        self.0.saves.fetch_add(1, Ordering::SeqCst);
        self.pass(Op::Save, profile);
        if self.0.full.load(Ordering::SeqCst) {
            let reason = NotSavedReason::Full(std::io::ErrorKind::StorageFull.into());
            return Err(StoreError::NotSaved { path: PathBuf::from("/disk"), reason });
        }
        self.write(profile, session.to_vec());
        Ok(())
    }

    fn forget(&self, profile: &ProfileName) -> Result<(), StoreError> {
        self.0.files.lock().unwrap().remove(profile);
        Ok(())
    }

    fn set_aside(
        &self,
        profile: &ProfileName,
        why: Aside,
        _: u64,
    ) -> Result<Option<PathBuf>, StoreError> {
        let moved = self.0.files.lock().unwrap().remove(profile);
        Ok(moved.map(|_| {
            self.0.aside.lock().unwrap().push((profile.clone(), why));
            PathBuf::from("/disk/aside")
        }))
    }
}

/// Calls wait at the gate; dropping this opens it, also where a test has failed.
#[derive(Debug)]
pub(crate) struct Held(Arc<Gate>);

impl Held {
    /// Returns when a call stands at the gate, once for each.
    pub(crate) async fn reached(&self) {
        at_this_moment("a call at the gate", self.0.reached.acquire()).await.unwrap().forget();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.is_open.lock().unwrap() = true;
        self.0.opened.notify_all();
    }
}

#[derive(Debug)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    reached: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self { is_open: Mutex::new(false), opened: Condvar::new(), reached: Semaphore::new(0) }
    }
}

impl Gate {
    fn pass(&self) {
        self.reached.add_permits(1);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }
}
