//! What is on disk: only ever newer, never lost, never a session that was logged out.

use super::Invariant;
use super::ledger::{Family, Token};
use crate::engine::{World, named, short};
use crate::provider::{Provider, token_of};
use bearerd_session::time::Now;
use bearerd_session::{Restored, StoreOp};

/// The disk, as far as it was looked at.
#[derive(Debug, Default)]
pub(super) struct OnDisk {
    /// The refresh token in the saved session.
    visible: Option<Token>,
    /// That one, as far as no loss of power can take it away.
    floor: Option<Token>,
    /// What is being saved is the live session, not the parked one.
    pub(super) saves_live: bool,
    /// What the next load may find; absent: nobody looked.
    expected: Option<Vec<Found>>,
}

/// What a load finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Unreadable,
    Session(Option<Token>, Option<Family>),
}

impl OnDisk {
    /// Whether a token that comes from `token` is there already.
    pub(super) fn holds_descendant(&self, providers: &[Provider; 2], token: Token) -> bool {
        self.floor.is_some_and(|floor| {
            floor == token
                || (floor.0 == token.0 && providers[token.0].is_ancestor(token.1, floor.1))
        })
    }
}

impl World {
    /// The session wants something changed: what stands there may go where that says so.
    pub(crate) fn store_begins(&mut self, op: &StoreOp) {
        let here = crate::engine::endpoint(self.ledger.place);
        self.ledger.disk.saves_live =
            matches!(op, StoreOp::Save { record, .. } if record.binding.endpoint == here);
        if !matches!(op, StoreOp::Save { aside: None, .. }) {
            self.ledger.disk.floor = None;
        }
    }

    pub(crate) fn store_ended(&mut self, done: bool) {
        if done {
            self.ledger.unreplaced = None;
            // The file of the parked session was moved aside for the live one.
            let is_live = std::mem::take(&mut self.ledger.disk.saves_live);
            self.ledger.parked.take_if(|_| is_live);
        } else {
            self.ledger.save_failed = Some(self.now);
        }
    }

    /// A step is done on disk.
    pub(crate) fn look_at_the_disk(&mut self) {
        let visible = self.found(&self.disk.visible());
        if let Found::Session(token, family) = visible {
            if let (Some(token), Some(before)) = (token, self.ledger.disk.visible) {
                let older = token.0 == before.0
                    && token != before
                    && self.providers[token.0].is_ancestor(token.1, before.1);
                self.demand(Invariant::NotOverwrittenByOlder, !older, || {
                    let (token, before) = (named(token.0, token.1), named(before.0, before.1));
                    format!("{before} was on disk, and {token} is now")
                });
            }
            let back = family.is_some_and(|family| self.ledger.forgotten.contains(&family));
            self.demand(Invariant::NothingAfterLogout, !back, || {
                format!("{token:?} of a session that was logged out is saved again")
            });
        }
        self.ledger.disk.visible =
            if let Found::Session(token, _) = visible { token } else { None };
        let cases: Vec<Found> = self.disk.durable().iter().map(|case| self.found(case)).collect();
        if let Some(floor) = self.ledger.disk.floor {
            let kept = cases.iter().all(|case| match case {
                Found::Session(Some(token), _) => {
                    *token == floor
                        || token.0 != floor.0
                        || !self.providers[token.0].is_ancestor(token.1, floor.1)
                }
                Found::Session(None, _) => true,
                Found::Nothing | Found::Unreadable => false,
            });
            self.demand(Invariant::NothingLostFromDisk, kept, || {
                let floor = named(floor.0, floor.1);
                format!("{floor} was safe on disk, and after a loss of power there were {cases:?}")
            });
        }
        if let [Found::Session(token, _)] = cases.as_slice() {
            self.ledger.disk.floor = *token;
        }
    }

    /// A daemon that runs on a disk that is well saves what it has by the clock as it is, some time after that was set.
    pub(super) fn note_the_saved_clock(&mut self, now: Now) {
        let Some(life) = self.life.as_ref().filter(|life| life.change.is_none()) else { return };
        let settled = life.session.as_ref().is_some_and(|session| session.report(now).saved);
        if !settled || !self.disk_is_well || self.now <= self.ledger.began + 1_000 {
            return;
        }
        if self.ledger.clock_was_set && self.now > self.machine.stepped + 1_000 {
            self.ledger.offset_saved = self.machine.offset;
            self.ledger.is_clock_saved = true;
        }
        let mut contradicted = std::mem::take(&mut self.ledger.contradicted);
        self.ledger.vanished.append(&mut contradicted);
    }

    /// Nothing is under way on the disk, and the session says that it is saved.
    pub(super) fn saved_is_on_disk(&mut self, now: Now) {
        let Some(life) = self.life.as_ref().filter(|life| life.change.is_none()) else { return };
        let Some(session) = &life.session else { return };
        if self.ledger.gives_way_to_the_parked() {
            return;
        }
        // What is over is kept for a person's next login alone.
        let by_login = self.script.policy.obtains.is_by_login();
        let live = self.ledger.live.as_ref().filter(|chain| !chain.is_over || by_login);
        let newest = live.and_then(|chain| chain.refresh);
        let Some(newest) = newest.filter(|_| self.ledger.login.is_none()) else { return };
        if self.ledger.disk.visible == Some(newest) || !session.report(now).saved {
            return;
        }
        let there = self.ledger.disk.visible.map(|token| named(token.0, token.1));
        self.demand(Invariant::SavedIsOnDisk, false, || {
            format!("{} is said to be saved, and {there:?} is on disk", named(newest.0, newest.1))
        });
    }

    /// The power was gone: what is there now is what there is.
    pub(crate) fn look_at_the_disk_anew(&mut self) {
        let visible = self.found(&self.disk.visible());
        let token = if let Found::Session(token, _) = visible { token } else { None };
        (self.ledger.disk.visible, self.ledger.disk.floor) = (token, token);
    }

    pub(crate) fn expect_what_is_visible(&mut self) {
        let visible = self.found(&self.disk.visible());
        self.ledger.disk.expected = Some(vec![visible]);
    }

    pub(crate) fn expect_what_is_durable(&mut self) {
        let cases = self.disk.durable();
        let cases = cases.iter().map(|case| self.found(case)).collect();
        self.ledger.disk.expected = Some(cases);
    }

    /// A daemon has read the saved session at its start.
    pub(crate) fn loaded_is_right(&mut self, restored: &Restored) {
        let found = self.found(restored);
        if let Found::Session(_, Some(family)) = found {
            let back = self.ledger.forgotten.contains(&family);
            self.demand(Invariant::NothingAfterLogout, !back, || {
                format!("a session that was logged out is loaded: {}", short(restored))
            });
        }
        let expected = self.ledger.disk.expected.take();
        if found == Found::Unreadable {
            self.tally.count("starts with a saved session that can't be opened");
        }
        if found == Found::Unreadable && !self.disk_is_well {
            return;
        }
        if let Some(expected) = expected {
            let right = expected.contains(&found);
            self.demand(Invariant::NothingLostFromDisk, right, || {
                format!("the disk held {expected:?}, and {} is loaded", short(restored))
            });
        }
        if let Found::Session(token, _) = found {
            self.ledger.disk.visible = token;
        }
    }

    fn found(&self, restored: &Restored) -> Found {
        match restored {
            Restored::Nothing => Found::Nothing,
            Restored::Unreadable(_) => Found::Unreadable,
            Restored::Session(record) => {
                let grant = record.grant.as_ref();
                let token = grant.and_then(|grant| token_of(grant.refresh_token.expose()));
                Found::Session(token, self.family_of(record))
            }
        }
    }
}
