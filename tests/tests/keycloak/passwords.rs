//! `user_password`: from a file and from a person, in again by itself, and a wrong one tried once.

use crate::realm::{Realm, assert_refused, ground};
use bearerd_client::{ErrorCode, LoginAnswer, LoginRequest, Secret};
use bearerd_tests::daemon::{eventually, name, text_of};
use bearerd_tests::ground::Ground;
use bearerd_tests::keycloak::{CLIENT_OF_OLD, JANE};

/// The SDK's file.
fn credentials(password: &str) -> String {
    format!(r#"{{"username": "{}", "password": "{password}"}}"#, JANE.username)
}

fn log_in(
    ground: &Ground,
    profile: &str,
    password: &str,
) -> Result<LoginAnswer, bearerd_client::ClientError> {
    ground.daemon().client().login(&LoginRequest {
        profile: Some(name(profile)),
        username: Some(JANE.username.to_owned()),
        password: Some(Secret::new(password)),
        ..LoginRequest::default()
    })
}

#[test]
fn a_password_from_a_file_gives_tokens_that_are_renewed_and_a_new_session_by_itself() {
    let realm = Realm::in_turn(10);
    let ground = ground();
    let of_sdk = ground.plain_file("credentials", &credentials(JANE.password));
    let alone = ground.file("password", JANE.password);
    let lines = realm.client("user_password", CLIENT_OF_OLD);
    let mut ground = ground
        .with("sdk", &format!("{lines}credentials_file = \"{}\"", of_sdk.display()))
        .with(
            "alone",
            &format!(
                "{lines}username = \"{}\"\npassword_file = \"{}\"",
                JANE.username,
                alone.display()
            ),
        )
        .started();
    ground.prove(&["sdk", "alone"], |_, token| realm.accepts(token));
    let answer = ground.token("sdk").unwrap();
    assert_eq!(answer.user_email.as_deref(), Some(JANE.email));
    assert_eq!(
        realm.admin.count_events("LOGIN", CLIENT_OF_OLD).unwrap(),
        2,
        "renewed, not logged in again"
    );

    realm.admin.logout_user(JANE.username).unwrap();
    for profile in ["sdk", "alone"] {
        let token = eventually("a new session", || {
            let token = text_of(&ground.token(profile).ok()?);
            realm.admin.is_active(&token).unwrap().then_some(token)
        });
        realm.accepts(&token);
    }
    assert_eq!(realm.admin.count_events("LOGIN", CLIENT_OF_OLD).unwrap(), 4);
}

#[test]
fn a_wrong_password_is_tried_once_until_its_file_changes() {
    let realm = Realm::in_turn(60);
    let ground = ground();
    let file = ground.plain_file("credentials", &credentials("a wrong one"));
    let lines = realm.client("user_password", CLIENT_OF_OLD);
    let ground = ground
        .with("person", &format!("{lines}credentials_file = \"{}\"", file.display()))
        .started();
    for _ in 0..3 {
        let refused = ground.token("person").unwrap_err();
        let words = ["profile `person`", "`invalid_grant`", "credentials"];
        assert_refused(&refused, ErrorCode::Misconfigured, &words);
    }
    assert_eq!(realm.admin.count_events("LOGIN_ERROR", CLIENT_OF_OLD).unwrap(), 1);
    ground.plain_file("credentials", &credentials(JANE.password));
    let token = eventually("the mended password is taken", || ground.token("person").ok());
    realm.accepts(&text_of(&token));
    assert_eq!(realm.admin.count_events("LOGIN_ERROR", CLIENT_OF_OLD).unwrap(), 1);
}

#[test]
fn a_password_that_a_person_gives_is_good_for_the_daemons_life() {
    let realm = Realm::in_turn(10);
    let mut ground =
        ground().with("given", &realm.client("user_password", CLIENT_OF_OLD)).started();
    let refused = ground.token("given").unwrap_err();
    assert_refused(&refused, ErrorCode::LoginRequired, &["`bearerctl login given"]);
    ground.home().secrets().add("a wrong one");
    let refused = log_in(&ground, "given", "a wrong one").unwrap_err();
    assert_refused(&refused, ErrorCode::LoginDenied, &[]);
    let LoginAnswer::Done(who) = log_in(&ground, "given", JANE.password).unwrap() else {
        panic!("a password login is done at once")
    };
    assert_eq!(who.user_email.as_deref(), Some(JANE.email));
    ground.prove(&["given"], |_, token| realm.accepts(token));
}
