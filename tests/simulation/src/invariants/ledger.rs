//! What a daemon of this life must know, by what it was given: the yardstick of the other invariants.

use super::calls::Pace;
use super::meaning::{Meaning, meaning};
use crate::engine::{CallerId, World};
use crate::provider::token_of;
use bearerd_session::time::{Boot, Now};
use bearerd_session::{
    Cause, Event, FetchId, Granted, Jitter, Outcome, Request, RequestKind, Restored,
};
use std::collections::{BTreeMap, BTreeSet};

/// A token, by its provider and its number there.
pub(super) type Token = (usize, usize);
/// All tokens that come from one login, by its provider and its number there.
pub(super) type Family = (usize, usize);

/// A session, as far as this life of the daemon has heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(super) family: Family,
    /// The newest refresh token; absent where the provider gave none.
    pub(super) refresh: Option<Token>,
    /// It was refused: that counts until an access token comes.
    pub(super) is_over: bool,
}

/// An access token that this life was given.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) family: Family,
    /// By the daemon's own count: from the request's start.
    pub(super) ends: Option<Boot>,
    /// Its refresh token is another one than the one spent for it, and has to be saved before.
    pub(super) rotated: Option<Token>,
    /// The order of receipt.
    pub(super) number: u64,
}

/// What one life knows, and what outlives it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(super) live: Option<Chain>,
    /// With how often the wall clock had been set when it was parked.
    pub(super) parked: Option<(Chain, u64)>,
    /// Granted, and not in force yet.
    pub(super) login: Option<Chain>,
    /// Granted in this event.
    offered: Option<(Chain, Option<Boot>)>,
    /// Where the daemon said in this event that a person has to log in.
    pub(super) said: Vec<&'static str>,
    /// Refresh tokens that this life was given.
    pub(super) received: BTreeSet<Token>,
    pub(super) got: BTreeMap<Token, Got>,
    /// Saved access tokens that a clock speaks against (decisions/0004).
    pub(super) doubted: BTreeSet<Token>,
    /// Those that must be on disk no more, once a daemon could save.
    pub(super) contradicted: BTreeSet<Token>,
    /// Those that are not.
    pub(super) vanished: BTreeSet<Token>,
    /// When this life began, in true time.
    pub(super) began: u64,
    /// The wall clock was set in this life.
    pub(super) clock_was_set: bool,
    next_got: u64,
    /// Since when fresh tokens wait for their save.
    pub(super) held_since: Option<Boot>,
    /// When a parked session came back: its tokens wait for a save, too.
    pub(super) back_since: Option<Boot>,
    /// How far the wall clock was ahead when a daemon last had the time and the disk to save by it.
    pub(super) offset_saved: i64,
    /// It has not been set since while a daemon ran.
    pub(super) is_clock_saved: bool,
    /// The last save that failed.
    pub(super) save_failed: Option<u64>,
    /// Sessions that nothing may be served of in this life.
    pub(super) gone: BTreeSet<Family>,
    /// Sessions that were logged out, and the disk has confirmed it: they never come back.
    pub(super) forgotten: BTreeSet<Family>,
    pub(super) leaving: Vec<(CallerId, Vec<Family>)>,
    /// A logout came while the saved session could not be read.
    pub(super) unread_logout: bool,
    /// The place of the configuration in force.
    pub(super) place: usize,
    /// How many milliseconds younger saved tokens look than they are, since a boot found the wall clock set back.
    pub(super) younger: BTreeMap<Token, super::restored::Younger>,
    /// When a reader last got a token.
    pub(super) last_served: Option<u64>,
    /// The last refusal of a caller, and when.
    pub(super) last_refusal: Option<(u64, bearerd_proto::ErrorCode)>,
    pub(super) disk: super::on_disk::OnDisk,
    pub(super) pace: Pace,
}

impl World {
    /// A life begins with what the disk gave.
    pub(crate) fn ledger_begins(&mut self, restored: &Restored, now: Now) {
        let old = std::mem::take(&mut self.ledger);
        let place = self.life.as_ref().map_or(0, |life| life.place);
        self.ledger = Ledger {
            forgotten: old.forgotten,
            disk: old.disk,
            younger: old.younger,
            offset_saved: old.offset_saved,
            is_clock_saved: old.is_clock_saved,
            vanished: old.vanished,
            began: self.now,
            place,
            ..Ledger::default()
        };
        if let Restored::Session(record) = restored {
            self.take_up(record, now);
        }
        // From here on only a clock that is set in this life has to be saved.
        self.ledger.is_clock_saved = false;
    }

