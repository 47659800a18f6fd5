//! The session of one profile: state × event × now → state, actions.

mod granting;
mod logging_in;
mod logging_out;
mod obtaining;
mod orphans;
mod reading;
mod refusals;
mod reloading;
mod renewing;
mod report;
mod saving;
mod serving;
#[cfg(test)]
mod several_slots;
mod slots;
mod taking_over;
mod trying;

pub use report::{Report, View};

use crate::callers::Callers;
use crate::grant::{Grant, InFlight};
use crate::io::{Action, Answer, Event, FetchId, Given, Request, WaiterId};
use crate::login::{Ended, Login};
use crate::outcome::{Granted, Outcome};
use crate::problem::Attempts;
use crate::record::{Moment, Record, Restored};
use crate::schedule::Jitter;
use crate::settings::{Kind, Own, Settings};
use crate::slot::{Slot, SlotKey};
use crate::storage::{Generation, Storage};
use crate::time::{Boot, Now, Wall};
use crate::trial::Trial;
use bearerd_proto::{ErrorBody, Secret};
use logging_in::Terms;
use logging_out::Leaving;
use orphans::Orphan;
use saving::Storing;
use std::collections::BTreeMap;

/// The live state of a profile. One writer owns it, gives it events, and does what it says.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    boot_id: String,
    /// The saved session can't be opened: why.
    unreadable: Option<String>,
    /// A saved session that is bound to another place; kept as it is.
    parked: Option<Box<Record>>,
    /// What stands on disk is an older parked session than [`Self::parked`].
    stranded: bool,
    /// [`Self::parked`] is newer than what stands on disk.
    parked_unsaved: bool,
    grant: Option<Grant>,
    /// Whose session it is.
    user: User,
    /// Whose token readers see: that of a login comes with its token.
    shown_user: User,
    slots: BTreeMap<SlotKey, Slot>,
    /// The one use of the grant under way.
    in_flight: Option<InFlight>,
    /// Requests whose answers nobody waits for any more.
    orphans: BTreeMap<FetchId, Orphan>,
    /// Refresh tokens that are being used or revoked, whoever waits for the answer.
    uses: BTreeMap<FetchId, Secret>,
    /// Failures that reach every slot.
    attempts: Attempts,
    callers: Callers,
    login: Option<Login>,
    ended_logins: Ended,
    leaving: Vec<Leaving>,
    storage: Storage,
    storing: Option<Storing>,
    /// How the two clocks stood when the session was last saved, or began.
    clocks: Moment,
    /// Fresh tokens wait for this save, since then.
    held_back: Option<(Generation, Boot)>,
    /// To be revoked once its replacement is in force.
    replaced: Option<Secret>,
    told_not_saved: bool,
    /// A logout while the saved session could not be opened, and whether it revokes: carried out when it can.
    logged_out_unread: Option<bool>,
    /// A login has taken effect that is not on disk yet.
    login_unsaved: bool,
    /// The start of a login failed: until then whoever asks gets the same.
    start_failed: Option<(Boot, ErrorBody)>,
    told_over: bool,
    /// When a reader was last here.
    last_read: Boot,
    /// Nobody reads: the session only keeps itself alive.
    asleep: bool,
    /// What a login gave for the grants to come; in memory alone.
    given: Option<Given>,
    /// The refresh token of the profile's file that was last taken from there, or refused.
    source: Option<Secret>,
    /// What the profile's file holds or held, and is no session of the profile.
    trial: Option<Trial>,
    /// The provider has refused the profile's own means: why, until somebody may have mended them.
    refused: Option<String>,
    /// The profile's file is to be read again.
    reread: bool,
    /// It is, when the use of a refresh token has been answered.
    reread_after_use: bool,
    /// When the session is to be forgotten.
    ends: Option<Boot>,
    draining: bool,
    /// Since when there has been no session that could be renewed, for a reason that is worth telling.
    broken_since: Wall,
    clock_skew: Option<i64>,
    fetches: u64,
    next_fetch: u64,
    changed: bool,
    actions: Vec<Action>,
    answers: Vec<(WaiterId, Answer)>,
}

/// Whose tokens they are, as far as the claims say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct User {
    /// The claim `sub`.
    id: Option<String>,
    /// The claim `email`.
    email: Option<String>,
}

