//! What is seen of a session from outside: the token for readers, the state for people, the refusals.

use super::Session;
use crate::io::Answer;
use crate::login::{Login, Stage};
use crate::outcome::{Cause, Failure};
use crate::problem::{Problem, seconds_up};
use crate::settings::Kind;
use crate::slot::{Held, SlotKey};
use crate::time::{Boot, Now};
use bearerd_proto::{
    ErrorBody, ErrorCode, LastError, LoggedIn, PendingLogin, ProfileState, Secret,
};
use std::time::Duration;

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
    /// What readers of the profile's own slot see; absent where there is no token that was ever good.
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
        let key = SlotKey::default();
        let slot = self.slots.get(&key)?;
        let held = slot.valid(now.boot)?;
        let over = !self.can_renew() && self.grant.is_some();
        Some(View {
            token: Some(&held.token),
            expires: held.expires(),
            refresh: held
                .expires()
                .and_then(|expires| self.planned(&key).map(|planned| planned.min(expires))),
            scope: held.scope.as_deref(),
            user_id: self.user_id.as_deref(),
            user_email: self.user_email.as_deref(),
            degraded: over || slot.rejected || self.problem(&key).is_some(),
            asleep: self.asleep,
        })
    }

    /// How the session is.
    pub fn report(&self, now: Now) -> Report {
        let key = SlotKey::default();
        let valid = self.slots.get(&key).and_then(|slot| slot.valid(now.boot));
        Report {
            state: self.state(now),
            user_id: self.logged_in().user_id,
            user_email: self.logged_in().user_email,
            expires: valid.and_then(Held::expires),
            refresh: self.planned(&key),
            saved: self.storage.is_settled(now.boot),
            last_error: self.last_error(),
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
        let served = self.slots.get(&key).and_then(|slot| slot.valid(now.boot)).is_some();
        let pending =
            self.login.as_ref().is_some_and(|login| matches!(login.stage, Stage::Pending(_)));
        let lives_out_its_token = served && self.grant.is_none();
        if !(self.can_renew() || lives_out_its_token) {
            return match (pending, &self.unreadable) {
                (true, _) => ProfileState::LoginPending,
                (false, Some(_)) => ProfileState::StateUnreadable,
                (false, None) => ProfileState::LoginRequired,
            };
        }
        match self.problem(&key) {
            None => ProfileState::Ready,
            Some(problem) if problem.code == ErrorCode::Misconfigured => {
                ProfileState::Misconfigured
            }
            Some(_) => ProfileState::Degraded,
        }
    }

    fn last_error(&self) -> Option<LastError> {
        if let Some(problem) = self.problem(&SlotKey::default()) {
            return Some(LastError {
                code: problem.code,
                message: problem.message.clone(),
                at: problem.at.as_secs(),
            });
        }
        let refusal = self.standing_refusal()?;
        Some(LastError { code: refusal.code, message: refusal.message, at: 0 })
            .filter(|_| self.is_broken())
    }

    /// Whether there is more to say than that nobody has logged in yet.
    fn is_broken(&self) -> bool {
        self.unreadable.is_some() || self.parked.is_some() || self.grant.is_some()
    }

    /// When the next attempt of `slot` is planned.
    fn planned(&self, slot: &SlotKey) -> Option<Boot> {
        if !self.can_renew() {
            return None;
        }
        let slot = self.slots.get(slot)?;
        Some(slot.due?).max(self.attempts.not_before).max(slot.attempts.not_before)
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
            Kind::Device => {
                LoggedIn { user_id: self.user_id.clone(), user_email: self.user_email.clone() }
            }
        }
    }

    pub(super) fn constant_token(&self) -> Option<&Secret> {
        match &self.settings.kind {
            Kind::Constant(constant) => constant.token.as_ref(),
            Kind::Device => None,
        }
    }

    pub(super) fn pending_login(&self, now: Now) -> Option<PendingLogin> {
        match &self.login {
            Some(Login { id, stage: Stage::Pending(pending), .. }) => {
                Some(pending.shown(id, &self.settings.profile, now))
            }
            _ => None,
        }
    }

    /// Why a caller without a token gets none although nothing is under way: there is no session.
    pub(super) fn no_session(&self) -> Option<ErrorBody> {
        if self.can_renew() { None } else { self.standing_refusal() }
    }

    fn standing_refusal(&self) -> Option<ErrorBody> {
        if self.is_constant() || self.can_renew() {
            return None;
        }
        let profile = &self.settings.profile;
        let command = self.login_command();
        if let Some(Login { stage: Stage::Pending(pending), .. }) = &self.login {
            let message = format!(
                "a login of profile `{profile}` waits for its person: open {}",
                pending.link()
            );
            let body = ErrorBody::new(ErrorCode::LoginPending, message).of(profile);
            return Some(ErrorBody { login_hint: Some(pending.link().to_owned()), ..body });
        }
        let (code, message) = if let Some(reason) = &self.unreadable {
            (
                ErrorCode::StateUnreadable,
                format!("the saved session of profile `{profile}` can't be opened: {reason}"),
            )
        } else if let Some(parked) = &self.parked {
            let was = &parked.binding;
            let message = format!(
                "the saved session of profile `{profile}` belongs to {} (client `{}`, {}), not to its configuration: \
                 it is kept and not used; put the configuration back, or run `{command}`",
                was.endpoint, was.client_id, was.auth_type
            );
            (ErrorCode::LoginRequired, message)
        } else if let Some(reason) = self.grant.as_ref().and_then(|grant| grant.over.as_deref()) {
            let message =
                format!("the session of profile `{profile}` is over: {reason}; run `{command}`");
            (ErrorCode::LoginRequired, message)
        } else {
            (
                ErrorCode::LoginRequired,
                format!("profile `{profile}` is not logged in: run `{command}`"),
            )
        };
        Some(ErrorBody { login_hint: Some(command), ..ErrorBody::new(code, message).of(profile) })
    }

    /// What a caller without a token gets after a failed attempt.
    pub(super) fn failed(&self, problem: &Problem, wait: Option<Duration>) -> ErrorBody {
        let message = match problem.code {
            ErrorCode::IdpUnreachable | ErrorCode::IdpRejected => {
                format!("{}; bearerd tries again by itself", problem.message)
            }
            ErrorCode::Misconfigured => format!(
                "{}; mend the client at the identity provider or the profile's configuration, then reload bearerd \
                 (`systemctl --user reload bearerd`, or SIGHUP)",
                problem.message
            ),
            _ => problem.message.clone(),
        };
        let body = ErrorBody::new(problem.code, message).of(&self.settings.profile);
        ErrorBody { retry_after: wait.map(seconds_up), ..body }
    }

    pub(super) fn shutting_down(&self) -> ErrorBody {
        let message = "bearerd is going down: try again on a new connection";
        ErrorBody {
            retry_after: Some(1),
            ..ErrorBody::new(ErrorCode::ShuttingDown, message).of(&self.settings.profile)
        }
    }

    pub(super) fn login_command(&self) -> String {
        format!("bearerctl login {}", self.settings.profile)
    }

    /// The daemon ends: whoever still waits is told to come again.
    pub(super) fn end(&mut self) {
        self.draining = true;
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
