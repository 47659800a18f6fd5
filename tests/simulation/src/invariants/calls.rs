//! Calls to the provider: where each may go, what it may spend, and how soon the next may follow.
//!
//! A lower bound on the time from one call to the next bounds the calls of every window; each bound here is said in
//! the design, and none is read from the heart.

use super::Invariant;
use super::ledger::{Token, slot_for};
use crate::engine::{Stage, World, named, slot_named};
use crate::history::{Slot, slot_of};
use crate::provider::token_of;
use bearerd_session::time::Now;
use bearerd_session::{FetchId, Request};

impl World {
    /// The daemon sends a request.
    pub(crate) fn sent(&mut self, fetch: FetchId, request: &Request) {
        let Some(life) = &self.life else { return };
        let (place, stage) = (life.place, life.stage);
        let cleans_up = matches!(request, Request::Revoke { .. });
        self.demand(
            Invariant::NothingSentWhileDraining,
            stage == Stage::Serve || cleans_up,
            || format!("{:?} is sent while the daemon goes down", request.kind()),
        );
        match request {
            Request::Refresh { refresh_token, .. } => {
                if let Some(token) = token_of(refresh_token.expose()) {
                    let of_login = self.is_of_a_login(fetch, Some(token));
                    self.is_used_at_once(token);
                    // Nobody but the person who brings a token along knows where it is from.
                    if !of_login || self.ledger.login_is_own {
                        self.goes_home(token, place);
                    }
                    self.may_be_spent(token, of_login);
                    self.ledger.pace.in_flight.insert(fetch, token);
                    self.is_paced(fetch, request, of_login);
                }
            }
            Request::Revoke { refresh_token } => {
                if let Some(token) = token_of(refresh_token.expose()) {
                    self.goes_home(token, place);
                    // Once when nobody wants it any more, and once where an answer under way brings it back.
                    let times = self.ledger.pace.revoked.entry(token).or_default();
                    *times += 1;
                    let times = *times;
                    self.demand(Invariant::CallsBounded, times <= 2, || {
                        format!("{} is revoked {times} times", named(token.0, token.1))
                    });
                }
            }
            Request::Grant { .. } => {
                let of_login = self.is_of_a_login(fetch, None);
                self.is_followed_at_once();
                self.may_be_granted(request, of_login);
                self.is_paced(fetch, request, of_login);
            }
            Request::Exchange { subject_token, .. } => {
                if let Some(token) = token_of(subject_token.expose()) {
                    self.goes_home(token, place);
                }
                self.may_be_granted(request, false);
                self.is_paced(fetch, request, false);
            }
            Request::DeviceStart => self.may_start(),
            Request::DevicePoll { device_code, .. } => {
                if let Some(code) = token_of(device_code.expose()) {
                    self.goes_home(code, place);
                }
                let now = self.clocks().boot;
                let from = self.ledger.pace.poll_from.unwrap_or(now);
                self.demand(Invariant::CallsBounded, now >= from, || {
                    format!("a poll comes {:?} too early", now.until(from))
                });
            }
        }
    }

    fn goes_home(&mut self, token: Token, place: usize) {
        self.demand(Invariant::NothingSentElsewhere, token.0 == place, || {
            format!("a token of place {} is sent to place {place}", token.0)
        });
    }

    /// Whether it is what a login sends that nobody has to confirm: one request for one who asks.
    fn is_of_a_login(&mut self, fetch: FetchId, spends: Option<Token>) -> bool {
        let ledger = &mut self.ledger;
        let fits = spends.is_none_or(|token| ledger.brought.contains(&token));
        let of_login = fits && std::mem::take(&mut ledger.login_may_send);
        if of_login && !ledger.login_is_own {
            self.logins_are_given_up();
        }
        if of_login {
            self.ledger.of_login.insert(fetch);
        }
        of_login
    }

    /// A token that a person brings along is the person's own to spend, but for one that is being spent.
    fn may_be_spent(&mut self, token: Token, of_login: bool) {
        let (place, number) = token;
        let name = named(place, number);
        let family = (place, self.providers[place].refresh[number].family);
        let is_gone = self.ledger.gone.contains(&family) || self.ledger.forgotten.contains(&family);
        if of_login {
            self.takes_the_file_anew(token);
        }
        let twice = self.ledger.pace.in_flight.values().any(|spent| *spent == token);
        self.demand(Invariant::OneUseInFlight, !twice, || format!("{name} is used twice at once"));
        if of_login {
            return;
        }
        let records = &self.providers[place].refresh;
        let successor = self.ledger.received.range((place, number + 1)..(place + 1, 0));
        let successor = successor.copied().find(|one| records[one.1].parent == Some(number));
        self.demand(Invariant::NoUseAfterSuccessor, successor.is_none(), || {
            format!("{name} is used, and {successor:?} was received for it")
        });
        self.demand(Invariant::NothingAfterLogout, !is_gone, || {
            format!("{name} of a session that is no more is used")
        });
        let ledger = &self.ledger;
        let mut chains = ledger.live.iter().chain(&ledger.login);
        let is_newest =
            chains.any(|chain| chain.refresh == Some(token)) || self.is_tried(token, false);
        let known = (ledger.live.clone(), ledger.login.clone());
        self.demand(Invariant::NewestUsed, is_newest, || {
            format!("{name} is used, and this life knows {known:?}")
        });
    }

