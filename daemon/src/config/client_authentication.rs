//! How a client proves to its provider that it is the one: by nothing, by a secret, or by a key of its own.

use super::error::Fault;
use super::keys::{closest, listed};
use super::source::Source;
use super::written::Written;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The keys that say it, by the names that OpenID Connect and RFC 7517 register where they do.
pub(super) const KEYS: &[&str] =
    &[METHOD, CLIENT_SECRET_FILE, PRIVATE_KEY_FILE, SIGNING_ALG, KEY_ID];

/// What a client sends of itself to the token endpoint. Files are absolute, and not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Its id alone: a public client.
    None,
    /// The secret in this file, in the header `Authorization` (RFC 6749 §2.3.1).
    SecretBasic(PathBuf),
    /// The secret in this file, in the form.
    SecretPost(PathBuf),
    /// A JWT that the secret in this file signs (OpenID Connect Core §9).
    SecretJwt(PathBuf),
    /// A JWT that a private key signs (RFC 7523).
    PrivateKeyJwt {
        /// The key, as PEM.
        key_file: PathBuf,
        /// `None`: by the key's kind.
        algorithm: Option<SigningAlgorithm>,
        /// The `kid` of the JWT's header; `None`: none is sent.
        key_id: Option<String>,
    },
}

/// What signs a client's assertion (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSA, PKCS #1 v1.5.
    RS256,
    /// RSA, PSS.
    PS256,
    /// P-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl ClientAuthentication {
    /// The registered name of the method.
    pub const fn method(&self) -> &'static str {
        match self {
            ClientAuthentication::None => "none",
            ClientAuthentication::SecretBasic(_) => "client_secret_basic",
            ClientAuthentication::SecretPost(_) => "client_secret_post",
            ClientAuthentication::SecretJwt(_) => "client_secret_jwt",
            ClientAuthentication::PrivateKeyJwt { .. } => "private_key_jwt",
        }
    }

    /// The file that the secret or the key comes from.
    pub fn file(&self) -> Option<&Path> {
        self.source().map(|source| source.path)
    }

    pub(super) fn source(&self) -> Option<Source<'_>> {
        match self {
            ClientAuthentication::None => None,
            ClientAuthentication::SecretBasic(path)
            | ClientAuthentication::SecretPost(path)
            | ClientAuthentication::SecretJwt(path) => {
                Some(Source { key: CLIENT_SECRET_FILE, path })
            }
            ClientAuthentication::PrivateKeyJwt { key_file, .. } => {
                Some(Source { key: PRIVATE_KEY_FILE, path: key_file })
            }
        }
    }

    pub(super) fn settings(&self, settings: &mut Map<String, Value>) {
        let mut set = |key: &str, value: Value| settings.insert(key.to_owned(), value);
        set(METHOD, self.method().into());
        if let ClientAuthentication::PrivateKeyJwt { algorithm, key_id, .. } = self {
            if let Some(algorithm) = algorithm {
                set(SIGNING_ALG, algorithm.as_str().into());
            }
            if let Some(key_id) = key_id {
                set(KEY_ID, key_id.as_str().into());
            }
        }
    }

    pub(super) fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        let method = Method::read(profile)?;
        let (secret, key) =
            (profile.secret_file(CLIENT_SECRET_FILE)?, profile.secret_file(PRIVATE_KEY_FILE)?);
        let authentication = match (method, secret, key) {
            (Method::None, None, None) => ClientAuthentication::None,
            (Method::SecretBasic, Some(file), None) => ClientAuthentication::SecretBasic(file),
            (Method::SecretPost, Some(file), None) => ClientAuthentication::SecretPost(file),
            (Method::SecretJwt, Some(file), None) => ClientAuthentication::SecretJwt(file),
            (Method::PrivateKeyJwt, None, Some(key_file)) => ClientAuthentication::PrivateKeyJwt {
                key_file,
                algorithm: SigningAlgorithm::read(profile)?,
                key_id: read_key_id(profile)?,
            },
            (method, secret, key) => {
                return Err(method.lacks_or_has_too_much(profile, secret.is_some(), key.is_some()));
            }
        };
        for key in [SIGNING_ALG, KEY_ID] {
            if profile.has(key) && method != Method::PrivateKeyJwt {
                return Err(profile.fault_at(
                    key,
                    format!(
                        "`{key}` belongs to `private_key_jwt`, and the method is `{}`",
                        method.as_str()
                    ),
                    format!("remove it, or name a key in `{PRIVATE_KEY_FILE}`"),
                ));
            }
        }
        Ok(authentication)
    }
}

/// The methods that are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    None,
    SecretBasic,
    SecretPost,
    SecretJwt,
    PrivateKeyJwt,
}

impl Method {
    const ALL: [Method; 5] = [
        Method::None,
        Method::SecretBasic,
        Method::SecretPost,
        Method::SecretJwt,
        Method::PrivateKeyJwt,
    ];

