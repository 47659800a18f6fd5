//! The saved session taken up, and a configuration that changed: same place, or another one.

use super::{Orphan, Session};
use crate::grant::{Grant, Lost};
use crate::outcome::Granted;
use crate::record::{Moment, Record, Restored};
use crate::schedule::{self, Jitter};
use crate::settings::Settings;
use crate::slot::{Held, Slot, SlotKey};
use crate::storage::Wish;
use crate::time::{Boot, Now};
use std::time::Duration;

impl Session {
    /// Takes up what the store found. A session bound elsewhere is kept, and its tokens go nowhere.
    pub(super) fn restore(&mut self, restored: Restored, now: Now, jitter: Jitter) {
        self.changed = true;
        match restored {
            Restored::Nothing => {}
            Restored::Unreadable(reason) => self.unreadable = Some(reason),
            Restored::Session(record) if record.binding != self.settings.binding => {
                self.parked = Some(record)
            }
            Restored::Session(record) => self.take_up(*record, now, jitter),
        }
    }

    /// A mended state file, read again on reload.
    pub(super) fn restored_again(&mut self, restored: Restored, now: Now, jitter: Jitter) {
        if self.unreadable.is_some() && self.grant.is_none() {
            self.unreadable = None;
            self.restore(restored, now, jitter);
        }
    }

    fn take_up(&mut self, record: Record, now: Now, jitter: Jitter) {
        self.user_id = record.user_id;
        self.user_email = record.user_email;
        let boot_id = self.boot_id.clone();
        self.grant = record.grant.map(|saved| Grant {
            refresh_token: saved.refresh_token,
            expires: saved.expires.map(|expires| expires.on(now, &boot_id)),
            known_not_to_rotate: saved.known_not_to_rotate,
            over: saved.over,
            lost: saved.lost.then_some(Lost { repeated: true }),
            unproven: true,
            idp_session: saved.idp_session,
        });
        self.told_over = self.grant.as_ref().is_some_and(|grant| grant.over.is_some());
        for saved in record.slots {
            let lifetime = saved.lifetime.map(Duration::from_millis);
            let asked = match lifetime {
                Some(lifetime) => {
                    let left = saved.asked.left_of(lifetime, now, &boot_id);
                    if left.is_zero() {
                        continue;
                    }
                    // So that what is left, and not what a clock claims, is what counts from here.
                    now.boot + left - lifetime
                }
                None => now.boot,
            };
            let key = SlotKey { scope: saved.scope, audience: saved.audience };
            let held = Held {
                token: saved.token,
                asked,
                lifetime,
                scope: saved.granted_scope,
                after_reject: false,
            };
            let refresh_lifetime =
                self.grant.as_ref().and_then(|grant| grant.expires).map(|end| end.since(asked));
            let due = schedule::refresh_at(asked, asked, lifetime, None, refresh_lifetime, jitter);
            self.slots.insert(key, Slot { held: Some(held), due, ..Slot::default() });
        }
        // Without a valid token in hand the first one is fetched at once: its reader will come.
        if self.can_renew() {
            let slot = self.slots.entry(SlotKey::default()).or_default();
            slot.due.get_or_insert(now.boot);
        }
        if self
            .grant
            .as_ref()
            .is_some_and(|grant| grant.lost.is_some() && !grant.known_not_to_rotate)
        {
            self.spare_the_token_in_hand(now);
        }
    }

    /// The configuration was read again. The same place: whatever was held against it is forgiven. Another place: the
    /// session is parked, or the one parked for that place comes back.
    pub(super) fn reload(&mut self, settings: Settings, now: Now, jitter: Jitter) {
        let moved = settings.binding != self.settings.binding;
        // A profile that had left the configuration comes back.
        self.draining = false;
        if moved {
            self.park(now);
        }
        self.settings = settings;
        self.changed = true;
        if moved {
            if let Some(parked) =
                self.parked.take_if(|parked| parked.binding == self.settings.binding)
            {
                self.take_up(*parked, now, jitter);
            }
            if !self.can_renew() {
                self.tell_over(
                    "its configuration now points to another place than its session came from",
                );
            }
        } else {
            self.forgive(now);
        }
    }

    /// Whatever was held against the configuration is forgiven: the next attempt is now.
    pub(super) fn forgive(&mut self, now: Now) {
        let had_problem = self.attempts.problem.is_some();
        self.attempts.forgive();
        for slot in self.slots.values_mut() {
            let had_problem = had_problem || slot.attempts.problem.is_some();
            slot.attempts.forgive();
            if had_problem {
                slot.pull(now.boot);
            }
        }
    }

    fn park(&mut self, now: Now) {
        self.end_login_unasked("its profile's configuration has changed");
        if self.grant.is_some() {
            self.orphan_in_flight(Orphan::Parked);
            self.parked = Some(Box::new(self.live_record(now)));
        } else {
            self.orphan_in_flight(|_| Orphan::Revoke);
        }
        self.forget_tokens();
        if let Some(refusal) = self.no_session() {
            self.serve_failed(|_| true, &refusal, now);
        }
    }

    /// The answer of a refresh that was under way when the session was parked: its token must not be lost.
    pub(super) fn parked_answered(&mut self, granted: &Granted, asked: Boot, now: Now) {
        let expires = granted
            .refresh_lifetime
            .map(|lifetime| Moment::of(asked + lifetime, now, &self.boot_id));
        let Some(saved) = self.parked.as_mut().and_then(|parked| parked.grant.as_mut()) else {
            return;
        };
        if let Some(newer) = &granted.refresh_token {
            saved.refresh_token = newer.clone();
            saved.expires = expires;
            self.storage.want(Wish::Save);
        }
    }

    /// Nothing of the session is left in memory.
    pub(super) fn forget_tokens(&mut self) {
        self.grant = None;
        self.slots.clear();
        self.user_id = None;
        self.user_email = None;
        self.held_back = None;
        self.replaced = None;
        self.told_over = false;
        self.attempts.succeeded();
        self.changed = true;
    }
}
