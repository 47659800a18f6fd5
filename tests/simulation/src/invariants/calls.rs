//! Calls to the provider: where each may go, what it may spend, and how soon the next may follow.
//!
//! A lower bound on the time from one call to the next bounds the calls of every window; each bound here is said in
//! the design, and none is read from the heart.

use super::Invariant;
use super::ledger::Token;
use super::meaning::{Meaning, Reach, meaning};
use crate::engine::{Stage, World, named};
use crate::provider::token_of;
use bearerd_session::time::{Boot, Now};
use bearerd_session::{Cause, Event, FetchId, Jitter, Outcome, Request, RequestKind};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was asked of the provider in this life, and what may be next.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Refreshes under way, by what they spend.
    in_flight: BTreeMap<FetchId, Token>,
    /// The one whose answer says when the next may be.
    counts: Option<FetchId>,
    /// No attempt before this, by itself.
    own: Option<Boot>,
    /// Nor for a caller that asks.
    asked: Option<Boot>,
    /// One has asked since.
    caller_came: bool,
    /// The last attempt failed then; and what the provider said about coming again.
    failed: Option<(Boot, Option<Boot>)>,
    /// Failures in a row of one reach.
    failures: (Option<Reach>, u32),
    /// A lost answer was asked for once more already.
    pub(super) repeated: bool,
    poll_from: Option<Boot>,
    interval: Duration,
    start_from: Option<Boot>,
    starts: u64,
    logins_asked: u64,
    revoked: BTreeMap<Token, u32>,
}

/// §3: a caller without a token pulls the next attempt forward, if the last one ended this long ago.
const PULL: Duration = Duration::from_secs(2);
/// §5: exponential from 1 s with full jitter; below this the jitter would make a storm of the first retries.
const BACKOFF_FLOOR: Duration = Duration::from_millis(500);
/// §5: its cap.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// The longest `Retry-After` that is believed, and §5's pause of what a person has to mend.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(600);
/// RFC 8628 §3.5.
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// An interval of 0 would be a storm.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

impl Pace {
    /// Another session: what came before says nothing about it.
    pub(super) fn starts_anew(&mut self) {
        (self.counts, self.own, self.asked, self.failed) = (None, None, None, None);
        self.failures = (None, 0);
        self.repeated = false;
    }

    /// A person has perhaps mended what is wrong: again in 2 s, or when the provider said.
    fn is_forgiven(&mut self) {
        if let Some((ended, retry_after)) = self.failed {
            let from = Some(ended + PULL).max(retry_after);
            (self.own, self.asked) = (self.own.min(from), self.asked.min(from));
        }
    }