    /// The registered name (RFC 7591 §2, OpenID Connect Core §9).
    const fn as_str(self) -> &'static str {
        match self {
            Method::None => "none",
            Method::SecretBasic => "client_secret_basic",
            Method::SecretPost => "client_secret_post",
            Method::SecretJwt => "client_secret_jwt",
            Method::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The key of the file that the method needs.
    const fn file_key(self) -> Option<&'static str> {
        match self {
            Method::None => None,
            Method::SecretBasic | Method::SecretPost | Method::SecretJwt => {
                Some(CLIENT_SECRET_FILE)
            }
            Method::PrivateKeyJwt => Some(PRIVATE_KEY_FILE),
        }
    }

    /// The one that is written, else the one that the file which is there is for.
    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        let Some(text) = profile.text(METHOD)? else {
            return Ok(if profile.has(CLIENT_SECRET_FILE) {
                Method::SecretBasic
            } else if profile.has(PRIVATE_KEY_FILE) {
                Method::PrivateKeyJwt
            } else {
                Method::None
            });
        };
        if let Some(method) = Method::ALL.into_iter().find(|method| method.as_str() == text.value) {
            return Ok(method);
        }
        let names = || Method::ALL.into_iter().map(Method::as_str);
        if let Some(later) = LATER_METHODS.into_iter().find(|later| *later == text.value) {
            return Err(text.fault(
                format!("{METHOD} `{later}` is known but not built in this version yet"),
                format!("write one of {}", listed(names())),
            ));
        }
        let mend = match closest(text.value, names()) {
            Some(known) => format!("did you mean `{known}`? There are {}", listed(names())),
            None => format!("write one of {}", listed(names())),
        };
        Err(text.fault(format!("unknown {METHOD}"), mend))
    }

    /// The fault of a method whose file is not there, or of a file that is for another method.
    fn lacks_or_has_too_much(self, profile: &Written<'_>, secret: bool, key: bool) -> Fault {
        let surplus = match self.file_key() {
            Some(CLIENT_SECRET_FILE) if key => Some(PRIVATE_KEY_FILE),
            Some(PRIVATE_KEY_FILE) | None if secret => Some(CLIENT_SECRET_FILE),
            None if key => Some(PRIVATE_KEY_FILE),
            _ => None,
        };
        match (surplus, self.file_key()) {
            (Some(surplus), _) if !profile.has(METHOD) => profile.fault_at(
                surplus,
                format!("`{CLIENT_SECRET_FILE}` and `{PRIVATE_KEY_FILE}` are two ways to prove the client"),
                "remove one of the two",
            ),
            (Some(surplus), needed) => profile.fault_at(
                surplus,
                format!("`{surplus}` has no meaning for {METHOD} `{}`", self.as_str()),
                match needed {
                    Some(needed) => format!("remove it; this method takes `{needed}`"),
                    None => format!("remove it, or write the {METHOD} that takes it"),
                },
            ),
            (None, needed) => profile.fault_at(
                METHOD,
                format!("{METHOD} `{}` needs `{}`", self.as_str(), needed.unwrap_or_default()),
                "name the file, or leave the method out",
            ),
        }
    }
}

impl SigningAlgorithm {
    const ALL: [SigningAlgorithm; 4] = [
        SigningAlgorithm::RS256,
        SigningAlgorithm::PS256,
        SigningAlgorithm::ES256,
        SigningAlgorithm::EdDSA,
    ];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            SigningAlgorithm::RS256 => "RS256",
            SigningAlgorithm::PS256 => "PS256",
            SigningAlgorithm::ES256 => "ES256",
            SigningAlgorithm::EdDSA => "EdDSA",
        }
    }

    fn read(profile: &Written<'_>) -> Result<Option<Self>, Fault> {
        let Some(text) = profile.text(SIGNING_ALG)? else { return Ok(None) };
        match Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text.value) {
            Some(algorithm) => Ok(Some(algorithm)),
            None => Err(text.fault(
                format!("unknown {SIGNING_ALG}"),
                format!(
                    "write one of {}, or leave it out: the key's kind says it",
                    listed(Self::ALL.into_iter().map(Self::as_str))
                ),
            )),
        }
    }
}

fn read_key_id(profile: &Written<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = profile.text(KEY_ID)? else { return Ok(None) };
    if text.value.is_empty() || text.value.contains(char::is_control) {
        return Err(text.fault(
            format!("`{KEY_ID}` is empty or has a control character in it"),
            "write the key's id as your provider has it, or leave it out",
        ));
    }
    Ok(Some(text.value.to_owned()))
}

const METHOD: &str = "token_endpoint_auth_method";
const CLIENT_SECRET_FILE: &str = "client_secret_file";
const PRIVATE_KEY_FILE: &str = "private_key_file";
const SIGNING_ALG: &str = "token_endpoint_auth_signing_alg";
const KEY_ID: &str = "kid";

/// Registered methods that this version does not build (RFC 8705 §2).
const LATER_METHODS: [&str; 2] = ["tls_client_auth", "self_signed_tls_client_auth"];
