//! What every client of an OAuth provider does, whatever its grant: it gets tokens, refreshes, exchanges and revokes.

use super::answer::{Asked, HttpAnswer, TokenAnswer};
use super::client::HttpClients;
use super::endpoint::Stake;
use super::identity::Identity;
use super::provider::{Endpoints, Service};
use super::sending::{Ask, Sender};
use super::slot::{SlotParameters, check_audience};
use super::source::Sources;
use super::{Fetch, TokenFetcher};
use crate::config::{OAuthClient, ParameterKind};
use bearerd_proto::Secret;
use bearerd_session::{
    Cause, DeviceAuthorization, Failure, Granted, OAuthError, Outcome, Request, SlotKey,
};
use std::fmt::Debug;
use std::sync::Arc;

/// One client of a provider.
#[derive(Debug)]
pub(crate) struct OAuth {
    sender: Sender,
    identity: Identity,
    sources: Sources,
}

/// How a session begins, or an access token is got where there is none: a profile's own part.
pub(crate) trait Grant: Debug + Send + Sync {
    /// Carries out what refreshes, exchanges and revocations are not.
    fn fetch<'a>(&'a self, oauth: &'a OAuth, request: &'a Request) -> Fetch<'a>;
}

/// The fetcher of a client with its grant.
#[derive(Debug)]
pub(crate) struct OAuthFetcher<G> {
    oauth: OAuth,
    grant: G,
}

/// A grant's request to the token endpoint.
#[derive(Debug)]
pub(crate) struct GrantAsk<'a> {
    /// Its `grant_type`.
    pub(crate) grant_type: &'a str,
    /// Its parameters.
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    /// Those of them that no message may show.
    pub(crate) secrets: Vec<&'a Secret>,
    /// What is lost with the answer.
    pub(crate) stake: Stake,
    /// Where what it is granted on comes from, for whom the IdP refuses it.
    pub(crate) origin: &'a str,
    /// Whom the token stands for.
    pub(crate) subject: Subject,
}

/// Whom a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Somebody of whom the provider's userinfo may know more.
    Person,
    /// The client itself, of whom it knows nothing.
    Client,
}

impl<G: Grant> OAuthFetcher<G> {
    /// For a client; nothing is sent and no file is read yet.
    pub(crate) fn new(client: &OAuthClient, grant: G, clients: &HttpClients) -> Self {
        Self { oauth: OAuth::new(client, clients), grant }
    }
}

impl<G: Grant> TokenFetcher for OAuthFetcher<G> {
    fn fetch(&self, request: Request) -> Fetch<'_> {
        Box::pin(async move {
            match &request {
                Request::Refresh { refresh_token, slot } => {
                    self.oauth.refresh(refresh_token, slot).await
                }
                Request::Exchange { subject_token, slot } => {
                    self.oauth.exchange(subject_token, slot).await
                }
                Request::Revoke { refresh_token } => self.oauth.revoke(refresh_token).await,
                request => self.grant.fetch(&self.oauth, request).await,
            }
        })
    }
}

impl OAuth {
    fn new(client: &OAuthClient, clients: &HttpClients) -> Self {
        Self {
            sender: Sender::new(client, clients),
            identity: Identity::new(client, clients.clock()),
            sources: clients.sources(),
        }
    }

    /// What the configuration says of the client.
    pub(crate) fn client(&self) -> &OAuthClient {
        self.sender.client()
    }

    /// What reads the profile's files.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Asks the token endpoint for a token by a grant: the scope of `slot`, else the profile's.
    pub(crate) async fn grant(&self, ask: GrantAsk<'_>, slot: &SlotKey) -> Outcome {
        let scopes = self.client().scopes().map(ToString::to_string);
        self.token(ask, ParameterKind::Token, slot, scopes, None).await
    }

    /// The same where the scope was said before: a device login's start has it.
    pub(crate) async fn grant_as_started(&self, ask: GrantAsk<'_>) -> Outcome {
        self.token(ask, ParameterKind::Token, &SlotKey::default(), None, None).await
    }

    /// Asks for a device code, with `parameters` besides the profile's scopes (RFC 8628 §3.1).
    pub(crate) async fn device_authorization(
        &self,
        parameters: &[(&str, &str)],
    ) -> Result<DeviceAuthorization, Failure> {
        let scopes = self.client().scopes().map(ToString::to_string);
        let scope = scopes.as_deref().map(|scopes| ("scope", scopes));
        let ask = Ask {
            service: Service::DeviceAuthorization,
            kind: ParameterKind::DeviceAuthorization,
            stake: Stake::SpendsNothing,
            parameters: scope.into_iter().chain(parameters.iter().copied()).collect(),
            secrets: Vec::new(),
            grant: "",
            scope: SCOPES,
        };
        let sent = self.sender.send(&ask, |answer, asked, _| answer.device(asked)).await;
        sent.map(|(device, _)| device)
    }

