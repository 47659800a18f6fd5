//! `client_credentials` by discovery: every way of client authentication, and tokens for a resource (RFC 8707).

use bearerd_client::ErrorCode;
use bearerd_tests::daemon::text_of;
use bearerd_tests::ground::Ground;
use bearerd_tests::second_provider::{BASIC, POST, SIGNING, SecondProvider, WITH_KEYS};

fn service(provider: &SecondProvider, id: &str) -> String {
    format!(
        "auth_type = \"client_credentials\"\nissuer = \"{}\"\nclient_id = \"{id}\"\n",
        provider.issuer()
    )
}

#[test]
fn a_service_gets_tokens_by_each_way_of_client_authentication() {
    let provider = SecondProvider::start(10);
    let mut ground = Ground::new();
    for ((id, secret), name, method) in [
        (BASIC, "basic", "client_secret_basic"),
        (POST, "post", "client_secret_post"),
        (SIGNING, "signing", "client_secret_jwt"),
    ] {
        let file = ground.file(name, secret);
        let lines = format!(
            "{}token_endpoint_auth_method = \"{method}\"\nclient_secret_file = \"{}\"",
            service(&provider, id),
            file.display()
        );
        ground = ground.with(name, &lines);
    }
    for ((algorithm, id), keys) in WITH_KEYS.iter().zip(provider.keys()) {
        let file = ground.key_file(id, keys.private_key_pem());
        let lines = format!(
            "{}token_endpoint_auth_signing_alg = \"{}\"\nprivate_key_file = \"{}\"",
            service(&provider, id),
            algorithm.name(),
            file.display()
        );
        ground = ground.with(id, &lines);
    }
    let mut ground = ground.started();
    let names = ["basic", "post", "signing"].into_iter().chain(WITH_KEYS.map(|(_, id)| id));
    ground.prove(&names.collect::<Vec<_>>(), |_, token| {
        assert_eq!(provider.introspect(token)["active"], true);
    });
}

#[test]
fn a_resource_gives_a_token_for_it_and_one_that_is_not_there_is_an_error() {
    let provider = SecondProvider::start(10);
    let ground = Ground::new();
    let file = ground.file("secret", BASIC.1);
    let lines =
        format!("{}client_secret_file = \"{}\"", service(&provider, BASIC.0), file.display());
    let mut ground = ground.with("robot", &lines).started();
    for restart in [false, true] {
        if restart {
            ground.restart();
        }
        let (files, mail) = ("https://files.example.test", "https://mail.example.test");
        let token = text_of(&ground.token_for("robot", files).unwrap());
        let seen = provider.introspect(&token);
        assert_eq!((&seen["active"], &seen["aud"]), (&true.into(), &files.into()));
        let token = text_of(&ground.token_for("robot", mail).unwrap());
        assert_eq!(token.split('.').count(), 3, "a JWT, whose audience the daemon has checked");
        let refused = ground.token_for("robot", "https://elsewhere.example.test").unwrap_err();
        println!("{refused}");
        assert_eq!(refused.code(), Some(ErrorCode::BadRequest), "{refused}");
        assert!(refused.to_string().contains("`invalid_target`"), "{refused}");
        let own = text_of(&ground.token("robot").unwrap());
        assert_eq!(provider.introspect(&own)["active"], true);
    }
}
