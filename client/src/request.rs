//! The bytes of a request.

use bearerd_proto::{Secret, TokenQuery};
use serde::Serialize;
use std::fmt::Write as _;

/// One request, ready to be sent and sent again. A secret may stand in its body, so it is one as a whole.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Secret,
    has_secret: bool,
    is_spent: bool,
}

impl Request {
    pub(crate) fn get(target: &str) -> Self {
        Self::without_body("GET", target)
    }

    pub(crate) fn delete(target: &str) -> Self {
        Self::without_body("DELETE", target)
    }

    pub(crate) fn post(target: &str, body: &impl Serialize) -> Self {
        Self::with_body("POST", target, body)
    }

    pub(crate) fn put(target: &str, body: &impl Serialize) -> Self {
        Self::with_body("PUT", target, body)
    }

    /// The same request, which goes to nobody but our own daemon.
    pub(crate) fn with_secret(self) -> Self {
        Self { has_secret: true, ..self }
    }

    pub(crate) fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// The same request, whose content may be used up once it is sent: it is not sent again.
    pub(crate) fn spent_when_sent(self) -> Self {
        Self { is_spent: true, ..self }
    }

    pub(crate) fn is_spent_when_sent(&self) -> bool {
        self.is_spent
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.expose().as_bytes()
    }

    fn with_body(method: &str, target: &str, body: &impl Serialize) -> Self {
        // The bodies of the protocol are texts and flags, which always serialise; an empty body would be answered
        // `bad-request`.
        let body = Secret::new(serde_json::to_string(body).unwrap_or_default());
        let length = body.expose().len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: bearerd\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        // With the whole room from the start no copy of the body is left behind by growing.
        let mut bytes = String::with_capacity(head.len() + length);
        bytes.push_str(&head);
        bytes.push_str(body.expose());
        Self { bytes: Secret::new(bytes), has_secret: false, is_spent: false }
    }

    fn without_body(method: &str, target: &str) -> Self {
        let bytes = format!("{method} {target} HTTP/1.1\r\nHost: bearerd\r\n\r\n");
        Self { bytes: Secret::new(bytes), has_secret: false, is_spent: false }
    }
}

/// `/v1/token` with its query.
pub(crate) fn token_target(query: &TokenQuery) -> String {
    let TokenQuery { profile, issuer, min_ttl, strict, scope, audience } = query;
    let mut target = "/v1/token".to_owned();
    let mut separator = '?';
    let mut add = |name: &str, value: &str| {
        target.push(separator);
        target.push_str(name);
        target.push('=');
        target.push_str(&percent_encoded(value));
        separator = '&';
    };
    if let Some(profile) = profile {
        add("profile", profile.as_str());
    }
    if let Some(issuer) = issuer {
        add("issuer", issuer);
    }
    if let Some(min_ttl) = min_ttl {
        add("min_ttl", &min_ttl.to_string());
    }
    if *strict {
        add("strict", "true");
    }
    if let Some(scope) = scope {
        add("scope", scope);
    }
    if let Some(audience) = audience {
        add("audience", audience);
    }
    target
}

/// All but the unreserved characters as `%XX` (RFC 3986 §2.3).
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_what_was_asked_for_and_is_encoded() {
        let all = TokenQuery {
            profile: Some("wallaroo".parse().unwrap()),
            issuer: Some("https://idp".to_owned()),
            min_ttl: Some(300),
            strict: true,
            scope: Some("openid a:b".to_owned()),
            audience: Some("https://api.example.com/ä&x=1".to_owned()),
        };
        let cases = [
            (TokenQuery::default(), "/v1/token"),
            (TokenQuery { min_ttl: Some(0), ..TokenQuery::default() }, "/v1/token?min_ttl=0"),
            (
                all,
                "/v1/token?profile=wallaroo&issuer=https%3A%2F%2Fidp&min_ttl=300&strict=true\
                 &scope=openid%20a%3Ab\
                 &audience=https%3A%2F%2Fapi.example.com%2F%C3%A4%26x%3D1",
            ),
        ];
        for (query, target) in cases {
            assert_eq!(token_target(&query), target);
        }
    }

    #[test]
    fn a_request_is_what_http_wants_and_hides_itself() {
        assert_eq!(
            Request::get("/v1/status").bytes(),
            b"GET /v1/status HTTP/1.1\r\nHost: bearerd\r\n\r\n"
        );
        let request = Request::post("/v1/x", &serde_json::json!({"password": "hunter2"}));
        assert_eq!(
            request.bytes(),
            b"POST /v1/x HTTP/1.1\r\nHost: bearerd\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n\
              {\"password\":\"hunter2\"}"
        );
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
