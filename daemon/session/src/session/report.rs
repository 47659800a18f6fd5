//! What is seen of a session from outside.

use super::{Session, User};
use crate::grant::{InFlight, Lost, Way};
use crate::io::Answer;
use crate::login::{Login, Stage};
use crate::outcome::{Cause, Failure};
use crate::problem::Problem;
use crate::schedule::PATIENCE;
use crate::settings::Kind;
use crate::slot::{Held, SlotKey};
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorCode, LastError, LoggedIn, PendingLogin, ProfileState, Secret};

/// What readers of one slot see.
#[derive(Debug)]
pub struct View<'a> {
    /// The token; absent for a profile that sends no header. It is good while `now` is before `expires`.
    pub token: Option<&'a Secret>,
    /// Its end; absent: no known end.
    pub expires: Option<Boot>,
    /// When it is to be renewed; absent where it has no known end.
    pub refresh: Option<Boot>,
    /// Scopes granted.
    pub scope: Option<&'a str>,
    /// The claim `sub`.
    pub user_id: Option<&'a str>,
    /// The claim `email`.
    pub user_email: Option<&'a str>,
    /// The last attempt to renew failed, the session is over, or the token was rejected.
    pub degraded: bool,
    /// The session has gone idle: a reader wakes it with [`crate::Event::Woke`].
    pub asleep: bool,
}

/// How the session is, for `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In a word.
    pub state: ProfileState,
    /// The claim `sub`.
    pub user_id: Option<String>,
    /// The claim `email`.
    pub user_email: Option<String>,
    /// The end of the token in hand, while it is good.
    pub expires: Option<Boot>,
    /// When the next attempt to renew is planned.
    pub refresh: Option<Boot>,
    /// Whether the session as it stands is on disk.
    pub saved: bool,
    /// The last thing that went wrong.
    pub last_error: Option<LastError>,
    /// The login under way.
    pub login: Option<PendingLogin>,
    /// Tokens fetched since the start.
    pub fetches: u64,
    /// Seconds that the IdP's clock is ahead of ours.
    pub clock_skew: Option<i64>,
}

