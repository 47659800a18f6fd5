//! Who gives the tokens: a realm of a Keycloak, or any provider that publishes where its endpoints are.

use super::address::Address;
use super::error::Fault;
use super::written::Written;
use serde_json::{Map, Value};
use url::Url;

/// The keys that say it.
pub(super) const KEYS: &[&str] = &["keycloak_addr", "realm", "issuer"];

/// An identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A realm of a Keycloak: its endpoints are known without asking.
    Keycloak {
        /// Where Keycloak stands, without `/auth`.
        addr: Address,
        /// The realm.
        realm: String,
    },
    /// An issuer, kept to the letter: its discovery document says where its endpoints are.
    Issuer(Address),
}

/// The endpoints of a Keycloak realm, as the SDK builds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmEndpoints {
    /// Where a device code is asked for (RFC 8628 §3.1).
    pub device_authorization: Url,
    /// Where tokens are fetched (RFC 6749 §3.2).
    pub token: Url,
    /// Where a refresh token is revoked (RFC 7009).
    pub revocation: Url,
    /// Who a token is for (OpenID Connect Core §5.3).
    pub userinfo: Url,
}

impl Provider {
    /// The address that the configuration names.
    pub fn address(&self) -> &Address {
        match self {
            Provider::Keycloak { addr, .. } => addr,
            Provider::Issuer(issuer) => issuer,
        }
    }

    /// The issuer's name.
    pub fn issuer(&self) -> String {
        match self {
            Provider::Keycloak { addr, realm } => addr.join(&["auth", "realms", realm]).into(),
            Provider::Issuer(issuer) => issuer.as_str().to_owned(),
        }
    }

    /// The endpoints, where they are known without discovery.
    pub fn realm_endpoints(&self) -> Option<RealmEndpoints> {
        let Provider::Keycloak { addr, realm } = self else { return None };
        let endpoint = |name: &[&str]| {
            let base = ["auth", "realms", realm, "protocol", "openid-connect"];
            addr.join(&[&base, name].concat())
        };
        Some(RealmEndpoints {
            device_authorization: endpoint(&["auth", "device"]),
            token: endpoint(&["token"]),
            revocation: endpoint(&["revoke"]),
            userinfo: endpoint(&["userinfo"]),
        })
    }

    /// What a session of this provider is bound to: the token endpoint where it is known, else the issuer.
    pub(super) fn bound_to(&self) -> String {
        match self.realm_endpoints() {
            Some(endpoints) => endpoints.token.into(),
            None => self.issuer(),
        }
    }

    /// What follows this provider's address in `link`; `None` where the link leads elsewhere. An issuer's pages need not
    /// lie below its path.
    pub(super) fn rest_of<'l>(&self, link: &'l Url) -> Option<&'l str> {
        match self {
            Provider::Keycloak { addr, .. } => addr.rest_of(link),
            Provider::Issuer(issuer) => issuer.path_of(link),
        }
    }

    pub(super) fn settings(&self, settings: &mut Map<String, Value>) {
        let mut set = |key: &str, value: &str| settings.insert(key.to_owned(), value.into());
        match self {
            Provider::Keycloak { addr, realm } => {
                set("keycloak_addr", addr.as_str());
                set("realm", realm);
            }
            Provider::Issuer(issuer) => {
                set("issuer", issuer.as_str());
            }
        }
    }

    pub(super) fn read(profile: &Written<'_>, allow_http: bool) -> Result<Self, Fault> {
        match (profile.text("keycloak_addr")?, profile.text("issuer")?) {
            (Some(addr), None) => Ok(Provider::Keycloak {
                addr: Address::read_keycloak(addr, allow_http)?,
                realm: read_realm(profile)?,
            }),
            (None, Some(_)) if profile.has("realm") => Err(profile.fault_at(
                "realm",
                "`realm` belongs to `keycloak_addr`, and this profile has `issuer`",
                "remove it: a realm of Keycloak is part of its issuer's address",
            )),
            (None, Some(issuer)) => Ok(Provider::Issuer(Address::read_exact(issuer, allow_http)?)),
            (Some(_), Some(_)) => Err(profile.fault_at(
                "issuer",
                "`issuer` and `keycloak_addr` name two providers",
                "remove one of the two",
            )),
            (None, None) => Err(profile.lacks(
                "`keycloak_addr` and no `issuer`",
                "write `keycloak_addr = \"https://keycloak.example.com\"`, or the `issuer` of another provider",
            )),
        }
    }
}

fn read_realm(profile: &Written<'_>) -> Result<String, Fault> {
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

/// Keycloak's first realm, which the SDK uses.
const DEFAULT_REALM: &str = "master";