    /// No storm, and nothing for a slot that nobody reads.
    fn is_paced(&mut self, fetch: FetchId, request: &Request, of_login: bool) {
        if of_login {
            return;
        }
        let (now, slot) = (self.clocks().boot, slot_for(request));
        let twice = self.ledger.pace.counts.is_some();
        self.demand(Invariant::OneUseInFlight, !twice, || {
            format!("a token for {} is asked for while another is", slot_named(slot))
        });
        let is_read = self.script.policy.obtains.is_by_file()
            && matches!(request, Request::Grant { .. })
            && std::mem::take(&mut self.ledger.pace.rereads);
        let tries = match request {
            Request::Refresh { refresh_token, .. } => {
                token_of(refresh_token.expose()).is_some_and(|token| self.is_tried(token, false))
            }
            _ => false,
        };
        let pace = &self.ledger.pace;
        let earliest = if tries { pace.earliest_trial() } else { pace.earliest(slot) };
        let earliest = earliest.filter(|_| !is_read).unwrap_or(now);
        self.demand(Invariant::CallsBounded, now >= earliest, || {
            let early = now.until(earliest);
            format!("a token for {} is asked for {early:?} too early", slot_named(slot))
        });
        let is_repeat = self.ledger.pace.repeats == Some(slot);
        let is_wanted = slot == 0 || is_repeat || self.is_read(slot);
        self.demand(Invariant::UnreadNotRenewed, is_wanted, || {
            format!("a token for {} is asked for, and nobody reads it", slot_named(slot))
        });
        match tries {
            true => self.ledger.pace.trial_sent(fetch),
            false => self.ledger.pace.sent(fetch, slot),
        }
    }

    /// Whether somebody waits for a token of `slot`, or has read the one in hand since that was asked for.
    fn is_read(&self, slot: Slot) -> bool {
        if self.callers.wait_for(slot) {
            return true;
        }
        let now = self.clocks().boot;
        // One that was handed out twice is good for as long as readers are shown it, too.
        let shown = self.life.as_ref().and_then(|life| life.shown.get(&slot));
        let shown = shown.filter(|shown| shown.is_good(now, None));
        let shown = shown.and_then(|shown| token_of(&shown.token));
        let of_slot = self.ledger.got.iter().filter(|(_, got)| got.slot == slot);
        let good = of_slot
            .filter(|(token, got)| got.ends.is_none_or(|end| now < end) || shown == Some(**token));
        let newest = good.max_by_key(|(_, got)| got.number).map(|(_, got)| got.asked);
        let read = self.ledger.readers.get(&slot);
        // The daemon may hear of a reader a moment later than that one comes, and of one who comes with the request.
        newest.zip(read).is_some_and(|(asked, read)| *read >= asked)
    }

    /// One start for one who asks, and none within 2 s of a failed one, or before the provider said.
    fn may_start(&mut self) {
        let now = self.clocks().boot;
        let pace = &mut self.ledger.pace;
        pace.starts += 1;
        let (starts, asked) = (pace.starts, pace.logins_asked);
        let from = pace.start_from.unwrap_or(now);
        self.demand(Invariant::CallsBounded, starts <= asked && now >= from, || {
            format!("login {starts} of {asked} is started {:?} too early", now.until(from))
        });
    }

    /// What readers see is what the session has.
    pub(crate) fn look_after(&mut self, now: Now) {
        self.judge_the_login(now);
        self.judge_what_was_said();
        self.release_what_has_waited(now);
        self.saved_is_on_disk(now);
        self.note_the_saved_clock(now);
        self.ledger.login_may_send = false;
        self.ledger.is_denied = false;
        self.ledger.pace.repeats = None;
        self.ledger.pace.trial_repeats = false;
        let Some(life) = &self.life else { return };
        let Some(session) = &life.session else { return };
        let others = session.other_views(now).map(|(key, view)| (slot_of(key), view));
        let has = session.view(now).map(|view| (0, view)).into_iter().chain(others);
        let mut has: Vec<_> =
            has.map(|(slot, view)| (slot, view.token.map_or("", |token| token.expose()))).collect();
        has.sort_unstable();
        let shown = life.shown.values().filter(|shown| shown.is_good(now.boot, None));
        let is_so = shown.map(|shown| (shown.slot, shown.token.as_str())).eq(has.iter().copied());
        if !is_so {
            let what = format!("the session has {has:?}, and readers see {:?}", life.shown);
            self.demand(Invariant::ValidTokenServed, false, || what);
        }
    }
}
