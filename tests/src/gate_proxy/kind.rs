//! What a request is, by its path and its grant.

use url::form_urlencoded;

use crate::plain_http::Request;

/// The kinds of requests that a test tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The start of a device login (RFC 8628 §3.1).
    DeviceStart,
    /// A poll for the outcome of a device login (RFC 8628 §3.4).
    DevicePoll,
    /// A refresh (RFC 6749 §6).
    Refresh,
    /// A password login (RFC 6749 §4.3).
    Password,
    /// Client credentials (RFC 6749 §4.4).
    ClientCredentials,
    /// An authorization code (RFC 6749 §4.1).
    AuthorizationCode,
    /// A token exchange (RFC 8693).
    TokenExchange,
    /// Any other request to the token endpoint.
    OtherGrant,
    /// A revocation (RFC 7009).
    Revoke,
    /// Pages, keys, discovery, introspection, all else.
    Other,
}

impl Kind {
    pub(super) fn of(request: &Request) -> Self {
        let path = request.target.split('?').next().unwrap_or_default();
        let Some((_, endpoint)) = path.split_once("/protocol/openid-connect/") else {
            return Self::Other;
        };
        match (request.method.as_str(), endpoint) {
            ("POST", "auth/device") => Self::DeviceStart,
            ("POST", "revoke") => Self::Revoke,
            ("POST", "token") => Self::of_grant(&request.body),
            _ => Self::Other,
        }
    }

    fn of_grant(body: &[u8]) -> Self {
        let grant = form_urlencoded::parse(body).find(|(name, _)| name == "grant_type");
        match grant.as_ref().map(|(_, grant)| grant.as_ref()) {
            Some("refresh_token") => Self::Refresh,
            Some("urn:ietf:params:oauth:grant-type:device_code") => Self::DevicePoll,
            Some("password") => Self::Password,
            Some("client_credentials") => Self::ClientCredentials,
            Some("authorization_code") => Self::AuthorizationCode,
            Some("urn:ietf:params:oauth:grant-type:token-exchange") => Self::TokenExchange,
            _ => Self::OtherGrant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_its_path_and_grant() {
        let realm = "/auth/realms/master/protocol/openid-connect";
        let cases = [
            ("POST", "auth/device", "client_id=x", Kind::DeviceStart),
            (
                "POST",
                "token",
                "client_id=x&grant_type=refresh_token&refresh_token=r",
                Kind::Refresh,
            ),
            (
                "POST",
                "token",
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code",
                Kind::DevicePoll,
            ),
            ("POST", "token?x=y", "grant_type=password", Kind::Password),
            ("POST", "token", "", Kind::OtherGrant),
            ("POST", "token/introspect", "token=x", Kind::Other),
            ("POST", "revoke", "token=x", Kind::Revoke),
            ("GET", "auth", "", Kind::Other),
        ];
        for (method, endpoint, body, kind) in cases {
            let request = Request {
                method: method.to_owned(),
                target: format!("{realm}/{endpoint}"),
                headers: Default::default(),
                body: body.as_bytes().to_vec(),
            };
            assert_eq!(Kind::of(&request), kind, "{method} {endpoint} {body}");
        }
    }
}
