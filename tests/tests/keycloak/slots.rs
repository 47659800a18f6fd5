//! Tokens for other scopes and audiences: Keycloak's optional scopes with their mappers, and token exchange.

use crate::realm::{Realm, assert_refused, ground};
use bearerd_client::ErrorCode;
use bearerd_tests::daemon::{eventually, text_of};
use bearerd_tests::gate_proxy::{GateProxy, Kind};
use bearerd_tests::ground::Ground;
use bearerd_tests::keycloak::{CLIENT_OF_OLD, EXCHANGER, JANE, SCOPES, TARGET};
use std::collections::BTreeMap;

/// Callers at once, four for each scope.
const CALLERS: usize = 32;

/// Lines of a profile that logs in as Jane with these scopes.
fn person(ground: &Ground, client: &str, scopes: &[&str]) -> String {
    let file = ground.file("password", JANE.password);
    format!(
        "{client}username = \"{}\"\npassword_file = \"{}\"\nscopes = {scopes:?}\n",
        JANE.username,
        file.display()
    )
}

#[test]
fn an_audience_comes_by_its_scope_and_one_that_keycloak_does_not_grant_is_an_error() {
    let realm = Realm::in_turn(10);
    let ground = ground();
    let (files, mail, jobs) = (SCOPES[0], SCOPES[1], SCOPES[2]);
    let client = realm.client("user_password", CLIENT_OF_OLD);
    // The scope of the third was not asked for at the login: Keycloak leaves it out without a word.
    let lines = person(&ground, &client, &["openid", "email", files.0, mail.0]);
    let pairs =
        [files, mail, jobs].map(|(scope, audience)| format!("\"{audience}\" = \"{scope}\""));
    let mut ground = ground
        .with("person", &format!("{lines}audience_parameter = {{ {} }}", pairs.join(", ")))
        .started();
    for restart in [false, true] {
        if restart {
            ground.restart();
        }
        for (scope, audience) in [files, mail] {
            let token = text_of(&ground.token_for("person", audience).unwrap());
            let audiences = realm.audiences(&token);
            assert!(audiences.iter().any(|it| it == audience), "{audiences:?}");
            let other = if audience == files.1 { mail.1 } else { files.1 };
            assert!(!audiences.iter().any(|it| it == other), "{audiences:?}");
            let by_scope = ground.token_with("person", scope).unwrap();
            assert!(realm.audiences(&text_of(&by_scope)).iter().any(|it| it == audience));
        }
        let refused = ground.token_for("person", jobs.1).unwrap_err();
        assert_refused(&refused, ErrorCode::BadRequest, &["not for the audience"]);
        let unknown = ground.token_for("person", "https://elsewhere.example.test").unwrap_err();
        assert_refused(&unknown, ErrorCode::BadRequest, &["nothing was sent"]);
        let unknown = ground.token_with("person", "nosuch").unwrap_err();
        assert_refused(&unknown, ErrorCode::BadRequest, &["`invalid_scope`"]);
        realm.accepts(&text_of(&ground.token("person").unwrap()));
    }
    assert_eq!(
        realm.admin.count_events("LOGIN", CLIENT_OF_OLD).unwrap(),
        1,
        "one session all along"
    );
}

#[test]
fn an_audience_comes_by_exchange_and_one_that_keycloak_does_not_grant_is_an_error() {
    let realm = Realm::in_turn(10);
    let ground = ground();
    let secret = ground.file("secret", EXCHANGER.1);
    let client = realm.client("user_password", EXCHANGER.0);
    let lines = person(&ground, &client, &["openid"]);
    let mut ground = ground
        .with(
            "person",
            &format!(
                "{lines}client_secret_file = \"{}\"\naudience_parameter = \"exchange\"",
                secret.display()
            ),
        )
        .started();
    for restart in [false, true] {
        if restart {
            ground.restart();
        }
        let own = text_of(&ground.token("person").unwrap());
        let token = text_of(&ground.token_for("person", TARGET).unwrap());
        assert!(token != own && realm.audiences(&token).iter().any(|it| it == TARGET));
        // Keycloak has two answers, neither of them `invalid_target`, and both could be the client's own fault.
        for (audience, words) in [
            (CLIENT_OF_OLD, ["`invalid_request`", "Requested audience not available"]),
            ("nosuch", ["`invalid_client`", "Audience not found"]),
        ] {
            let refused = ground.token_for("person", audience).unwrap_err();
            assert_refused(&refused, ErrorCode::Misconfigured, &words);
        }
        // They harm that slot alone.
        let newer = eventually("the profile's own token is renewed", || {
            let answer = ground.token("person").unwrap();
            Some(text_of(&answer)).filter(|token| *token != own)
        });
        realm.accepts(&newer);
    }
    assert!(realm.admin.count_events("TOKEN_EXCHANGE", EXCHANGER.0).unwrap() >= 1);
}

#[test]
fn eight_scopes_asked_by_thirty_two_callers_are_eight_fetches_one_at_a_time_and_then_none() {
    let realm = Realm::in_turn(300);
    let proxy = GateProxy::start(realm.server.address()).unwrap();
    let ground = ground();
    let client = Realm::client_at(&proxy.keycloak_addr(), "user_password", CLIENT_OF_OLD);
    let scopes: Vec<_> = ["openid"].into_iter().chain(SCOPES.map(|(scope, _)| scope)).collect();
    let lines = person(&ground, &client, &scopes);
    let ground = ground.with("person", &lines).started();
    let own = text_of(&ground.token("person").unwrap());

    let ask_all = || -> BTreeMap<&str, Vec<String>> {
        std::thread::scope(|scope| {
            let ground = &ground;
            let callers: Vec<_> = (0..CALLERS)
                .map(|number| {
                    let (name, _) = SCOPES[number % SCOPES.len()];
                    scope
                        .spawn(move || (name, text_of(&ground.token_with("person", name).unwrap())))
                })
                .collect();
            let mut tokens = BTreeMap::<&str, Vec<String>>::new();
            for caller in callers {
                let (name, token) = caller.join().unwrap();
                tokens.entry(name).or_default().push(token);
            }
            tokens
        })
    };
    proxy.hold(Kind::Refresh);
    let first = std::thread::scope(|scope| {
        let all = scope.spawn(ask_all);
        ground.daemon().until_connections(CALLERS);
        proxy.waiting(Kind::Refresh, 1);
        proxy.open(Kind::Refresh);
        all.join().unwrap()
    });
    for (scope, audience) in SCOPES {
        let tokens = &first[scope];
        assert!(tokens.len() == CALLERS / SCOPES.len() && tokens.iter().all(|it| *it == tokens[0]));
        assert!(tokens[0] != own && realm.audiences(&tokens[0]).iter().any(|it| it == audience));
    }
    let refreshes = proxy.log_of(Kind::Refresh);
    assert_eq!(refreshes.len(), SCOPES.len());
    for (earlier, later) in refreshes.iter().zip(&refreshes[1..]) {
        assert!(
            // The proxy notes the end when the client may have read it already.
            earlier.carried_out_at.unwrap() <= later.arrived_at,
            "two uses of the refresh token at once"
        );
    }
    assert_eq!(ask_all(), first, "the same tokens again");
    assert_eq!(proxy.count(Kind::Refresh), SCOPES.len(), "and not one fetch more");
    assert_eq!(proxy.count(Kind::Password), 1);
    assert_eq!(realm.admin.count_events("REFRESH_TOKEN_ERROR", CLIENT_OF_OLD).unwrap(), 0);
    for secret in proxy.secrets_given() {
        ground.home().secrets().add(&secret);
    }
}
