//! An import of a refresh token that somebody has already: gone on from, and none that is live is overwritten unasked.

use crate::realm::{Realm, assert_refused, ground};
use bearerd_client::{ClientError, ErrorCode, ImportRequest, LoginAnswer, Secret};
use bearerd_tests::daemon::{name, text_of};
use bearerd_tests::ground::Ground;
use bearerd_tests::keycloak::{CLIENT_OF_OLD, JANE};

fn import(ground: &Ground, refresh_token: &str, replace: bool) -> Result<LoginAnswer, ClientError> {
    ground.home().secrets().add(refresh_token);
    let refresh_token = Secret::new(refresh_token);
    let request = ImportRequest { profile: Some(name("person")), refresh_token, replace };
    ground.daemon().client().import(&request)
}

#[test]
fn a_refresh_token_that_somebody_has_is_gone_on_from() {
    let realm = Realm::in_turn(10);
    let oauth = realm.oauth(CLIENT_OF_OLD);
    let offline = || {
        let answer = oauth.password_for(JANE, "openid email offline_access").unwrap();
        answer.tokens().unwrap().refresh_token
    };
    let mut ground = ground().with("person", &realm.client("sso", CLIENT_OF_OLD)).started();
    let LoginAnswer::Done(who) = import(&ground, &offline(), false).unwrap() else {
        panic!("an import is done at once")
    };
    assert_eq!(who.user_email.as_deref(), Some(JANE.email));
    ground.prove(&["person"], |_, token| realm.accepts(token));

    let other = offline();
    let refused = import(&ground, &other, false).unwrap_err();
    assert_refused(&refused, ErrorCode::LoginDenied, &["replace"]);
    import(&ground, &other, true).unwrap();
    realm.accepts(&text_of(&ground.token("person").unwrap()));
    let refused = import(&ground, "never-issued", true).unwrap_err();
    assert_refused(&refused, ErrorCode::LoginDenied, &["`invalid_grant`"]);
    realm.accepts(&text_of(&ground.token("person").unwrap()));
    assert_eq!(realm.admin.count_events("OAUTH2_DEVICE_AUTH", CLIENT_OF_OLD).unwrap(), 0);
}
