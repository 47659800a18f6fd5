//! Makes the strings: tokens, codes, ids; checks a PKCE verifier.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::authentication;

/// What an access token says, apart from its times.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    pub(crate) issuer: String,
    pub(crate) sub: String,
    pub(crate) email: Option<String>,
    pub(crate) username: String,
    pub(crate) client_id: String,
    pub(crate) session: Option<String>,
    pub(crate) scope: String,
    pub(crate) audiences: Vec<String>,
}

impl Claims {
    /// All claims as a JWT would have them.
    pub(crate) fn document(&self, issued_at: i64, lifetime_seconds: u64) -> Value {
        let lifetime = i64::try_from(lifetime_seconds).unwrap_or(i64::MAX);
        let mut document = json!({
            "iss": self.issuer, "sub": self.sub, "azp": self.client_id, "typ": "Bearer", "jti": id(),
            "iat": issued_at, "exp": issued_at.saturating_add(lifetime),
            "preferred_username": self.username, "scope": self.scope,
            "aud": match self.audiences.as_slice() {
                [] => json!("account"),
                [one] => json!(one),
                several => json!(several),
            },
        });
        if let Some(email) = &self.email {
            document["email"] = json!(email);
        }
        if let Some(session) = &self.session {
            document["sid"] = json!(session);
        }
        document
    }
}

/// Header, payload and signature of the shape of a JWT. The signature is random: nothing here checks it.
pub(crate) fn jwt(claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT","kid":"test-idp"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let signature = URL_SAFE_NO_PAD.encode(random::<64>());
    format!("{header}.{payload}.{signature}")
}

/// The same JWT with this value of one claim, or, where that is null, without it.
pub(crate) fn with_claim(jwt: &str, claim: &str, value: Value) -> String {
    let mut claims = authentication::claims(jwt).unwrap_or_default();
    match (claims.as_object_mut(), value) {
        (Some(claims), Value::Null) => drop(claims.remove(claim)),
        (Some(claims), value) => drop(claims.insert(claim.into(), value)),
        (None, _) => {}
    }
    self::jwt(&claims)
}

/// A random string that says nothing but its prefix.
pub(crate) fn opaque(prefix: &str) -> String {
    format!("{prefix}-{}", URL_SAFE_NO_PAD.encode(random::<32>()))
}

/// A random id of the shape of a UUID.
pub(crate) fn id() -> String {
    let hex: String = random::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A code that people can read out and type: no vowels, so that no words appear (RFC 8628 §6.1).
pub(crate) fn user_code() -> String {
    let letters: Vec<char> = random::<8>()
        .iter()
        .map(|byte| char::from(USER_CODE_LETTERS[usize::from(*byte) % USER_CODE_LETTERS.len()]))
        .collect();
    let (left, right) = letters.split_at(4);
    format!("{}-{}", String::from_iter(left), String::from_iter(right))
}

/// A user code as it is compared: neither case nor dash nor space counts.
pub(crate) fn canonical_user_code(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
}

/// Whether this verifier belongs to that challenge (RFC 7636 §4.6, method S256).
pub(crate) fn verifier_matches(verifier: &str, challenge: &str) -> bool {
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(digest) == challenge
}

const USER_CODE_LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_matches() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(verifier_matches("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge));
        assert!(!verifier_matches("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", challenge));
    }

    #[test]
    fn a_user_code_is_two_groups_of_four_and_compares_without_its_dash() {
        let code = user_code();
        assert_eq!((code.len(), code.find('-')), (9, Some(4)), "{code}");
        assert_eq!(canonical_user_code(" wdjb mjht"), canonical_user_code("WDJB-MJHT"));
    }
}
