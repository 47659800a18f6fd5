//! The saved session taken up, and a configuration that changed: same place, or another one.

use super::orphans::Orphan;
use super::{Session, User};
use crate::grant::{Grant, InFlight, Lost, Way};
use crate::outcome::{Next, Outcome, RequestKind, verdict};
use crate::problem::Problem;
use crate::record::{Moment, Record, Restored, SavedSlot};
use crate::schedule::{self, Jitter};
use crate::settings::{Own, Settings};
use crate::slot::{Held, Slot, SlotKey};
use crate::storage::Wish;
use crate::time::{Boot, Now};
use crate::trial::Trial;
use bearerd_proto::{ErrorCode, Secret};
use std::time::Duration;

impl Session {
    /// Takes up what the store found. A session bound elsewhere is kept, and its tokens go nowhere.
    pub(super) fn restore(&mut self, restored: Restored, now: Now, jitter: Jitter) {
        self.changed = true;
        self.broken_since = now.wall;
        match restored {
            Restored::Nothing => {}
            Restored::Unreadable(reason) => self.unreadable = Some(reason),
            Restored::Session(record) => {
                let clock_was_set = record.saved.clock_was_set(now, &self.boot_id);
                if record.binding == self.settings.binding {
                    self.take_up(*record, now, jitter);
                } else {
                    self.parked = Some(record);
                }
                if clock_was_set {
                    self.clocks_moved_apart();
                }
            }
        }
        self.begin_by_itself(now.boot);
    }

    /// What a profile does without being asked: its first token, and a look at its file.
    fn begin_by_itself(&mut self, now: Boot) {
        self.reread = self.own().is_some_and(Own::follows_a_file);
        self.plan_first(now);
    }

    /// A mended state file, read again on reload.
    pub(super) fn restored_again(&mut self, restored: Restored, now: Now, jitter: Jitter) {
        if self.own() == Some(Own::Tokens) && self.is_live() {
            // What stands on disk is older than what is in hand.
            self.unreadable =
                self.unreadable.take().filter(|_| matches!(restored, Restored::Unreadable(_)));
            self.want_save();
            return;
        }
        if self.unreadable.is_none() || self.is_live() {
            return;
        }
        self.unreadable = None;
        match (self.logged_out_unread, restored) {
            (Some(revoke), Restored::Session(record)) => self.forget_unread(*record, revoke),
            (_, restored) => self.restore(restored, now, jitter),
        }
    }

    /// Somebody logged out of a session that can be opened only now.
    fn forget_unread(&mut self, record: Record, revoke: bool) {
        self.logged_out_unread = None;
        self.changed = true;
        let ours = record.binding == self.settings.binding;
        if let Some(saved) = record.grant.filter(|_| revoke && ours) {
            self.revoke(saved.refresh_token);
        }
        self.storage.want(Wish::Forget);
    }

    fn take_up(&mut self, record: Record, now: Now, jitter: Jitter) {
        self.user = User { id: record.user_id, email: record.user_email };
        self.source = record.source;
        // Whatever the wall clock says after a reboot: no more is left than was left at the save.
        let left = |ends: &Moment| now.boot + ends.wall.since(record.saved.wall);
        self.ends = record.ends.map(|ends| ends.on(now, &self.boot_id).min(left(&ends)));
        self.shown_user = self.user.clone();
        let boot_id = self.boot_id.clone();
        let saved_at = record.saved.on(now, &boot_id).min(now.boot);
        let same_boot = record.saved.boot_id == boot_id;
        // The process before has ended by now; that of another boot of the machine, before this one began.
        let ended = if same_boot { now.boot } else { Boot::default() };
        self.grant = record.grant.map(|saved| Grant {
            renewed: saved_at,
            refresh_token: saved.refresh_token,
            expires: saved.expires.map(|expires| expires.on(now, &boot_id)),
            known_not_to_rotate: saved.known_not_to_rotate,
            over: saved.over,
            lost: saved.lost.then(|| Lost {
                asked: saved.lost_since.map_or(saved_at, |since| since.on(now, &boot_id)),
                repeated: false,
            }),
            unproven: Some(ended),
            idp_session: saved.idp_session,
            // The version before did not save what a session began with.
            source: saved.source.or_else(|| self.source.clone()),
            untried: false,
        });
        if self.own().is_some() {
            // Nobody is needed for another session.
            self.grant = self.grant.take().filter(Grant::is_live);
        }
        self.told_over = self.grant.as_ref().is_some_and(|grant| grant.over.is_some());
        // In another boot the wall clock alone tells how old a token is; one that stands before the save tells nothing.
        let tells = same_boot || now.wall >= record.saved.wall;
        for saved in record.slots.into_iter().filter(|_| tells) {
            let key = SlotKey { scope: saved.scope.clone(), audience: saved.audience.clone() };
            if let Some(slot) = self.slot_of(saved, now, jitter) {
                self.slots.insert(key, slot);
            }
        }
        if self.grant.as_ref().is_some_and(|grant| grant.lost.is_some() && grant.is_live()) {
            let message = format!(
                "the answer to the last refresh of profile `{}` was lost on its way",
                self.settings.profile
            );
            let code = ErrorCode::IdpUnreachable;
            self.attempts.recall(Problem { code, message, at: now.wall });
        }
    }

