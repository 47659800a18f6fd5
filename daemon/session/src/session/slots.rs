//! Tokens for other scopes and audiences than the profile's own: how many, and how long each is kept.

use super::Session;
use crate::io::Reads;
use crate::schedule::IDLE_AFTER;
use crate::settings::Own;
use crate::slot::{Slot, SlotKey};
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorBody, ErrorCode};

/// Slots of one profile beside its own; more are `overloaded`.
const SLOTS: usize = 64;

impl Session {
    /// Why nobody gets a token of this slot.
    pub(super) fn refusal_of_slot(&self, key: &SlotKey) -> Option<ErrorBody> {
        let profile = &self.settings.profile;
        if *key == SlotKey::default() {
            return None;
        }
        if self.own() == Some(Own::TokenFile) {
            let message = format!(
                "the token of profile `{profile}` comes from a file, as it is: leave `scope` and `audience` out"
            );
            return Some(ErrorBody::new(ErrorCode::BadRequest, message).of(profile));
        }
        if self.slots.contains_key(key) || self.other_slots().count() < SLOTS {
            return None;
        }
        let message = format!(
            "profile `{profile}` holds tokens for {SLOTS} scopes and audiences already: ask for one of those, or come \
             back when one of them is not read any more"
        );
        let body = ErrorBody::new(ErrorCode::Overloaded, message).of(profile);
        Some(ErrorBody { retry_after: Some(RETRY_AFTER_SECONDS), ..body })
    }

    /// Where all are taken, the one that nobody has read for longest goes, if that is long.
    pub(super) fn make_room(&mut self, key: &SlotKey, now: Boot) {
        if self.slots.contains_key(key) || self.other_slots().count() < SLOTS {
            return;
        }
        let in_flight = self.in_flight.as_ref().map(|in_flight| &in_flight.slot);
        let others = self.slots.iter().filter(|(key, slot)| {
            **key != SlotKey::default()
                && now.since(slot.last_wanted()) >= IDLE_AFTER
                && in_flight != Some(key)
                && !self.callers.wait_for(key)
        });
        let longest = others.min_by_key(|(_, slot)| slot.last_wanted());
        if let Some(key) = longest.map(|(key, _)| key.clone()) {
            self.slots.remove(&key);
            self.changed = true;
        }
    }

    fn other_slots(&self) -> impl Iterator<Item = &SlotKey> {
        self.slots.keys().filter(|key| **key != SlotKey::default())
    }

    /// What was got for the session before is nobody's now.
    pub(super) fn drop_other_slots(&mut self) {
        let before = self.slots.len();
        self.slots.retain(|key, _| *key == SlotKey::default());
        self.changed |= self.slots.len() != before;
    }

    /// A reader of this slot is here.
    pub(super) fn note_reader(&mut self, key: &SlotKey, now: Boot) {
        if let Some(slot) = self.slots.get_mut(key) {
            slot.last_read = now;
        }
    }

    /// Readers were served from the snapshot: a slot that was left to its end meanwhile is kept fresh again.
    pub(super) fn note_reads(&mut self, reads: Reads) {
        self.last_read = self.last_read.max(reads.last);
        for (key, at) in reads.slots {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            slot.last_read = slot.last_read.max(at);
            self.changed |= !slot.is_unread() && slot.wake();
        }
    }

    /// Whether nobody wants another token of this slot: nobody has read the one in hand since it was asked for, or there
    /// is none any more, and nobody waits.
    pub(super) fn is_left_alone(&self, key: &SlotKey, now: Boot) -> bool {
        let unwanted = |slot: &Slot| slot.is_unread() || slot.valid(now).is_none();
        *key != SlotKey::default()
            && !self.callers.wait_for(key)
            && self.slots.get(key).is_some_and(unwanted)
    }

    /// A slot that nobody reads lives on to the end of its token; one that has none goes.
    pub(super) fn leave_alone(&mut self, key: &SlotKey, now: Boot) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if slot.valid(now).is_none() && slot.unpublished.is_none() {
            // Its failure is remembered for as long as whoever comes next has to wait for it.
            match slot.attempts.pull_from().filter(|from| *from > now) {
                Some(from) => slot.due = Some(from),
                None => drop(self.slots.remove(key)),
            }
        } else {
            slot.put_off(Boot::NEVER);
        }
        self.changed = true;
    }

    /// Drops each slot that has no token, nobody who waits for one, and no failure to remember.
    pub(super) fn drop_idle_slots(&mut self, now: Now) {
        let in_flight = self.in_flight.as_ref().map(|in_flight| &in_flight.slot);
        let callers = &self.callers;
        let before = self.slots.len();
        self.slots.retain(|key, slot| {
            *key == SlotKey::default()
                || slot.unpublished.is_some()
                || slot.valid(now.boot).is_some()
                || slot.attempts.pull_from().is_some_and(|from| from > now.boot)
                // Whoever comes next has to wait as long as if its token were there still.
                || slot.spaced(now.boot) > now.boot
                || in_flight == Some(key)
                || callers.wait_for(key)
        });
        self.changed |= self.slots.len() != before;
    }
}

/// A token is rarely kept longer without a reader.
const RETRY_AFTER_SECONDS: u64 = 60;
