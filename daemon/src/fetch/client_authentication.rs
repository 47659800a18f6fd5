//! How a client says who it is, in each request: the registered methods (RFC 6749 §2.3, RFC 7523, OpenID Connect Core §9).

use super::authorization::Authorization;
use super::client_assertion::{Assertion, TYPE, new_id};
use super::form::Form;
use super::signing_key::{KeyError, SigningKey};
use super::source::{Sources, shown, unusable};
use crate::clock::Clock;
use crate::config::{ClientAuthentication, OAuthClient};
use bearerd_proto::Secret;
use bearerd_session::Failure;
use std::path::Path;

/// The beginning of a request: it says which client asks, and proves it.
#[derive(Debug)]
pub(crate) struct Authenticated {
    /// To which the request's own parameters are added.
    pub(crate) form: Form,
    /// The header, where the method uses one.
    pub(crate) authorization: Option<Authorization>,
    /// What of it no message may show.
    pub(crate) secrets: Vec<Secret>,
}

/// Authenticates one client.
#[derive(Debug)]
pub(crate) struct Authenticator {
    client_id: String,
    method: ClientAuthentication,
    sources: Sources,
    clock: Clock,
}

impl Authenticator {
    /// For a client; its secret is not read yet.
    pub(crate) fn new(client: &OAuthClient, sources: Sources, clock: Clock) -> Self {
        let (client_id, method) = (client.client_id().to_owned(), client.authentication().clone());
        Self { client_id, method, sources, clock }
    }

    /// The beginning of a request to the provider that is known as `audience`.
    ///
    /// # Errors
    /// The client's secret or key can't be used.
    pub(crate) async fn authenticate(&self, audience: &str) -> Result<Authenticated, Failure> {
        match &self.method {
            ClientAuthentication::None => Ok(self.named(Vec::new())),
            ClientAuthentication::SecretBasic(path) => {
                let secret = self.sources.read(path).await?;
                let authorization = Some(Authorization::basic(&self.client_id, &secret));
                // No `client_id` beside it: to some providers that is a second method, which §2.3 forbids.
                Ok(Authenticated { form: Form::default(), authorization, secrets: vec![secret] })
            }
            ClientAuthentication::SecretPost(path) => {
                let secret = self.sources.read(path).await?;
                Ok(self.named(vec![("client_secret", secret)]))
            }
            ClientAuthentication::SecretJwt(path) => {
                let secret = self.sources.read(path).await?;
                let key = SigningKey::from_secret(&secret);
                let mut authenticated = self.assert(audience, path, &key, None)?;
                authenticated.secrets.push(secret);
                Ok(authenticated)
            }
            ClientAuthentication::PrivateKeyJwt { key_file, algorithm, key_id } => {
                let pem = self.sources.read(key_file).await?;
                let key = SigningKey::from_pem(&pem, *algorithm)
                    .map_err(|error| bad_key(key_file, error))?;
                self.assert(audience, key_file, &key, key_id.as_deref())
            }
        }
    }

    /// An assertion that `key` signs, which came out of the file at `path`.
    fn assert(
        &self,
        audience: &str,
        path: &Path,
        key: &SigningKey,
        key_id: Option<&str>,
    ) -> Result<Authenticated, Failure> {
        let id = new_id()?;
        let assertion = Assertion {
            client_id: &self.client_id,
            audience,
            key_id,
            id: id.expose(),
            now: self.clock.now().wall,
        };
        let signed = assertion.sign(key).map_err(|error| bad_key(path, error))?;
        let mut authenticated = self.named(vec![("client_assertion", signed)]);
        authenticated.form = authenticated.form.with("client_assertion_type", TYPE);
        Ok(authenticated)
    }

    /// By name, and by `proofs` in the form.
    fn named(&self, proofs: Vec<(&str, Secret)>) -> Authenticated {
        let form = Form::default().with("client_id", &self.client_id);
        let form = proofs.iter().fold(form, |form, (name, proof)| form.with(name, proof.expose()));
        let secrets = proofs.into_iter().map(|(_, proof)| proof).collect();
        Authenticated { form, authorization: None, secrets }
    }
}

/// What of the configuration the IdP may find fault with, as it refuses a client of this method.
pub(crate) fn mend(method: &ClientAuthentication) -> &'static str {
    match method {
        ClientAuthentication::None => "`client_id`",
        ClientAuthentication::SecretBasic(_) | ClientAuthentication::SecretPost(_) => {
            "`client_id`, `client_secret_file` and `token_endpoint_auth_method`"
        }
        ClientAuthentication::SecretJwt(_) => {
            "`client_id`, `client_secret_file`, `token_endpoint_auth_method`, and this machine's clock"
        }
        ClientAuthentication::PrivateKeyJwt { .. } => {
            "`client_id`, `private_key_file`, and this machine's clock"
        }
    }
}

fn bad_key(path: &Path, error: KeyError) -> Failure {
    unusable(format!("{} {error}", shown(path)))
}
