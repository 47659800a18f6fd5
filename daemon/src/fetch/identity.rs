//! Who a token is for: by the access token where it is a JWT, else by the id token, else by the provider's userinfo.

use super::answer::{Asked, Mends, TokenAnswer};
use super::authorization::Authorization;
use super::endpoint::Endpoint;
use super::id_token::{self, Expected, ExpectedIssuer};
use crate::clock::Clock;
use crate::config::{OAuthClient, Provider};
use bearerd_proto::Secret;
use bearerd_session::Granted;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// Knows who the tokens of one client are for.
#[derive(Debug)]
pub(crate) struct Identity {
    clock: Clock,
    client_id: String,
    /// How an id token's issuer ends, where it is not known whole.
    realm: Option<String>,
    /// Whether an answer that does not say its scopes has `openid`.
    asks_openid: bool,
    /// The refresh token of whom it is known who that is.
    known: Mutex<Option<Secret>>,
}

impl Identity {
    /// For the answers to a client.
    pub(crate) fn new(client: &OAuthClient, clock: Clock) -> Self {
        let realm = match client.provider() {
            Provider::Keycloak { .. } => Some(realm_of(&client.provider().issuer())),
            Provider::Issuer(_) => None,
        };
        let asks_openid =
            client.scopes().is_some_and(|scopes| scopes.iter().any(|scope| scope == OPENID));
        let client_id = client.client_id().to_owned();
        Self { clock, client_id, realm, asks_openid, known: Mutex::default() }
    }

    /// Takes from the id token what the access token does not say.
    ///
    /// # Errors
    /// The id token fails a check; the reason ends a sentence.
    pub(crate) fn by_tokens(
        &self,
        answer: &mut TokenAnswer,
        issuer: Option<&str>,
    ) -> Result<(), &'static str> {
        let Some(id_token) = &answer.id_token else { return Ok(()) };
        let issuer = match (issuer, &self.realm) {
            (Some(issuer), _) => ExpectedIssuer::Exactly(issuer),
            (None, realm) => ExpectedIssuer::Realm { ending: realm.as_deref().unwrap_or_default() },
        };
        let expected = Expected { issuer, client_id: &self.client_id };
        // By the provider's clock where it shows: this machine's may be wrong by a day, and that must end no session.
        let now = answer.granted.idp_time.unwrap_or_else(|| self.clock.now().wall);
        let claims = id_token::claims(id_token, &expected, now)?;
        let granted = &mut answer.granted;
        let owned = |name| claims.text(name).map(str::to_owned);
        if granted.user_id.is_none() {
            granted.user_id = owned("sub");
        }
        if granted.user_id.as_deref() == claims.text("sub") && granted.user_email.is_none() {
            granted.user_email = owned("email");
        }
        granted.idp_session = granted.idp_session.take().or_else(|| owned("sid"));
        Ok(())
    }

    /// Whether userinfo is worth a question: it is nobody's yet, the provider would say whose it is, and has not been
    /// asked about this session before.
    pub(crate) fn is_unknown(&self, granted: &Granted, spent: Option<&Secret>) -> bool {
        let has_openid = match &granted.scope {
            Some(scope) => scope.split(' ').any(|scope| scope == OPENID),
            None => self.asks_openid,
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let asked_before =
            spent.zip(known.as_ref()).is_some_and(|(spent, known)| spent.same_as(known));
        granted.user_id.is_none() && has_openid && !asked_before
    }

    /// Remembers that it has been asked, or need not be, for whom this refresh token stands for.
    pub(crate) fn remember(&self, granted: &Granted, spent: Option<&Secret>) {
        if let Some(newest) = granted.refresh_token.as_ref().or(spent) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(newest.clone());
        }
    }

    /// Whose the newer refresh token is, is as known as it was of the one that was spent for it.
    pub(crate) fn follow(&self, granted: &Granted, spent: Option<&Secret>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(newest), Some(spent), Some(old)) = (&granted.refresh_token, spent, &*known)
            && spent.same_as(old)
        {
            *known = Some(newest.clone());
        }
    }

    /// Asks the provider's userinfo (OpenID Connect Core §5.3). Whatever goes wrong there fails nothing.
    pub(crate) async fn by_userinfo(&self, granted: &mut Granted, endpoint: &Endpoint) {
        let host = endpoint.host();
        let token = &granted.access_token;
        let answer = match endpoint.get(Some(Authorization::bearer(token))).await {
            Ok(answer) => answer,
            Err(failure) => {
                tracing::debug!(host, cause = ?failure.cause, "userinfo gave no answer");
                return;
            }
        };
        let secrets = [token.clone()];
        match answer.object(Asked { host, secrets: &secrets, mends: Mends::default() }) {
            Ok(members) if members.has("sub") => {
                granted.user_id = members.text("sub").map(str::to_owned);
                granted.user_email = members.text("email").map(str::to_owned);
            }
            Ok(_) => tracing::debug!(host, "userinfo says nothing of a `sub`"),
            Err(failure) => {
                tracing::debug!(host, status = answer.status, cause = ?failure.cause, "userinfo is of no use");
            }
        }
    }
}

/// `/realms/{realm}`, as a URL has it.
fn realm_of(issuer: &str) -> String {
    let parsed = Url::parse(issuer).ok();
    let last = parsed.as_ref().and_then(|url| url.path_segments()?.next_back());
    format!("/realms/{}", last.unwrap_or_default())
}

/// OpenID Connect Core §3.1.2.1.
const OPENID: &str = "openid";
