//! `auth_type = "sso"`: a person's login at Keycloak, and the refreshes that follow.

use super::address::{Address, read_proxy};
use super::document::Section;
use super::error::Fault;
use super::extra_parameters::{self, ExtraParameters};
use super::keys::closest;
use super::scopes::Scopes;
use super::{ca_file, reuse_window};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The keys of such a profile.
pub(super) const KEYS: [&str; 11] = [
    "keycloak_addr",
    "realm",
    "client_id",
    "flow",
    "scopes",
    "ca_file",
    "public_addr",
    "proxy",
    "extra_parameters",
    "reuse_window",
    "allow_http",
];

/// A public client of a Keycloak realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sso {
    keycloak_addr: Address,
    realm: String,
    client_id: String,
    flow: Flow,
    scopes: Option<Scopes>,
    ca_file: Option<PathBuf>,
    public_addr: Option<Address>,
    proxy: Option<Url>,
    extra_parameters: ExtraParameters,
    reuse_window: Option<Duration>,
    allow_http: bool,
}

/// How a person logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Flow {
    /// A link and a code, on any device (RFC 8628).
    #[default]
    Device,
}

impl Sso {
    /// Where Keycloak stands.
    pub fn keycloak_addr(&self) -> &Address {
        &self.keycloak_addr
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The client, a public one: it has no secret.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// How a person logs in.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// The scopes to ask for; `None`: no `scope` is sent, and Keycloak gives the client's own.
    pub fn scopes(&self) -> Option<&Scopes> {
        self.scopes.as_ref()
    }

    /// Certificates to trust besides the system's, as an absolute path. It could be read when the configuration was.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The proxy through which Keycloak is reached.
    pub fn proxy(&self) -> Option<&Url> {
        self.proxy.as_ref()
    }

    /// Parameters to add to each request for a device code or a token.
    pub fn extra_parameters(&self) -> &ExtraParameters {
        &self.extra_parameters
    }

    /// How long after its first use Keycloak takes a refresh token once more; `None`: not at all.
    pub fn reuse_window(&self) -> Option<Duration> {
        self.reuse_window
    }

    /// Whether plain `http` to another machine is allowed.
    pub fn allow_http(&self) -> bool {
        self.allow_http
    }

    /// Where a device code is asked for (RFC 8628 §3.1).
    pub fn device_authorization_endpoint(&self) -> Url {
        self.endpoint(&["auth", "device"])
    }

    /// Where tokens are fetched (RFC 6749 §3.2).
    pub fn token_endpoint(&self) -> Url {
        self.endpoint(&["token"])
    }

    /// Where a refresh token is revoked (RFC 7009).
    pub fn revocation_endpoint(&self) -> Url {
        self.endpoint(&["revoke"])
    }

    /// `link` as the person's browser reaches it: `public_addr` in the place of `keycloak_addr`. A link that lies
    /// elsewhere is Keycloak's own idea of its public name, and stays.
    pub fn link_for_person(&self, link: &str) -> String {
        let public_link = || {
            let public_addr = self.public_addr.as_ref()?;
            let parsed = Url::parse(link).ok()?;
            Some(format!("{public_addr}{}", self.keycloak_addr.rest_of(&parsed)?))
        };
        public_link().unwrap_or_else(|| link.to_owned())
    }

    /// The settings as they are in force, the defaults among them.
    pub(super) fn settings(&self) -> Map<String, Value> {
        let mut settings = Map::new();
        let mut set = |key: &str, value: Value| settings.insert(key.to_owned(), value);
        set("keycloak_addr", self.keycloak_addr.as_str().into());
        set("realm", self.realm.as_str().into());
        set("client_id", self.client_id.as_str().into());
        set("flow", self.flow.as_str().into());
        set("allow_http", self.allow_http.into());
        if let Some(scopes) = &self.scopes {
            set("scopes", scopes.iter().collect());
        }
        if let Some(ca_file) = &self.ca_file {
            set("ca_file", ca_file.to_string_lossy().into());
        }
        if let Some(public_addr) = &self.public_addr {
            set("public_addr", public_addr.as_str().into());
        }
        if let Some(proxy) = &self.proxy {
            set("proxy", proxy.as_str().into());
        }
        if !self.extra_parameters.is_empty() {
            let pairs = self.extra_parameters.iter();
            set(
                "extra_parameters",
                pairs.map(|(name, value)| (name.clone(), value.clone())).collect(),
            );
        }
        if let Some(reuse_window) = self.reuse_window {
            set("reuse_window", reuse_window.as_secs().into());
        }
        settings
    }

    /// Reads the keys of a profile, whose names are judged already; `folder` is the configuration's.
    pub(super) fn read(profile: Section<'_>, name: &str, folder: &Path) -> Result<Self, Fault> {
        let allow_http = profile.flag("allow_http")?;
        let Some(keycloak_addr) = profile.text("keycloak_addr")? else {
            return Err(Fault::new(
                profile.at,
                format!("profile `{name}` has no `keycloak_addr`"),
                "write it as in `keycloak_addr = \"https://keycloak.example.com\"`",
            ));
        };
        let address = |text| Address::read_keycloak(text, allow_http);
        Ok(Self {
            keycloak_addr: address(keycloak_addr)?,
            realm: read_realm(profile)?,
            client_id: read_client_id(profile)?,
            flow: Flow::read(profile)?,
            scopes: Scopes::read(profile)?,
            ca_file: profile
                .text("ca_file")?
                .map(|text| ca_file::read(text, folder))
                .transpose()?,
            public_addr: profile.text("public_addr")?.map(address).transpose()?,
            proxy: profile.text("proxy")?.map(read_proxy).transpose()?,
            extra_parameters: extra_parameters::read(profile)?,
            reuse_window: reuse_window::read(profile)?,
            allow_http,
        })
    }

    /// `{addr}/auth/realms/{realm}/protocol/openid-connect/{name}`, as the SDK builds it.
    fn endpoint(&self, name: &[&str]) -> Url {
        let base = ["auth", "realms", &self.realm, "protocol", "openid-connect"];
        self.keycloak_addr.join(&[&base, name].concat())
    }
}

impl Flow {
    /// The word that stands in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Flow::Device => "device",
        }
    }

    fn read(profile: Section<'_>) -> Result<Self, Fault> {
        let form = "write `flow = \"device\"`, or leave it out";
        let Some(text) = profile.text("flow")? else { return Ok(Flow::default()) };
        match text.value {
            "device" => Ok(Flow::Device),
            "code" => {
                Err(text.fault("flow `code` is known but not built in this version yet", form))
            }
            other if closest(other, ["device", "code"].into_iter()).is_some() => {
                Err(text.fault("unknown flow", "did you mean `device`?"))
            }
            _ => Err(text.fault("unknown flow", form)),
        }
    }
}

