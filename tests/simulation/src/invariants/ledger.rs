//! What a daemon of this life must know, by what it was given: the yardstick of the other invariants.

use super::logins::Offered;
use super::meaning::{Meaning, meaning};
use super::moving::Parked;
use super::pace::Pace;
use super::trying::Trial;
use crate::engine::{CallerId, World};
use crate::history::{Slot, slot_of};
use crate::provider::token_of;
use bearerd_session::time::{Boot, Now};
use bearerd_session::{
    Event, FetchId, Granted, Jitter, Means, Outcome, Request, RequestKind, Restored,
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
    /// What it is for.
    pub(super) slot: Slot,
    /// When it was asked for, in true time.
    pub(super) asked: u64,
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
    /// What its file holds beside it.
    pub(super) trial: Option<Trial>,
    /// The live session's refresh token came out of a file and has given no token yet.
    pub(super) is_untried: bool,
    /// Sessions before the live one whose tokens may be in hand still: nobody asked for its end.
    pub(super) kept: BTreeSet<Family>,
    /// The same of the login whose tokens have come and are not in force yet.
    pub(super) kept_of_login: BTreeSet<Family>,
    pub(super) parked: Option<Parked>,
    /// One that another session is to replace, and has not on disk.
    pub(super) unreplaced: Option<Parked>,
    /// Granted, and not in force yet.
    pub(super) login: Option<Chain>,
    /// Granted in this event.
    pub(super) offered: Option<Offered>,
    /// A request of a login may leave in this event.
    pub(super) login_may_send: bool,
    /// Requests of logins.
    pub(super) of_login: BTreeSet<FetchId>,
    /// Refresh tokens that were brought along, or that a person asked to be taken out of a file.
    pub(super) brought: BTreeSet<Token>,
    /// The login under way is made with what the profile says.
    pub(super) login_is_own: bool,
    /// When the lifetime of a session was over last.
    pub(crate) ended: Option<u64>,
    /// A caller was told in this event that its login is another person's.
    pub(super) is_denied: bool,
    /// Another person may take over by the login under way.
    pub(super) replace: bool,
    /// Seconds after which whoever logs in wants the session forgotten.
    pub(super) login_lifetime: Option<u64>,
    /// Whose session it is.
    pub(super) user: Option<String>,
    /// A login has brought a password that is good for more than one grant.
    pub(super) is_password_given: bool,
    /// The refresh token that was last taken out of a file.
    pub(super) source: Option<Token>,
    /// The one that a login has taken out of a file, and what has become of it.
    pub(super) login_source: Option<(Token, Token)>,
    /// When the live session is to be forgotten, in true time.
    pub(super) ends: Option<u64>,
    /// A wall clock that was set says another end.
    pub(super) ends_are_doubted: bool,
    /// When a reader last came, in true time.
    pub(super) readers: BTreeMap<Slot, u64>,
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
    pub(super) leaving: Vec<(CallerId, BTreeSet<Family>)>,
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
            readers: old.readers,
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
        if self.ledger.got.len() > 1_024 {
            let (oldest, now) = (number.saturating_sub(512), self.clocks().boot);
            let is_over = |got: &Got| got.ends.is_some_and(|end| end <= now);
            self.ledger.got.retain(|_, got| got.number >= oldest || !is_over(got));
        }
    }

    /// The daemon is about to hear of something.
    pub(crate) fn before(&mut self, event: &Event, now: Now, jitter: Jitter) {
        self.pace_before(event, now);
        match event {
            Event::Answered { fetch, outcome } => self.hears(*fetch, outcome, now, jitter),
            Event::Login { means, replace, lifetime, .. } => {
                self.joins_the_profiles_own(means, now);
                let own = matches!(means, Means::Own);
                let joins = own && self.is_logging_in(now);
                let is_refused = !own && self.is_granting();
                let ledger = &mut self.ledger;
                let has_it = match means {
                    Means::Import { refresh_token } => ledger.live.as_ref().is_some_and(|chain| {
                        !chain.is_over && chain.refresh == token_of(refresh_token.expose())
                    }),
                    _ => false,
                };
                let obtains = self.script.policy.obtains;
                let may_live = |chain: &Chain| !chain.is_over && chain.refresh.is_some();
                let is_live = ledger.live.as_ref().is_some_and(may_live);
                let is_of_no_use = matches!(means, Means::Import { .. })
                    && (!obtains.keeps_a_session() || (is_live && !*replace));
                ledger.login_may_send =
                    !(has_it || joins || is_of_no_use || own && obtains.is_by_login());
                ledger.login_is_own = if joins { ledger.login_is_own } else { own };
                ledger.replace =
                    (is_refused && ledger.replace) || *replace || (ledger.replace && joins);
                let lifetime = lifetime.map(|lifetime| lifetime.as_secs()).filter(|_| !is_refused);
                let before = ledger.login_lifetime.filter(|_| joins || is_refused);
                ledger.login_lifetime = lifetime.into_iter().chain(before).min();
                if let Means::Import { refresh_token } = means {
                    ledger.brought.extend(token_of(refresh_token.expose()));
                }
            }
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
        let of_login = self.ledger.of_login.contains(&fetch);
        let asked = self.machine.clocks(sent).boot;
        let heard = Heard { slot: slot_for(&request), sent, asked, now };
        match &request {
            _ if of_login => {
                self.ledger.pace.in_flight.remove(&fetch);
                self.login_heard(&request, outcome, unwanted, heard, jitter);
            }
            Request::Refresh { refresh_token, slot } => {
                let Some(spent) = token_of(refresh_token.expose()) else { return };
                let slot = slot_of(slot);
                if slot == 0 && self.is_tried(spent, unwanted) {
                    self.trial_paced(fetch, outcome, heard, jitter);
                    self.trial_heard(spent, outcome, heard);
                } else {
                    self.pace_answered(fetch, slot, RequestKind::Refresh, outcome, heard, jitter);
                    self.refresh_heard(spent, outcome, heard);
                }
            }
            Request::Grant { .. } | Request::Exchange { .. } => {
                self.pace_answered(fetch, heard.slot, request.kind(), outcome, heard, jitter);
                if !unwanted {
                    self.grant_heard(&request, outcome, heard);
                }
            }
            Request::DevicePoll { .. } => {
                if let Outcome::Granted(granted) = outcome {
                    self.logged_in(granted, None, true, unwanted, heard);
                }
            }
            Request::DeviceStart | Request::Revoke { .. } => {}
        }
        self.poll_paced(&request, outcome, unwanted, now);
    }

    fn refresh_heard(&mut self, spent: Token, outcome: &Outcome, heard: Heard) {
        match outcome {
            Outcome::Granted(granted) => self.renewed(spent, granted, heard),
            Outcome::Failed(failure) => {
                if meaning(RequestKind::Refresh, &failure.cause) == Meaning::Over {
                    self.ledger.chains_of(spent).for_each(|chain| chain.is_over = true);
                    self.another_may_begin(spent);
                }
                let newer = failure.cause.refresh_token();
                if let Some(newer) = newer.and_then(|newer| token_of(newer.expose())) {
                    self.ledger.rotates(spent, newer);
                }
            }
            _ => {}
        }
    }

    fn renewed(&mut self, spent: Token, granted: &Granted, heard: Heard) {
        let newer = granted.refresh_token.as_ref().and_then(|token| token_of(token.expose()));
        self.ledger.chains_of(spent).for_each(|chain| chain.is_over = false);
        if self.ledger.newest() == Some(spent) {
            self.ledger.is_untried = false;
        }
        if let Some(newer) = newer {
            self.ledger.rotates(spent, newer);
        }
        let family = (spent.0, self.providers[spent.0].refresh[spent.1].family);
        let is_live = [&self.ledger.live, &self.ledger.login]
            .into_iter()
            .flatten()
            .any(|chain| chain.family == family);
        if is_live {
            if heard.slot == 0 {
                self.note_the_user(granted, family);
            }
            self.note_granted(granted, family, newer.filter(|newer| *newer != spent), heard);
        }
    }

    /// An access token has come; `rotated` is the refresh token that has to be saved before.
    pub(super) fn note_granted(
        &mut self,
        granted: &Granted,
        family: Family,
        rotated: Option<Token>,
        heard: Heard,
    ) {
        let Some(access) = token_of(granted.access_token.expose()) else { return };
        let Heard { slot, sent, asked, now } = heard;
        let ends = granted.lifetime.map(|lifetime| asked + lifetime);
        // A provider that hands the same access token out again shows nothing new by it.
        let shown = self.life.as_ref().and_then(|life| life.shown.get(&slot));
        let is_new = shown.is_none_or(|shown| shown.token != granted.access_token.expose());
        if rotated.is_some() && ends.is_none_or(|end| now.boot < end) {
            self.ledger.held_since.get_or_insert(now.boot);
        }
        if self.ledger.got.contains_key(&access) && ends.is_some_and(|end| end <= now.boot) {
            return; // The same token, in an answer that comes too late: what was known of it stands.
        }
        let rotated = rotated.filter(|_| is_new);
        self.note_access(access, Got { family, slot, asked: sent, ends, rotated, number: 0 });
    }
}