    /// RFC 6749 §6. Without a scope of the slot's own: the token keeps the scopes of its login.
    async fn refresh(&self, refresh_token: &Secret, slot: &SlotKey) -> Outcome {
        let ask = GrantAsk {
            grant_type: "refresh_token",
            parameters: vec![("refresh_token", refresh_token.expose())],
            secrets: vec![refresh_token],
            stake: Stake::Spends,
            origin: "",
            subject: Subject::Person,
        };
        self.token(ask, ParameterKind::Refresh, slot, None, Some(refresh_token)).await
    }

    /// RFC 8693 §2.1. Whose the token is, its subject has said.
    async fn exchange(&self, subject_token: &Secret, slot: &SlotKey) -> Outcome {
        let mut parameters = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject_token.expose()),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
        ];
        parameters.extend(slot.audience.as_deref().map(|audience| ("audience", audience)));
        parameters.extend(slot.scope.as_deref().map(|scope| ("scope", scope)));
        let ask = Ask {
            service: Service::Token,
            kind: ParameterKind::Exchange,
            stake: Stake::SpendsNothing,
            parameters,
            secrets: vec![subject_token],
            grant: "",
            scope: "",
        };
        let sent = self
            .sender
            .send(&ask, |answer, asked, _| self.for_its_audience(answer, asked, slot))
            .await;
        match sent {
            Ok((answer, _)) => {
                let granted = answer.granted;
                // It is the session's that counts, and this one would be another's.
                let granted = Granted { refresh_token: None, refresh_lifetime: None, ..granted };
                Outcome::Granted(Box::new(granted))
            }
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// RFC 7009 §2.1.
    async fn revoke(&self, refresh_token: &Secret) -> Outcome {
        let ask = Ask {
            service: Service::Revocation,
            kind: ParameterKind::Revocation,
            stake: Stake::SpendsNothing,
            parameters: vec![
                ("token", refresh_token.expose()),
                ("token_type_hint", "refresh_token"),
            ],
            secrets: vec![refresh_token],
            grant: "",
            scope: "",
        };
        match self.sender.send(&ask, |answer, asked, _| answer.revocation(asked)).await {
            Ok(_) => Outcome::Revoked,
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// A request to the token endpoint, and the question who the token is for. `spent` is the refresh token in it.
    async fn token(
        &self,
        ask: GrantAsk<'_>,
        kind: ParameterKind,
        slot: &SlotKey,
        default_scope: Option<String>,
        spent: Option<&Secret>,
    ) -> Outcome {
        let which = match SlotParameters::of(self.client(), slot, default_scope) {
            Ok(which) => which,
            Err(failure) => return Outcome::Failed(failure),
        };
        let mut parameters = vec![("grant_type", ask.grant_type)];
        parameters.extend(ask.parameters);
        parameters.extend(which.iter());
        let (by_caller, subject) = (slot.scope.is_some(), ask.subject);
        let ask = Ask {
            service: Service::Token,
            kind,
            stake: ask.stake,
            parameters,
            secrets: ask.secrets,
            grant: ask.origin,
            scope: if by_caller { "" } else { SCOPES },
        };
        let read = |answer: &HttpAnswer, asked: Asked<'_>, endpoints: &Endpoints| {
            let mut token = self.for_its_audience(answer, asked, slot)?;
            let issuer = endpoints.issuer.as_deref();
            self.identity.by_tokens(&mut token, issuer).map_err(|reason| {
                let refresh_token = token.granted.refresh_token.clone();
                answer.rejected(asked, Cause::Unusable { refresh_token }, reason)
            })?;
            Ok(token.granted)
        };
        match self.sender.send(&ask, read).await {
            // A token for another audience is none for userinfo.
            Ok((granted, endpoints)) if subject == Subject::Person && slot.audience.is_none() => {
                Outcome::Granted(Box::new(self.identified(granted, &endpoints, spent).await))
            }
            Ok((granted, _)) => {
                self.identity.follow(&granted, spent);
                Outcome::Granted(Box::new(granted))
            }
            Err(failure) => Outcome::Failed(failure),
        }
    }

    fn for_its_audience(
        &self,
        answer: &HttpAnswer,
        asked: Asked<'_>,
        slot: &SlotKey,
    ) -> Result<TokenAnswer, Failure> {
        let token = answer.token(asked)?;
        check_audience(&token, slot, self.client())
            .map_err(|(cause, reason)| answer.rejected(asked, cause, &reason))?;
        Ok(token)
    }

    /// The same with the identity that userinfo knows, where nothing else does.
    async fn identified(
        &self,
        mut granted: Granted,
        endpoints: &Arc<Endpoints>,
        spent: Option<&Secret>,
    ) -> Granted {
        if self.identity.is_unknown(&granted, spent)
            && let Some(userinfo) = self.sender.userinfo(endpoints)
        {
            self.identity.by_userinfo(&mut granted, &userinfo).await;
        }
        self.identity.remember(&granted, spent);
        granted
    }
}

/// The answer to a request that the session of such a profile never makes.
pub(crate) fn not_of_this_grant() -> Outcome {
    Outcome::Failed(Failure {
        cause: Cause::OAuth(OAuthError::UnsupportedGrantType),
        message: "nothing was sent: this `auth_type` has no such request".to_owned(),
        retry_after: None,
    })
}

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What to check where the IdP refuses the scopes of the profile.
const SCOPES: &str = "`scopes`";
