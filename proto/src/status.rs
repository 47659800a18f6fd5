//! `GET /v1/status`, `/v1/profiles`, `/v1/health` and the events of `/v1/events`; `PUT /v1/profiles/{name}`.

use crate::{ErrorCode, PendingLogin, ProfileName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the daemon and its profiles are. Never a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Whole seconds since it started.
    pub uptime: u64,
    /// What is wrong with the configuration file, where something is; the last good one is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_error: Option<String>,
    /// Each profile, by name.
    pub profiles: Vec<ProfileStatus>,
}

/// How one profile is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileStatus {
    /// Its name.
    pub profile: ProfileName,
    /// Its `auth_type`.
    pub auth_type: String,
    /// In a word.
    pub state: ProfileState,
    /// The claim `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The claim `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// When the current token expires: Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Whole seconds from now until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// When the next attempt to renew it is planned: Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_at: Option<i64>,
    /// Whole seconds from now until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_in: Option<u64>,
    /// Whether the session as it stands is on disk.
    pub saved: bool,
    /// The last thing that went wrong, until something goes right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// The login under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<PendingLogin>,
    /// How many tokens were fetched since the daemon started.
    pub fetches: u64,
    /// Seconds that the IdP's clock is ahead of ours, as far as its answers tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew: Option<i64>,
    /// Plain `http://` beyond loopback is allowed: its tokens travel readable.
    #[serde(default, skip_serializing_if = "crate::token::is_false")]
    pub allow_http: bool,
}

/// The state of a profile in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProfileState {
    /// Tokens flow.
    Ready,
    /// The token in hand is served, but the last attempt to renew it failed; or there is none, and bearerd tries on.
    Degraded,
    /// A person has to log in.
    LoginRequired,
    /// A login waits for its person.
    LoginPending,
    /// Whoever configured it has to mend it.
    Misconfigured,
    /// The saved session can't be opened.
    StateUnreadable,
    /// A word of a newer daemon.
    #[serde(other)]
    Unknown,
}

/// The last thing that went wrong in a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastError {
    /// Its class.
    pub code: ErrorCode,
    /// What happened and what to do next.
    pub message: String,
    /// When: Unix seconds.
    pub at: i64,
}

/// The answer of `GET /v1/profiles`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profiles {
    /// The one that is meant where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_profile: Option<ProfileName>,
    /// Each profile, by name.
    pub profiles: Vec<ProfileInfo>,
}

/// What is configured under a name; also the answer of `PUT /v1/profiles/{name}`. No secret stands in a configuration, so none stands here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileInfo {
    /// Its name.
    pub profile: ProfileName,
    /// Its `auth_type`.
    pub auth_type: String,
    /// The other keys of its configuration, as they are in force.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// It was made at run time, by `PUT /v1/profiles/{name}`; all others stand in the configuration file.
    #[serde(default, skip_serializing_if = "crate::token::is_false")]
    pub run_time: bool,
}

/// The body of `PUT /v1/profiles/{name}`: the keys of a profile as the configuration file has them, `auth_type` first
/// among them. They are data: a key that the daemon does not know is refused, not ignored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ProfileSettings(pub serde_json::Map<String, serde_json::Value>);

/// The keys alone: somebody may have put a secret where none belongs.
impl fmt::Debug for ProfileSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The answer of `GET /v1/health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// `ok`, `degraded` or `locked`.
    pub status: HealthStatus,
}

/// How the daemon is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HealthStatus {
    /// All is well.
    Ok,
    /// A profile is not `ready`.
    Degraded,
    /// No tokens are handed out until unlocked.
    Locked,
    /// A word of a newer daemon.
    #[serde(other)]
    Unknown,
}

/// One of the server-sent events of `GET /v1/events`: the `data` of the event that `kind` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// What happened; also the name of the server-sent event.
    pub kind: EventKind,
    /// To which profile.
    pub profile: ProfileName,
    /// When: Unix seconds.
    pub at: i64,
    /// Why, where there is a why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What happened to a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// A new access token is served.
    Refreshed,
    /// An attempt to renew failed.
    Degraded,
    /// The session could not be saved: it lives in memory.
    NotSaved,
    /// The session is over: said once.
    LoginRequired,
    /// A login took effect.
    LoggedIn,
    /// The tokens were forgotten.
    LoggedOut,
    /// A word of a newer daemon.
    #[serde(other)]
    Unknown,
}

impl EventKind {
    /// The name as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::Refreshed => "refreshed",
            EventKind::Degraded => "degraded",
            EventKind::NotSaved => "not-saved",
            EventKind::LoginRequired => "login-required",
            EventKind::LoggedIn => "logged-in",
            EventKind::LoggedOut => "logged-out",
            EventKind::Unknown => "unknown",
        }
    }
}
