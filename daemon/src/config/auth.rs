//! What an auth type is to the rest of the daemon: one variant, and what each of them says of itself.

use super::auth_type::AuthType;
use super::client_credentials::ClientCredentials;
use super::constant;
use super::oauth_client::OAuthClient;
use super::orch::Orch;
use super::source::Source;
use super::sso::Sso;
use super::token_file::TokenFile;
use super::user_password::UserPassword;
use bearerd_session::Kind;
use serde_json::{Map, Value};

/// What the `auth_type` of a profile says, with the keys that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// No token at all.
    None,
    /// A constant token.
    TestAuth,
    /// A person's login.
    Sso(Box<Sso>),
    /// A user's name and password.
    UserPassword(Box<UserPassword>),
    /// A token out of a file.
    Token(Box<TokenFile>),
    /// A refresh token out of the SDK's cache file.
    Orch(Box<Orch>),
    /// A service's own tokens.
    ClientCredentials(Box<ClientCredentials>),
}

impl Auth {
    pub(super) fn says(&self) -> &dyn AuthSettings {
        match self {
            Auth::None => &constant::NO_AUTH,
            Auth::TestAuth => &constant::CONSTANT_TOKEN,
            Auth::Sso(sso) => &**sso,
            Auth::UserPassword(user_password) => &**user_password,
            Auth::Token(token_file) => &**token_file,
            Auth::Orch(orch) => &**orch,
            Auth::ClientCredentials(client_credentials) => &**client_credentials,
        }
    }
}

/// What each auth type says of itself, in its own file. What a client of a provider says goes without saying.
pub(super) trait AuthSettings {
    /// Its row in the table.
    fn auth_type(&self) -> AuthType;

    /// Where its tokens come from, as its session sees it.
    fn kind(&self) -> Kind;

    /// The client with which it speaks to a provider, if it does.
    fn client(&self) -> Option<&OAuthClient> {
        None
    }

    /// What a session is bound to, besides client and user.
    fn bound_to(&self) -> String {
        self.client().map(|client| client.provider().bound_to()).unwrap_or_default()
    }

    /// The user that the configuration names.
    fn user(&self) -> Option<&str> {
        None
    }

    /// Its files, besides the client's.
    fn own_sources(&self) -> Vec<Source<'_>> {
        Vec::new()
    }

    /// The settings of its own keys, as they are in force; those of the client and the files come by themselves.
    fn own_settings(&self, _settings: &mut Map<String, Value>) {}
}