    pub(super) fn note_access(&mut self, token: Token, got: Got) {
        self.ledger.next_got += 1;
        let number = self.ledger.next_got;
        self.ledger.got.insert(token, Got { number, ..got });
        if self.ledger.got.len() > 512 {
            let oldest = number.saturating_sub(256);
            self.ledger.got.retain(|_, got| got.number >= oldest || got.ends.is_none());
        }
    }

    /// The daemon is about to hear of something.
    pub(crate) fn before(&mut self, event: &Event, now: Now, jitter: Jitter) {
        self.pace_before(event, now);
        match event {
            Event::Answered { fetch, outcome } => self.hears(*fetch, outcome, now, jitter),
            Event::Reload(settings) => {
                let place = self.life.as_ref().map_or(0, |life| life.place);
                if settings.binding.endpoint == crate::engine::endpoint(place) {
                    self.ledger_moves(place, now);
                }
            }
            Event::Restored(restored) => self.restored_again(restored, now),
            Event::WallStepped => {
                self.ledger.is_clock_saved = false;
                self.ledger.clock_was_set = true;
            }
            _ => {}
        }
    }

    fn hears(&mut self, fetch: FetchId, outcome: &Outcome, now: Now, jitter: Jitter) {
        let number = self.life.as_ref().map_or(0, |life| life.number);
        let found =
            self.exchanges.values().rev().find(|one| one.life == number && one.fetch == fetch);
        let Some(exchange) = found else { return };
        let (request, sent, unwanted) =
            (exchange.request.clone(), exchange.sent, exchange.unwanted);
        let asked = self.machine.clocks(sent).boot;
        match (&request, outcome) {
            (Request::Refresh { refresh_token, .. }, outcome) => {
                let Some(spent) = token_of(refresh_token.expose()) else { return };
                self.pace_answered(fetch, spent, outcome, asked, now, jitter);
                match outcome {
                    Outcome::Granted(granted) => self.renewed(spent, granted, asked, now),
                    Outcome::Failed(failure) => {
                        if meaning(RequestKind::Refresh, &failure.cause) == Meaning::Over {
                            self.ledger.chains_of(spent).for_each(|chain| chain.is_over = true);
                        }
                        if let Cause::Unusable { refresh_token: Some(newer) } = &failure.cause
                            && let Some(newer) = token_of(newer.expose())
                        {
                            self.ledger.rotates(spent, newer);
                        }
                    }
                    _ => {}
                }
            }
            (Request::DevicePoll { .. }, Outcome::Granted(granted)) => {
                self.logged_in(granted, unwanted, asked, now);
            }
            _ => {}
        }
        self.poll_paced(&request, outcome, unwanted, now);
    }

    fn renewed(&mut self, spent: Token, granted: &Granted, asked: Boot, now: Now) {
        let newer = granted.refresh_token.as_ref().and_then(|token| token_of(token.expose()));
        self.ledger.chains_of(spent).for_each(|chain| chain.is_over = false);
        if let Some(newer) = newer {
            self.ledger.rotates(spent, newer);
        }
        let Some(access) = token_of(granted.access_token.expose()) else { return };
        let family = (spent.0, self.providers[spent.0].refresh[spent.1].family);
        let is_live = [&self.ledger.live, &self.ledger.login]
            .into_iter()
            .flatten()
            .any(|chain| chain.family == family);
        if !is_live {
            return;
        }
        let ends = granted.lifetime.map(|lifetime| asked + lifetime);
        // A provider that hands the same access token out again shows nothing new by it.
        let shown = self.life.as_ref().and_then(|life| life.shown.as_ref());
        let is_new = shown.is_none_or(|shown| shown.token != granted.access_token.expose());
        let rotated = newer.filter(|newer| *newer != spent);
        if rotated.is_some() && ends.is_none_or(|end| now.boot < end) {
            self.ledger.held_since.get_or_insert(now.boot);
        }
        let rotated = rotated.filter(|_| is_new);
        self.note_access(access, Got { family, ends, rotated, number: 0 });
    }