impl Session {
    /// A session as the store found it. Follow with [`Session::begin`].
    pub fn new(
        settings: Settings,
        boot_id: String,
        restored: Restored,
        now: Now,
        jitter: Jitter,
    ) -> Self {
        let clocks = Moment::of(now.boot, now, &boot_id);
        let mut session = Self {
            settings,
            boot_id,
            unreadable: None,
            parked: None,
            stranded: false,
            parked_unsaved: false,
            grant: None,
            user: User::default(),
            shown_user: User::default(),
            slots: BTreeMap::new(),
            in_flight: None,
            orphans: BTreeMap::new(),
            uses: BTreeMap::new(),
            attempts: Attempts::default(),
            callers: Callers::default(),
            login: None,
            ended_logins: Ended::default(),
            leaving: Vec::new(),
            storage: Storage::default(),
            storing: None,
            clocks,
            held_back: None,
            replaced: None,
            told_not_saved: false,
            logged_out_unread: None,
            login_unsaved: false,
            start_failed: None,
            told_over: false,
            last_read: now.boot,
            asleep: false,
            given: None,
            source: None,
            trial: None,
            refused: None,
            reread: false,
            reread_after_use: false,
            ends: None,
            draining: false,
            broken_since: now.wall,
            clock_skew: None,
            fetches: 0,
            next_fetch: 0,
            changed: true,
            actions: Vec::new(),
            answers: Vec::new(),
        };
        session.restore(restored, now, jitter);
        session
    }

    /// The first actions: publish what there is, fetch what is due.
    pub fn begin(&mut self, now: Now) -> Vec<Action> {
        self.settle(now);
        self.take_actions()
    }

    /// Takes an event in and says what to do, in order. `jitter` spreads whatever is planned meanwhile.
    pub fn handle(&mut self, event: Event, now: Now, jitter: Jitter) -> Vec<Action> {
        match event {
            Event::Read { waiter, slot, min_ttl, strict } => {
                self.read(waiter, slot, min_ttl, strict, now);
            }
            Event::Woke(reads) => {
                self.note_reads(reads);
                self.woke(now);
            }
            Event::Reject { waiter, token } => self.reject(waiter, token, now),
            Event::Login { waiter, login_id, replace, means, lifetime } => {
                self.log_in(waiter, login_id, Terms { replace, lifetime }, means, now);
            }
            Event::FollowLogin { waiter, login_id, wait } => {
                self.follow_login(waiter, &login_id, wait, now)
            }
            Event::CancelLogin { waiter, login_id } => self.cancel_login(waiter, &login_id),
            Event::Logout { waiter, revoke } => self.log_out(waiter, revoke, now),
            Event::Gone(waiter) => self.gone(waiter),
            Event::Answered { fetch, outcome } => self.answered(fetch, outcome, now, jitter),
            Event::Stored(result) => self.stored(result, now, jitter),
            Event::Timer(reads) => self.note_reads(reads),
            Event::SourceChanged => self.source_changed(now),
            Event::WallStepped => self.wall_stepped(now),
            Event::Reload(settings) => self.reload(settings, now, jitter),
            Event::Restored(restored) => self.restored_again(restored, now, jitter),
            Event::Drain => {
                self.draining = true;
                self.storage.retry_now();
            }
            Event::End => self.end(),
        }
        self.settle(now);
        self.take_actions()
    }

    /// When [`Event::Timer`] is wanted next.
    pub fn deadline(&self, now: Now) -> Option<Boot> {
        let due = self.next_due(now.boot).map(|(at, _)| at);
        let expiry =
            self.slots.values().filter(|slot| !slot.expiry_seen).filter_map(Slot::expires).min();
        [
            due,
            expiry,
            self.callers.deadline(),
            self.login_deadline(),
            self.leaving.iter().map(|leaving| leaving.deadline).min(),
            self.storage.retry_at().filter(|_| !self.draining && !self.waits_for_the_old_place()),
            self.storage.slow_at(now.boot),
            self.held_back_until(),
            self.silent_from(),
            self.ends,
        ]
        .into_iter()
        .flatten()
        .filter(|at| *at < Boot::NEVER)
        .min()
    }

    /// Whether nothing is under way any more that a stop should wait for.
    pub fn is_drained(&self) -> bool {
        self.in_flight.is_none()
            && self.orphans.is_empty()
            && !self.login_is_asking()
            && self.storage.is_quiet()
    }

    /// Whatever follows from the new state: callers out of patience, saves, publication, the next requests.
    fn settle(&mut self, now: Now) {
        self.forget_when_over(now);
        self.store(now);
        self.publish_saved(now);
        self.note_expiry(now);
        self.note_silence(now);
        self.serve_impatient(now);
        self.advance_login(now);
        self.advance_leaving(now);
        self.pull_for_waiting(now);
        self.let_readers_wake_the_trial(now.boot);
        self.fetch_due(now);
        self.drop_idle_slots(now);
    }

