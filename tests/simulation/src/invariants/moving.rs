//! A session that is parked, as its profile has moved to another provider, and that comes back.

use super::ledger::{Chain, Family, Ledger, Token};
use super::trying::Trial;
use crate::engine::World;
use crate::history::Obtains;
use bearerd_session::Session;
use bearerd_session::time::Now;
use std::collections::BTreeSet;

/// A session at another place than the configured one.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) chain: Chain,
    pub(super) kept: BTreeSet<Family>,
    /// How often the wall clock had been set when it was parked.
    pub(super) steps: u64,
    pub(super) user: Option<String>,
    pub(super) source: Option<Token>,
    pub(super) ends: Option<u64>,
}

impl Ledger {
    /// Whether there is nothing but what a file holds, which has given no token yet, and a session that is parked.
    pub(super) fn gives_way_to_the_parked(&self) -> bool {
        let parked = self.parked.as_ref().is_some_and(|parked| !parked.chain.is_over);
        self.is_untried && parked
    }
}

impl World {
    /// The configuration names `place` now.
    pub(super) fn ledger_moves(&mut self, place: usize, now: Now) {
        let was = self.ledger.place;
        if was == place {
            return;
        }
        let is_worth_it = !self.ledger.gives_way_to_the_parked();
        if self.ledger.is_untried && !is_worth_it {
            let left = |chain| Trial { chain, source: self.ledger.source, is_wanted: false };
            self.ledger.trial = self.ledger.live.take().map(left);
        }
        self.ledger.is_untried = false;
        self.trial_is_left();
        let current = self.ledger.login.take().or(self.ledger.live.take());
        self.ledger.live = None;
        // Of a session that is over it is known still what it began with, where none is parked already.
        let held = |family: &&Family| self.ledger.got.values().any(|got| got.family == **family);
        let over = self.ledger.kept.iter().find(held).copied();
        let over = over.map(|family| Chain { family, refresh: None, is_over: true });
        let current = current.or(over.filter(|_| self.ledger.parked.is_none()));
        self.ledger.is_password_given = false;
        self.ledger.place = place;
        self.ledger.disk.saves_live = false;
        self.logins_are_given_up();
        self.tokens_under_way_are_unwanted();
        self.ledger.pace.starts_anew();
        let (user, source) = (self.ledger.user.take(), self.ledger.source.take());
        let (kept, ends) = (std::mem::take(&mut self.ledger.kept), self.ledger.ends.take());
        if let Some(chain) = current.filter(|_| self.is_saved() && is_worth_it) {
            let steps = self.machine.steps;
            self.ledger.parked = Some(Parked { chain, kept, steps, user, source, ends });
        }
        self.ledger.held_since = None;
        let parked = self.ledger.parked.take_if(|parked| parked.chain.family.0 == place);
        if let Some(back) = parked {
            self.is_back(back, now);
        }
    }

    fn is_back(&mut self, back: Parked, now: Now) {
        let clock_was_set = back.steps != self.machine.steps;
        let is_its = |family| family == back.chain.family || back.kept.contains(&family);
        for (token, got) in &mut self.ledger.got {
            if is_its(got.family) {
                got.rotated = None;
                if clock_was_set {
                    self.ledger.doubted.insert(*token);
                }
            }
        }
        let doubted = &self.ledger.doubted;
        self.ledger.got.retain(|token, _| !doubted.contains(token));
        (self.ledger.user, self.ledger.source) = (back.user, back.source);
        (self.ledger.kept, self.ledger.ends) = (back.kept, back.ends);
        let needs_another = back.chain.is_over && !self.script.policy.obtains.is_by_login();
        self.ledger.live = Some(back.chain).filter(|_| !needs_another);
        self.ledger.back_since = Some(now.boot);
        let saves = self.life.as_ref().is_some_and(|life| life.change.is_some());
        self.ledger.held_since = saves.then_some(now.boot);
    }

    /// Whether the profile's session is one that is written to disk.
    pub(super) fn is_saved(&self) -> bool {
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        match self.script.policy.obtains {
            Obtains::ByTokenFile => false,
            Obtains::BySecret => !session.is_some_and(Session::is_unreadable),
            _ => true,
        }
    }
}
