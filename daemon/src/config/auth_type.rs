//! The auth types: which are built, which keys each has, and which come later.

use super::document::Section;
use super::error::Fault;
use super::keys::{closest, listed};
use super::sso;

/// How a profile gets its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthType {
    /// No token at all: requests go without a header.
    None,
    /// A person logs in at Keycloak; refreshed from then on.
    Sso,
    /// A constant token, for tests of programs.
    TestAuth,
}

impl AuthType {
    /// All that this version builds.
    pub const ALL: [AuthType; 3] = [AuthType::None, AuthType::Sso, AuthType::TestAuth];

    /// The word that stands in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            AuthType::None => "none",
            AuthType::Sso => "sso",
            AuthType::TestAuth => "test_auth",
        }
    }

    /// The keys of a profile of this type, besides [`COMMON_KEYS`].
    pub(super) const fn keys(self) -> &'static [&'static str] {
        match self {
            AuthType::None | AuthType::TestAuth => &[],
            AuthType::Sso => &sso::KEYS,
        }
    }

    /// Reads the `auth_type` of a profile, which decides what else may stand in it.
    pub(super) fn read(profile: Section<'_>, name: &str) -> Result<Self, Fault> {
        let names = || AuthType::ALL.into_iter().map(AuthType::as_str);
        let Some(text) = profile.text("auth_type")? else {
            return Err(Fault::new(
                profile.at,
                format!("profile `{name}` has no `auth_type`"),
                format!("write `auth_type = \"...\"` with one of {}", listed(names())),
            ));
        };
        if let Some(found) = AuthType::ALL.into_iter().find(|known| known.as_str() == text.value) {
            return Ok(found);
        }
        if let Some(later) = LATER_AUTH_TYPES.into_iter().find(|later| *later == text.value) {
            return Err(text.fault(
                format!("auth_type `{later}` is known but not built in this version yet"),
                format!("write one of {}", listed(names())),
            ));
        }
        let mend = match closest(text.value, names().chain(LATER_AUTH_TYPES)) {
            Some(known) => format!("did you mean `{known}`? There are {}", listed(names())),
            None => format!("write one of {}", listed(names())),
        };
        Err(text.fault("unknown auth_type", mend))
    }
}

impl std::fmt::Display for AuthType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Keys that every profile has.
pub(super) const COMMON_KEYS: [&str; 1] = ["auth_type"];

/// Auth types of the design that this version does not build.
const LATER_AUTH_TYPES: [&str; 6] =
    ["user_password", "token", "orch", "client_credentials", "token_exchange", "jwt_bearer"];

/// Keys of the design that have no effect in this version: refused, so that nobody relies on one.
pub(super) const LATER_KEYS: [&str; 19] = [
    "issuer",
    "credentials_file",
    "username",
    "password_file",
    "token_file",
    "cache_file",
    "token_endpoint_auth_method",
    "client_secret_file",
    "private_key_file",
    "client_cert_file",
    "subject_profile",
    "subject_token_file",
    "subject",
    "audience",
    "audience_parameter",
    "resource",
    "assertion_file",
    "lifetime",
    "sink",
];
