//! Where a provider's endpoints are: by Keycloak's address, or by the discovery document of an issuer.

use super::client::{HttpClients, Readings, Route, SharedClient, Via};
use super::discovery::Discovery;
use super::endpoint::Endpoint;
use crate::config::{OAuthClient, RealmEndpoints};
use bearerd_session::{Cause, Failure};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use url::{Host, Position, Url};

/// One provider, as one client reaches it.
#[derive(Debug)]
pub(crate) struct Provider {
    routes: Routes,
    known: Known,
}

/// How the endpoints are known.
#[derive(Debug)]
enum Known {
    /// They follow from the address, and never change.
    Keycloak(Arc<Endpoints>),
    /// The issuer publishes them.
    Discovered { discovery: Discovery, cache: Mutex<Option<Cached>>, readings: Readings },
}

#[derive(Debug, Clone)]
struct Cached {
    endpoints: Arc<Endpoints>,
    /// The reading of the configuration under which it was fetched.
    reading: u64,
}

/// Where to ask for what.
#[derive(Debug)]
pub(crate) struct Endpoints {
    /// The issuer, where the provider names it.
    pub(crate) issuer: Option<String>,
    /// The host that says so.
    pub(crate) host: String,
    /// In the order of [`Service::ALL`].
    pub(crate) addresses: [Result<Url, Absence>; 4],
}

/// What a provider is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// RFC 6749 §3.2
    Token,
    /// RFC 8628 §3.1
    DeviceAuthorization,
    /// RFC 7009
    Revocation,
    /// OpenID Connect Core §5.3
    Userinfo,
}

/// Why there is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// The document has none.
    Missing,
    /// It is no address.
    NoAddress,
    /// It is plain http to another machine, which the profile does not allow.
    PlainHttp,
    /// It is plain http to this machine, by the word of a provider elsewhere.
    NotTheirs,
}

impl Provider {
    /// The provider of a client; nothing is sent yet.
    pub(crate) fn new(client: &OAuthClient, clients: &HttpClients) -> Self {
        let provider = client.provider();
        let known = match provider.realm_endpoints() {
            Some(endpoints) => Known::Keycloak(Arc::new(Endpoints::of_realm(endpoints))),
            None => Known::Discovered {
                discovery: Discovery::new(&provider.issuer(), client.allow_http()),
                cache: Mutex::default(),
                readings: clients.readings(),
            },
        };
        Self { routes: Routes::new(client, clients), known }
    }

    /// Where the endpoints are, fetched where that is not known yet.
    ///
    /// # Errors
    /// The issuer is away, or its document is of no use. Whatever it is, nothing of the request in hand was sent.
    pub(crate) async fn endpoints(&self) -> Result<Arc<Endpoints>, Failure> {
        let (discovery, cache, readings) = match &self.known {
            Known::Keycloak(endpoints) => return Ok(Arc::clone(endpoints)),
            Known::Discovered { discovery, cache, readings } => (discovery, cache, readings),
        };
        let reading = readings.count();
        let cached = cache.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cached) = cached.filter(|cached| cached.reading == reading) {
            return Ok(cached.endpoints);
        }
        // Two that come at once may both fetch it, which harms nothing.
        let endpoints = Arc::new(discovery.fetch(&self.routes).await?);
        let found = Cached { endpoints: Arc::clone(&endpoints), reading };
        *cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(endpoints)
    }

    /// `service`, as `endpoints` have it.
    ///
    /// # Errors
    /// They have none.
    pub(crate) fn endpoint(
        &self,
        endpoints: &Endpoints,
        service: Service,
    ) -> Result<Endpoint, Failure> {
        match endpoints.address(service) {
            Ok(url) => Ok(self.routes.endpoint(url.clone())),
            Err(absence) => {
                self.forget();
                let message = format!(
                    "the discovery document of `{}` {}",
                    endpoints.host,
                    absence.told_of(service)
                );
                Err(Failure { cause: Cause::WrongPlace, message, retry_after: None })
            }
        }
    }

    /// Nothing stands at `url` any more, by the provider's own word: where its document says now that `service` is
    /// elsewhere, the request goes there. Nothing was spent.
    pub(crate) async fn has_moved(&self, service: Service, url: &Url) -> bool {
        self.forget()
            && self
                .endpoints()
                .await
                .is_ok_and(|endpoints| endpoints.address(service).is_ok_and(|now| now != url))
    }

    /// Forgets what was fetched, so that the next request reads it anew; `false` where nothing ever is.
    fn forget(&self) -> bool {
        match &self.known {
            Known::Keycloak(_) => false,
            Known::Discovered { cache, .. } => {
                *cache.lock().unwrap_or_else(PoisonError::into_inner) = None;
                true
            }
        }
    }
}

