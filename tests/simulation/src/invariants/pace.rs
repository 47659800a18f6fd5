//! How soon a request may follow another: spacings, backoffs, holds, of the session and of each slot.

use super::ledger::{Heard, Token};
use super::meaning::{Meaning, Reach, meaning};
use crate::engine::{Stage, World};
use crate::history::{Obtains, Slot, slot_of};
use crate::provider::token_of;
use bearerd_session::time::{Boot, Now};
use bearerd_session::{Cause, Event, Failure, FetchId, Jitter, Outcome, Request, RequestKind};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was asked of the provider in this life, and what may be next.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Refreshes under way, by what they spend.
    pub(super) in_flight: BTreeMap<FetchId, Token>,
    /// The one whose answer says when the next may be.
    pub(super) counts: Option<FetchId>,
    /// What reaches every slot.
    pub(super) session: Attempts,
    pub(super) slots: BTreeMap<Slot, SlotPace>,
    /// What is tried beside the live session.
    pub(super) trial: Attempts,
    /// What it came to holds up the session as well.
    pub(super) trial_shared: Option<Boot>,
    /// A lost answer to it was asked for once more already, and is, now.
    pub(super) trial_repeated: bool,
    pub(super) trial_repeats: bool,
    /// The provider has refused its scope.
    pub(super) trial_scope_refused: bool,
    /// A lost answer was asked for once more already.
    pub(super) repeated: bool,
    /// That is for this slot, now.
    pub(super) repeats: Option<Slot>,
    /// The profile's file is to be read again, whenever that was done last.
    pub(super) rereads: bool,
    /// The provider has refused the password, and nobody has mended it.
    pub(super) is_password_refused: bool,
    pub(super) poll_from: Option<Boot>,
    interval: Duration,
    pub(super) start_from: Option<Boot>,
    pub(super) starts: u64,
    pub(super) logins_asked: u64,
    pub(super) revoked: BTreeMap<Token, u32>,
}

/// When the next attempt may be, after those before.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// By itself.
    pub(super) own: Option<Boot>,
    /// For a caller that asks.
    pub(super) asked: Option<Boot>,
    /// One has asked since.
    pub(super) caller_came: bool,
    /// The last attempt failed then; and what the provider said about coming again.
    pub(super) failed: Option<(Boot, Option<Boot>)>,
    /// Failures in a row.
    pub(super) row: u32,
}

#[derive(Debug, Default)]
pub(super) struct SlotPace {
    pub(super) attempts: Attempts,
    /// The spacing of two tokens: by itself, and for a caller without one.
    pub(super) spaced: (Option<Boot>, Option<Boot>),
    /// The provider has refused what is asked for here.
    pub(super) is_refused: bool,
}

/// §3: a caller without a token pulls the next attempt forward, if the last one ended this long ago.
pub(super) const PULL: Duration = Duration::from_secs(2);
/// §5: exponential from 1 s with full jitter; below this the jitter would make a storm of the first retries.
const BACKOFF_FLOOR: Duration = Duration::from_millis(500);
/// §5: its cap.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// The longest `Retry-After` that is believed, and §5's pause of what a person has to mend.
pub(super) const RETRY_AFTER_CAP: Duration = Duration::from_secs(600);
/// RFC 8628 §3.5.
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// An interval of 0 would be a storm.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const NEVER: Option<Boot> = Some(Boot::from_millis(u64::MAX));

impl Attempts {
    pub(super) fn earliest(&self) -> Option<Boot> {
        if self.caller_came { self.own.min(self.asked) } else { self.own }
    }

    /// A person has perhaps mended what is wrong: again in 2 s, or when the provider said.
    pub(super) fn is_forgiven(&mut self) {
        if let Some((ended, retry_after)) = self.failed {
            let from = Some(ended + PULL).max(retry_after);
            (self.own, self.asked) = (self.own.min(from), self.asked.min(from));
        }
    }
}

impl Pace {
    /// Another session: what came before says nothing about it.
    pub(super) fn starts_anew(&mut self) {
        self.counts = None;
        self.session = Attempts::default();
        self.slots.clear();
        (self.repeated, self.trial_shared) = (false, None);
    }

    fn is_forgiven(&mut self) {
        self.is_password_refused = false;
        self.session.is_forgiven();
        self.trial.is_forgiven();
        self.slots.values_mut().for_each(|slot| slot.attempts.is_forgiven());
    }

    pub(super) fn earliest(&self, slot: Slot) -> Option<Boot> {
        let of_slot = self.slots.get(&slot).and_then(|slot| {
            let (own, asked) = slot.spaced;
            let spaced = if slot.attempts.caller_came { own.min(asked) } else { own };
            slot.attempts.earliest().max(spaced)
        });
        self.session.earliest().max(of_slot).max(self.trial_shared)
    }

