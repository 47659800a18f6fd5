//! What every client of an OAuth provider shares, whatever its grant.

use super::address::{Address, read_proxy};
use super::audience_parameter::AudienceParameter;
use super::ca_file;
use super::client_authentication::ClientAuthentication;
use super::duration;
use super::error::Fault;
use super::extra_parameters::{ExtraParameters, ParameterKind};
use super::provider::Provider;
use super::scopes::Scopes;
use super::written::Written;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The keys of every such profile, besides the provider's and those of its authentication.
pub(super) const KEYS: &[&str] = &[
    "client_id",
    "scopes",
    "audience_parameter",
    "ca_file",
    "proxy",
    "extra_parameters",
    "lifetime",
    "allow_http",
];

/// The keys of those that are refreshed.
pub(super) const REFRESH_KEYS: &[&str] = &["reuse_window"];

/// A client of an OAuth provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    provider: Provider,
    client_id: String,
    authentication: ClientAuthentication,
    scopes: Option<Scopes>,
    audience_parameter: AudienceParameter,
    public_addr: Option<Address>,
    ca_file: Option<PathBuf>,
    proxy: Option<Url>,
    extra_parameters: ExtraParameters,
    reuse_window: Option<Duration>,
    lifetime: Option<Duration>,
    allow_http: bool,
}

impl OAuthClient {
    /// Who gives the tokens.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The client.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// How it proves that it is the one.
    pub fn authentication(&self) -> &ClientAuthentication {
        &self.authentication
    }

    /// The scopes to ask for; `None`: no `scope` is sent, and the provider gives the client's own.
    pub fn scopes(&self) -> Option<&Scopes> {
        self.scopes.as_ref()
    }

    /// How a token for another audience is asked for.
    pub fn audience_parameter(&self) -> &AudienceParameter {
        &self.audience_parameter
    }

    /// How the person's browser reaches the provider, where that differs.
    pub fn public_addr(&self) -> Option<&Address> {
        self.public_addr.as_ref()
    }

    /// Certificates to trust besides the system's, as an absolute path. It could be read when the configuration was.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The proxy through which the provider is reached.
    pub fn proxy(&self) -> Option<&Url> {
        self.proxy.as_ref()
    }

    /// Parameters to add to requests, by their kind.
    pub fn extra_parameters(&self) -> &ExtraParameters {
        &self.extra_parameters
    }

    /// How long after its first use the provider takes a refresh token once more; `None`: not at all.
    pub fn reuse_window(&self) -> Option<Duration> {
        self.reuse_window
    }

    /// How long after its login a session is forgotten; `None`: never for that.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Whether plain `http` to another machine is allowed.
    pub fn allow_http(&self) -> bool {
        self.allow_http
    }

    /// `link` as the person's browser reaches it: `public_addr` in the place of the provider's address. A link that lies
    /// elsewhere is the provider's own idea of its public name, and stays.
    pub fn link_for_person(&self, link: &str) -> String {
        let public_link = || {
            let public_addr = self.public_addr.as_ref()?;
            let parsed = Url::parse(link).ok()?;
            Some(format!("{public_addr}{}", self.provider.rest_of(&parsed)?))
        };
        public_link().unwrap_or_else(|| link.to_owned())
    }

    pub(super) fn settings(&self, settings: &mut Map<String, Value>) {
        self.provider.settings(settings);
        self.authentication.settings(settings);
        let mut set = |key: &str, value: Value| settings.insert(key.to_owned(), value);
        set("client_id", self.client_id.as_str().into());
        set("audience_parameter", self.audience_parameter.setting());
        set("allow_http", self.allow_http.into());
        if let Some(scopes) = &self.scopes {
            set("scopes", scopes.iter().collect());
        }
        if let Some(public_addr) = &self.public_addr {
            set("public_addr", public_addr.as_str().into());
        }
        if let Some(ca_file) = &self.ca_file {
            set("ca_file", ca_file.to_string_lossy().into());
        }
        if let Some(proxy) = &self.proxy {
            set("proxy", proxy.as_str().into());
        }
        if !self.extra_parameters.is_empty() {
            set("extra_parameters", self.extra_parameters.setting());
        }
        if let Some(reuse_window) = self.reuse_window {
            set("reuse_window", reuse_window.as_secs().into());
        }
        if let Some(lifetime) = self.lifetime {
            set("lifetime", lifetime.as_secs().into());
        }
    }

    /// Reads what a profile says of it. A key that does not belong to the profile's auth type is not there to be read;
    /// `sent` are the kinds of request that it sends, besides exchanges.
    pub(super) fn read(profile: &Written<'_>, sent: &[ParameterKind]) -> Result<Self, Fault> {
        let allow_http = read_allow_http(profile)?;
        let provider = Provider::read(profile, allow_http)?;
        let audience_parameter = AudienceParameter::read(profile)?;
        let exchange = match audience_parameter {
            AudienceParameter::Exchange => &[ParameterKind::Exchange][..],
            _ => &[],
        };
        let address = |text| match &provider {
            Provider::Keycloak { .. } => Address::read_keycloak(text, allow_http),
            Provider::Issuer(_) => Address::read(text, allow_http),
        };
        let proxy = |text| read_proxy(text, provider.address(), allow_http);
        Ok(Self {
            client_id: read_client_id(profile, &provider)?,
            authentication: ClientAuthentication::read(profile)?,
            scopes: Scopes::read(profile.section)?,
            audience_parameter,
            public_addr: profile.text("public_addr")?.map(address).transpose()?,
            ca_file: ca_file::read(profile)?,
            proxy: profile.text("proxy")?.map(proxy).transpose()?,
            extra_parameters: ExtraParameters::read(profile.section, &[sent, exchange].concat())?,
            reuse_window: duration::read(profile.section, &duration::REUSE_WINDOW)?,
            lifetime: duration::read(profile.section, &duration::LIFETIME)?,
            provider,
            allow_http,
        })
    }
}

fn read_allow_http(profile: &Written<'_>) -> Result<bool, Fault> {
    let allow_http = profile.section.flag("allow_http")?;
    if allow_http && profile.limits.are_of_run_time() {
        return Err(profile.fault_at(
            "allow_http",
            "`allow_http` is for profiles of the configuration alone",
            "write https:// addresses, or write the profile into the configuration by hand",
        ));
    }
    Ok(allow_http)
}

fn read_client_id(profile: &Written<'_>, provider: &Provider) -> Result<String, Fault> {
    let default = match provider {
        Provider::Keycloak { .. } => Some(SDK_CLIENT),
        Provider::Issuer(_) => None,
    };
    match (profile.text("client_id")?, default) {
        // RFC 6749 appendix A.1: visible ASCII and spaces.
        (Some(text), _)
            if !text.value.trim().is_empty()
                && text.value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) =>
        {
            Ok(text.value.to_owned())
        }
        (Some(text), default) => Err(text.fault(
            "`client_id` is empty or has other than visible ASCII characters in it",
            match default {
                Some(default) => format!("write the client's id; left out, it is `{default}`"),
                None => "write the client's id".to_owned(),
            },
        )),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(profile
            .lacks("`client_id`", "write the id of the client that your provider has for bearerd")),
    }
}

/// The public client of the SDK, at Keycloak.
const SDK_CLIENT: &str = "sdk-client";