/// An answer: what it is for, when it was asked for, and when it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) slot: Slot,
    /// In true time.
    pub(super) sent: u64,
    pub(super) asked: Boot,
    pub(super) now: Now,
}

/// What a request asks for.
pub(super) fn slot_for(request: &Request) -> Slot {
    match request {
        Request::Refresh { slot, .. }
        | Request::Grant { slot, .. }
        | Request::Exchange { slot, .. } => slot_of(slot),
        Request::DeviceStart | Request::DevicePoll { .. } | Request::Revoke { .. } => 0,
    }
}

impl Ledger {
    /// The newest refresh token of the live session.
    pub(crate) fn newest(&self) -> Option<Token> {
        self.live.as_ref()?.refresh
    }

    /// A life begins: the daemon knows of none.
    pub(crate) fn forget_readers(&mut self) {
        self.readers.clear();
    }

    pub(crate) fn note_reader(&mut self, slot: Slot, now: u64) {
        self.readers.insert(slot, now);
    }

    /// Everything of which tokens may be in hand.
    pub(super) fn take_families(&mut self) -> BTreeSet<Family> {
        let chains = self.live.take().into_iter().chain(self.login.take());
        let mut families: BTreeSet<Family> = chains.map(|chain| chain.family).collect();
        families.append(&mut self.kept);
        families.append(&mut self.kept_of_login);
        self.is_untried = false;
        families
    }

    /// An answer gave `newer` for `spent`.
    pub(super) fn rotates(&mut self, spent: Token, newer: Token) {
        self.received.insert(newer);
        self.chains_of(spent).for_each(|chain| chain.refresh = Some(newer));
    }

    /// Whatever has `token` as its newest.
    pub(super) fn chains_of(&mut self, token: Token) -> impl Iterator<Item = &mut Chain> {
        let parked = self.parked.as_mut().map(|parked| &mut parked.chain);
        let trial = self.trial.as_mut().map(|trial| &mut trial.chain);
        let chains = [self.live.as_mut(), self.login.as_mut(), parked, trial];
        let chains = chains.into_iter().flatten();
        chains.filter(move |chain| chain.refresh == Some(token))
    }
}
