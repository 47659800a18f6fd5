//! How tokens are fetched: the trait of a fetcher, and which profile has which.
//!
//! A fetcher takes one request and gives its outcome. It decides nothing, repeats nothing and knows no session, and a
//! refresh token leaves the daemon here alone, towards the IdP that it came from.

mod cache_file;
mod client_credentials;
mod device;
mod password;
mod token_file;

mod oauth;

mod identity;
mod sending;
mod slot;

mod client_authentication;
mod discovery;
mod provider;

mod answer;
mod endpoint;

mod authorization;
mod client;
mod client_assertion;
mod form;
mod id_token;
mod members;
mod pkce;
mod random;
mod shown;
mod signing_key;
mod source;
mod transport;

pub use client::{HttpClients, Timeouts};

use crate::config::{Auth, AuthType, Flow, Profile};
use bearerd_session::{Outcome, Request};
use cache_file::CacheFile;
use client_credentials::ClientCredentialsGrant;
use device::DeviceGrant;
use oauth::OAuthFetcher;
use password::PasswordGrant;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use thiserror::Error;
use token_file::TokenFileFetcher;

/// Obtains the tokens of one profile.
pub trait TokenFetcher: Debug + Send + Sync {
    /// Carries `request` out, once, and gives what it came to, within the time that its kind has.
    ///
    /// Dropping the future ends the request wherever it stands: what it would spend may be spent.
    fn fetch(&self, request: Request) -> Fetch<'_>;
}

/// A request under way.
pub type Fetch<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Knows which profile has which fetcher: [`HttpClients`] in the daemon, a script in a test.
pub trait Fetchers: Debug + Send + Sync {
    /// The fetcher of a profile. Reads and sends nothing yet.
    ///
    /// # Errors
    /// The profile's tokens are constants, so that there is nothing to fetch.
    fn fetcher_for(&self, profile: &Profile) -> Result<Arc<dyn TokenFetcher>, FetcherError>;

    /// The configuration was read again, and with it every file that it names is to be.
    fn read_again(&self);
}

/// The registry: what a profile's `auth_type` obtains its tokens by.
impl Fetchers for HttpClients {
    fn fetcher_for(&self, profile: &Profile) -> Result<Arc<dyn TokenFetcher>, FetcherError> {
        Ok(match profile.auth() {
            Auth::None | Auth::TestAuth => {
                return Err(FetcherError::NothingToFetch { auth_type: profile.auth_type() });
            }
            Auth::Sso(sso) => match sso.flow() {
                Flow::Device => Arc::new(OAuthFetcher::new(sso.client(), DeviceGrant, self)),
            },
            Auth::UserPassword(user) => {
                let grant = PasswordGrant::new(user.credentials());
                Arc::new(OAuthFetcher::new(user.client(), grant, self))
            }
            Auth::Token(file) => Arc::new(TokenFileFetcher::new(file.path(), self)),
            Auth::Orch(orch) => {
                let grant = CacheFile::new(orch.cache_file());
                Arc::new(OAuthFetcher::new(orch.client(), grant, self))
            }
            Auth::ClientCredentials(service) => {
                Arc::new(OAuthFetcher::new(service.client(), ClientCredentialsGrant, self))
            }
        })
    }

    fn read_again(&self) {
        self.forget_built();
    }
}

/// Why a profile has no fetcher.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetcherError {
    /// Its tokens are constants.
    #[error(
        "a profile with `auth_type = \"{auth_type}\"` fetches nothing: answer from its constants"
    )]
    NothingToFetch {
        /// The auth type.
        auth_type: AuthType,
    },
}
