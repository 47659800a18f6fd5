//! Keys of clients that sign their assertions, made anew for each run, and the algorithms that they sign by.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};
use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::der;

/// How an assertion is signed with a private key (RFC 7518 §3.1, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// Its registered name, as it stands in a header as `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// What `openssl genpkey` is told.
    fn recipe(self) -> &'static [&'static str] {
        match self {
            Self::Rs256 | Self::Ps256 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            Self::Es256 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Self::EdDsa => &["-algorithm", "ED25519"],
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::EdDsa => &signature::ED25519,
        }
    }
}

/// A private key and its public one.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    private_key_pem: String,
    public_key: PublicKey,
}

impl KeyPair {
    /// A new one; RSA keys have 2048 bits.
    ///
    /// # Panics
    /// Where there is no `openssl`.
    pub fn generate(algorithm: SigningAlgorithm) -> Self {
        let private_key_pem = openssl(&[&["genpkey"], algorithm.recipe()].concat(), "");
        let private_key = private_key(&private_key_pem);
        let bytes = match algorithm {
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                rsa(&private_key).public().as_ref().to_vec()
            }
            SigningAlgorithm::Es256 => {
                signature::KeyPair::public_key(&ecdsa(&private_key)).as_ref().to_vec()
            }
            SigningAlgorithm::EdDsa => {
                signature::KeyPair::public_key(&ed25519(&private_key)).as_ref().to_vec()
            }
        };
        Self { private_key_pem, public_key: PublicKey { algorithm, key_id: None, bytes } }
    }

    /// The same keys under this `kid`, which assertions then carry.
    #[must_use]
    pub fn named(mut self, key_id: &str) -> Self {
        self.public_key.key_id = Some(key_id.into());
        self
    }

    /// The same keys for another algorithm of the same kind of key: RS256 and PS256 share theirs.
    #[must_use]
    pub fn signing_by(mut self, algorithm: SigningAlgorithm) -> Self {
        self.public_key.algorithm = algorithm;
        self
    }

    /// The private key, PKCS #8 in PEM.
    pub fn private_key_pem(&self) -> &str {
        &self.private_key_pem
    }

    /// The private key as older tools write it: `RSA PRIVATE KEY` or `EC PRIVATE KEY`. Ed25519 has no such form.
    ///
    /// # Panics
    /// Where there is no `openssl`, or no such form.
    pub fn traditional_pem(&self) -> String {
        openssl(&["pkey", "-traditional"], &self.private_key_pem)
    }

    /// What the provider is given.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// A JWT with these claims, signed.
    ///
    /// # Panics
    /// Never for a key that was made here.
    pub fn sign(&self, claims: &Value) -> String {
        let algorithm = self.public_key.algorithm;
        let mut header = json!({"alg": algorithm.name(), "typ": "JWT"});
        if let Some(key_id) = &self.public_key.key_id {
            header["kid"] = json!(key_id);
        }
        let message = unsigned(&header, claims);
        let private_key = private_key(&self.private_key_pem);
        let random = SystemRandom::new();
        let signature = match algorithm {
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                let padding: &dyn signature::RsaEncoding = match algorithm {
                    SigningAlgorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
                    _ => &signature::RSA_PSS_SHA256,
                };
                let key = rsa(&private_key);
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, message.as_bytes(), &mut signature)
                    .expect("an RSA key signs");
                signature
            }
            SigningAlgorithm::Es256 => {
                let signature = ecdsa(&private_key).sign(&random, message.as_bytes());
                signature.expect("a P-256 key signs").as_ref().to_vec()
            }
            SigningAlgorithm::EdDsa => {
                ed25519(&private_key).sign(message.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

/// What checks the signatures of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: SigningAlgorithm,
    key_id: Option<String>,
    /// RSA: the DER of RFC 8017's `RSAPublicKey`; P-256: the uncompressed point; Ed25519: its 32 bytes.
    bytes: Vec<u8>,
}

impl PublicKey {
    /// The algorithm that its signatures must have.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Its `kid`, if it has one.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// As a JSON Web Key (RFC 7517), the form in which providers take it.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self.algorithm {
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                let (modulus, exponent) = der::rsa_public_key(&self.bytes);
                json!({"kty": "RSA", "n": text(modulus), "e": text(exponent)})
            }
            SigningAlgorithm::Es256 => {
                // After the byte that says "uncompressed" (SEC 1 §2.3.3).
                let (x, y) = self.bytes[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            SigningAlgorithm::EdDsa => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(&self.bytes)})
            }
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm.name());
        if let Some(key_id) = &self.key_id {
            jwk["kid"] = json!(key_id);
        }
        jwk
    }

    pub(crate) fn verifies(&self, message: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm.verification(), &self.bytes)
            .verify(message.as_bytes(), signature)
            .is_ok()
    }
}