    /// A saved access token, if it is still good: what is left of it counts, and not what a clock claims.
    fn slot_of(&self, saved: SavedSlot, now: Now, jitter: Jitter) -> Option<Slot> {
        let lifetime = saved.lifetime.map(Duration::from_millis);
        let of_this_boot = |ends: &Moment| ends.boot_id == self.boot_id;
        let by_end = saved.ends.filter(of_this_boot).map(|ends| now.boot.until(ends.boot));
        let left = lifetime.map(|lifetime| {
            let left = saved.asked.left_of(lifetime, now, &self.boot_id);
            by_end.map_or(left, |by_end| left.min(by_end))
        });
        if left.is_some_and(|left| left.is_zero()) {
            return None;
        }
        let ends = left.map(|left| now.boot + left);
        // Where that lies before this boot of the machine it is cut: the end is what counts.
        let asked = match (ends, lifetime) {
            (Some(ends), Some(lifetime)) => ends - lifetime,
            _ => now.boot,
        };
        let grant_ends = self.grant.as_ref().and_then(|grant| grant.expires);
        let refresh_lifetime = grant_ends.map(|end| end.since(asked));
        let after = schedule::refresh_after(lifetime, None, refresh_lifetime, jitter);
        let due = after.map(|after| match (ends, lifetime) {
            (Some(ends), Some(lifetime)) => ends - lifetime.saturating_sub(after),
            _ => asked + after,
        });
        let scope = saved.granted_scope;
        let held = Held { token: saved.token, asked, lifetime, scope, ends, after_reject: false };
        Some(Slot { held: Some(held), due, ..Slot::default() })
    }

    /// The configuration was read again. The same place: whatever was held against it is forgiven. Another place: the
    /// session is parked, or the one parked for that place comes back.
    pub(super) fn reload(&mut self, settings: Settings, now: Now, jitter: Jitter) {
        let moved = settings.binding != self.settings.binding;
        // A profile that had left the configuration comes back.
        self.draining = false;
        self.start_failed = None;
        if moved {
            self.park(now);
        }
        self.settings = settings;
        if self.own() != Some(Own::Sessions { needs_given: true }) {
            self.given = None;
        }
        self.changed = true;
        if moved {
            if let Some(parked) =
                self.parked.take_if(|parked| parked.binding == self.settings.binding)
            {
                self.stranded = false;
                self.take_up(*parked, now, jitter);
                self.adopt_orphan();
                self.hold_back_unsaved(now);
                // A save of it that is under way is one of the live session now.
                if let Some(storing) = &mut self.storing {
                    storing.live = true;
                }
            }
            self.begin_by_itself(now.boot);
            self.serve_forgotten(now);
            if self.parked.is_some() && self.no_session().is_some() {
                self.tell_over(
                    "its configuration now points to another place than its session came from",
                );
            }
        } else {
            self.source_changed(now);
        }
    }

