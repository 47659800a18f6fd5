//! The device authorization grant (RFC 8628): start, decision, polls.

use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

use crate::answer::{Mark, OauthError, Reply};
use crate::clock::Now;
use crate::provider::{Provider, Request};
use crate::settings::EarlyPoll;
use crate::token::{self, canonical_user_code, verifier_matches};

/// Where no interval is said (RFC 8628 §3.2) and what `slow_down` adds (§3.5), in seconds.
const DEFAULT_INTERVAL_SECONDS: u64 = 5;

/// How long Keycloak remembers an expired code beyond one interval, in seconds; then it is unknown.
const EXPIRED_CODE_REMEMBERED_SECONDS: u64 = 10;

/// A device login from its start on.
pub(crate) struct DeviceLogin {
    device_code: String,
    pub(crate) user_code: String,
    realm: String,
    client_id: String,
    scope: String,
    code_challenge: Option<String>,
    pub(crate) expires_at: Duration,
    interval: Duration,
    last_poll: Option<Duration>,
    pub(crate) state: DeviceState,
}

/// How far a device login is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DeviceState {
    /// Nobody has decided.
    Pending,
    /// Approved by this user; the next poll gets tokens.
    Approved(String),
    /// Denied.
    Denied,
    /// The tokens were fetched.
    Used,
}

/// What a person decides.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    Approve(String),
    Deny,
}

/// Why a decision cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecisionError {
    #[error("no device login with this user code is waiting: it is unknown, decided or expired")]
    UnknownCode,
    #[error("there is no user `{0}`, or it is disabled")]
    UnknownUser(String),
}

