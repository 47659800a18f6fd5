//! Where an identity provider stands: an `https` address, kept as it is written.

use super::document::Text;
use super::error::Fault;
use std::fmt;
use url::{Host, Position, Url};

/// The base address of an identity provider, as it is written; slashes at its end stay where they are part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    url: Url,
}

impl Address {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address as a URL, whose path has no slash at its end.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The address with `segments` below it, each percent-encoded.
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // An http or https address always has a path to extend, so there is no other case.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// What follows this address in `link`, from the next `/` on; `None` where `link` does not lie below it.
    pub(super) fn rest_of<'l>(&self, link: &'l Url) -> Option<&'l str> {
        if link.origin() != self.url.origin() {
            return None;
        }
        let rest =
            link[Position::BeforePath..].strip_prefix(self.url.path().trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }

    /// Reads where Keycloak is: the address that stands before `/auth/realms/`, as the SDK has it.
    pub(super) fn read_keycloak(text: Text<'_>, allow_http: bool) -> Result<Self, Fault> {
        let address = Self::read(text, allow_http)?;
        let path = address.url.path();
        // With it the daemon would call `/auth/auth/realms/`.
        if path.ends_with("/auth") || path.contains("/auth/realms") {
            return Err(text.fault(
                format!("`{}` goes on with `/auth`, which bearerd adds itself", text.key),
                "remove it, from `/auth` on",
            ));
        }
        Ok(address)
    }

    /// What follows scheme, host and port of this address in `link`; `None` where `link` has others.
    pub(super) fn path_of<'l>(&self, link: &'l Url) -> Option<&'l str> {
        (link.origin() == self.url.origin()).then(|| &link[Position::BeforePath..])
    }

    /// Reads an address: `https`, or `http` to this machine, or any `http` where `allow_http` is set by hand. Slashes at
    /// its end make no difference.
    pub(super) fn read(text: Text<'_>, allow_http: bool) -> Result<Self, Fault> {
        let exact = Self::read_exact(text, allow_http)?;
        Ok(Self { text: exact.text.trim_end_matches('/').to_owned(), ..exact })
    }

    /// The same, kept to the letter: an issuer with a slash at its end is another one (OpenID Connect Discovery §4.3).
    pub(super) fn read_exact(text: Text<'_>, allow_http: bool) -> Result<Self, Fault> {
        let url = read_url(text)?;
        if url.scheme() == "http" && !is_loopback(&url) && !allow_http {
            return Err(text.fault(
                format!(
                    "`{}` is plain http to another machine: tokens would travel readable",
                    text.key
                ),
                "write https://, or set `allow_http = true` by hand if that is what you want",
            ));
        }
        Ok(Self { text: text.value.to_owned(), url: without_trailing_slashes(url) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads the address of a proxy on the way to `provider`. It may be plain http where what goes through it is encrypted
/// by itself; what is not, because it was to stay on this machine, is not carried to another one.
pub(super) fn read_proxy(
    text: Text<'_>,
    provider: &Address,
    allow_http: bool,
) -> Result<Url, Fault> {
    let url = read_url(text)?;
    if provider.url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err(text.fault(
            format!(
                "`{}` would get plain http on another machine: tokens would travel readable",
                text.key
            ),
            "remove it, or give the provider an address of https",
        ));
    }
    if url.path() != "/" {
        return Err(text.fault(
            format!("`{}` has a path", text.key),
            "write scheme, host and port alone, as in `http://proxy.example.com:3128`",
        ));
    }
    Ok(url)
}

/// Reads an absolute http or https URL with nothing in it but scheme, host, port and path.
fn read_url(text: Text<'_>) -> Result<Url, Fault> {
    let key = text.key;
    let form = "write it as in `https://keycloak.example.com`";
    // The parser would mend these silently, and then the address would not be the one that is written.
    if text.value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        let reason = format!("`{key}` has a space, a control character or a backslash in it");
        return Err(text.fault(reason, form));
    }
    let after_scheme = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.value.strip_prefix(scheme))
        .filter(|rest| !rest.starts_with('/'))
        .ok_or_else(|| {
            text.fault(format!("`{key}` does not start with https:// and a host"), form)
        })?;
    let url = Url::parse(text.value)
        .map_err(|error| text.fault(format!("`{key}` is not an address: {error}"), form))?;
    if !url.username().is_empty() || url.password().is_some() || has_userinfo(after_scheme) {
        return Err(text.fault(
            format!("`{key}` has a user or password before its host"),
            "never write a secret here: remove everything up to the `@`",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(text.fault(
            format!("`{key}` has a query or a fragment"),
            "remove it, from the `?` or `#` on",
        ));
    }
    Ok(url)
}

/// An empty userinfo (`https://@host`) leaves no trace in the parsed URL.
fn has_userinfo(after_scheme: &str) -> bool {
    after_scheme.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Loopback by its literal address, or `localhost`, which resolvers keep on this machine (RFC 6761 §6.3).
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn without_trailing_slashes(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}
