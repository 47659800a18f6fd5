//! The auth types: a table of those that are built, and the names of those that come later.

use super::auth::Auth;
use super::error::Fault;
use super::keys::{closest, listed};
use super::written::Written;
use super::{client_credentials, constant, orch, sso, token_file, user_password};
use std::fmt;

/// Every auth type that this version builds; the file of each has its row.
static TABLE: &[&Row] = &[
    &constant::NONE,
    &sso::ROW,
    &user_password::ROW,
    &constant::TEST_AUTH,
    &token_file::ROW,
    &orch::ROW,
    &client_credentials::ROW,
];

/// How a profile gets its tokens.
#[derive(Clone, Copy)]
pub struct AuthType(&'static Row);

/// An auth type: its word, its keys, its reader.
#[derive(Debug)]
pub(super) struct Row {
    /// The word that stands in the configuration.
    pub(super) word: &'static str,
    /// The keys of a profile of this type, besides [`COMMON_KEYS`], in groups.
    pub(super) keys: &'static [&'static [&'static str]],
    /// Reads the keys' values; their names are judged already.
    pub(super) read: fn(&Written<'_>) -> Result<Auth, Fault>,
}

impl AuthType {
    /// All that this version builds.
    pub fn all() -> impl Iterator<Item = AuthType> {
        TABLE.iter().copied().map(AuthType)
    }

    /// The word that stands in the configuration.
    pub fn as_str(self) -> &'static str {
        self.0.word
    }

    pub(super) fn of(row: &'static Row) -> Self {
        Self(row)
    }

    /// The keys of a profile of this type, besides those that every profile has.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        self.0.keys.iter().copied().flatten().copied()
    }

    /// Reads the keys of a profile of this type.
    pub(super) fn read(self, profile: &Written<'_>) -> Result<Auth, Fault> {
        (self.0.read)(profile)
    }

    /// Finds the `auth_type` of a profile, which decides what else may stand in it.
    pub(super) fn find(profile: &Written<'_>) -> Result<Self, Fault> {
        let names = || AuthType::all().map(AuthType::as_str);
        let Some(text) = profile.text("auth_type")? else {
            let mend = format!("write `auth_type = \"...\"` with one of {}", listed(names()));
            return Err(profile.lacks("`auth_type`", mend));
        };
        if let Some(found) = AuthType::all().find(|known| known.as_str() == text.value) {
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

impl PartialEq for AuthType {
    fn eq(&self, other: &Self) -> bool {
        self.0.word == other.0.word
    }
}

impl Eq for AuthType {}

impl fmt::Debug for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthType({})", self.0.word)
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.word)
    }
}

/// Keys that every profile has.
pub(super) const COMMON_KEYS: [&str; 1] = ["auth_type"];

/// Auth types of the design that this version does not build.
const LATER_AUTH_TYPES: [&str; 2] = ["token_exchange", "jwt_bearer"];

/// Keys of the design that have no effect in this version: refused, so that nobody relies on one.
pub(super) const LATER_KEYS: [&str; 8] = [
    "client_cert_file",
    "subject_profile",
    "subject_token_file",
    "subject",
    "audience",
    "resource",
    "assertion_file",
    "sink",
];