impl Endpoints {
    fn of_realm(endpoints: RealmEndpoints) -> Self {
        let RealmEndpoints { token, device_authorization, revocation, userinfo } = endpoints;
        let host = token[Position::BeforeHost..Position::AfterPort].to_owned();
        let addresses = [Ok(token), Ok(device_authorization), Ok(revocation), Ok(userinfo)];
        Self { issuer: None, host, addresses }
    }

    /// Where `service` is.
    pub(crate) fn address(&self, service: Service) -> Result<&Url, Absence> {
        let [token, device_authorization, revocation, userinfo] = &self.addresses;
        match service {
            Service::Token => token,
            Service::DeviceAuthorization => device_authorization,
            Service::Revocation => revocation,
            Service::Userinfo => userinfo,
        }
        .as_ref()
        .map_err(|absence| *absence)
    }

    /// As whom the provider is addressed in an assertion: the issuer, else its token endpoint.
    pub(crate) fn audience(&self) -> &str {
        let token = || self.address(Service::Token).map(Url::as_str).unwrap_or_default();
        self.issuer.as_deref().unwrap_or_else(token)
    }
}

impl Service {
    /// All, in the order of [`Endpoints::addresses`].
    pub(crate) const ALL: [Service; 4] =
        [Service::Token, Service::DeviceAuthorization, Service::Revocation, Service::Userinfo];

    /// Its name in a discovery document (RFC 8414 §2, RFC 8628 §4, OpenID Connect Discovery §3).
    pub(crate) fn member(self) -> &'static str {
        match self {
            Service::Token => "token_endpoint",
            Service::DeviceAuthorization => "device_authorization_endpoint",
            Service::Revocation => "revocation_endpoint",
            Service::Userinfo => "userinfo_endpoint",
        }
    }
}

impl Absence {
    fn told_of(self, service: Service) -> String {
        let member = service.member();
        match self {
            Absence::Missing => format!("has no `{member}`: the provider offers none"),
            Absence::NoAddress => format!("has a `{member}` that is no https address"),
            Absence::PlainHttp => format!(
                "has a `{member}` that is plain http to another machine: tokens would travel \
                 readable; let the provider publish https, or set `allow_http = true` by hand"
            ),
            Absence::NotTheirs => format!(
                "has a `{member}` on this machine, where whoever listens there would get tokens and secrets: let the \
                 provider publish its own address"
            ),
        }
    }
}

/// The ways to a provider's hosts.
#[derive(Debug)]
pub(crate) struct Routes {
    /// To this machine.
    here: Arc<SharedClient>,
    /// To any other.
    elsewhere: Arc<SharedClient>,
}

impl Routes {
    fn new(client: &OAuthClient, clients: &HttpClients) -> Self {
        let route =
            |via| clients.client(Route { ca_file: client.ca_file().map(Path::to_owned), via });
        // The environment's proxy is never asked for this machine, as in Go: it would look for the IdP on its own, and
        // what is allowed to be plain http because it stays here would leave.
        let (here, elsewhere) = match client.proxy() {
            Some(proxy) => (Via::Proxy(proxy.clone()), Via::Proxy(proxy.clone())),
            None => (Via::Nothing, Via::Environment),
        };
        Self { here: route(here), elsewhere: route(elsewhere) }
    }

    /// The endpoint at `url`.
    pub(crate) fn endpoint(&self, url: Url) -> Endpoint {
        let client = if is_this_machine(&url) { &self.here } else { &self.elsewhere };
        Endpoint::new(url, Arc::clone(client))
    }
}

/// Whether what is sent there stays on this machine.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