    fn logged_in(&mut self, granted: &Granted, unwanted: bool, asked: Boot, now: Now) {
        let refresh = granted.refresh_token.as_ref().and_then(|token| token_of(token.expose()));
        let Some(access) = token_of(granted.access_token.expose()) else { return };
        let family = (access.0, self.providers[access.0].access[access.1].family);
        self.ledger.received.extend(refresh);
        if unwanted {
            self.ledger.gone.insert(family);
            self.ledger.forgotten.insert(family);
            return;
        }
        let held_before = self.ledger.held_since.replace(now.boot);
        self.ledger.offered = Some((Chain { family, refresh, is_over: false }, held_before));
        let ends = granted.lifetime.map(|lifetime| asked + lifetime);
        self.note_access(access, Got { family, ends, rotated: refresh, number: 0 });
    }

    /// The session has looked at the tokens of a login: those of another person it does not want.
    pub(super) fn judge_the_login(&mut self, now: Now) {
        let Some((offered, held_before)) = self.ledger.offered.take() else { return };
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        if session.is_some_and(|session| session.report(now).login.is_some()) {
            self.is_accepted(offered);
        } else {
            self.tally.count("logins of another person denied");
            self.ledger.gone.insert(offered.family);
            self.ledger.forgotten.insert(offered.family);
            self.ledger.held_since = held_before;
        }
    }

    fn is_accepted(&mut self, offered: Chain) {
        self.ledger.login = Some(offered);
        self.ledger.unread_logout = false;
        self.ledger.pace.starts_anew();
    }

    /// The session says that the login is in force.
    pub(crate) fn login_took_force(&mut self) {
        if let Some((offered, _)) = self.ledger.offered.take() {
            self.is_accepted(offered);
        }
        let Some(login) = self.ledger.login.take() else { return };
        let old = self.ledger.live.replace(login);
        self.ledger.gone.extend(old.map(|old| old.family));
        self.ledger.parked = None;
        self.ledger.pace.starts_anew();
    }

    /// Polls whose login is given up: what they bring is not wanted.
    pub(crate) fn logins_are_given_up(&mut self) {
        let number = self.life.as_ref().map_or(0, |life| life.number);
        for exchange in self.exchanges.values_mut().filter(|exchange| exchange.life == number) {
            exchange.unwanted |=
                matches!(exchange.request, Request::DevicePoll { .. } | Request::DeviceStart);
        }
    }

    /// The configuration names `place` now.
    fn ledger_moves(&mut self, place: usize, now: Now) {
        let current = self.ledger.login.clone().or(self.ledger.live.clone());
        let was = self.ledger.place;
        if was == place {
            return;
        }
        self.ledger.place = place;
        self.logins_are_given_up();
        self.ledger.pace.starts_anew();
        if let Some(current) = current {
            self.ledger.parked = Some((current, self.machine.steps));
        }
        (self.ledger.login, self.ledger.live) = (None, None);
        self.ledger.held_since = None;
        let Some((back, steps)) = self.ledger.parked.take_if(|(chain, _)| chain.family.0 == place)
        else {
            return;
        };
        let clock_was_set = steps != self.machine.steps;
        for (token, got) in &mut self.ledger.got {
            if got.family == back.family {
                got.rotated = None;
                if clock_was_set {
                    self.ledger.doubted.insert(*token);
                }
            }
        }
        let doubted = &self.ledger.doubted;
        self.ledger.got.retain(|token, _| !doubted.contains(token));
        self.ledger.live = Some(back);
        self.ledger.back_since = Some(now.boot);
        let saves = self.life.as_ref().is_some_and(|life| life.change.is_some());
        self.ledger.held_since = saves.then_some(now.boot);
    }
}

impl Ledger {
    /// An answer gave `newer` for `spent`.
    fn rotates(&mut self, spent: Token, newer: Token) {
        self.received.insert(newer);
        self.chains_of(spent).for_each(|chain| chain.refresh = Some(newer));
    }

    /// Whatever has `token` as its newest.
    fn chains_of(&mut self, token: Token) -> impl Iterator<Item = &mut Chain> {
        let parked = self.parked.as_mut().map(|(chain, _)| chain);
        let chains = [self.live.as_mut(), self.login.as_mut(), parked].into_iter().flatten();
        chains.filter(move |chain| chain.refresh == Some(token))
    }
}
