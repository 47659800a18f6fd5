//! Keycloak: device logins, refreshes and revocations of a public client.

use super::answer::{Asked, HttpAnswer};
use super::client::{HttpClients, Route, Via};
use super::endpoint::{Endpoint, Stake};
use super::form::Form;
use super::{Fetch, TokenFetcher};
use crate::config::{ClientAuthentication, OAuthClient, ParameterKind, Sso};
use bearerd_proto::Secret;
use bearerd_session::{Cause, DeviceAuthorization, Failure, Outcome, Request};
use std::path::Path;
use url::{Host, Url};

/// Fetches tokens from one client of a Keycloak realm.
#[derive(Debug)]
pub(crate) struct KeycloakTokenFetcher {
    oauth: OAuthClient,
    device_authorization: Endpoint,
    token: Endpoint,
    revocation: Endpoint,
}

impl KeycloakTokenFetcher {
    /// For a profile; nothing is sent yet.
    pub(crate) fn new(sso: &Sso, clients: &HttpClients) -> Option<Self> {
        let oauth = sso.client().clone();
        if *oauth.authentication() != ClientAuthentication::None {
            return None;
        }
        let endpoints = oauth.provider().realm_endpoints()?;
        let route = Route { ca_file: oauth.ca_file().map(Path::to_owned), via: via(&oauth) };
        let client = clients.client(route);
        Some(Self {
            device_authorization: Endpoint::new(endpoints.device_authorization, client.clone()),
            token: Endpoint::new(endpoints.token, client.clone()),
            revocation: Endpoint::new(endpoints.revocation, client),
            oauth,
        })
    }

    /// RFC 6749 §6. Without `scope`: the token keeps the scopes of its login.
    async fn refresh(&self, refresh_token: &Secret) -> Outcome {
        let form = self
            .form()
            .with("grant_type", "refresh_token")
            .with("refresh_token", refresh_token.expose())
            .with_all(self.oauth.extra_parameters().for_request(ParameterKind::Refresh));
        post(&self.token, form, Stake::Spends, Some(refresh_token), HttpAnswer::token).await
    }

    /// RFC 8628 §3.1.
    async fn start_device_login(&self) -> Outcome {
        let mut form = self.form();
        if let Some(scopes) = self.oauth.scopes() {
            form = form.with("scope", &scopes.to_string());
        }
        let form = form.with_all(
            self.oauth.extra_parameters().for_request(ParameterKind::DeviceAuthorization),
        );
        let endpoint = &self.device_authorization;
        match post(endpoint, form, Stake::SpendsNothing, None, HttpAnswer::device).await {
            Outcome::Device(device) => Outcome::Device(self.with_public_links(device)),
            other => other,
        }
    }

    /// RFC 8628 §3.4.
    async fn poll_device_login(&self, device_code: &Secret) -> Outcome {
        let form = self
            .form()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("device_code", device_code.expose())
            .with_all(self.oauth.extra_parameters().for_request(ParameterKind::Token));
        post(&self.token, form, Stake::Spends, Some(device_code), HttpAnswer::token).await
    }

    /// RFC 7009 §2.1.
    async fn revoke(&self, refresh_token: &Secret) -> Outcome {
        let form = self
            .form()
            .with("token", refresh_token.expose())
            .with("token_type_hint", "refresh_token");
        let secret = Some(refresh_token);
        post(&self.revocation, form, Stake::SpendsNothing, secret, HttpAnswer::revocation).await
    }

    /// A public client says its name and has no secret.
    fn form(&self) -> Form {
        Form::default().with("client_id", self.oauth.client_id())
    }

    fn with_public_links(&self, device: DeviceAuthorization) -> DeviceAuthorization {
        let public = |link: &String| self.oauth.link_for_person(link);
        DeviceAuthorization {
            verification_uri: public(&device.verification_uri),
            verification_uri_complete: device.verification_uri_complete.as_ref().map(public),
            ..device
        }
    }
}

impl TokenFetcher for KeycloakTokenFetcher {
    fn fetch(&self, request: Request) -> Fetch<'_> {
        Box::pin(async move {
            match &request {
                Request::Refresh { refresh_token, .. } => self.refresh(refresh_token).await,
                Request::DeviceStart => self.start_device_login().await,
                Request::DevicePoll { device_code, .. } => {
                    self.poll_device_login(device_code).await
                }
                Request::Revoke { refresh_token } => self.revoke(refresh_token).await,
                Request::Grant { .. } | Request::Exchange { .. } => Outcome::Failed(Failure {
                    cause: Cause::WrongPlace,
                    message: "no such grant".to_owned(),
                    retry_after: None,
                }),
            }
        })
    }
}

/// The environment's proxy is never asked for this machine, as in Go: it would look for the IdP on its own, and what is
/// allowed to be plain http because it stays here would leave.
fn via(oauth: &OAuthClient) -> Via {
    match oauth.proxy() {
        Some(proxy) => Via::Proxy(proxy.clone()),
        None if is_this_machine(oauth.provider().address().url()) => Via::Nothing,
        None => Via::Environment,
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Sends `form` with `secret` in it, and has `read` make the outcome.
async fn post(
    endpoint: &Endpoint,
    form: Form,
    stake: Stake,
    secret: Option<&Secret>,
    read: impl FnOnce(&HttpAnswer, Asked<'_>) -> Outcome,
) -> Outcome {
    let host = endpoint.host();
    match endpoint.post(form, stake).await {
        Ok(answer) => {
            tracing::debug!(host, status = answer.status, "the identity provider answered");
            read(&answer, Asked { host, secret })
        }
        Err(failure) => {
            tracing::debug!(host, cause = ?failure.cause, "the identity provider did not answer");
            Outcome::Failed(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Auth, Config};

    fn via_of(keycloak_addr: &str, more: &str) -> Via {
        let text = format!(
            "[profile.p]\nauth_type = \"sso\"\nkeycloak_addr = \"{keycloak_addr}\"\n{more}"
        );
        let config = Config::parse(&text, Path::new("/nowhere/config.toml")).unwrap();
        match config.default_profile().unwrap().auth() {
            Auth::Sso(sso) => via(sso.client()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn this_machine_is_never_looked_for_through_the_environments_proxy() {
        for here in
            ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:8443", "http://127.9.9.9"]
        {
            assert_eq!(via_of(here, ""), Via::Nothing, "{here}");
        }
        for elsewhere in ["https://keycloak.example.com", "https://localhost.example.com"] {
            assert_eq!(via_of(elsewhere, ""), Via::Environment, "{elsewhere}");
        }
        let proxy = Via::Proxy(Url::parse("http://proxy.example.com:3128").unwrap());
        for anywhere in ["http://127.0.0.1", "https://keycloak.example.com"] {
            let line = "proxy = \"http://proxy.example.com:3128\"";
            assert_eq!(via_of(anywhere, line), proxy, "{anywhere}");
        }
    }
}
