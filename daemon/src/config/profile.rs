//! A profile: where a token comes from, as whom, and how.

use super::audience_parameter::AudienceParameter;
use super::auth::Auth;
use super::auth_type::AuthType;
use super::document::{Key, Section};
use super::error::Fault;
use super::keys::{self, Place};
use super::oauth_client::OAuthClient;
use super::source::Source;
use super::written::{Limits, Written};
use bearerd_proto::{ProfileInfo, ProfileName};
use bearerd_session::{Binding, Kind};
use serde_json::Map;
use std::path::Path;
use std::time::Duration;

/// A named configuration, valid by construction. Two that are equal behave the same, so a reload leaves them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: ProfileName,
    auth: Auth,
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
        self.auth.says().auth_type()
    }

    /// The client with which it speaks to a provider; `None` where it speaks to none.
    pub fn client(&self) -> Option<&OAuthClient> {
        self.auth.says().client()
    }

    /// What its sessions are bound to: a saved one with another binding is never sent to this profile's IdP.
    pub fn binding(&self) -> Binding {
        let auth = self.auth.says();
        Binding {
            auth_type: auth.auth_type().to_string(),
            endpoint: auth.bound_to(),
            client_id: auth
                .client()
                .map(|client| client.client_id().to_owned())
                .unwrap_or_default(),
            user: auth.user().map(str::to_owned),
        }
    }

    /// Where its tokens come from, as its session sees it.
    pub fn session_kind(&self) -> Kind {
        self.auth.says().kind()
    }

    /// How long after its login a session is forgotten; `None`: never for that.
    pub fn lifetime(&self) -> Option<Duration> {
        self.client()?.lifetime()
    }

    /// How long after its first use its provider takes a refresh token once more; `None`: not at all.
    pub fn reuse_window(&self) -> Option<Duration> {
        self.client()?.reuse_window()
    }

    /// Whether a token for another audience is exchanged for (RFC 8693).
    pub fn audience_exchanges(&self) -> bool {
        let parameter = self.client().map(OAuthClient::audience_parameter);
        parameter == Some(&AudienceParameter::Exchange)
    }

    /// The issuer of its tokens, where it has a provider.
    pub fn issuer_text(&self) -> Option<String> {
        Some(self.client()?.provider().issuer())
    }

    /// Every file that its secrets and tokens come from: once one has changed, what failed is worth another look.
    pub fn sources(&self) -> Vec<&Path> {
        self.source_files().into_iter().map(|source| source.path).collect()
    }

    /// The same, each with the key that names it.
    pub fn source_files(&self) -> Vec<Source<'_>> {
        let auth = self.auth.says();
        let client = auth.client().and_then(|client| client.authentication().source());
        client.into_iter().chain(auth.own_sources()).collect()
    }

    /// Whether plain `http` to another machine is allowed: its tokens may travel readable.
    pub fn allow_http(&self) -> bool {
        self.client().is_some_and(OAuthClient::allow_http)
    }

    /// Its settings as they are in force, for `GET /v1/profiles`.
    pub fn info(&self) -> ProfileInfo {
        let auth = self.auth.says();
        let mut settings = Map::new();
        if let Some(client) = auth.client() {
            client.settings(&mut settings);
        }
        auth.own_settings(&mut settings);
        for source in self.source_files() {
            settings.insert(source.key.to_owned(), source.path.to_string_lossy().into());
        }
        ProfileInfo {
            profile: self.name.clone(),
            auth_type: auth.auth_type().to_string(),
            settings,
            run_time: false,
        }
    }

    /// Reads the profile under `key`; `folder` is the configuration's, where relative paths start.
    pub(super) fn read(
        key: Key<'_>,
        section: Section<'_>,
        folder: &Path,
        limits: Limits,
    ) -> Result<Self, Fault> {
        let name = key.name.parse::<ProfileName>().map_err(|error| {
            // The error says what is wrong, then what to write.
            let sentence = error.to_string();
            let (reason, mend) =
                sentence.rsplit_once(": ").unwrap_or((&sentence, "use another name"));
            Fault::new(key.at, reason, mend)
        })?;
        let written = Written { section, name: name.as_str(), folder, limits };
        let auth_type = AuthType::find(&written)?;
        for key in section.keys() {
            keys::judge(key, Place::Profile(auth_type))?;
        }
        let auth = auth_type.read(&written)?;
        Ok(Self { name, auth })
    }
}