    /// The answer to a request has come: it belongs to the login, to the grant, or to nobody any more.
    fn answered(&mut self, fetch: FetchId, outcome: Outcome, now: Now, jitter: Jitter) {
        if self.uses.remove(&fetch).is_some() {
            self.reread |= std::mem::take(&mut self.reread_after_use);
        }
        if let Some(orphan) = self.orphans.remove(&fetch) {
            self.orphan_answered(fetch, orphan, outcome, now);
        } else if self.in_flight.as_ref().is_some_and(|in_flight| in_flight.fetch == fetch) {
            self.fetch_answered(outcome, now, jitter);
        } else {
            self.login_answered(fetch, outcome, now, jitter);
        }
    }

    /// Sends a request; its answer comes back under the name given.
    fn send(&mut self, request: Request) -> FetchId {
        let fetch = FetchId(self.next_fetch);
        self.next_fetch += 1;
        if let Request::Refresh { refresh_token, .. } | Request::Revoke { refresh_token } = &request
        {
            self.uses.insert(fetch, refresh_token.clone());
        }
        self.actions.push(Action::Fetch { fetch, request });
        fetch
    }

    /// Whether a request with this refresh token is under way: another one beside it could end its session.
    fn is_being_used(&self, refresh_token: &Secret) -> bool {
        self.uses.values().any(|used| used.same_as(refresh_token))
    }

    fn revoke(&mut self, refresh_token: Secret) -> FetchId {
        let fetch = self.send(Request::Revoke { refresh_token });
        self.orphans.insert(fetch, Orphan::Revocation);
        fetch
    }

    fn answer(&mut self, waiter: WaiterId, answer: Answer) {
        self.answers.push((waiter, answer));
    }

    /// What was published stands before the events and the answers that speak of it.
    fn take_actions(&mut self) -> Vec<Action> {
        if std::mem::take(&mut self.changed) {
            self.actions.insert(0, Action::Publish);
        }
        let answers = self.answers.drain(..).map(|(waiter, answer)| Action::Answer(waiter, answer));
        self.actions.extend(answers);
        std::mem::take(&mut self.actions)
    }

    fn is_constant(&self) -> bool {
        matches!(self.settings.kind, Kind::Constant(_))
    }

    fn slot(&mut self) -> &mut Slot {
        self.slots.entry(SlotKey::default()).or_default()
    }

    fn note_answer(&mut self, granted: &Granted, asked: Boot, now: Now) {
        self.fetches += 1;
        self.clock_skew =
            granted.idp_time.map(|at| skew(at, now.wall_at(asked), now.wall)).or(self.clock_skew);
    }

    /// Whose token it is. Only the profile's own says so: what a provider calls its person to another audience may be
    /// another word. One that begins a session and names nobody belongs to nobody that is known.
    fn note_user(&mut self, granted: &Granted, begins: bool) {
        let is_other = granted.user_id.is_some() && granted.user_id != self.user.id;
        if begins || is_other {
            let is_same = self.user.id.is_some() && granted.user_id == self.user.id;
            let may_be_anothers = begins && self.own() == Some(Own::GrantFile);
            if !is_same && (self.user.id.is_some() || may_be_anothers) {
                // The file of another person, say: what was got for the one before is nobody's now.
                self.drop_other_slots();
            }
            self.user = User::default();
            self.user.id.clone_from(&granted.user_id);
        }
        if granted.user_email.is_some() {
            self.user.email.clone_from(&granted.user_email);
        }
    }
}

/// Seconds that the IdP's clock is ahead, by the moment that it gave to an answer. That lies anywhere between question
/// and answer: within, there is no skew to be seen.
fn skew(idp_time: Wall, asked: Wall, answered: Wall) -> i64 {
    let (at, from, to) = (idp_time.as_secs(), asked.as_secs(), answered.as_secs());
    at.saturating_sub(at.clamp(from.min(to), to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_is_no_skew() {
        let wall = Wall::from_secs;
        for (idp, asked, answered, ahead) in [
            (100, 100, 100, 0),
            (100, 100, 112, 0),
            (90, 100, 112, -10),
            (130, 100, 112, 18),
            (5, 10, 4, 1),
        ] {
            assert_eq!(
                skew(wall(idp), wall(asked), wall(answered)),
                ahead,
                "{idp} {asked} {answered}"
            );
        }
    }
}
