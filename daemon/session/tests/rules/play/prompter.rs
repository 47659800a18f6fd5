//! The rules that hold in every scene: whatever a test or a random history does, breaking one of them stops the play.

use super::Shown;
use bearerd_session::time::{Boot, Now};
use bearerd_session::{
    Action, Cause, Event, Failure, FetchId, Next, OAuthError, Outcome, Reach, Request, RequestKind,
    Session, Settings, SlotKey, StoreOp, WaiterId, verdict,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// A caller's patience, and the server's side of it.
const PATIENCE: Duration = Duration::from_secs(12);
/// A save holds a token back no longer than this.
const SAVE_PATIENCE: Duration = Duration::from_secs(2);
/// The least pause between two attempts that nobody asked for.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Prompter {
    /// Until when each waiter must have its answer.
    waiting: BTreeMap<WaiterId, Boot>,
    /// Refreshes under way: when each was sent, and what it spends.
    refreshing: HashMap<FetchId, (Boot, String)>,
    /// Refresh tokens whose successor was received.
    succeeded: HashSet<String>,
    /// Where each refresh token came from.
    homes: HashMap<String, String>,
    /// The refresh token that came with each access token, and when; kept until it was saved or failed to be.
    unsaved: HashMap<String, (String, Boot)>,
    /// The last reload: a session that came back from parking may be held back from there on.
    reloaded: Option<Boot>,
    storing: bool,
    draining: bool,
    /// No refresh before this, unless something changed.
    quiet_until: Option<Boot>,
    /// That is about this refresh token alone.
    quiet_for: Option<String>,
    /// The refresh whose answer says when the next one may be: not one of a session that is gone.
    counts: Option<FetchId>,
}

impl Prompter {
    pub(super) fn before(
        &mut self,
        event: &Event,
        now: Now,
        open: &[(FetchId, Request)],
        settings: &Settings,
    ) {
        match event {
            Event::Read { waiter, .. } => self.waits(*waiter, now.boot + PATIENCE),
            Event::Reject { waiter, .. } => {
                // It does not wait for the spacing.
                self.quiet_until = self.quiet_until.filter(|until| now.boot + PATIENCE < *until);
                self.waits(*waiter, now.boot + PATIENCE);
            }
            Event::Login { waiter, .. } => {
                self.quiet_until = None;
                self.waits(*waiter, now.boot + PATIENCE);
            }
            Event::Logout { waiter, .. } => {
                self.start_anew();
                self.waits(*waiter, now.boot + PATIENCE);
            }
            Event::FollowLogin { waiter, wait, .. } => {
                self.waits(*waiter, now.boot + (*wait).min(Duration::from_secs(60)));
            }
            Event::CancelLogin { waiter, .. } => self.waits(*waiter, now.boot),
            Event::Gone(waiter) => {
                self.waiting.remove(waiter);
            }
            Event::Reload(_) => {
                self.reloaded = Some(now.boot);
                self.start_anew();
                self.draining = false;
            }
            Event::Drain | Event::End => self.draining = true,
            Event::Answered { fetch, outcome } => {
                let asked = self.refreshing.remove(fetch).map(|(asked, _)| asked);
                let counts = self.counts.take_if(|counts| counts == fetch).is_some();
                let request =
                    open.iter().find(|(open, _)| open == fetch).map(|(_, request)| request);
                if let Some(request) = request {
                    self.answered(request, outcome, asked.filter(|_| counts), now, settings);
                }
            }
            _ => {}
        }
    }

    fn answered(
        &mut self,
        request: &Request,
        outcome: &Outcome,
        asked: Option<Boot>,
        now: Now,
        settings: &Settings,
    ) {
        // A request that was sent before a reload is answered by the place that it was sent to.
        let home = match request {
            Request::Refresh { refresh_token, .. } => {
                self.homes.get(refresh_token.expose()).cloned().unwrap_or_default()
            }
            _ => settings.binding.endpoint.clone(),
        };
        let newer = match outcome {
            Outcome::Granted(granted) => granted.refresh_token.as_ref(),
            Outcome::Failed(Failure { cause: Cause::Unusable { refresh_token }, .. }) => {
                refresh_token.as_ref()
            }
            _ => None,
        };
        if let Some(newer) = newer {
            self.homes.insert(newer.expose().to_owned(), home);
            if let Request::Refresh { refresh_token, .. } = request
                && !refresh_token.same_as(newer)
            {
                self.succeeded.insert(refresh_token.expose().to_owned());
                self.succeeded.remove(newer.expose());
            }
        }
        let rotated = match request {
            Request::Refresh { refresh_token, .. } => {
                newer.filter(|newer| !newer.same_as(refresh_token))
            }
            _ => newer,
        };
        if let (Outcome::Granted(granted), Some(newer)) = (outcome, rotated) {
            // One that comes while another is held back waits no longer than that one.
            let held_back = self.unsaved.values().map(|(_, since)| *since).chain(self.reloaded);
            let since = held_back.filter(|since| now.boot < *since + SAVE_PATIENCE).min();
            let newer = newer.expose().to_owned();
            let access_token = granted.access_token.expose().to_owned();
            self.unsaved.insert(access_token, (newer, since.unwrap_or(now.boot)));
        }
        if let Some(asked) = asked {
            let spent = match request {
                Request::Refresh { refresh_token, .. } => newer.or(Some(refresh_token)),
                _ => None,
            };
            let is_its = matches!(outcome, Outcome::Failed(failure) if is_of_one_token(failure));
            self.quiet_for = spent.filter(|_| is_its).map(|token| token.expose().to_owned());
            self.quiet_until = match outcome {
                Outcome::Failed(failure) => quiet_after(failure).map(|quiet| now.boot + quiet),
                Outcome::Granted(granted) => {
                    let too_late =
                        granted.lifetime.is_some_and(|lifetime| asked + lifetime <= now.boot);
                    let quiet = if too_late { LEAST_PAUSE } else { Duration::from_secs(1) };
                    Some(now.boot + quiet)
                }
                _ => None,
            };
        } else if let (Request::DevicePoll { .. }, Outcome::Granted(_)) = (request, outcome) {
            self.start_anew();
        }
    }

