//! Saves: a rotated refresh token is on disk before its access token is served, unless the disk makes everybody wait.

use super::Session;
use super::orphans::Orphan;
use crate::io::{Action, StoreFailure, StoreOp};
use crate::record::{Aside, Moment, Record, SavedGrant, SavedSlot};
use crate::schedule::{Jitter, SAVE_PATIENCE};
use crate::settings::Own;
use crate::slot::{Slot, SlotKey};
use crate::storage::{Generation, Wish};
use crate::time::{Boot, Now};
use bearerd_proto::EventKind;

/// A change of the disk under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storing {
    wish: Wish,
    /// It writes the live session, not the parked one.
    pub(super) live: bool,
}

impl Session {
    /// Starts what is to be done on disk, if nothing is under way there.
    pub(super) fn store(&mut self, now: Now) {
        if self.waits_for_the_old_place() {
            return;
        }
        match self.storage.start(now.boot) {
            None => {}
            // What can't be opened is not deleted, and nothing else of ours stands there.
            Some(Wish::Forget) if self.unreadable.is_some() => self.storage.fulfilled(),
            Some(wish) => {
                self.storing = Some(Storing { wish, live: self.is_next_on_disk() });
                self.clocks = Moment::of(now.boot, now, &self.boot_id);
                let op = match wish {
                    Wish::Forget => StoreOp::Forget,
                    Wish::Save => {
                        StoreOp::Save { record: Box::new(self.record(now)), aside: self.aside() }
                    }
                };
                self.actions.push(Action::Store(op));
            }
        }
        if self.storage.is_slow(now.boot) {
            self.tell_not_saved("the save takes longer than 2 s");
        }
    }

    pub(super) fn stored(&mut self, result: Result<(), StoreFailure>, now: Now, jitter: Jitter) {
        let Some(Storing { wish, live }) = self.storing.take() else { return };
        match &result {
            Ok(()) => {
                self.told_not_saved = false;
                self.stranded = false;
                if wish == Wish::Save {
                    self.login_unsaved &= !live;
                    self.unreadable = None;
                    // The file of the parked session was moved aside for the live one.
                    self.parked = self.parked.take().filter(|_| !live);
                    self.parked_unsaved &= !self.storage.is_written();
                    self.save_after_parked(live);
                }
            }
            Err(failure) if wish == Wish::Save && live && self.moves_aside(failure) => {
                self.unreadable = Some(failure.message.clone());
                self.save_again();
            }
            Err(failure) => self.tell_not_saved(&failure.message.clone()),
        }
        let result = result.map_err(|failure| failure.message);
        self.storage.ended(wish, result, now.boot, jitter);
        self.changed = true;
    }

    /// The parked session went first: the live one follows, and moves it aside. What is held back waits for that, also
    /// where the parked session goes once more before.
    fn save_after_parked(&mut self, was_live: bool) {
        let follows = self.is_next_on_disk() || self.held_back.is_some();
        if !was_live && self.parked.is_some() && follows {
            self.save_again();
        }
    }

    /// What waits for its save waits for this one.
    fn save_again(&mut self) {
        let generation = self.storage.want(Wish::Save);
        self.held_back = self.held_back.map(|(_, since)| (generation, since));
    }

    /// A file that became unopenable while the daemon ran is moved aside for a login that a person asked for.
    fn moves_aside(&self, failure: &StoreFailure) -> bool {
        failure.unopenable && self.login_unsaved && self.unreadable.is_none() && self.is_live()
    }

    /// Wants the session on disk as it is, where it belongs there.
    pub(super) fn want_save(&mut self) -> Generation {
        if self.is_saved() { self.storage.want(Wish::Save) } else { 0 }
    }

    /// The wall clock was set, or the machine has slept, which moves both clocks and tears nothing apart.
    pub(super) fn wall_stepped(&mut self, now: Now) {
        self.changed = true;
        if self.clocks.clock_was_set(now, &self.boot_id) {
            self.clocks = Moment::of(now.boot, now, &self.boot_id);
            self.clocks_moved_apart();
        }
    }

    /// Moments on disk are by another wall clock, and a reboot would find the tokens there younger
    /// or older than they are: so they are saved by the new one. What is parked is saved without its access tokens, as
    /// nobody knows any more how old they are; its way back costs one refresh.
    pub(super) fn clocks_moved_apart(&mut self) {
        if self.is_live() && self.is_saved() {
            self.want_save();
        } else if let Some(parked) = self.parked.as_mut().filter(|parked| !parked.slots.is_empty())
        {
            parked.slots.clear();
            self.parked_unsaved = true;
            self.storage.want(Wish::Save);
        }
    }

