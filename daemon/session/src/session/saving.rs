//! Saves: a rotated refresh token is on disk before its access token is served, unless the disk makes everybody wait.

use super::Session;
use crate::io::{Action, StoreOp};
use crate::record::{Aside, Moment, Record, SavedGrant, SavedSlot};
use crate::schedule::{Jitter, SAVE_PATIENCE};
use crate::slot::SlotKey;
use crate::storage::Wish;
use crate::time::Now;
use bearerd_proto::EventKind;

impl Session {
    /// Starts what is to be done on disk, if nothing is under way there.
    pub(super) fn store(&mut self, now: Now) {
        if let Some(wish) = self.storage.start(now.boot) {
            self.storing = Some(wish);
            let op = match wish {
                Wish::Forget => StoreOp::Forget,
                Wish::Save => {
                    StoreOp::Save { record: Box::new(self.record(now)), aside: self.aside() }
                }
            };
            self.actions.push(Action::Store(op));
        }
        if self.storage.is_slow(now.boot) {
            self.tell_not_saved("the save takes longer than 2 s");
        }
    }

    pub(super) fn stored(&mut self, result: Result<(), String>, now: Now, jitter: Jitter) {
        let Some(wish) = self.storing.take() else { return };
        match &result {
            Ok(()) => {
                self.told_not_saved = false;
                if wish == Wish::Save && self.grant.is_some() {
                    self.unreadable = None;
                    self.parked = None;
                }
            }
            Err(problem) => self.tell_not_saved(&problem.clone()),
        }
        self.storage.ended(wish, result, now.boot, jitter);
        self.changed = true;
    }

    /// Lets readers have what waited for its save.
    pub(super) fn publish_saved(&mut self, now: Now) {
        let Some((generation, since)) = self.held_back else { return };
        let saved = self.storage.has(generation) || self.storage.has_failed(generation);
        if saved || now.boot >= since + SAVE_PATIENCE {
            self.publish(now);
        }
    }

    /// Readers see the newest tokens, and whoever waited for them gets them.
    pub(super) fn publish(&mut self, now: Now) {
        self.held_back = None;
        let keys: Vec<SlotKey> = self.slots.keys().cloned().collect();
        for key in keys {
            if self.slots.get_mut(&key).is_some_and(|slot| slot.publish()) {
                self.changed = true;
                self.actions.push(Action::Tell(EventKind::Refreshed, None));
                self.serve_published(&key, now);
            }
        }
        self.login_published();
        if let Some(replaced) = self.replaced.take() {
            self.revoke(replaced);
        }
    }

    /// Why the file on disk must be kept under another name when this session is saved.
    fn aside(&self) -> Option<Aside> {
        match (&self.unreadable, &self.parked) {
            (Some(_), _) => Some(Aside::Unreadable),
            (None, Some(_)) if self.grant.is_some() || !self.slots.is_empty() => {
                Some(Aside::Parked)
            }
            _ => None,
        }
    }

    fn tell_not_saved(&mut self, why: &str) {
        if !std::mem::replace(&mut self.told_not_saved, true) {
            self.changed = true;
            self.actions.push(Action::Tell(EventKind::NotSaved, Some(why.to_owned())));
        }
    }

    /// What stands on disk when the session is saved now: the parked one while there is no other.
    fn record(&self, now: Now) -> Record {
        match &self.parked {
            Some(parked) if self.grant.is_none() && self.slots.is_empty() => {
                parked.as_ref().clone()
            }
            _ => self.live_record(now),
        }
    }

    pub(super) fn live_record(&self, now: Now) -> Record {
        let moment = |at| Moment::of(at, now, &self.boot_id);
        let grant = self.grant.as_ref().map(|grant| SavedGrant {
            refresh_token: grant.refresh_token.clone(),
            expires: grant.expires.map(moment),
            known_not_to_rotate: grant.known_not_to_rotate,
            over: grant.over.clone(),
            lost: grant.lost.is_some(),
            idp_session: grant.idp_session.clone(),
        });
        let slots = self.slots.iter().filter_map(|(key, slot)| {
            let held = slot.unpublished.as_ref().or(slot.held.as_ref())?;
            Some(SavedSlot {
                scope: key.scope.clone(),
                audience: key.audience.clone(),
                token: held.token.clone(),
                asked: moment(held.asked),
                lifetime: held
                    .lifetime
                    .map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
                granted_scope: held.scope.clone(),
            })
        });
        Record {
            binding: self.settings.binding.clone(),
            saved: moment(now.boot),
            grant,
            user_id: self.user_id.clone(),
            user_email: self.user_email.clone(),
            slots: slots.collect(),
        }
    }
}
