//! The state of the provider: who is known, what was given out, what is still good.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::answer::Mark;
use crate::clients::User;
use crate::clock::{self, Now};
use crate::device::{Decision, DeviceLogin};
use crate::incoming::Incoming;
use crate::session::{Session, Standing};
use crate::settings::Settings;
use crate::token::Claims;

/// Everything that a request can change.
pub(crate) struct Provider {
    pub(crate) settings: Settings,
    pub(crate) devices: Vec<DeviceLogin>,
    /// What becomes of the device logins that start next.
    pub(crate) decisions: VecDeque<Decision>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) refresh_tokens: HashMap<String, Place>,
    pub(crate) access_tokens: HashMap<String, AccessToken>,
    pub(crate) disabled_users: BTreeSet<String>,
    pub(crate) disabled_clients: BTreeSet<String>,
    /// Client and `jti` of each assertion that was taken.
    pub(crate) used_assertions: HashSet<(String, String)>,
    /// Every secret that was given out or received, for leak checks.
    pub(crate) secrets: Vec<String>,
    /// How far `advance` has moved this provider's time.
    pub(crate) ahead: Duration,
}

/// Where a refresh token belongs: the session and its place in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) session: usize,
    pub(crate) index: usize,
}

/// An access token that was given out.
pub(crate) struct AccessToken {
    pub(crate) session: Option<usize>,
    pub(crate) realm: String,
    pub(crate) claims: Claims,
    pub(crate) issued_at: i64,
    /// On the boot-time clock.
    pub(crate) expires_at: Duration,
    pub(crate) lifetime_seconds: u64,
    pub(crate) revoked: bool,
}

/// A request on its way through the provider.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) incoming: &'a Incoming,
    pub(crate) now: Now,
    /// A fault: a refresh gives what it gave before.
    pub(crate) same_token_again: bool,
}

impl Request<'_> {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.incoming.parameter(name)
    }
}

impl Provider {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            devices: Vec::new(),
            decisions: VecDeque::new(),
            sessions: Vec::new(),
            refresh_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            disabled_users: BTreeSet::new(),
            disabled_clients: BTreeSet::new(),
            used_assertions: HashSet::new(),
            secrets: Vec::new(),
            ahead: Duration::ZERO,
        }
    }

    pub(crate) fn now(&self) -> Now {
        let wall_clock = clock::since_epoch() + self.ahead;
        let unix = i64::try_from(wall_clock.as_secs()).unwrap_or(i64::MAX);
        Now {
            boot: clock::since_boot() + self.ahead,
            unix: unix.saturating_add(self.settings.clock_skew_seconds),
        }
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.settings.users.iter().find(|user| user.username == username)
    }

    /// Below this the endpoints of a realm are.
    pub(crate) fn endpoints(&self, base_url: &str, realm: &str) -> String {
        format!("{base_url}/auth/realms/{realm}/{}", self.settings.endpoints_at)
    }

    /// Whether nothing is where this request went, because the endpoints have moved.
    pub(crate) fn has_left(&self, incoming: &Incoming) -> bool {
        let below_realm = incoming.path.strip_prefix(&format!("/auth/realms/{}/", incoming.realm));
        let Some(rest) = below_realm else { return false };
        let page = rest == "device" || rest.starts_with(".well-known/");
        !page && !rest.starts_with(&format!("{}/", self.settings.endpoints_at))
    }

    pub(crate) fn issuer(&self, base_url: &str, realm: &str) -> String {
        let own = || format!("{base_url}/auth/realms/{realm}");
        self.settings.issuer.clone().unwrap_or_else(own)
    }

    /// Whether this token, access or refresh, is good at this moment.
    pub(crate) fn is_active(&self, token: &str, now: Now) -> bool {
        if let Some(access_token) = self.access_tokens.get(token) {
            return !access_token.revoked
                && now.boot < access_token.expires_at
                && access_token.session.is_none_or(|session| self.is_live(session));
        }
        let Some(place) = self.refresh_tokens.get(token) else { return false };
        let session = &self.sessions[place.session];
        let refresh_token = &session.refresh_tokens[place.index];
        let superseded = self.settings.rotation == crate::Rotation::Rotate
            && refresh_token.used_at.is_some()
            && place.index != session.newest();
        self.is_live(place.session)
            && !superseded
            && refresh_token.expires_at.is_none_or(|end| now.boot < end)
    }

    /// Which session this refresh token belongs to.
    pub(crate) fn mark(&self, refresh_token: &str) -> Option<Mark> {
        let place = self.refresh_tokens.get(refresh_token)?;
        Some(Mark {
            session: self.sessions[place.session].id.clone(),
            refresh_index: Some(place.index),
        })
    }

    /// Ends every live session that meets the condition; gives how many there were.
    pub(crate) fn end_sessions(&mut self, ends: impl Fn(&Session) -> bool) -> usize {
        let live = |session: &&mut Session| session.standing == Standing::Live;
        let ended = self.sessions.iter_mut().filter(live).filter(|session| ends(session));
        ended.map(|session| session.standing = Standing::Ended).count()
    }

    fn is_live(&self, session: usize) -> bool {
        let session = &self.sessions[session];
        session.standing == Standing::Live && !self.disabled_users.contains(&session.username)
    }
}
