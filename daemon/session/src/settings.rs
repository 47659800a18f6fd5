//! What a session is told about its profile.

use crate::outcome::MISCONFIGURED_HOLD;
use crate::schedule::{BACKOFF_CAP, RETRY_AFTER_CAP};
use bearerd_proto::{ProfileName, Secret};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The part of a profile's configuration that the heart decides by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, for messages.
    pub profile: ProfileName,
    /// Where its tokens come from, and as whom.
    pub binding: Binding,
    /// How it obtains tokens.
    pub kind: Kind,
    /// How long after a use this IdP takes the same rotating refresh token once more.
    pub reuse_window: Option<Duration>,
    /// How long its pauses may get.
    pub pauses: Pauses,
    /// A session is forgotten so long after its login; absent: it lives as long as its provider lets it.
    pub lifetime: Option<Duration>,
    /// A token for another audience is got by exchange (RFC 8693).
    pub exchanges: bool,
}

/// The longest pauses between attempts. Only a test that watches a session heal wants others than the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// The backoff's.
    pub backoff: Duration,
    /// The longest `Retry-After` that is believed.
    pub retry_after: Duration,
    /// After a failure that a person has to mend.
    pub hold: Duration,
}

impl Pauses {
    /// Those of the daemon; each what its part of the session says by itself.
    pub const DEFAULT: Self =
        Self { backoff: BACKOFF_CAP, retry_after: RETRY_AFTER_CAP, hold: MISCONFIGURED_HOLD };
}

impl Default for Pauses {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Where a session's tokens come from. A saved session whose binding differs from its profile's is never used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The profile's `auth_type`.
    pub auth_type: String,
    /// Issuer or token endpoint, exactly as configured.
    pub endpoint: String,
    /// The OAuth client; empty where there is none.
    pub client_id: String,
    /// The user that the configuration names, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// How a session obtains tokens.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A constant: `none` and `test_auth`. Nothing is fetched, nothing is saved.
    Constant(Constant),
    /// A person logs in; a refresh token renews.
    Person,
    /// It obtains its tokens by itself.
    Own(Own),
}

/// What a profile obtains by itself, and what comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Each access token by a grant of its own, without a refresh token: client credentials.
    Tokens,
    /// A session by a grant without a person, a password's; a refresh token renews.
    Sessions {
        /// What the grant needs comes with a login, and is kept in memory alone.
        needs_given: bool,
    },
    /// An access token out of a file.
    TokenFile,
    /// A refresh token out of a file, once for each that stands there.
    GrantFile,
}

impl Own {
    /// Whether there is more to keep than access tokens.
    pub(crate) fn has_grants(self) -> bool {
        matches!(self, Own::Sessions { .. } | Own::GrantFile)
    }

    /// Whether a file is where its tokens come from, so that a change of it brings another.
    pub(crate) fn follows_a_file(self) -> bool {
        matches!(self, Own::TokenFile | Own::GrantFile)
    }
}

/// What a constant profile answers.
#[derive(Debug, Clone)]
pub struct Constant {
    /// The token; absent for a profile that sends no header.
    pub token: Option<Secret>,
    /// The claim `sub`, as it were.
    pub user_id: Option<String>,
    /// The claim `email`, as it were.
    pub user_email: Option<String>,
}
