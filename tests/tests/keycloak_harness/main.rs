//! The Keycloak harness proven against the real server: what the daemon's suite relies on is so.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, and sign what holds now"
)]

mod clients;
mod https;
mod scopes;

use std::time::Duration;

use bearerd_tests::gate_proxy::{Fate, GateProxy, Kind};
use bearerd_tests::keycloak::{
    Answer, BOB, CLIENT, JANE, OAuth, REALM, Server, TEST_REALM, Tokens, Turn, approve, deny,
};

/// A turn at the server, and a proxy before it.
fn behind_a_proxy() -> (Turn, GateProxy, OAuth) {
    let server = Server::turn();
    let proxy = GateProxy::start(server.address()).unwrap();
    let oauth = OAuth::new(&proxy.keycloak_addr(), REALM, CLIENT);
    (server, proxy, oauth)
}

fn login(oauth: &OAuth) -> Tokens {
    oauth.device_login(Some("openid email"), JANE).unwrap()
}

fn refused(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.error())
}

#[test]
fn a_device_login_is_approved_over_http_and_its_tokens_are_good() {
    let server = Server::turn();
    let (oauth, admin) = (server.oauth(), server.admin());
    let start = oauth.device_start(Some("openid email")).unwrap();
    assert_eq!(start.status, 200);
    assert_eq!(start.body["interval"], 1);
    let code = start.text("device_code");
    assert_eq!(refused(&oauth.poll(code).unwrap()), (400, "authorization_pending"));
    assert_eq!(refused(&oauth.poll(code).unwrap()), (400, "slow_down"));
    admin.set_device_interval(CLIENT, Duration::from_secs(7)).unwrap();
    assert_eq!(oauth.device_start(None).unwrap().body["interval"], 7);

    let tokens = oauth.device_login(Some("openid email"), JANE).unwrap();
    let seen = admin.introspect(&tokens.access_token).unwrap();
    assert_eq!(seen["active"], true);
    assert_eq!(seen["email"], JANE.email);
    assert_eq!(seen["sub"], admin.user_id(JANE.username).unwrap());
    assert!(admin.is_active(&tokens.refresh_token).unwrap());
    assert_eq!(admin.count_events("OAUTH2_DEVICE_CODE_TO_TOKEN", CLIENT).unwrap(), 1);

    assert_eq!(oauth.revoke(&tokens.refresh_token).unwrap().status, 200);
    assert!(!admin.is_active(&tokens.access_token).unwrap());
}

#[test]
fn a_denied_login_a_wrong_password_and_an_expired_code_end_as_they_should() {
    let server = Server::turn();
    let oauth = server.oauth();
    let start = oauth.device_start(None).unwrap();
    let wrong = bearerd_tests::keycloak::Person { password: "wrong", ..JANE };
    approve(start.text("verification_uri_complete"), wrong).unwrap_err();
    deny(start.text("verification_uri_complete"), BOB).unwrap();
    let denied = oauth.poll(start.text("device_code")).unwrap();
    assert_eq!(refused(&denied), (400, "access_denied"));

    server.admin().set_device_code_lifespan(CLIENT, Duration::from_secs(1)).unwrap();
    let start = oauth.device_start(None).unwrap();
    assert!(start.body["expires_in"].as_u64().is_some_and(|seconds| seconds <= 1), "{start:?}");
}

#[test]
fn a_refresh_token_used_twice_ends_the_session_and_every_refresh_is_an_event() {
    let server = Server::turn();
    let (oauth, admin) = (server.oauth(), server.admin());
    let first = login(&oauth);
    let second = oauth.refresh(&first.refresh_token).unwrap().tokens().unwrap();
    assert!(admin.is_active(&second.access_token).unwrap());
    assert_eq!(admin.count_events("REFRESH_TOKEN", CLIENT).unwrap(), 1);

    let again = oauth.refresh(&first.refresh_token).unwrap();
    assert_eq!(refused(&again), (400, "invalid_grant"));
    let newest = oauth.refresh(&second.refresh_token).unwrap();
    assert_eq!(refused(&newest), (400, "invalid_grant"));
    assert!(!admin.is_active(&second.access_token).unwrap());
    let events = admin.events("REFRESH_TOKEN_ERROR", CLIENT).unwrap();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.error.is_some()), "{events:?}");

    admin.clear_events().unwrap();
    assert_eq!(admin.count_events("REFRESH_TOKEN", CLIENT).unwrap(), 0);
}

