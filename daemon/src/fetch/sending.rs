//! The way of one request to a provider: find the endpoint, say which client asks, send the form once, have it read.

use super::answer::{Asked, HttpAnswer, Mends};
use super::client::HttpClients;
use super::client_authentication::{Authenticator, mend};
use super::endpoint::{Endpoint, Stake};
use super::provider::{Endpoints, Provider, Service};
use crate::config::{self, OAuthClient, ParameterKind};
use bearerd_proto::Secret;
use bearerd_session::{Cause, Failure};
use std::sync::Arc;

/// Sends the requests of one client.
#[derive(Debug)]
pub(crate) struct Sender {
    client: OAuthClient,
    provider: Provider,
    authenticator: Authenticator,
}

/// A request, but for what every request of the client has.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// Where it goes.
    pub(crate) service: Service,
    /// Which of the profile's `extra_parameters` go with it.
    pub(crate) kind: ParameterKind,
    /// What is lost with its answer.
    pub(crate) stake: Stake,
    /// Its parameters, in order.
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    /// Those of them that no message may show.
    pub(crate) secrets: Vec<&'a Secret>,
    /// What to check where the IdP refuses what it is granted on: a file's name.
    pub(crate) grant: &'a str,
    /// What to check where the IdP refuses the scope; nothing where a caller asked for it.
    pub(crate) scope: &'a str,
}

impl Sender {
    /// For a client; nothing is sent and no file is read yet.
    pub(crate) fn new(client: &OAuthClient, clients: &HttpClients) -> Self {
        Self {
            client: client.clone(),
            provider: Provider::new(client, clients),
            authenticator: Authenticator::new(client, clients.sources(), clients.clock()),
        }
    }

    /// What the configuration says of the client.
    pub(crate) fn client(&self) -> &OAuthClient {
        &self.client
    }

    /// The provider's userinfo, where it has one.
    pub(crate) fn userinfo(&self, endpoints: &Endpoints) -> Option<Endpoint> {
        endpoints.address(Service::Userinfo).ok()?;
        self.provider.endpoint(endpoints, Service::Userinfo).ok()
    }

    /// Sends what is asked, and has `read` make something of the answer.
    ///
    /// It goes out once; where it found nothing at an endpoint that has moved, by the word of the provider's own
    /// document, it goes to the new place: nothing of it was spent at the old one.
    ///
    /// # Errors
    /// As `read`; or no answer came, or nothing could be sent.
    pub(crate) async fn send<T>(
        &self,
        ask: &Ask<'_>,
        read: impl Fn(&HttpAnswer, Asked<'_>, &Endpoints) -> Result<T, Failure>,
    ) -> Result<(T, Arc<Endpoints>), Failure> {
        let endpoints = self.provider.endpoints().await?;
        let endpoint = self.provider.endpoint(&endpoints, ask.service)?;
        let first = self.send_to(&endpoint, &endpoints, ask, &read).await;
        let found_nothing =
            first.as_ref().is_err_and(|failure| matches!(failure.cause, Cause::WrongPlace));
        if !found_nothing || !self.provider.has_moved(ask.service, endpoint.url()).await {
            return Ok((first?, endpoints));
        }
        let endpoints = self.provider.endpoints().await?;
        let endpoint = self.provider.endpoint(&endpoints, ask.service)?;
        let second = self.send_to(&endpoint, &endpoints, ask, &read).await?;
        Ok((second, endpoints))
    }

    /// What the profile adds, but for what the request says itself: a parameter comes once (RFC 6749 §3.2), and the
    /// audience that a caller asks for takes the place of the profile's.
    fn extra_parameters(&self, ask: &Ask<'_>) -> impl Iterator<Item = (&String, &String)> {
        let extra = self.client.extra_parameters().for_request(ask.kind);
        extra.filter(|(extra, _)| !ask.parameters.iter().any(|(name, _)| name == extra))
    }

    async fn send_to<T>(
        &self,
        endpoint: &Endpoint,
        endpoints: &Endpoints,
        ask: &Ask<'_>,
        read: impl Fn(&HttpAnswer, Asked<'_>, &Endpoints) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut authenticated = self.authenticator.authenticate(endpoints.audience()).await?;
        let form = ask
            .parameters
            .iter()
            .fold(authenticated.form, |form, (name, value)| form.with(name, value))
            .with_all(self.extra_parameters(ask));
        authenticated.secrets.extend(ask.secrets.iter().copied().cloned());
        let host = endpoint.host();
        let posted = endpoint.post(form, authenticated.authorization, ask.stake).await;
        let answer = posted.inspect_err(|failure| {
            tracing::debug!(host, cause = ?failure.cause, "the identity provider did not answer");
        })?;
        tracing::debug!(host, status = answer.status, "the identity provider answered");
        let mends = Mends {
            place: match self.client.provider() {
                config::Provider::Keycloak { .. } => "`keycloak_addr` and `realm`",
                config::Provider::Issuer(_) => "`issuer`",
            },
            client: mend(self.client.authentication()),
            scope: ask.scope,
            grant: ask.grant,
        };
        read(&answer, Asked { host, secrets: &authenticated.secrets, mends }, endpoints)
    }
}
