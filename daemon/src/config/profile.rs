//! A profile: where a token comes from, as whom, and how.

use super::auth_type::AuthType;
use super::document::{Key, Section};
use super::error::Fault;
use super::keys::{self, Place};
use super::sso::Sso;
use bearerd_proto::{ProfileInfo, ProfileName};
use bearerd_session::Binding;
use serde_json::Map;
use std::path::Path;

/// A named configuration, valid by construction. Two that are equal behave the same, so a reload leaves them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: ProfileName,
    auth: Auth,
}

/// What its `auth_type` says, with the keys that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// No token at all.
    None,
    /// A constant token.
    TestAuth,
    /// A person's login at Keycloak.
    Sso(Box<Sso>),
}

impl Profile {
    /// Its name.
    pub fn name(&self) -> &ProfileName {
        &self.name
    }

    /// How it gets its tokens.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Its `auth_type`.
    pub fn auth_type(&self) -> AuthType {
        match self.auth {
            Auth::None => AuthType::None,
            Auth::TestAuth => AuthType::TestAuth,
            Auth::Sso(_) => AuthType::Sso,
        }
    }

    /// What its sessions are bound to: a saved one with another binding is never sent to this profile's IdP.
    pub fn binding(&self) -> Binding {
        let (endpoint, client_id) = match &self.auth {
            Auth::None | Auth::TestAuth => (String::new(), String::new()),
            Auth::Sso(sso) => (sso.token_endpoint().into(), sso.client_id().to_owned()),
        };
        Binding { auth_type: self.auth_type().to_string(), endpoint, client_id, user: None }
    }

    /// Whether plain `http` to another machine is allowed: its tokens may travel readable.
    pub fn allow_http(&self) -> bool {
        match &self.auth {
            Auth::None | Auth::TestAuth => false,
            Auth::Sso(sso) => sso.allow_http(),
        }
    }

    /// Its settings as they are in force, for `GET /v1/profiles`.
    pub fn info(&self) -> ProfileInfo {
        let settings = match &self.auth {
            Auth::None | Auth::TestAuth => Map::new(),
            Auth::Sso(sso) => sso.settings(),
        };
        ProfileInfo {
            profile: self.name.clone(),
            auth_type: self.auth_type().to_string(),
            settings,
            run_time: false,
        }
    }

    /// Reads the profile under `key`; `folder` is the configuration's, where relative paths start.
    pub(super) fn read(key: Key<'_>, section: Section<'_>, folder: &Path) -> Result<Self, Fault> {
        let name = key.name.parse::<ProfileName>().map_err(|error| {
            // The error says what is wrong, then what to write.
            let sentence = error.to_string();
            let (reason, mend) =
                sentence.rsplit_once(": ").unwrap_or((&sentence, "use another name"));
            Fault::new(key.at, reason, mend)
        })?;
        let auth_type = AuthType::read(section, name.as_str())?;
        for key in section.keys() {
            keys::judge(key, Place::Profile(auth_type))?;
        }
        let auth = match auth_type {
            AuthType::None => Auth::None,
            AuthType::TestAuth => Auth::TestAuth,
            AuthType::Sso => Auth::Sso(Box::new(Sso::read(section, name.as_str(), folder)?)),
        };
        Ok(Self { name, auth })
    }
}
