//! The rules of a history: how its providers and its profile behave all through it.

use serde::{Deserialize, Serialize};

/// The rules that hold through a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Seconds that an access token lives.
    pub token_life: u64,
    /// Seconds that a refresh token lives from its issue; absent: no end, and none is said.
    pub refresh_life: Option<u64>,
    /// Whether a refresh gives another refresh token.
    pub rotation: Rotation,
    /// Seconds after its use in which the provider takes a spent refresh token once more.
    pub provider_window: Option<u64>,
    /// The same, as the profile says it.
    pub profile_window: Option<u64>,
    /// Whether the reuse of a spent refresh token ends the session; else it is only refused.
    pub reuse_ends_session: bool,
    /// Whether answers carry the provider's own session.
    pub says_session: bool,
    /// Seconds after which the provider would have a token renewed, where it says so.
    pub says_refresh_in: Option<u64>,
    /// Seconds between two polls of a device login.
    pub device_interval: u64,
    /// Seconds that a device login's codes live.
    pub device_life: u64,
    /// Milliseconds that a request takes to the provider, and its answer back.
    pub latency: u64,
    /// Seconds until a person logs in again who hears that this is needed; absent: nobody does but by the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_returns: Option<u64>,
    /// How the profile obtains its tokens.
    #[serde(default, skip_serializing_if = "Obtains::is_by_login")]
    pub obtains: Obtains,
    /// Seconds after which a session of the profile is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// Whether tokens for other audiences are got by exchange.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exchanges: bool,
    /// Seconds from one writing of the profile's file to the next, by the program that keeps it fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<u64>,
}

/// How a profile obtains its tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obtains {
    /// A person logs in.
    #[default]
    ByLogin,
    /// Client credentials: each token by itself.
    BySecret,
    /// A password out of a file.
    ByPassword,
    /// A password that comes with a login.
    ByGivenPassword,
    /// A refresh token out of a file.
    ByGrantFile,
    /// An access token out of a file.
    ByTokenFile,
}

impl Obtains {
    /// Whether a person confirms each login in a browser.
    pub fn is_by_login(&self) -> bool {
        *self == Obtains::ByLogin
    }

    /// Whether a file is where the tokens come from.
    pub fn is_by_file(self) -> bool {
        matches!(self, Obtains::ByGrantFile | Obtains::ByTokenFile)
    }

    /// Whether there is a refresh token, which one may bring along.
    pub fn keeps_a_session(self) -> bool {
        !matches!(self, Obtains::BySecret | Obtains::ByTokenFile)
    }

    /// Whether nobody is ever needed.
    pub fn needs_nobody(self) -> bool {
        !matches!(self, Obtains::ByLogin | Obtains::ByGivenPassword)
    }
}

/// What becomes of the refresh token at a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// It is spent, and another one comes.
    Rotates,
    /// It comes back.
    Same,
    /// It stays good, and the answer has none.
    Absent,
}
