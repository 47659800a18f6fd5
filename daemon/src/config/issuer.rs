//! The profile that an issuer means, for callers that know no profile's name.

use super::keys::listed;
use super::{Config, Profile};
use bearerd_proto::{ErrorBody, ErrorCode, ProfileName};
use std::sync::Arc;

impl Config {
    /// The one profile whose tokens `issuer` issues: by its name to the letter, but for a slash at the end. Where a
    /// profile is named too, that one has to be of the issuer.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn profile_of_issuer(
        &self,
        issuer: &str,
        name: Option<&ProfileName>,
    ) -> Result<&Arc<Profile>, NoSuchIssuer> {
        let of_issuer: Vec<_> = self
            .profiles()
            .values()
            .filter(|profile| {
                profile.issuer_text().is_some_and(|known| plain(&known) == plain(issuer))
            })
            .collect();
        if let Some(name) = name {
            let named = of_issuer.into_iter().find(|profile| profile.name() == name);
            return named.ok_or_else(|| NoSuchIssuer::OfAnother { name: name.clone() });
        }
        match of_issuer.as_slice() {
            [only] => Ok(only),
            [] => {
                let mut known: Vec<_> =
                    self.profiles().values().filter_map(|profile| profile.issuer_text()).collect();
                known.sort();
                known.dedup();
                Err(NoSuchIssuer::Unknown { known })
            }
            several => {
                let names = several.iter().map(|profile| profile.name().clone());
                Err(NoSuchIssuer::Ambiguous { names: names.collect() })
            }
        }
    }
}

/// An issuer that means no profile. What was asked for is not quoted: it may be a token by mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchIssuer {
    /// No profile is of this issuer.
    #[error("no profile is of that issuer; {}", known_issuers(known))]
    Unknown {
        /// Those that there are.
        known: Vec<String>,
    },
    /// Several are.
    #[error(
        "several profiles are of that issuer: name one of {} as `profile`",
        listed(names.iter().map(ProfileName::as_str))
    )]
    Ambiguous {
        /// They.
        names: Vec<ProfileName>,
    },
    /// The profile that was named beside it is of another issuer, or of none.
    #[error("profile `{name}` is not of that issuer: leave one of the two out")]
    OfAnother {
        /// The profile.
        name: ProfileName,
    },
}

impl From<NoSuchIssuer> for ErrorBody {
    fn from(error: NoSuchIssuer) -> Self {
        let code = match &error {
            NoSuchIssuer::Unknown { .. } => ErrorCode::UnknownProfile,
            NoSuchIssuer::Ambiguous { .. } | NoSuchIssuer::OfAnother { .. } => {
                ErrorCode::BadRequest
            }
        };
        ErrorBody::new(code, error.to_string())
    }
}

fn plain(issuer: &str) -> &str {
    issuer.strip_suffix('/').unwrap_or(issuer)
}

fn known_issuers(known: &[String]) -> String {
    if known.is_empty() {
        return "none is of any: configure one".to_owned();
    }
    format!("there are {}", listed(known.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const CONFIG: &str = "\
[profile.a]
auth_type = 'sso'
keycloak_addr = 'https://kc.example.com'
realm = 'one'
[profile.b]
auth_type = 'sso'
issuer = 'https://idp.example.com/'
client_id = 'app'
[profile.c]
auth_type = 'client_credentials'
issuer = 'https://idp.example.com'
client_id = 'batch'
client_secret_file = 's'
[profile.d]
auth_type = 'none'
";
    const KEYCLOAK: &str = "https://kc.example.com/auth/realms/one";

    fn of(issuer: &str, name: Option<&str>) -> Result<String, ErrorBody> {
        let config = Config::parse(CONFIG, Path::new("/nowhere/config.toml")).unwrap();
        let name = name.map(|name| name.parse().unwrap());
        let found = config.profile_of_issuer(issuer, name.as_ref());
        found.map(|profile| profile.name().to_string()).map_err(ErrorBody::from)
    }

    #[test]
    fn an_issuer_means_its_one_profile() {
        for issuer in [KEYCLOAK, "https://kc.example.com/auth/realms/one/"] {
            assert_eq!(of(issuer, None).unwrap(), "a", "{issuer}");
        }
        assert_eq!(of("https://idp.example.com", Some("c")).unwrap(), "c");
        assert_eq!(of("https://idp.example.com/", Some("b")).unwrap(), "b");
    }

    #[test]
    fn an_issuer_that_means_none_or_several_says_which_there_are() {
        for issuer in ["https://kc.example.com", "https://KC.example.com/auth/realms/one", ""] {
            let error = of(issuer, None).unwrap_err();
            assert_eq!(error.code, ErrorCode::UnknownProfile, "{issuer}");
            assert!(error.message.contains(KEYCLOAK), "{}", error.message);
        }
        let error = of("https://idp.example.com", None).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest);
        assert!(error.message.contains("`b`, `c`"), "{}", error.message);
        for name in ["a", "d", "nobody"] {
            let error = of("https://idp.example.com", Some(name)).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadRequest, "{name}");
        }
    }
}
