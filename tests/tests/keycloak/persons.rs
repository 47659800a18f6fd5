//! `sso` where the client demands PKCE of a device login, at an address and by discovery.

use crate::realm::{Realm, ground};
use bearerd_tests::keycloak::{CLIENT, JANE, TEST_REALM, approve};

#[test]
fn a_device_login_with_pkce_gives_tokens_that_are_renewed() {
    let realm = Realm::in_turn(10);
    let issuer = format!("{}/auth/realms/{TEST_REALM}", realm.server.keycloak_addr());
    let scopes = "scopes = [\"openid\", \"email\"]";
    let mut ground = ground()
        .with("person", &format!("{}{scopes}", realm.client("sso", CLIENT)))
        .with(
            "discovered",
            &format!(
                "auth_type = \"sso\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\n{scopes}"
            ),
        )
        .started();
    for profile in ["person", "discovered"] {
        let login = ground.start_login(profile);
        approve(login.verification_uri_complete.as_deref().unwrap(), JANE).unwrap();
        let who = ground.logged_in(&login);
        assert_eq!(who.user_email.as_deref(), Some(JANE.email));
        assert_eq!(who.user_id, Some(realm.admin.user_id(JANE.username).unwrap()));
    }
    let oauth = realm.oauth(CLIENT);
    ground.prove(&["person", "discovered"], |_, token| {
        let who = oauth.userinfo(token).unwrap();
        assert_eq!((who.status, who.text("email")), (200, JANE.email));
    });
    assert_eq!(realm.admin.count_events("OAUTH2_DEVICE_CODE_TO_TOKEN", CLIENT).unwrap(), 2);
    assert_eq!(realm.admin.count_events("REFRESH_TOKEN_ERROR", CLIENT).unwrap(), 0);
}
