//! Clients that sign: which assertions are taken, at which endpoints, and how often.

use bearerd_test_idp::{
    Authentication, Client, KeyPair, Settings, SigningAlgorithm, TestIdp, sign_with_secret,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::client::{assert_refused, post};

const SECRET: &str = "a secret of thirty-two characters";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Good claims of the client `robot`; each with another `jti`.
fn claims(audience: &str, jti: &str) -> Value {
    json!({"iss": "robot", "sub": "robot", "aud": audience, "jti": jti, "iat": now(), "exp": now() + 60})
}

async fn credentials(idp: &TestIdp, assertion: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ];
    post(&idp.token_endpoint(), &form).await
}

#[tokio::test]
async fn each_algorithm_is_taken_once_for_either_audience() {
    let idp = TestIdp::start(Settings::default());
    for algorithm in SigningAlgorithm::ALL {
        let keys = KeyPair::generate(algorithm).named("k1");
        idp.register(Client::new(
            "robot",
            Authentication::PrivateKeyJwt(keys.public_key().clone()),
        ));
        for (audience, jti) in [(idp.issuer(), "1"), (idp.token_endpoint(), "2")] {
            let assertion = keys.sign(&claims(&audience, &format!("{algorithm:?}-{jti}")));
            let (status, answer) = credentials(&idp, &assertion).await;
            assert_eq!(status, 200, "{algorithm:?}: {answer}");
            let again = credentials(&idp, &assertion).await;
            assert_refused(&again, 400, "invalid_client", "Token reuse detected");
            assert!(idp.issued_secrets().contains(&assertion));
        }
        let others = KeyPair::generate(algorithm).named("k1");
        let forged = others.sign(&claims(&idp.issuer(), "3"));
        assert_refused(
            &credentials(&idp, &forged).await,
            400,
            "invalid_client",
            "failed validation",
        );
        let unknown = keys.clone().named("k2").sign(&claims(&idp.issuer(), "3"));
        assert_refused(&credentials(&idp, &unknown).await, 400, "invalid_client", "Unable to load");
    }
    let keys = KeyPair::generate(SigningAlgorithm::Rs256);
    idp.register(Client::new("robot", Authentication::PrivateKeyJwt(keys.public_key().clone())));
    let other = keys.signing_by(SigningAlgorithm::Ps256).sign(&claims(&idp.issuer(), "4"));
    assert_refused(&credentials(&idp, &other).await, 400, "invalid_client", "failed validation");
    let call = idp.calls().pop().unwrap();
    assert_eq!((call.client_id.as_deref(), call.authentication), (Some("robot"), "assertion"));
}

#[tokio::test]
async fn a_secret_signs_too() {
    let idp = TestIdp::start(Settings::default());
    idp.register(Client::new("robot", Authentication::SecretJwt(SECRET.into())));
    let assertion = sign_with_secret(SECRET, &claims(&idp.issuer(), "1"));
    assert_eq!(credentials(&idp, &assertion).await.0, 200);
    let wrong = sign_with_secret("wrong", &claims(&idp.issuer(), "2"));
    assert_refused(&credentials(&idp, &wrong).await, 400, "invalid_client", "failed validation");
    let bare = [("grant_type", "client_credentials"), ("client_id", "robot")];
    assert_refused(&post(&idp.token_endpoint(), &bare).await, 401, "unauthorized_client", "");
}

#[tokio::test]
async fn an_assertion_with_a_wrong_claim_is_refused() {
    let idp = TestIdp::start(Settings::default());
    let keys = KeyPair::generate(SigningAlgorithm::Es256);
    idp.register(Client::new("robot", Authentication::PrivateKeyJwt(keys.public_key().clone())));
    for (claim, value, words) in [
        ("aud", json!("https://elsewhere.example"), "Invalid token audience"),
        ("aud", json!([idp.issuer(), idp.token_endpoint()]), "Multiple audiences"),
        ("aud", Value::Null, "Invalid token audience"),
        ("exp", json!(now()), "not active"),
        ("exp", Value::Null, "exp claim is required"),
        ("nbf", json!(now() + 60), "not active"),
        ("iat", json!(now() + 60), "in the future"),
        ("jti", Value::Null, "jti claim is required"),
        ("iss", json!("other"), "Issuer mismatch"),
    ] {
        let mut claims = claims(&idp.issuer(), "1");
        claims[claim] = value;
        let refused = credentials(&idp, &keys.sign(&claims)).await;
        assert_refused(&refused, 400, "invalid_client", words);
    }
    let mut one = claims(&idp.issuer(), "1");
    one["aud"] = json!([idp.issuer()]);
    assert_eq!(credentials(&idp, &keys.sign(&one)).await.0, 200, "refusals use up no `jti`");
}

#[tokio::test]
async fn it_is_taken_at_every_endpoint() {
    let idp = TestIdp::start(Settings::default());
    let keys = KeyPair::generate(SigningAlgorithm::EdDsa);
    idp.register(Client::new("robot", Authentication::PrivateKeyJwt(keys.public_key().clone())));
    let issued = idp.issue_for("robot", "jane", "email");
    for (number, (url, name, value)) in [
        (idp.device_endpoint(), "scope", "email"),
        (idp.endpoint("token/introspect"), "token", &*issued.access_token),
        (idp.endpoint("revoke"), "token", &*issued.refresh_token),
    ]
    .into_iter()
    .enumerate()
    {
        let assertion = keys.sign(&claims(&idp.issuer(), &number.to_string()));
        let form = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
            (name, value),
        ];
        assert_eq!(post(&url, &form).await.0, 200, "{url}");
        assert_refused(
            &post(&url, &form[1..]).await,
            400,
            "invalid_client",
            "client_assertion_type",
        );
    }
}
