//! Optional scopes with audiences of their own, offline sessions, PKCE, userinfo.

use std::time::Duration;

use bearerd_tests::keycloak::{
    Answer, CLIENT, CLIENT_OF_OLD, JANE, OAuth, SCOPES, Server, TEST_REALM, Turn,
};
use serde_json::Value;

fn client_of_old(server: &Turn) -> OAuth {
    OAuth::new(&server.keycloak_addr(), TEST_REALM, CLIENT_OF_OLD)
}

/// The audiences of the access token in an answer, `exchanger` left out, which each one has.
fn audiences(server: &Turn, answer: &Answer) -> Vec<String> {
    let token = answer.tokens().unwrap().access_token;
    let seen = server.admin_of(TEST_REALM).introspect(&token).unwrap();
    let audiences = match &seen["aud"] {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    };
    let texts = audiences.iter().filter_map(Value::as_str);
    texts.filter(|it| *it != "exchanger").map(str::to_owned).collect()
}

#[test]
fn each_refresh_has_the_audience_of_the_scope_that_it_asks_for() {
    let server = Server::turn();
    let client = client_of_old(&server);
    let all = SCOPES.map(|(scope, _)| scope).join(" ");
    let mut answer = client.password_for(JANE, &all).unwrap();
    for (scope, audience) in SCOPES {
        // Within one second Keycloak can't tell an old refresh token from its successor.
        std::thread::sleep(Duration::from_millis(1100));
        let refresh_token = answer.tokens().unwrap().refresh_token;
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
        answer = client.token(&[&fields[..], &[("scope", scope)]].concat()).unwrap();
        assert_eq!(audiences(&server, &answer), [audience], "{scope}");
        assert!(answer.text("scope").split(' ').any(|it| it == scope), "{}", answer.body);
    }
    let refresh_token = answer.tokens().unwrap().refresh_token;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
    let unknown = client.token(&[&fields[..], &[("scope", "nosuch")]].concat()).unwrap();
    assert_eq!((unknown.status, unknown.error()), (400, "invalid_scope"));
}

#[test]
fn a_scope_that_was_not_granted_at_the_login_is_left_out_without_a_word() {
    let server = Server::turn();
    let client = client_of_old(&server);
    let refresh_token = client.password(JANE).unwrap().tokens().unwrap().refresh_token;
    let wider = client.token(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh_token),
        ("scope", SCOPES[0].0),
    ]);
    let wider = wider.unwrap();
    assert_eq!((wider.status, audiences(&server, &wider)), (200, Vec::new()));
}

#[test]
fn an_offline_session_outlives_the_sessions_of_its_person() {
    let server = Server::turn();
    let client = client_of_old(&server);
    let answer = client.password_for(JANE, "openid email offline_access").unwrap();
    assert_eq!(answer.body["refresh_expires_in"], 0);
    let tokens = answer.tokens().unwrap();
    let who = client.userinfo(&tokens.access_token).unwrap();
    assert_eq!((who.status, who.text("email")), (200, JANE.email));
    assert_eq!(client.refresh(&tokens.refresh_token).unwrap().status, 200);
    assert_eq!(client.userinfo("never-issued").unwrap().status, 401);
}

#[test]
fn a_client_that_demands_pkce_demands_it_of_a_device_login() {
    let server = Server::turn();
    let client = OAuth::new(&server.keycloak_addr(), TEST_REALM, CLIENT);
    let plain = client.device_start(None).unwrap();
    assert_eq!((plain.status, plain.error()), (400, "invalid_request"));
}