/// A JWT with these claims, signed with a client's secret (`client_secret_jwt`, HS256).
pub fn sign_with_secret(secret: &str, claims: &Value) -> String {
    let message = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = ring::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn private_key(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).expect("a PEM file holds base64")
}

fn rsa(private_key: &[u8]) -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(private_key).expect("an RSA key was made")
}

fn ecdsa(private_key: &[u8]) -> EcdsaKeyPair {
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    EcdsaKeyPair::from_pkcs8(algorithm, private_key, &SystemRandom::new())
        .expect("a P-256 key was made")
}

fn ed25519(private_key: &[u8]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(private_key).expect("an Ed25519 key was made")
}

fn openssl(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("`openssl` is installed: `apt-get install -y openssl`");
    let mut stdin = child.stdin.take().expect("its input is ours");
    stdin.write_all(input.as_bytes()).expect("it reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "openssl {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("PEM is text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_verifies_its_own_signature_and_no_other() {
        for algorithm in SigningAlgorithm::ALL {
            let (keys, others) = (KeyPair::generate(algorithm), KeyPair::generate(algorithm));
            let jwt = keys.sign(&json!({"sub": "robot"}));
            let (message, signature) = jwt.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            assert!(keys.public_key().verifies(message, &signature), "{algorithm:?}");
            assert!(!keys.public_key().verifies(&message[1..], &signature), "{algorithm:?}");
            assert!(!others.public_key().verifies(message, &signature), "{algorithm:?}");
            assert!(!format!("{keys:?}").contains(&keys.private_key_pem()[40..80]));
        }
    }

    #[test]
    fn a_key_is_written_as_a_jwk() {
        let jwk = |algorithm| KeyPair::generate(algorithm).named("k1").public_key().jwk();
        let bytes = |jwk: &Value, field: &str| {
            URL_SAFE_NO_PAD.decode(jwk[field].as_str().unwrap()).unwrap()
        };
        let rsa = jwk(SigningAlgorithm::Ps256);
        assert_eq!((bytes(&rsa, "n").len(), bytes(&rsa, "e")), (256, vec![1, 0, 1]));
        assert_eq!((&rsa["alg"], &rsa["kid"]), (&json!("PS256"), &json!("k1")));
        let ec = jwk(SigningAlgorithm::Es256);
        assert_eq!((bytes(&ec, "x").len(), bytes(&ec, "y").len()), (32, 32));
        assert_eq!(bytes(&jwk(SigningAlgorithm::EdDsa), "x").len(), 32);
    }

    #[test]
    fn older_tools_have_a_form_of_their_own() {
        for (algorithm, words) in [
            (SigningAlgorithm::Rs256, "BEGIN RSA PRIVATE KEY"),
            (SigningAlgorithm::Es256, "BEGIN EC PRIVATE KEY"),
        ] {
            assert!(KeyPair::generate(algorithm).traditional_pem().contains(words), "{words}");
        }
    }
}
