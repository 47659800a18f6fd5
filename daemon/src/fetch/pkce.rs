//! Proof that whoever started a login also ends it (RFC 7636), always by S256.

use super::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearerd_proto::Secret;
use bearerd_session::Failure;
use ring::digest::{SHA256, digest};

/// A verifier that nobody has seen yet.
pub(crate) fn verifier() -> Result<Secret, Failure> {
    random::text::<VERIFIER>()
}

/// What of the verifier is shown at the start: its hash.
pub(crate) fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()))
}

/// The name of the way from verifier to challenge.
pub(crate) const METHOD: &str = "S256";

/// Bytes, which are 43 characters: RFC 7636 §4.1.
const VERIFIER: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636 appendix B.
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn each_verifier_is_new_and_has_its_length() {
        let (one, other) = (verifier().unwrap(), verifier().unwrap());
        assert_eq!(one.expose().len(), 43);
        assert!(!one.same_as(&other));
    }
}