    /// Whatever was held against the configuration is forgiven: the next attempt is now.
    pub(super) fn forgive(&mut self, now: Now) {
        let had_problem = self.attempts.problem.is_some();
        self.refused = None;
        self.attempts.forgive();
        self.trial.iter_mut().for_each(Trial::forgive);
        for slot in self.slots.values_mut() {
            let had_problem = had_problem || slot.attempts.problem.is_some();
            slot.attempts.forgive();
            if had_problem {
                slot.pull(slot.spaced_by_itself(now.boot));
            }
        }
    }

    fn park(&mut self, now: Now) {
        self.end_login_unasked("its profile's configuration has changed", false);
        // From here on a revocation would go to the new place: no token of the old one may.
        for orphan in self.orphans.values_mut() {
            if matches!(orphan, Orphan::Revoke) {
                *orphan = Orphan::Drop;
            }
        }
        let parks = self.is_live() && self.is_saved() && !self.gives_way_to_the_parked();
        self.orphan_parked(parks);
        if parks {
            // An older one that is parked was never moved aside, as no save came through.
            self.stranded |= self.parked.is_some();
            self.parked_unsaved = !self.storage.is_idle();
            self.parked = Some(Box::new(self.live_record(now)));
            self.broken_since = now.wall;
            // A save of it that is under way is one of the parked session now.
            if let Some(storing) = &mut self.storing {
                storing.live = false;
            }
        }
        self.forget_tokens();
        (self.source, self.refused) = (None, None);
        if let Some(refusal) = self.no_session() {
            self.serve_failed(|_| true, &refusal, now);
        }
    }

    /// The answer of a refresh that was under way when the session was parked: its token must not be lost.
    pub(super) fn parked_answered(
        &mut self,
        outcome: Outcome,
        asked: Boot,
        spent: &Secret,
        now: Now,
    ) {
        let parked = self.parked.as_mut().and_then(|parked| parked.grant.as_mut());
        let Some(saved) = parked.filter(|saved| saved.refresh_token.same_as(spent)) else { return };
        match outcome {
            Outcome::Granted(granted) => {
                saved.lost = false;
                saved.lost_since = None;
                if let Some(newer) = granted.refresh_token {
                    saved.known_not_to_rotate = newer.same_as(spent);
                    saved.refresh_token = newer;
                    saved.expires = granted
                        .refresh_lifetime
                        .map(|lifetime| Moment::of(asked + lifetime, now, &self.boot_id));
                }
            }
            Outcome::Failed(failure) => {
                match verdict(RequestKind::Refresh, &failure.cause).next {
                    Next::Lost => {
                        saved.lost = true;
                        let since = Moment::of(asked, now, &self.boot_id);
                        saved.lost_since.get_or_insert(since);
                    }
                    Next::Over => saved.over = Some(failure.message),
                    _ => {}
                }
                if let Some(newer) = failure.cause.refresh_token() {
                    saved.refresh_token = newer.clone();
                }
            }
            Outcome::Found(_) | Outcome::Device(_) | Outcome::Revoked => return,
        }
        self.parked_unsaved = true;
        self.storage.want(Wish::Save);
    }

    /// The parked session is back before the answer that it waited for: that is the refresh under way again.
    fn adopt_orphan(&mut self) {
        let Some(grant) = &self.grant else { return };
        let found = self.orphans.iter().find_map(|(fetch, orphan)| match orphan {
            Orphan::Parked { asked, spent, slot } if spent.same_as(&grant.refresh_token) => {
                Some((*fetch, *asked, slot.clone()))
            }
            _ => None,
        });
        if let Some((fetch, asked, slot)) = found {
            self.orphans.remove(&fetch);
            self.in_flight = Some(InFlight::of(fetch, Way::Refresh, slot, asked));
        }
    }

    /// Nothing of the session is left in memory.
    pub(super) fn forget_tokens(&mut self) {
        self.grant = None;
        self.given = None;
        self.ends = None;
        (self.reread, self.reread_after_use) = (false, false);
        self.login_unsaved = false;
        self.slots.clear();
        self.user = User::default();
        self.shown_user = User::default();
        self.held_back = None;
        self.replaced = None;
        self.told_over = false;
        self.attempts.succeeded();
        self.changed = true;
    }
}
