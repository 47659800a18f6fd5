//! What a client signs its assertions with: a private key out of a PEM file, or its secret.

use crate::config::SigningAlgorithm;
use bearerd_proto::Secret;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// A key with the algorithm that it is used by.
pub(crate) enum SigningKey {
    /// HMAC with SHA-256, by the client's secret.
    Secret(hmac::Key),
    /// RSA by PKCS #1 v1.5 or by PSS, with SHA-256.
    Rsa(Box<RsaKeyPair>, RsaBy),
    /// ECDSA over P-256, with SHA-256.
    P256(EcdsaKeyPair),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
}

/// How an RSA key pads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RsaBy {
    /// RS256
    Pkcs1,
    /// PS256
    Pss,
}

/// Why a key can't be used; it follows the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum KeyError {
    #[error("holds no private key: write one there in PEM, `-----BEGIN PRIVATE KEY-----`")]
    NoKey,
    #[error("holds a public key or a certificate: name the private key's file")]
    Public,
    #[error(
        "holds a private key behind a passphrase, and nobody is there to type it: write it without one"
    )]
    Encrypted,
    #[error("holds a torn private key")]
    Torn,
    #[error("holds a key of a kind that is not supported: use RSA, P-256 or Ed25519")]
    Unknown,
    #[error("holds {0} that can't be used: {mend}", mend = .0.mend())]
    Unusable(KeyKind),
    #[error("holds {held}, and `{algorithm}` needs {needed}")]
    WrongKind { held: KeyKind, algorithm: &'static str, needed: KeyKind },
    #[error("holds a key that does not sign")]
    Signing,
}

/// The kinds of private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// RSA
    Rsa,
    /// An elliptic curve's
    Ec,
    /// Ed25519
    Ed25519,
}

impl SigningKey {
    /// The key in `pem`: PKCS #8, PKCS #1 or SEC 1. Without `algorithm`, its kind says which.
    pub(crate) fn from_pem(
        pem: &Secret,
        algorithm: Option<SigningAlgorithm>,
    ) -> Result<Self, KeyError> {
        let pem = pem.expose();
        let key = match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
            _ if pem.contains("ENCRYPTED") => return Err(KeyError::Encrypted),
            Ok(key) => Zeroizing::new(key),
            Err(_) if pem.contains("PRIVATE KEY-----") => return Err(KeyError::Torn),
            Err(_) if pem.contains("PUBLIC KEY-----") || pem.contains("CERTIFICATE-----") => {
                return Err(KeyError::Public);
            }
            Err(_) => return Err(KeyError::NoKey),
        };
        let held = kind_of(&key).ok_or(KeyError::Unknown)?;
        let algorithm = algorithm.unwrap_or(held.default_algorithm());
        let needed = needed_by(algorithm);
        if held != needed {
            return Err(KeyError::WrongKind { held, algorithm: algorithm.as_str(), needed });
        }
        let unusable = |_| KeyError::Unusable(held);
        let rsa = |by| {
            match &*key {
                PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
                _ => RsaKeyPair::from_pkcs8(key.secret_der()),
            }
            .map(|pair| Self::Rsa(Box::new(pair), by))
        };
        match algorithm {
            SigningAlgorithm::RS256 => rsa(RsaBy::Pkcs1).map_err(unusable),
            SigningAlgorithm::PS256 => rsa(RsaBy::Pss).map_err(unusable),
            SigningAlgorithm::ES256 => p256(&key).map(Self::P256).map_err(unusable),
            SigningAlgorithm::EdDSA => Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_der())
                .map(Self::Ed25519)
                .map_err(unusable),
        }
    }

    /// The key that a client's secret is: its text (OpenID Connect Core §9).
    pub(crate) fn from_secret(secret: &Secret) -> Self {
        Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()))
    }

    /// The header's `alg` (RFC 7518 §3.1, RFC 8037 §3.1).
    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_, RsaBy::Pkcs1) => "RS256",
            Self::Rsa(_, RsaBy::Pss) => "PS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    /// The signature of `message`, in the form that a JWT carries.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let failed = |_| KeyError::Signing;
        match self {
            Self::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair, by) => {
                let padding: &'static dyn RsaEncoding = match by {
                    RsaBy::Pkcs1 => &RSA_PKCS1_SHA256,
                    RsaBy::Pss => &RSA_PSS_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::P256(pair) => Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, REDACTED)", self.algorithm())
    }
}