    pub(super) fn sent(&mut self, fetch: FetchId, slot: Slot) {
        self.counts = Some(fetch);
        // What was held back goes now: only another failure holds it back again.
        for attempts in [&mut self.session, &mut self.slots.entry(slot).or_default().attempts] {
            (attempts.own, attempts.asked) = (None, None);
            attempts.caller_came = false;
        }
    }

    /// Whether the provider has refused what is asked for here.
    pub(super) fn has_refused(&self, slot: Slot) -> bool {
        self.slots.get(&slot).is_some_and(|slot| slot.is_refused)
    }

    fn caller_comes(&mut self, slot: Slot) {
        self.session.caller_came = true;
        self.slots.entry(slot).or_default().attempts.caller_came = true;
    }
}

impl World {
    pub(super) fn pace_before(&mut self, event: &Event, now: Now) {
        let pace = &mut self.ledger.pace;
        match event {
            // One without a token of another slot may need the profile's own first.
            Event::Read { slot, .. } => {
                pace.caller_comes(slot_of(slot));
                pace.caller_comes(0);
            }
            // It does not wait for the spacing; after a failure it has to.
            Event::Reject { token, .. } => {
                let life = self.life.as_ref();
                let shown = life.and_then(|life| {
                    life.shown.values().find(|shown| shown.token == token.expose())
                });
                let slot = shown.map_or(0, |shown| shown.slot);
                pace.caller_comes(slot);
                let slot = pace.slots.entry(slot).or_default();
                let (own, asked) = slot.spaced;
                slot.spaced = (own.min(Some(now.boot)), asked.min(Some(now.boot)));
            }
            Event::Login { .. } => {
                pace.logins_asked += 1;
                pace.is_forgiven();
            }
            Event::Reload(_) => {
                pace.start_from = None;
                pace.rereads = true;
                pace.is_forgiven();
            }
            Event::SourceChanged => {
                pace.is_forgiven();
                pace.rereads = true;
            }
            _ => {}
        }
    }

    /// A request for a token has ended: what its answer says about the next one.
    pub(super) fn pace_answered(
        &mut self,
        fetch: FetchId,
        slot: Slot,
        kind: RequestKind,
        outcome: &Outcome,
        heard: Heard,
        jitter: Jitter,
    ) {
        let pace = &mut self.ledger.pace;
        pace.in_flight.remove(&fetch);
        if let Outcome::Failed(failure) = outcome
            && meaning(kind, &failure.cause).refuses_the_scope()
        {
            // Whoever waits for it hears of it, whatever has become of the session.
            pace.slots.entry(slot).or_default().is_refused = true;
        }
        if pace.counts.take_if(|counts| *counts == fetch).is_none() {
            return;
        }
        pace.session.caller_came = false;
        let of_slot = pace.slots.entry(slot).or_default();
        of_slot.attempts.caller_came = false;
        let now = heard.now.boot;
        match outcome {
            Outcome::Granted(granted) => {
                pace.repeated = false;
                if granted.lifetime.is_none_or(|lifetime| now < heard.asked + lifetime) {
                    let quarter = granted.lifetime.map_or(Duration::MAX, |life| life / 4);
                    let spacing = quarter.clamp(Duration::from_secs(1), Duration::from_secs(10));
                    of_slot.attempts = Attempts::default();
                    of_slot.is_refused = false;
                    of_slot.spaced = (Some(now + spacing), Some(now + spacing.min(PULL)));
                    pace.session = Attempts::default();
                    return;
                }
            }
            // Looking at a file costs nobody anything, and hurries nobody where a session lives.
            Outcome::Found(token) if self.is_no_news(token.expose()) => return,
            // What comes next is asked for at once.
            Outcome::Found(token) if token_of(token.expose()) != self.ledger.source => {
                let pace = &mut self.ledger.pace;
                pace.session = Attempts::default();
                pace.slots.entry(slot).or_default().spaced = (None, None);
                return;
            }
            Outcome::Failed(Failure { cause: Cause::Source, .. })
                if self.ledger.newest().is_some() =>
            {
                return;
            }
            _ => {}
        }
        self.pace_failed(slot, kind, outcome, heard, jitter);
    }

