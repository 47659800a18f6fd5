//! `client_credentials`: every way of client authentication, at an address and by discovery.

use crate::realm::{Realm, assert_refused};
use bearerd_client::ErrorCode;
use bearerd_test_idp::KeyPair;
use bearerd_tests::ground::Ground;
use bearerd_tests::keycloak::{ROBOT, ROBOT_ODD, ROBOT_SIGNING, ROBOTS_WITH_KEYS, TEST_REALM};

#[test]
fn a_service_with_a_secret_gets_tokens_by_header_by_form_and_by_signing_with_it() {
    let realm = Realm::in_turn(10);
    let ground = Ground::new();
    let profile = |(id, secret): (&str, &str), file: &str, method: &str| {
        let lines = realm.client("client_credentials", id);
        let file = ground.file(file, secret);
        format!(
            "{lines}client_secret_file = \"{}\"\ntoken_endpoint_auth_method = \"{method}\"\n",
            file.display()
        )
    };
    let (basic, odd, post, signing) = (
        profile(ROBOT, "basic", "client_secret_basic"),
        profile(ROBOT_ODD, "odd", "client_secret_basic"),
        profile(ROBOT_ODD, "post", "client_secret_post"),
        profile(ROBOT_SIGNING, "signing", "client_secret_jwt"),
    );
    let issuer = format!("{}/auth/realms/{TEST_REALM}", realm.server.keycloak_addr());
    let file = ground.file("discovered", ROBOT.1);
    let discovered = format!(
        "auth_type = \"client_credentials\"\nissuer = \"{issuer}\"\nclient_id = \"{}\"\n\
         client_secret_file = \"{}\"\n",
        ROBOT.0,
        file.display()
    );
    let mut ground = ground
        .with("basic", &basic)
        .with("odd", &odd)
        .with("post", &post)
        .with("signing", &signing)
        .with("discovered", &discovered)
        .started();
    ground.prove(&["basic", "odd", "post", "signing", "discovered"], |_, token| {
        realm.accepts(token);
    });
    let answer = ground.token("basic").unwrap();
    let robot = realm.admin.user_id("service-account-robot").unwrap();
    assert_eq!((answer.user_id, answer.user_email), (Some(robot), None));
    assert_eq!(realm.admin.count_events("CLIENT_LOGIN_ERROR", ROBOT.0).unwrap(), 0);
}

#[test]
fn a_service_with_a_key_gets_tokens_by_each_algorithm() {
    let realm = Realm::in_turn(10);
    let mut ground = Ground::new();
    for (algorithm, id) in ROBOTS_WITH_KEYS {
        let keys = KeyPair::generate(algorithm).named("bearerd-tests");
        realm.admin.set_key(id, keys.public_key()).unwrap();
        let file = ground.key_file(id, keys.private_key_pem());
        let lines = realm.client("client_credentials", id);
        let lines = format!(
            "{lines}private_key_file = \"{}\"\nkid = \"bearerd-tests\"\n\
             token_endpoint_auth_signing_alg = \"{}\"\n",
            file.display(),
            algorithm.name()
        );
        ground = ground.with(id, &lines);
    }
    let mut ground = ground.started();
    ground.prove(&ROBOTS_WITH_KEYS.map(|(_, id)| id), |_, token| realm.accepts(token));
    for (_, id) in ROBOTS_WITH_KEYS {
        assert_eq!(realm.admin.count_events("CLIENT_LOGIN_ERROR", id).unwrap(), 0, "{id}");
    }
}

#[test]
fn a_wrong_secret_is_tried_once_until_its_file_changes() {
    let realm = Realm::in_turn(60);
    let ground = Ground::new();
    let file = ground.file("secret", "a wrong secret");
    let lines = realm.client("client_credentials", ROBOT.0);
    let ground = ground
        .with("robot", &format!("{lines}client_secret_file = \"{}\"", file.display()))
        .started();
    for _ in 0..3 {
        let refused = ground.token("robot").unwrap_err();
        let words = ["profile `robot`", "`client_secret_file`", "`unauthorized_client`"];
        assert_refused(&refused, ErrorCode::Misconfigured, &words);
    }
    assert_eq!(realm.admin.count_events("CLIENT_LOGIN_ERROR", ROBOT.0).unwrap(), 1);
    ground.file("secret", ROBOT.1);
    let token = bearerd_tests::daemon::eventually("the mended secret is taken", || {
        ground.token("robot").ok().and_then(|answer| answer.token)
    });
    realm.accepts(token.expose());
}
