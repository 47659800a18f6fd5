//! How tokens are fetched: the trait of a fetcher, and which profile has which.
//!
//! A fetcher takes one request and gives its outcome. It decides nothing, repeats nothing and knows no session, and a
//! refresh token leaves the daemon here alone, towards the IdP that it came from.

mod keycloak;

mod answer;
mod endpoint;

mod client;
mod form;
mod members;
mod shown;
mod transport;

pub use client::{HttpClients, Timeouts};

use crate::config::{Auth, AuthType, Profile};
use bearerd_session::{Outcome, Request};
use keycloak::KeycloakTokenFetcher;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use thiserror::Error;

/// Speaks to one IdP, for one profile.
pub trait TokenFetcher: Debug + Send + Sync {
    /// Sends `request`, once, and gives what it came to, within the time that its kind has.
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

impl Fetchers for HttpClients {
    fn fetcher_for(&self, profile: &Profile) -> Result<Arc<dyn TokenFetcher>, FetcherError> {
        match profile.auth() {
            Auth::None | Auth::TestAuth => {
                Err(FetcherError::NothingToFetch { auth_type: profile.auth_type() })
            }
            Auth::Sso(sso) => match KeycloakTokenFetcher::new(sso, self) {
                Some(fetcher) => Ok(Arc::new(fetcher)),
                None => Err(FetcherError::NotBuiltYet { auth_type: profile.auth_type() }),
            },
            _ => Err(FetcherError::NotBuiltYet { auth_type: profile.auth_type() }),
        }
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
    /// Its configuration can be read, and nothing fetches by it yet.
    #[error(
        "`auth_type = \"{auth_type}\"` with this provider and client is not built in this version yet"
    )]
    NotBuiltYet {
        /// The auth type.
        auth_type: AuthType,
    },
}
