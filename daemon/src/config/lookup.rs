//! Which profile a request means, and what to say where it means none.

use bearerd_proto::{ErrorBody, ErrorCode, ProfileName};
use std::path::PathBuf;

/// A request that means no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchProfile {
    /// It names one that is not configured.
    #[error("there is no profile `{name}`; configured: {}", names(known))]
    Unknown {
        /// The one asked for.
        name: ProfileName,
        /// Those that there are.
        known: Vec<ProfileName>,
    },
    /// It names none, there are several, and none is the default.
    #[error(
        "name a profile, one of {}, or write `default_profile` into the configuration",
        names(known)
    )]
    Ambiguous {
        /// Those that there are.
        known: Vec<ProfileName>,
    },
    /// Nothing is configured: the state of a fresh machine.
    #[error(
        "no profile is configured; write `[profile.NAME]`, `auth_type = \"sso\"` and \
         `keycloak_addr = \"https://...\"` into `{}`, then reload bearerd (SIGHUP)",
        path.display()
    )]
    NoneConfigured {
        /// The one asked for, where one was named.
        name: Option<ProfileName>,
        /// The configuration file to write.
        path: PathBuf,
    },
}

impl NoSuchProfile {
    /// The class of the error on the wire.
    pub fn code(&self) -> ErrorCode {
        match self {
            NoSuchProfile::Unknown { .. } | NoSuchProfile::NoneConfigured { name: Some(_), .. } => {
                ErrorCode::UnknownProfile
            }
            NoSuchProfile::Ambiguous { .. } | NoSuchProfile::NoneConfigured { name: None, .. } => {
                ErrorCode::BadRequest
            }
        }
    }
}

impl From<NoSuchProfile> for ErrorBody {
    fn from(error: NoSuchProfile) -> Self {
        let body = ErrorBody::new(error.code(), error.to_string());
        match error {
            NoSuchProfile::Unknown { name, .. }
            | NoSuchProfile::NoneConfigured { name: Some(name), .. } => body.of(&name),
            NoSuchProfile::Ambiguous { .. } | NoSuchProfile::NoneConfigured { name: None, .. } => {
                body
            }
        }
    }
}

fn names(known: &[ProfileName]) -> String {
    super::keys::listed(known.iter().map(ProfileName::as_str))
}