impl Session {
    /// What readers of the profile's own slot see; absent where there is no token that is good.
    pub fn view(&self, now: Now) -> Option<View<'_>> {
        if let Kind::Constant(constant) = &self.settings.kind {
            return Some(View {
                token: constant.token.as_ref(),
                expires: None,
                refresh: None,
                scope: None,
                user_id: constant.user_id.as_deref(),
                user_email: constant.user_email.as_deref(),
                degraded: false,
                asleep: false,
            });
        }
        self.view_of(&SlotKey::default(), now)
    }

    /// The same of each other slot that has a good token.
    pub fn other_views(&self, now: Now) -> impl Iterator<Item = (&SlotKey, View<'_>)> {
        let others = self.slots.keys().filter(|key| **key != SlotKey::default());
        others.filter_map(move |key| Some((key, self.view_of(key, now)?)))
    }

    fn view_of(&self, key: &SlotKey, now: Now) -> Option<View<'_>> {
        let slot = self.slots.get(key)?;
        let held = self.valid(key, now.boot)?;
        let over = !self.can_renew() && self.grant.is_some();
        Some(View {
            token: Some(&held.token),
            expires: held.expires(),
            refresh: held.expires().map(|expires| self.good_until(key, now).min(expires)),
            scope: held.scope.as_deref(),
            user_id: self.shown_user.id.as_deref(),
            user_email: self.shown_user.email.as_deref(),
            degraded: over || slot.rejected || self.problem(key).is_some(),
            asleep: self.asleep || slot.postponed.is_some(),
        })
    }

    /// Until when a client may hold the token without asking: to the next attempt to renew it, now if that is under way,
    /// to the token's end if none will come.
    fn good_until(&self, key: &SlotKey, now: Now) -> Boot {
        let under_way = self.in_flight.as_ref().filter(|in_flight| in_flight.slot == *key);
        self.planned(key, now).or(under_way.map(|in_flight| in_flight.asked)).unwrap_or(Boot::NEVER)
    }

    /// How the session is.
    pub fn report(&self, now: Now) -> Report {
        let key = SlotKey::default();
        let valid = self.valid(&key, now.boot);
        Report {
            state: self.state(now),
            user_id: self.logged_in().user_id,
            user_email: self.logged_in().user_email,
            expires: valid.and_then(Held::expires),
            refresh: self.planned(&key, now),
            saved: self.storage.is_settled(now.boot) && !self.save_waits(),
            last_error: self.last_error(now),
            login: self.pending_login(now),
            fetches: self.fetches,
            clock_skew: self.clock_skew,
        }
    }

    /// Whether the saved session could not be opened: worth another look when the configuration is read again.
    pub fn is_unreadable(&self) -> bool {
        self.unreadable.is_some()
    }

    fn state(&self, now: Now) -> ProfileState {
        if self.is_constant() {
            return ProfileState::Ready;
        }
        let key = SlotKey::default();
        let served = self.valid(&key, now.boot).is_some();
        let pending = self
            .login
            .as_ref()
            .is_some_and(|login| matches!(login.stage, Stage::Pending(_) | Stage::Saving(Some(_))));
        let lives_out_its_token = served && self.grant.is_none();
        if !(self.can_renew() || lives_out_its_token) {
            return match (pending, &self.unreadable) {
                (true, _) => ProfileState::LoginPending,
                (false, Some(_)) if self.grant.is_none() => ProfileState::StateUnreadable,
                (false, _) => ProfileState::LoginRequired,
            };
        }
        match self.problem(&key) {
            None if served && self.is_rejected(&key) => ProfileState::Degraded,
            // An idle session keeps itself alive, and fetches a token for the next reader.
            None if served || self.asleep => ProfileState::Ready,
            // The first token, or the next, is on its way: nothing has failed, and still nobody gets one.
            None => ProfileState::Degraded,
            Some(problem) if problem.code == ErrorCode::Misconfigured => {
                ProfileState::Misconfigured
            }
            Some(_) => ProfileState::Degraded,
        }
    }

    /// A resource server has refused the token in hand.
    fn is_rejected(&self, key: &SlotKey) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.rejected)
    }

    fn last_error(&self, now: Now) -> Option<LastError> {
        if let Some(problem) = self.problem(&SlotKey::default()) {
            return Some(LastError {
                code: problem.code,
                message: problem.message.clone(),
                at: problem.at.as_secs(),
            });
        }
        let is_renewal = |it: &&InFlight| it.silence_told && it.way != Way::Trial;
        let silent = self.in_flight.as_ref().filter(is_renewal).filter(|_| self.can_renew());
        if let Some(in_flight) = silent {
            return Some(self.silence(in_flight.asked, now));
        }
        let refusal = self.no_session()?;
        Some(LastError {
            code: refusal.code,
            message: refusal.message,
            at: self.broken_since.as_secs(),
        })
        .filter(|_| self.is_broken())
    }

    /// The renewal under way has had no answer for longer than anybody waits; it is waited for all the same.
    fn silence(&self, asked: Boot, now: Now) -> LastError {
        let message = format!(
            "the identity provider of profile `{}` has not answered a renewal in {} s; bearerd goes on waiting for it",
            self.settings.profile,
            PATIENCE.as_secs()
        );
        let at = now.wall_at(asked + PATIENCE).as_secs();
        LastError { code: ErrorCode::IdpUnreachable, message, at }
    }

    /// Whether there is more to say than that nobody has logged in yet.
    fn is_broken(&self) -> bool {
        self.unreadable.is_some() || self.parked.is_some() || self.grant.is_some()
    }

    /// When the next attempt of `slot` is planned.
    fn planned(&self, slot: &SlotKey, now: Now) -> Option<Boot> {
        self.due(slot, self.slots.get(slot)?, now.boot).filter(|_| self.can_renew())
    }

    /// The last failure that reaches `slot`.
    pub(super) fn problem(&self, slot: &SlotKey) -> Option<&Problem> {
        let of_slot = self.slots.get(slot).and_then(|slot| slot.attempts.problem.as_ref());
        self.attempts.problem.as_ref().or(of_slot)
    }

    pub(super) fn logged_in(&self) -> LoggedIn {
        match &self.settings.kind {
            Kind::Constant(constant) => LoggedIn {
                user_id: constant.user_id.clone(),
                user_email: constant.user_email.clone(),
            },
            Kind::Person | Kind::Own(_) => {
                let User { id, email } = self.shown_user.clone();
                LoggedIn { user_id: id, user_email: email }
            }
        }
    }

    pub(super) fn constant_token(&self) -> Option<&Secret> {
        match &self.settings.kind {
            Kind::Constant(constant) => constant.token.as_ref(),
            Kind::Person | Kind::Own(_) => None,
        }
    }

    pub(super) fn pending_login(&self, now: Now) -> Option<PendingLogin> {
        match &self.login {
            Some(Login {
                id,
                stage: Stage::Pending(pending) | Stage::Saving(Some(pending)),
                ..
            }) => Some(pending.shown(id, &self.settings.profile, now)),
            _ => None,
        }
    }

    /// The daemon ends: whoever still waits is told to come again.
    pub(super) fn end(&mut self) {
        self.draining = true;
        // Whoever starts next must know that this use of the refresh token had no answer; if one comes yet, it counts.
        if let Some(in_flight) = self.in_flight.as_ref().filter(|it| it.way == Way::Refresh)
            && let Some(grant) = &mut self.grant
        {
            grant.lost.get_or_insert(Lost { asked: in_flight.asked, repeated: false });
            self.want_save();
        }
        let refusal = self.shutting_down();
        let mut waiting: Vec<_> =
            self.callers.take(|_| true).into_iter().map(|caller| caller.waiter).collect();
        if let Some(login) = &mut self.login {
            waiting.extend(
                login.starters.drain(..).chain(login.followers.drain(..)).map(|(waiter, _)| waiter),
            );
        }
        waiting.extend(self.leaving.drain(..).map(|leaving| leaving.waiter));
        for waiter in waiting {
            self.answer(waiter, Answer::Refused(refusal.clone()));
        }
    }
}

impl Failure {
    /// An answer of another kind than was asked for.
    pub(super) fn foreign_answer() -> Self {
        Self {
            cause: Cause::Unusable { refresh_token: None },
            message: "the answer does not belong to the request".to_owned(),
            retry_after: None,
        }
    }
}