#[test]
fn the_administrator_sets_lifetimes_disables_and_ends_sessions() {
    let server = Server::turn();
    let (oauth, admin) = (server.oauth(), server.admin());
    admin.set_access_token_lifespan(Duration::from_secs(10)).unwrap();
    assert_eq!(oauth.device_start(None).unwrap().body["interval"], 1, "the other settings stay");
    let answer = oauth.password(JANE).unwrap();
    let lifetime = answer.body["expires_in"].as_u64().unwrap();
    assert!((9..=10).contains(&lifetime), "{lifetime}");

    let tokens = answer.tokens().unwrap();
    admin.enable_client(CLIENT, false).unwrap();
    let off = oauth.refresh(&tokens.refresh_token).unwrap();
    assert_eq!(refused(&off), (401, "invalid_client"));
    admin.enable_client(CLIENT, true).unwrap();
    admin.enable_user(JANE.username, false).unwrap();
    let off = oauth.refresh(&tokens.refresh_token).unwrap();
    assert_eq!(refused(&off), (400, "invalid_grant"));
    admin.enable_user(JANE.username, true).unwrap();
    let tokens = oauth.refresh(&tokens.refresh_token).unwrap().tokens().unwrap();

    let session = admin.introspect(&tokens.access_token).unwrap()["sid"].clone();
    let session = session.as_str().unwrap();
    assert!(admin.sessions(JANE.username).unwrap().iter().any(|other| other.id == session));
    admin.delete_session(session).unwrap();
    assert!(!admin.is_active(&tokens.access_token).unwrap());

    let tokens = login(&oauth);
    admin.logout_user(JANE.username).unwrap();
    let over = oauth.refresh(&tokens.refresh_token).unwrap();
    assert_eq!(refused(&over), (400, "invalid_grant"));
}

#[test]
fn the_realm_of_services_has_its_clients() {
    let server = Server::turn();
    let robot =
        OAuth::new(&server.keycloak_addr(), TEST_REALM, "robot").with_secret("robot-secret");
    let tokens = robot.token(&[("grant_type", "client_credentials")]).unwrap().tokens().unwrap();
    let admin = server.admin_of(TEST_REALM);
    assert!(admin.is_active(&tokens.access_token).unwrap());
    assert_eq!(admin.count_events("CLIENT_LOGIN", "robot").unwrap(), 1);

    let person = OAuth::new(&server.keycloak_addr(), TEST_REALM, "sdk-no-pkce");
    let subject = person.password(JANE).unwrap().tokens().unwrap();
    let exchanger = OAuth::new(&server.keycloak_addr(), TEST_REALM, "exchanger")
        .with_secret("exchanger-secret");
    let exchanged = exchanger.token(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &subject.access_token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", "target"),
    ]);
    assert_eq!(exchanged.unwrap().status, 200);
}

#[test]
fn the_gate_holds_what_comes_and_opens_for_as_many_as_told() {
    let (server, proxy, oauth) = behind_a_proxy();
    let tokens = [login(&oauth), login(&oauth), login(&oauth)];
    assert_eq!((proxy.count(Kind::DeviceStart), proxy.count(Kind::DevicePoll)), (3, 3));
    // The proxy's address is the issuer, and introspection asks there.
    let seen = server.admin().introspect(&tokens[0].access_token).unwrap();
    assert_eq!(seen["active"], true);
    assert_eq!(seen["iss"], format!("{}/auth/realms/{REALM}", proxy.keycloak_addr()));

    proxy.hold(Kind::Refresh);
    std::thread::scope(|scope| {
        let callers =
            tokens.each_ref().map(|tokens| scope.spawn(|| oauth.refresh(&tokens.refresh_token)));
        proxy.waiting(Kind::Refresh, 3);
        assert_eq!(server.admin().count_events("REFRESH_TOKEN", CLIENT).unwrap(), 0);
        // Another kind does not stand behind them.
        assert_eq!(oauth.password(BOB).unwrap().status, 200);

        proxy.pass(Kind::Refresh, 1);
        proxy.finished(Kind::Refresh, 1);
        assert_eq!(proxy.carried_out(Kind::Refresh), 1);
        proxy.open(Kind::Refresh);
        for caller in callers {
            assert_eq!(caller.join().unwrap().unwrap().status, 200);
        }
    });
    proxy.finished(Kind::Refresh, 3);
    let log = proxy.log_of(Kind::Refresh);
    assert_eq!(log.len(), 3);
    for exchange in log {
        assert_eq!((exchange.fate, exchange.status), (Fate::Delivered, Some(200)));
        assert!(Some(exchange.arrived_at) < exchange.passed_on_at);
        assert!(exchange.passed_on_at < exchange.carried_out_at);
        assert!(exchange.carried_out_at < exchange.ended_at);
    }
    assert_eq!(server.admin().count_events("REFRESH_TOKEN", CLIENT).unwrap(), 3);
}