    fn earliest(&self) -> Option<Boot> {
        if self.caller_came { self.own.min(self.asked) } else { self.own }
    }
}

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
                    self.goes_home(token, place);
                    self.may_be_spent(token);
                    self.is_no_storm(token);
                    self.ledger.pace.in_flight.insert(fetch, token);
                    self.ledger.pace.counts = Some(fetch);
                    self.ledger.pace.caller_came = false;
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
            Request::Grant { .. } | Request::Exchange { .. } => {
                self.demand(Invariant::CallsBounded, false, || "nobody configured that".to_owned());
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

    fn may_be_spent(&mut self, token: Token) {
        let (place, number) = token;
        let name = named(place, number);
        let twice = self.ledger.pace.in_flight.values().any(|spent| *spent == token);
        self.demand(Invariant::OneUseInFlight, !twice, || format!("{name} is used twice at once"));
        let records = &self.providers[place].refresh;
        let successor = self.ledger.received.range((place, number + 1)..(place + 1, 0));
        let successor = successor.copied().find(|one| records[one.1].parent == Some(number));
        let family = (place, records[number].family);
        self.demand(Invariant::NoUseAfterSuccessor, successor.is_none(), || {
            format!("{name} is used, and {successor:?} was received for it")
        });
        let is_gone = self.ledger.gone.contains(&family) || self.ledger.forgotten.contains(&family);
        self.demand(Invariant::NothingAfterLogout, !is_gone, || {
            format!("{name} of a session that is no more is used")
        });
        let ledger = &self.ledger;
        let mut chains = ledger.live.iter().chain(&ledger.login);
        let is_newest = chains.any(|chain| chain.refresh == Some(token));
        let known = (ledger.live.clone(), ledger.login.clone());
        self.demand(Invariant::NewestUsed, is_newest, || {
            format!("{name} is used, and this life knows {known:?}")
        });
    }

    fn is_no_storm(&mut self, token: Token) {
        let now = self.clocks().boot;
        let earliest = self.ledger.pace.earliest().unwrap_or(now);
        self.demand(Invariant::CallsBounded, now >= earliest, || {
            format!("{} is used {:?} too early", named(token.0, token.1), now.until(earliest))
        });
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

    pub(super) fn pace_before(&mut self, event: &Event, now: Now) {
        let pace = &mut self.ledger.pace;
        match event {
            Event::Read { .. } => pace.caller_came = true,
            // It does not wait for the spacing; after a failure it has to.
            Event::Reject { .. } => {
                pace.caller_came = true;
                if pace.failed.is_none() {
                    (pace.own, pace.asked) =
                        (pace.own.min(Some(now.boot)), pace.asked.min(Some(now.boot)));
                }
            }
            Event::Login { .. } => {
                pace.logins_asked += 1;
                pace.is_forgiven();
            }
            Event::Reload(_) => {
                pace.start_from = None;
                pace.is_forgiven();
            }
            _ => {}
        }
    }

    /// A refresh has ended: what its answer says about the next one.
    pub(super) fn pace_answered(
        &mut self,
        fetch: FetchId,
        spent: Token,
        outcome: &Outcome,
        asked: Boot,
        now: Now,
        jitter: Jitter,
    ) {
        let window = self.script.policy.profile_window.map(Duration::from_secs);
        let draining = self.life.as_ref().is_none_or(|life| life.stage != Stage::Serve);
        let pace = &mut self.ledger.pace;
        pace.in_flight.remove(&fetch);
        if pace.counts.take_if(|counts| *counts == fetch).is_none() {
            return;
        }
        let _ = spent;
        pace.caller_came = false;
        let failure = match outcome {
            Outcome::Granted(granted) => {
                pace.repeated = false;
                if granted.lifetime.is_none_or(|lifetime| now.boot < asked + lifetime) {
                    let quarter = granted.lifetime.map_or(Duration::MAX, |life| life / 4);
                    let spacing = quarter.clamp(Duration::from_secs(1), Duration::from_secs(10));
                    pace.own = Some(now.boot + spacing);
                    pace.asked = Some(now.boot + spacing.min(PULL));
                    pace.failed = None;
                    pace.failures = (None, 0);
                    return;
                }
                None
            }
            Outcome::Failed(failure) => Some(failure),
            Outcome::Found(_) | Outcome::Device(_) | Outcome::Revoked => None,
        };
        let cause = failure.map_or(&Cause::Later, |failure| &failure.cause);
        if let Cause::Unusable { refresh_token: Some(_) } = cause {
            pace.repeated = false;
        }
        let meaning = meaning(RequestKind::Refresh, cause);
        let retry_after = failure.and_then(|failure| failure.retry_after);
        let retry_after = retry_after.map(|wait| now.boot + wait.min(RETRY_AFTER_CAP));
        if meaning == Meaning::Lost
            && !draining
            && window.is_some_and(|window| now.boot.since(asked) <= window)
            && !std::mem::replace(&mut pace.repeated, true)
        {
            (pace.own, pace.asked) = (Some(now.boot), Some(now.boot));
            return;
        }
        let reach = match meaning {
            Meaning::Again { reach } | Meaning::Hold { reach, .. } => reach,
            _ => Reach::Session,
        };
        let row = if pace.failures.0 == Some(reach) { pace.failures.1 + 1 } else { 1 };
        pace.failures = (Some(reach), row);
        pace.failed = Some((now.boot, retry_after));
        let never = Some(Boot::from_millis(u64::MAX));
        (pace.own, pace.asked) = match meaning {
            // Not again until a person asks for a login.
            Meaning::Over => (never, never),
            Meaning::Hold { pause, .. } => {
                let hold = Some(now.boot + pause).max(retry_after);
                (hold, hold)
            }
            _ => {
                let pause = backoff(row, jitter);
                (Some(now.boot + pause).max(retry_after), Some(now.boot + PULL).max(retry_after))
            }
        };
        if meaning == Meaning::Over {
            pace.failed = Some((now.boot - PULL, None));
            pace.failures = (None, 0);
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

    /// What readers see is what the session has.
    pub(crate) fn look_after(&mut self, now: Now) {
        self.judge_the_login(now);
        self.judge_what_was_said();
        self.release_what_has_waited(now);
        self.saved_is_on_disk(now);
        self.note_the_saved_clock(now);
        let Some(life) = &self.life else { return };
        let Some(session) = &life.session else { return };
        let has = session.view(now).and_then(|view| view.token.map(|token| token.expose()));
        let shown = life.shown.as_ref().filter(|shown| shown.is_good(now.boot, None));
        let shown = shown.map(|shown| shown.token.as_str());
        if has != shown {
            let what = format!("the session has {has:?}, and readers see {shown:?}");
            self.demand(Invariant::ValidTokenServed, false, || what);
        }
    }
}

/// The pause after so many failures in a row.
fn backoff(row: u32, jitter: Jitter) -> Duration {
    let ceiling = Duration::from_secs(1 << row.saturating_sub(1).min(6)).min(BACKOFF_CAP);
    ceiling.mul_f64(f64::from(jitter.0) / 65_536.0).max(BACKOFF_FLOOR)
}