    /// Lets readers have what waited for its save.
    pub(super) fn publish_saved(&mut self, now: Now) {
        let Some((generation, since)) = self.held_back else { return };
        // A failure that was the parked session's says nothing of this one.
        let failed = self.storage.has_failed(generation) && self.is_next_on_disk();
        if self.storage.has(generation) || failed || now.boot >= since + SAVE_PATIENCE {
            self.publish(now);
        }
    }

    /// A parked session is back before it is on disk: its tokens wait for that as any.
    pub(super) fn hold_back_unsaved(&mut self, now: Now) {
        if self.storage.is_idle() {
            return;
        }
        for slot in self.slots.values_mut() {
            slot.unpublished = slot.held.take();
        }
        self.held_back = Some((self.storage.want(Wish::Save), now.boot));
    }

    /// When fresh tokens do not wait for their save any more.
    pub(super) fn held_back_until(&self) -> Option<Boot> {
        self.held_back.map(|(_, since)| since + SAVE_PATIENCE)
    }

    /// Readers see the newest tokens, and whoever waited for them gets them.
    pub(super) fn publish(&mut self, now: Now) {
        self.held_back = None;
        self.shown_user = self.user.clone();
        if self.is_taking_over() {
            // The token of the session before goes with it, however long it would live on.
            for slot in self.slots.values_mut().filter(|slot| slot.unpublished.is_some()) {
                slot.held = None;
            }
        }
        let keys: Vec<SlotKey> = self.slots.keys().cloned().collect();
        for key in keys {
            // A file that was read again, and holds what it held, is no news.
            let is_known = self.own() == Some(Own::TokenFile)
                && self.slots.get(&key).is_some_and(Slot::has_it_already);
            if self.slots.get_mut(&key).is_some_and(|slot| slot.publish(now.boot)) {
                self.changed = true;
                if !is_known {
                    self.actions.push(Action::Tell(EventKind::Refreshed, None));
                }
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
        if self.unreadable.is_some() {
            Some(Aside::Unreadable)
        } else if self.stranded || (self.parked.is_some() && self.is_next_on_disk()) {
            Some(Aside::Parked)
        } else {
            None
        }
    }

    /// The answer to the parked session's refresh is still to come. A session that came by itself does not move that
    /// one aside before: it could come again, and the refresh token in that answer could not.
    pub(super) fn waits_for_the_old_place(&self) -> bool {
        self.parked.is_some()
            && self.own().is_some()
            && self.orphans.values().any(|orphan| matches!(orphan, Orphan::Parked { .. }))
    }

    /// Whether a save is wanted and may not begin yet.
    pub(super) fn save_waits(&self) -> bool {
        !self.storage.is_idle() && self.waits_for_the_old_place()
    }

    /// Whether there is a session beside what may be parked.
    pub(super) fn is_live(&self) -> bool {
        self.grant.is_some()
            || self.slots.values().any(|slot| slot.held.is_some() || slot.unpublished.is_some())
    }

    /// Whether the next save is of the live session. A parked one that is newer than its file goes first: the file is
    /// moved aside for the live one. For one that is only tried, it is not.
    fn is_next_on_disk(&self) -> bool {
        let is_held_up = self.parked_unsaved || self.gives_way_to_the_parked();
        self.is_live() && self.is_saved() && !(self.parked.is_some() && is_held_up)
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
            Some(parked) if !self.is_next_on_disk() => parked.as_ref().clone(),
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
            lost_since: grant.lost.map(|lost| moment(lost.asked)),
            idp_session: grant.idp_session.clone(),
            source: grant.source.clone(),
        });
        let slots = self.slots.iter().filter_map(|(key, slot)| {
            let held = slot.unpublished.as_ref().or(slot.held.as_ref())?;
            // On the wall clock it may have been asked for before this boot of the machine.
            let wall = match (held.ends, held.lifetime) {
                (Some(ends), Some(lifetime)) => now.wall_at(ends) - lifetime,
                _ => now.wall_at(held.asked),
            };
            Some(SavedSlot {
                scope: key.scope.clone(),
                audience: key.audience.clone(),
                token: held.token.clone(),
                asked: Moment { boot_id: self.boot_id.clone(), boot: held.asked, wall },
                lifetime: held
                    .lifetime
                    .map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
                ends: held.ends.map(moment),
                granted_scope: held.scope.clone(),
            })
        });
        Record {
            binding: self.settings.binding.clone(),
            saved: moment(now.boot),
            ends: self.ends.map(moment),
            source: self.source.clone(),
            grant,
            user_id: self.user.id.clone(),
            user_email: self.user.email.clone(),
            slots: slots.collect(),
        }
    }
}