#[test]
fn a_lost_answer_was_carried_out_and_its_token_is_spent() {
    let (server, proxy, oauth) = behind_a_proxy();
    let tokens = login(&oauth);
    proxy.lose_answers(Kind::Refresh, 1);
    oauth.refresh(&tokens.refresh_token).unwrap_err();
    assert_eq!(server.admin().count_events("REFRESH_TOKEN", CLIENT).unwrap(), 1);
    let again = oauth.refresh(&tokens.refresh_token).unwrap();
    assert_eq!(refused(&again), (400, "invalid_grant"));
    assert!(!server.admin().is_active(&tokens.access_token).unwrap());

    proxy.finished(Kind::Refresh, 2);
    let log = proxy.log_of(Kind::Refresh);
    assert_eq!((log[0].fate, log[0].status), (Fate::Lost, Some(200)));
    assert_eq!((log[1].fate, log[1].error.as_deref()), (Fate::Delivered, Some("invalid_grant")));
}

#[test]
fn an_answer_stands_at_the_second_gate_after_it_was_carried_out() {
    let (server, proxy, oauth) = behind_a_proxy();
    let tokens = login(&oauth);
    proxy.hold_answers(Kind::Refresh);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| oauth.refresh(&tokens.refresh_token));
        proxy.answers_waiting(Kind::Refresh, 1);
        assert_eq!(server.admin().count_events("REFRESH_TOKEN", CLIENT).unwrap(), 1);
        proxy.open_answers(Kind::Refresh);
        assert_eq!(caller.join().unwrap().unwrap().status, 200);
    });
    proxy.hold_answers(Kind::DeviceStart);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| oauth.device_start(None));
        proxy.answers_waiting(Kind::DeviceStart, 1);
        proxy.lose_standing(Kind::DeviceStart);
        caller.join().unwrap().unwrap_err();
    });
}

#[test]
fn what_is_cut_never_reached_the_server_and_what_is_refused_never_arrived() {
    let (server, proxy, oauth) = behind_a_proxy();
    let tokens = login(&oauth);
    proxy.cut(Kind::Refresh, 1);
    oauth.refresh(&tokens.refresh_token).unwrap_err();
    proxy.hold(Kind::Refresh);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| oauth.refresh(&tokens.refresh_token));
        proxy.waiting(Kind::Refresh, 1);
        proxy.cut_standing(Kind::Refresh);
        caller.join().unwrap().unwrap_err();
    });
    proxy.open(Kind::Refresh);
    proxy.refuse();
    let refused = oauth.refresh(&tokens.refresh_token).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!((proxy.count(Kind::Refresh), proxy.carried_out(Kind::Refresh)), (2, 0));
    assert_eq!(server.admin().count_events("REFRESH_TOKEN", CLIENT).unwrap(), 0);

    proxy.accept();
    assert_eq!(oauth.refresh(&tokens.refresh_token).unwrap().status, 200);
}

#[test]
fn a_session_outlives_a_stop_and_a_kill_and_the_proxy_refuses_meanwhile() {
    let (server, proxy, oauth) = behind_a_proxy();
    let mut tokens = login(&oauth);
    let ends: [fn(&Server); 2] = [Server::stop, Server::kill];
    for end in ends {
        end(&server);
        assert!(!server.is_running());
        proxy.wait_refusing();
        let refused = oauth.refresh(&tokens.refresh_token).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        server.start_again().unwrap();
        proxy.wait_open();
        assert!(server.admin().is_active(&tokens.access_token).unwrap());
        tokens = oauth.refresh(&tokens.refresh_token).unwrap().tokens().unwrap();
    }
}
