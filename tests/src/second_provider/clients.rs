//! The clients of the second provider, one for each way of authentication, by their registered metadata.

use bearerd_test_idp::{KeyPair, SigningAlgorithm};
use serde_json::{Value, json};

/// A public client for device logins, whose refresh tokens rotate.
pub const DEVICE: &str = "device";
/// A service with a secret in the header.
pub const BASIC: (&str, &str) = ("robot basic:id", "p%20a:s+s w&=");
/// A service with a secret in the form.
pub const POST: (&str, &str) = ("robot-post", "robot-post-secret");
/// A service that signs with its secret.
pub const SIGNING: (&str, &str) = ("robot-signing", "robot-signing-secret-of-more-than-32-bytes");
/// Services that sign with a key; [`SecondProvider::keys`](super::SecondProvider::keys) has them.
pub const WITH_KEYS: [(SigningAlgorithm, &str); 4] = [
    (SigningAlgorithm::Rs256, "robot-rs256"),
    (SigningAlgorithm::Ps256, "robot-ps256"),
    (SigningAlgorithm::Es256, "robot-es256"),
    (SigningAlgorithm::EdDsa, "robot-eddsa"),
];
/// Who introspects in the name of the tests.
pub(super) const INTROSPECTOR: (&str, &str) = ("introspector", "introspector-secret");

/// All of them.
pub(super) fn metadata(keys: &[KeyPair]) -> Vec<Value> {
    let mut clients = vec![
        json!({
            "client_id": DEVICE, "token_endpoint_auth_method": "none",
            "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            "response_types": [], "redirect_uris": [],
        }),
        service(
            BASIC.0,
            json!({"client_secret": BASIC.1, "token_endpoint_auth_method": "client_secret_basic"}),
        ),
        service(
            POST.0,
            json!({"client_secret": POST.1, "token_endpoint_auth_method": "client_secret_post"}),
        ),
        service(
            SIGNING.0,
            json!({
                "client_secret": SIGNING.1, "token_endpoint_auth_method": "client_secret_jwt",
                "token_endpoint_auth_signing_alg": "HS256",
            }),
        ),
        service(
            INTROSPECTOR.0,
            json!({"client_secret": INTROSPECTOR.1, "token_endpoint_auth_method": "client_secret_basic"}),
        ),
    ];
    for ((algorithm, id), keys) in WITH_KEYS.iter().zip(keys) {
        let by_key = json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": algorithm.name(),
            "jwks": {"keys": [keys.public_key().jwk()]},
        });
        clients.push(service(id, by_key));
    }
    clients
}

/// A client that asks for tokens in its own name.
fn service(id: &str, mut metadata: Value) -> Value {
    metadata["client_id"] = json!(id);
    metadata["grant_types"] = json!(["client_credentials"]);
    metadata["response_types"] = json!([]);
    metadata["redirect_uris"] = json!([]);
    metadata["scope"] = json!("files:read mail:read");
    metadata
}
