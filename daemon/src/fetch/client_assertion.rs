//! The JWT by which a client says who it is (RFC 7523 §2.2, OpenID Connect Core §9).

use super::random;
use super::signing_key::{KeyError, SigningKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearerd_proto::Secret;
use bearerd_session::Failure;
use bearerd_session::time::Wall;
use serde_json::json;
use zeroize::Zeroizing;

/// What an assertion says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assertion<'a> {
    /// Who speaks.
    pub(crate) client_id: &'a str,
    /// To whom: the provider's issuer, or its token endpoint.
    pub(crate) audience: &'a str,
    /// Which of the client's keys signs.
    pub(crate) key_id: Option<&'a str>,
    /// Its name, which is used once.
    pub(crate) id: &'a str,
    /// This moment.
    pub(crate) now: Wall,
}

impl Assertion<'_> {
    /// The signed assertion.
    pub(crate) fn sign(&self, key: &SigningKey) -> Result<Secret, KeyError> {
        let mut header = json!({"alg": key.algorithm(), "typ": "JWT"});
        if let Some(key_id) = self.key_id {
            header["kid"] = key_id.into();
        }
        let now = self.now.as_secs();
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": self.id,
            "iat": now,
            "exp": now.saturating_add(LIFETIME),
        });
        let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = Zeroizing::new(format!("{}.{}", encoded(header), encoded(claims)));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())?);
        Ok(Secret::new(format!("{}.{signature}", *message)))
    }
}

/// A name that no other assertion has.
pub(crate) fn new_id() -> Result<Secret, Failure> {
    random::text::<ID>()
}

/// What `client_assertion_type` says (RFC 7523 §2.2).
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Seconds; it is made anew for each request, and a minute is what clocks differ by.
const LIFETIME: i64 = 60;
/// Bytes.
const ID: usize = 16;