    /// A refresh token that is brought to another place says nothing of where it was before.
    pub(super) fn forget(&mut self, token: &str) {
        self.homes.remove(token);
        self.succeeded.remove(token);
    }

    /// Another session, or another configuration: what came before says nothing about it.
    fn start_anew(&mut self) {
        self.quiet_until = None;
        self.counts = None;
    }

    pub(super) fn action(
        &mut self,
        action: &Action,
        now: Now,
        settings: &Settings,
        session: &Session,
    ) {
        match action {
            Action::Fetch { fetch, request } => {
                if let Request::Refresh { refresh_token, .. } | Request::Revoke { refresh_token } =
                    request
                {
                    let home = self.homes.entry(refresh_token.expose().to_owned());
                    let home = home.or_insert_with(|| settings.binding.endpoint.clone());
                    assert_eq!(
                        home, &settings.binding.endpoint,
                        "a token is sent to another place"
                    );
                }
                if let Request::Refresh { refresh_token, slot } = request {
                    let token = refresh_token.expose();
                    let spends_it = |(_, spent): &(Boot, String)| spent == token;
                    assert!(
                        !self.refreshing.values().any(spends_it),
                        "`{token}` is used twice at once"
                    );
                    // Each slot has a pace of its own.
                    let paced = *slot == SlotKey::default();
                    self.counts = self.counts.or(Some(*fetch).filter(|_| paced));
                    self.refreshing.insert(*fetch, (now.boot, token.to_owned()));
                    assert!(
                        !self.succeeded.contains(token),
                        "`{token}` is spent: it has a successor"
                    );
                    let is_its = self.quiet_for.as_ref().is_none_or(|quiet| quiet == token);
                    if let Some(until) = self.quiet_until.filter(|_| paced && is_its) {
                        assert!(
                            now.boot >= until,
                            "a refresh {:?} too early",
                            now.boot.until(until)
                        );
                    }
                }
                let cleans_up = matches!(request, Request::Revoke { .. });
                assert!(!self.draining || cleans_up, "a new request while going down: {request:?}");
            }
            Action::Store(_) => {
                assert!(!std::mem::replace(&mut self.storing, true), "two saves at once");
            }
            Action::Answer(waiter, _) => {
                assert!(self.waiting.remove(waiter).is_some(), "{waiter:?} did not wait");
            }
            Action::Tell(..) => {}
            Action::Publish => {
                if let Some(view) = session.view(now) {
                    assert!(
                        view.expires.is_none_or(|end| now.boot < end),
                        "an expired token is shown"
                    );
                }
            }
        }
    }

    pub(super) fn stored(&mut self, op: &StoreOp) {
        self.storing = false;
        if let StoreOp::Save { record, .. } = op
            && let Some(grant) = &record.grant
        {
            // Whether it worked or not: a save that fails holds nobody up.
            self.unsaved.retain(|_, (saved, _)| saved != grant.refresh_token.expose());
        }
    }

    pub(super) fn published(&mut self, shown: &Shown, now: Boot) {
        if let Some((refresh_token, since)) = self.unsaved.get(&shown.token) {
            assert!(
                now >= *since + SAVE_PATIENCE,
                "`{}` is served before `{refresh_token}` is on disk",
                shown.token
            );
        }
    }

    pub(super) fn everybody_is_answered_in_time(&self, now: Boot) {
        for (waiter, until) in &self.waiting {
            assert!(now < *until, "{waiter:?} has waited too long");
        }
    }

    /// Nobody could be answered while the machine slept.
    pub(super) fn forgive_lateness(&mut self, now: Boot) {
        for until in self.waiting.values_mut() {
            *until = now.max(*until) + Duration::from_millis(1);
        }
    }

    fn waits(&mut self, waiter: WaiterId, until: Boot) {
        self.waiting.insert(waiter, until);
    }
}

/// Whether a failure says nothing of another refresh token that may be tried beside this one.
fn is_of_one_token(failure: &Failure) -> bool {
    use OAuthError as E;
    let verdict = verdict(RequestKind::Refresh, &failure.cause);
    let may_be = matches!(
        failure.cause,
        Cause::OAuth(E::InvalidRequest | E::InvalidScope | E::InvalidTarget)
    );
    may_be || verdict.reach == Reach::Slot || verdict.next == Next::Over
}

/// How long no refresh follows a failed one, unless somebody changes something.
fn quiet_after(failure: &Failure) -> Option<Duration> {
    let retry_after = failure.retry_after.unwrap_or_default().min(Duration::from_secs(600));
    let own = match verdict(RequestKind::Refresh, &failure.cause).next {
        Next::Hold(hold) => hold,
        // Within a reuse window the same token is sent once more at once.
        Next::Lost => return None,
        _ => LEAST_PAUSE,
    };
    Some(own.max(retry_after))
}
