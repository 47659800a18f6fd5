//! Which keys are taken, what each refusal says, and signatures that another verifies.

use super::*;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;

/// Made by `daemon/tests/fetch_support/keys/make.sh`.
macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fetch_support/keys/", $name, ".pem"))
    };
}

fn key(pem: &str, algorithm: Option<SigningAlgorithm>) -> Result<SigningKey, KeyError> {
    SigningKey::from_pem(&Secret::new(pem), algorithm)
}

/// The key's own bytes, without the name of its algorithm: the last ones of OpenSSL's public key.
fn public_key(pem: &str, length: usize) -> Vec<u8> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).unwrap();
    der[der.len() - length..].to_vec()
}

/// An algorithm, a private key that signs by it, what the profile says, and how another verifies by which public key.
type Case<'a> =
    (&'a str, &'a str, Option<SigningAlgorithm>, &'static dyn VerificationAlgorithm, &'a [u8]);

#[test]
fn what_each_kind_of_file_signs_is_verified_by_its_public_half() {
    let (rsa, p256, ed25519) = (
        public_key(pem!("rsa.pub"), 270),
        public_key(pem!("p256.pub"), 65),
        public_key(pem!("ed25519.pub"), 32),
    );
    let rs256: &'static dyn VerificationAlgorithm = &RSA_PKCS1_2048_8192_SHA256;
    let cases: [Case<'_>; 9] = [
        ("RS256", pem!("rsa"), None, rs256, &rsa),
        ("RS256", pem!("rsa"), Some(SigningAlgorithm::RS256), rs256, &rsa),
        ("RS256", pem!("rsa-pkcs1"), None, rs256, &rsa),
        ("PS256", pem!("rsa"), Some(SigningAlgorithm::PS256), &RSA_PSS_2048_8192_SHA256, &rsa),
        ("ES256", pem!("p256"), None, &ECDSA_P256_SHA256_FIXED, &p256),
        ("ES256", pem!("p256-sec1"), None, &ECDSA_P256_SHA256_FIXED, &p256),
        ("ES256", pem!("p256"), Some(SigningAlgorithm::ES256), &ECDSA_P256_SHA256_FIXED, &p256),
        ("EdDSA", pem!("ed25519"), None, &ED25519, &ed25519),
        ("EdDSA", pem!("ed25519"), Some(SigningAlgorithm::EdDSA), &ED25519, &ed25519),
    ];
    for (name, pem, algorithm, verification, public) in cases {
        let key = key(pem, algorithm).unwrap();
        assert_eq!(key.algorithm(), name);
        assert_eq!(format!("{key:?}"), format!("SigningKey({name}, REDACTED)"));
        let signature = key.sign(b"header.claims").unwrap();
        let public = UnparsedPublicKey::new(verification, public);
        public.verify(b"header.claims", &signature).unwrap();
        assert!(public.verify(b"header.claim", &signature).is_err(), "{name}");
    }
}

#[test]
fn a_secret_signs_by_its_text() {
    let key = SigningKey::from_secret(&Secret::new("a secret"));
    assert_eq!(key.algorithm(), "HS256");
    let same = hmac::Key::new(hmac::HMAC_SHA256, b"a secret");
    hmac::verify(&same, b"message", &key.sign(b"message").unwrap()).unwrap();
}

#[test]
fn each_key_that_is_of_no_use_says_why_and_what_would_be() {
    let torn = pem!("rsa").replace('M', "*");
    let (es256, rs256, eddsa) =
        (SigningAlgorithm::ES256, SigningAlgorithm::RS256, SigningAlgorithm::EdDSA);
    for (pem, algorithm, message) in [
        (
            "a secret",
            None,
            "holds no private key: write one there in PEM, `-----BEGIN PRIVATE KEY-----`",
        ),
        ("", None, "holds no private key: write one there in PEM, `-----BEGIN PRIVATE KEY-----`"),
        (&torn, None, "holds a torn private key"),
        (pem!("rsa.pub"), None, "holds a public key or a certificate: name the private key's file"),
        (
            pem!("rsa-encrypted"),
            None,
            "holds a private key behind a passphrase, and nobody is there to type it: write it without one",
        ),
        (
            pem!("rsa-pkcs1-encrypted"),
            None,
            "holds a private key behind a passphrase, and nobody is there to type it: write it without one",
        ),
        (
            pem!("rsa-1024"),
            None,
            "holds an RSA key that can't be used: it needs 2048 to 4096 bits, and an exponent of 65537",
        ),
        (
            pem!("p384"),
            None,
            "holds an elliptic curve's key that can't be used: it must be of the curve P-256, with its public half in the file",
        ),
        (
            pem!("x25519"),
            None,
            "holds a key of a kind that is not supported: use RSA, P-256 or Ed25519",
        ),
        (pem!("rsa"), Some(es256), "holds an RSA key, and `ES256` needs an elliptic curve's key"),
        (pem!("p256"), Some(rs256), "holds an elliptic curve's key, and `RS256` needs an RSA key"),
        (
            pem!("p256-sec1"),
            Some(eddsa),
            "holds an elliptic curve's key, and `EdDSA` needs an Ed25519 key",
        ),
        (pem!("ed25519"), Some(rs256), "holds an Ed25519 key, and `RS256` needs an RSA key"),
    ] {
        assert_eq!(key(pem, algorithm).unwrap_err().to_string(), message);
    }
}
