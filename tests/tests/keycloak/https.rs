//! Keycloak over https, with a certificate of a private authority.

use crate::realm::{Realm, assert_refused};
use bearerd_client::ErrorCode;
use bearerd_tests::ground::Ground;
use bearerd_tests::keycloak::ROBOT;

#[test]
fn a_private_authority_is_trusted_where_ca_file_names_it_and_else_the_mend_is_told() {
    let realm = Realm::in_turn(10);
    let ground = Ground::new();
    let file = ground.file("secret", ROBOT.1);
    let address = realm.server.https_addr();
    let lines = Realm::client_at(&address, "client_credentials", ROBOT.0);
    let lines = format!("{lines}client_secret_file = \"{}\"\n", file.display());
    let ca_file = realm.server.ca_file();
    let mut ground = ground
        .with("trusted", &format!("{lines}ca_file = \"{}\"", ca_file.display()))
        .with("distrusted", &lines)
        .started();
    let refused = ground.token("distrusted").unwrap_err();
    assert_refused(&refused, ErrorCode::IdpUnreachable, &["certificate", "`ca_file`"]);
    assert_eq!(realm.admin.count_events("CLIENT_LOGIN", ROBOT.0).unwrap(), 0, "nothing was sent");
    ground.prove(&["trusted"], |_, token| realm.accepts(token));
}