impl Provider {
    /// `auth/device`.
    pub(crate) fn start_device(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request)?;
        let code_challenge = request.parameter("code_challenge");
        let method = request.parameter("code_challenge_method");
        if code_challenge.is_some() != method.is_some() || method.is_some_and(|it| it != "S256") {
            let description = "Invalid parameter: code_challenge_method";
            return Err(OauthError::bad("invalid_request", description));
        }
        if client.demands_challenge && code_challenge.is_none() {
            let description = "Missing parameter: code_challenge_method";
            return Err(OauthError::bad("invalid_request", description));
        }
        let scope = self.settings.scope_of_login(request.parameter("scope"))?;
        let settings = &self.settings;
        let interval = settings.device_interval_seconds.unwrap_or(DEFAULT_INTERVAL_SECONDS);
        let auto_approve = settings.auto_approve.clone().map(DeviceState::Approved);
        let state = match self.decisions.pop_front() {
            Some(Decision::Approve(username)) => DeviceState::Approved(username),
            Some(Decision::Deny) => DeviceState::Denied,
            None => auto_approve.unwrap_or(DeviceState::Pending),
        };
        let login = DeviceLogin {
            device_code: token::opaque("dc"),
            user_code: token::user_code(),
            realm: request.incoming.realm.clone(),
            client_id: client.client_id,
            scope,
            code_challenge: code_challenge.map(Into::into),
            expires_at: request.now.boot + Duration::from_secs(settings.device_code_seconds),
            interval: Duration::from_secs(interval),
            last_poll: None,
            state,
        };
        let answer = self.device_answer(&login, &request.incoming.base_url);
        self.secrets.push(login.device_code.clone());
        self.devices.push(login);
        Ok(Reply::ok(answer))
    }

    /// `token` with the device code grant.
    pub(crate) fn poll_device(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request)?;
        if let Some(verifier) = request.parameter("code_verifier") {
            self.secrets.push(verifier.into());
        }
        let now = request.now.boot;
        let early_poll = self.settings.early_poll;
        let unknown = OauthError::invalid_grant("Device code not valid");
        let realm = &request.incoming.realm;
        let device_code = request
            .parameter("device_code")
            .ok_or_else(|| OauthError::bad("invalid_request", "Missing parameter: device_code"))?;
        let login = self
            .devices
            .iter_mut()
            .find(|login| login.device_code == device_code && &login.realm == realm)
            .filter(|login| login.state != DeviceState::Used)
            .ok_or(unknown)?;
        let remembered = login.interval + Duration::from_secs(EXPIRED_CODE_REMEMBERED_SECONDS);
        if login.expires_at + remembered < now {
            return Err(unknown);
        }
        if login.client_id != client.client_id {
            return Err(OauthError::invalid_grant("unauthorized client"));
        }
        if login.expires_at <= now {
            return Err(OauthError::bad("expired_token", "Device code is expired"));
        }
        login.check_verifier(request.parameter("code_verifier"))?;
        login.check_pace(now, early_poll)?;
        match &login.state {
            DeviceState::Pending => {
                let description = "The authorization request is still pending";
                Err(OauthError::bad("authorization_pending", description))
            }
            DeviceState::Denied => {
                let description = "The end user denied the authorization request";
                Err(OauthError::bad("access_denied", description))
            }
            DeviceState::Used => Err(unknown),
            DeviceState::Approved(username) => {
                let (username, scope) = (username.clone(), login.scope.clone());
                login.state = DeviceState::Used;
                if self.disabled_users.contains(&username) {
                    return Err(OauthError::invalid_grant("User disabled"));
                }
                let session = self.open_session(realm, &client.client_id, &username, &scope);
                let answer = self.login_answer(session, &request.incoming.base_url, request.now);
                let id = self.sessions[session].id.clone();
                Ok(Reply::ok(answer).about(Some(Mark { session: id, refresh_index: None })))
            }
        }
    }

    /// Decides the device login of this user code, or, without one, the oldest that waits.
    pub(crate) fn decide(
        &mut self,
        user_code: Option<&str>,
        decision: Decision,
        now: Now,
    ) -> Result<(), DecisionError> {
        self.check(&decision)?;
        let login = self.waiting(user_code, now).ok_or(DecisionError::UnknownCode)?;
        login.state = match decision {
            Decision::Approve(username) => DeviceState::Approved(username),
            Decision::Deny => DeviceState::Denied,
        };
        Ok(())
    }

    /// Decides the oldest device login that waits, or else the next to start.
    pub(crate) fn decide_next(
        &mut self,
        decision: Decision,
        now: Now,
    ) -> Result<(), DecisionError> {
        match self.decide(None, decision.clone(), now) {
            Err(DecisionError::UnknownCode) => self.decisions.push_back(decision),
            result => return result,
        }
        Ok(())
    }

    /// Ends the time of this user code.
    pub(crate) fn expire(&mut self, user_code: &str, now: Now) -> Result<(), DecisionError> {
        let login = self.waiting(Some(user_code), now).ok_or(DecisionError::UnknownCode)?;
        login.expires_at = now.boot;
        Ok(())
    }

    fn check(&self, decision: &Decision) -> Result<(), DecisionError> {
        match decision {
            Decision::Approve(username)
                if self.user(username).is_none() || self.disabled_users.contains(username) =>
            {
                Err(DecisionError::UnknownUser(username.clone()))
            }
            _ => Ok(()),
        }
    }

    fn waiting(&mut self, user_code: Option<&str>, now: Now) -> Option<&mut DeviceLogin> {
        let wanted = user_code.map(canonical_user_code);
        self.devices.iter_mut().find(|login| {
            login.state == DeviceState::Pending
                && now.boot < login.expires_at
                && wanted.as_ref().is_none_or(|it| *it == canonical_user_code(&login.user_code))
        })
    }

    fn device_answer(&self, login: &DeviceLogin, base_url: &str) -> Value {
        let settings = &self.settings;
        let verification_uri = format!("{base_url}/auth/realms/{}/device", login.realm);
        let mut answer = json!({
            "device_code": login.device_code,
            "user_code": login.user_code,
            "verification_uri": verification_uri,
            "expires_in": settings.device_code_seconds,
        });
        if settings.verification_uri_complete {
            let complete = format!("{verification_uri}?user_code={}", login.user_code);
            answer["verification_uri_complete"] = json!(complete);
        }
        if let Some(interval) = settings.device_interval_seconds {
            answer["interval"] = json!(interval);
        }
        answer
    }
}

impl DeviceLogin {
    fn check_verifier(&self, verifier: Option<&str>) -> Result<(), OauthError> {
        match (&self.code_challenge, verifier) {
            (None, _) => Ok(()),
            (Some(challenge), Some(verifier)) if verifier_matches(verifier, challenge) => Ok(()),
            (Some(_), Some(_)) => {
                Err(OauthError::invalid_grant("PKCE verification failed: Code mismatch"))
            }
            (Some(_), None) => Err(OauthError::invalid_grant("PKCE code verifier not specified")),
        }
    }

    fn check_pace(&mut self, now: Duration, early_poll: EarlyPoll) -> Result<(), OauthError> {
        // A client's timer may fire a little early by our clock: a twentieth is let go.
        let due = |last: Duration| last + self.interval - self.interval / 20;
        let early = self.last_poll.is_some_and(|last| now < due(last));
        if !early || early_poll == EarlyPoll::Ignore {
            self.last_poll = Some(now);
            return Ok(());
        }
        if early_poll == EarlyPoll::SlowDownAndRaise {
            self.interval += Duration::from_secs(DEFAULT_INTERVAL_SECONDS);
        }
        Err(OauthError::bad("slow_down", "Slow down"))
    }
}