impl KeyKind {
    fn default_algorithm(self) -> SigningAlgorithm {
        match self {
            KeyKind::Rsa => SigningAlgorithm::RS256,
            KeyKind::Ec => SigningAlgorithm::ES256,
            KeyKind::Ed25519 => SigningAlgorithm::EdDSA,
        }
    }

    fn mend(self) -> &'static str {
        match self {
            KeyKind::Rsa => "it needs 2048 to 4096 bits, and an exponent of 65537",
            KeyKind::Ec => "it must be of the curve P-256, with its public half in the file",
            KeyKind::Ed25519 => "write it as PKCS #8",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Rsa => "an RSA key",
            KeyKind::Ec => "an elliptic curve's key",
            KeyKind::Ed25519 => "an Ed25519 key",
        })
    }
}

fn needed_by(algorithm: SigningAlgorithm) -> KeyKind {
    match algorithm {
        SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => KeyKind::Rsa,
        SigningAlgorithm::ES256 => KeyKind::Ec,
        SigningAlgorithm::EdDSA => KeyKind::Ed25519,
    }
}

/// By the file's own word, or by the algorithm's name at the beginning of PKCS #8.
fn kind_of(key: &PrivateKeyDer<'_>) -> Option<KeyKind> {
    match key {
        PrivateKeyDer::Pkcs1(_) => Some(KeyKind::Rsa),
        PrivateKeyDer::Sec1(_) => Some(KeyKind::Ec),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            let head = der.get(..PKCS8_HEAD).unwrap_or(der);
            let names = |oid: &[u8]| head.windows(oid.len()).any(|window| window == oid);
            [(RSA, KeyKind::Rsa), (EC, KeyKind::Ec), (ED25519, KeyKind::Ed25519)]
                .into_iter()
                .find_map(|(oid, kind)| names(oid).then_some(kind))
        }
        _ => None,
    }
}

fn p256(key: &PrivateKeyDer<'_>) -> Result<EcdsaKeyPair, ring::error::KeyRejected> {
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let PrivateKeyDer::Sec1(der) = key else {
        return EcdsaKeyPair::from_pkcs8(algorithm, key.secret_der(), &random);
    };
    // The library reads PKCS #8 alone, which is SEC 1 with the curve's name before it.
    let octets = element(OCTET_STRING, &[der.secret_sec1_der()]);
    let pkcs8 = element(SEQUENCE, &[PKCS8_P256, &octets]);
    EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8, &random)
}

/// An element of DER: tag, length, content.
fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let content = Zeroizing::new(parts.concat());
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut element = Zeroizing::new(Vec::with_capacity(content.len() + 4));
    // DER has the shortest form of a length, and no other.
    element.push(tag);
    match length {
        [0, low @ 0..=0x7f] => element.push(low),
        [0, low] => element.extend([0x81, low]),
        [high, low] => element.extend([0x82, high, low]),
    }
    element.extend_from_slice(&content);
    element
}

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;

/// rsaEncryption (RFC 8017 appendix A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey (RFC 5480 §2.1.1).
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// id-Ed25519 (RFC 8410 §3), with its tag and length.
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// Bytes of PKCS #8 in which the algorithm's name ends: sequence, version, sequence, name.
const PKCS8_HEAD: usize = 24;

/// Version 0, and the algorithm: id-ecPublicKey over prime256v1 (RFC 5480).
const PKCS8_P256: &[u8] = &[
    0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];

#[cfg(test)]
mod tests;