    /// An attempt has failed.
    pub(super) fn pace_failed(
        &mut self,
        slot: Slot,
        kind: RequestKind,
        outcome: &Outcome,
        heard: Heard,
        jitter: Jitter,
    ) {
        let window = self.script.policy.profile_window.map(Duration::from_secs);
        let draining = self.life.as_ref().is_none_or(|life| life.stage != Stage::Serve);
        let another = self.can_obtain();
        let failure = match outcome {
            Outcome::Failed(failure) => Some(failure),
            _ => None,
        };
        let later = match outcome {
            Outcome::Found(_) => &Cause::Source,
            _ => &Cause::Later,
        };
        let (pace, now) = (&mut self.ledger.pace, heard.now.boot);
        let cause = failure.map_or(later, |failure| &failure.cause);
        if cause.refresh_token().is_some() {
            pace.repeated = false;
        }
        let meaning = meaning(kind, cause);
        let retry_after = failure.and_then(|failure| failure.retry_after);
        let retry_after = retry_after.map(|wait| now + wait.min(RETRY_AFTER_CAP));
        let of_slot = pace.slots.entry(slot).or_default();
        of_slot.spaced = (None, None);
        if meaning == Meaning::Lost
            && !draining
            && window.is_some_and(|window| now.since(heard.asked) <= window)
            && !std::mem::replace(&mut pace.repeated, true)
        {
            (pace.session.own, pace.session.asked) = (Some(now), Some(now));
            (of_slot.attempts.own, of_slot.attempts.asked) = (Some(now), Some(now));
            pace.repeats = Some(slot);
            return;
        }
        let reach = match meaning {
            // What is held against another scope or audience is not held against the profile's own.
            Meaning::Hold { .. } if slot != 0 => Reach::Slot,
            Meaning::Again { reach } | Meaning::Hold { reach, .. } => reach,
            _ => Reach::Session,
        };
        let attempts = match reach {
            Reach::Session => &mut pace.session,
            Reach::Slot => {
                pace.session = Attempts::default();
                &mut of_slot.attempts
            }
        };
        attempts.row += 1;
        attempts.failed = Some((now, retry_after));
        (attempts.own, attempts.asked) = match meaning {
            // Not again until a person asks for a login, unless nobody is needed for that.
            Meaning::Over if another => (Some(now), Some(now)),
            Meaning::Over | Meaning::UntilMended => (NEVER, NEVER),
            Meaning::Hold { pause, .. } => {
                let hold = Some(now + pause).max(retry_after);
                (hold, hold)
            }
            _ => {
                let pause = backoff(attempts.row, jitter);
                (Some(now + pause).max(retry_after), Some(now + PULL).max(retry_after))
            }
        };
        if meaning == Meaning::Over {
            // Where another session begins by itself, it does not begin sooner than for a caller. A file may be looked
            // at.
            let looks = self.script.policy.obtains == Obtains::ByGrantFile;
            let spaced = |slot: &SlotPace| if another && !looks { slot.spaced.1 } else { None };
            pace.slots.values_mut().for_each(|slot| slot.spaced = (spaced(slot), spaced(slot)));
        }
        let attempts = match reach {
            Reach::Session => &mut pace.session,
            Reach::Slot => &mut pace.slots.entry(slot).or_default().attempts,
        };
        if meaning == Meaning::Over {
            attempts.failed = Some((now - PULL, None));
            attempts.row = 0;
        }
    }

    pub(super) fn poll_paced(
        &mut self,
        request: &Request,
        outcome: &Outcome,
        unwanted: bool,
        now: Now,
    ) {
        if unwanted {
            return;
        }
        let pace = &mut self.ledger.pace;
        match (request, outcome) {
            (Request::DeviceStart, Outcome::Device(device)) => {
                pace.interval = device.interval.max(SHORTEST_INTERVAL);
                pace.poll_from = Some(now.boot + pace.interval);
            }
            (Request::DeviceStart, Outcome::Failed(failure)) => {
                let wait = failure.retry_after.unwrap_or_default().min(RETRY_AFTER_CAP);
                pace.start_from = Some(now.boot + wait.max(PULL));
            }
            (Request::DevicePoll { .. }, Outcome::Failed(failure)) => {
                if meaning(RequestKind::DevicePoll, &failure.cause) == Meaning::SlowDown {
                    pace.interval += SLOW_DOWN;
                }
                let wait = failure.retry_after.unwrap_or_default().min(RETRY_AFTER_CAP);
                pace.poll_from = Some(now.boot + pace.interval.max(wait));
            }
            _ => {}
        }
    }
}

/// The pause after so many failures in a row.
pub(super) fn backoff(row: u32, jitter: Jitter) -> Duration {
    let ceiling = Duration::from_secs(1 << row.saturating_sub(1).min(6)).min(BACKOFF_CAP);
    ceiling.mul_f64(f64::from(jitter.0) / 65_536.0).max(BACKOFF_FLOOR)
}
