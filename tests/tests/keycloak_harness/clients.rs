//! A client for each way of authentication: which Keycloak takes, and how it refuses.

use std::time::{SystemTime, UNIX_EPOCH};

use bearerd_test_idp::{KeyPair, sign_with_secret};
use bearerd_tests::keycloak::{
    Answer, OAuth, ROBOT, ROBOT_ODD, ROBOT_SIGNING, ROBOTS_WITH_KEYS, Server, TEST_REALM,
};
use serde_json::{Value, json};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn service(server: &Server, client_id: &str) -> OAuth {
    OAuth::new(&server.keycloak_addr(), TEST_REALM, client_id)
}

fn by_assertion(server: &Server, client_id: &str, assertion: &str) -> Answer {
    let fields = [
        GRANT,
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ];
    service(server, client_id).token(&fields).unwrap()
}

/// Good for a minute, once.
fn claims(server: &Server, client_id: &str) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    json!({
        "iss": client_id, "sub": client_id, "jti": now.as_nanos().to_string(),
        "aud": format!("{}/auth/realms/{TEST_REALM}", server.keycloak_addr()),
        "iat": now.as_secs(), "exp": now.as_secs() + 60,
    })
}

#[test]
fn a_secret_is_taken_by_header_and_by_form_and_form_encoded_in_the_header() {
    let server = Server::turn();
    for (id, secret) in [ROBOT, ROBOT_ODD] {
        let by_header = service(&server, id).with_secret(secret).token(&[GRANT]).unwrap();
        let by_form = service(&server, id).token(&[GRANT, ("client_secret", secret)]).unwrap();
        for answer in [by_header, by_form] {
            let token = answer.tokens().unwrap().access_token;
            let seen = server.admin_of(TEST_REALM).introspect(&token).unwrap();
            assert_eq!((&seen["active"], &seen["client_id"]), (&json!(true), &json!(id)));
        }
    }
    let wrong = service(&server, ROBOT.0).with_secret("wrong").token(&[GRANT]).unwrap();
    assert_eq!((wrong.status, wrong.error()), (401, "unauthorized_client"));
}

#[test]
fn a_secret_and_a_key_of_each_algorithm_sign_assertions_that_are_taken_once() {
    let server = Server::turn();
    let (id, secret) = ROBOT_SIGNING;
    let assertion = sign_with_secret(secret, &claims(&server, id));
    assert_eq!(by_assertion(&server, id, &assertion).status, 200);

    for (algorithm, id) in ROBOTS_WITH_KEYS {
        let keys = KeyPair::generate(algorithm).named("bearerd-tests");
        server.admin_of(TEST_REALM).set_key(id, keys.public_key()).unwrap();
        let assertion = keys.sign(&claims(&server, id));
        let answer = by_assertion(&server, id, &assertion);
        assert_eq!(answer.status, 200, "{algorithm:?}: {}", answer.body);
        let again = by_assertion(&server, id, &assertion);
        assert_eq!((again.status, again.error()), (400, "invalid_client"), "{algorithm:?}");

        let others = KeyPair::generate(algorithm).named("bearerd-tests");
        let forged = by_assertion(&server, id, &others.sign(&claims(&server, id)));
        assert_eq!((forged.status, forged.error()), (400, "invalid_client"), "{algorithm:?}");
    }
}