fn read_realm(profile: Section<'_>) -> Result<String, Fault> {
    let Some(text) = profile.text("realm")? else { return Ok(DEFAULT_REALM.to_owned()) };
    // `.` and `..` would walk up the endpoint's path, whatever the encoding.
    if ["", ".", ".."].contains(&text.value) || text.value.contains(char::is_control) {
        return Err(text.fault(
            "`realm` is empty, dots alone, or has a control character in it",
            format!("write the realm's name; left out, it is `{DEFAULT_REALM}`"),
        ));
    }
    Ok(text.value.to_owned())
}

fn read_client_id(profile: Section<'_>) -> Result<String, Fault> {
    let Some(text) = profile.text("client_id")? else { return Ok(DEFAULT_CLIENT_ID.to_owned()) };
    // RFC 6749 appendix A.1: visible ASCII and spaces.
    let visible = text.value.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if text.value.trim().is_empty() || !visible {
        return Err(text.fault(
            "`client_id` is empty or has other than visible ASCII characters in it",
            format!("write the client's id; left out, it is `{DEFAULT_CLIENT_ID}`"),
        ));
    }
    Ok(text.value.to_owned())
}

/// Keycloak's first realm, which the SDK uses.
const DEFAULT_REALM: &str = "master";

/// The public client of the SDK.
const DEFAULT_CLIENT_ID: &str = "sdk-client";
