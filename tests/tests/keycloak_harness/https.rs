//! The same server over https, behind a private authority.

use bearerd_tests::keycloak::{CLIENT, JANE, OAuth, REALM, Server};

#[test]
fn a_login_over_https_gives_tokens_of_an_issuer_of_that_scheme() {
    let server = Server::turn();
    let ca = std::fs::read_to_string(server.ca_file()).unwrap();
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    let oauth = OAuth::new(&server.https_addr(), REALM, CLIENT);
    let tokens = oauth.device_login(Some("openid email"), JANE).unwrap();
    let seen = server.admin().introspect(&tokens.access_token).unwrap();
    assert_eq!(seen["active"], true);
    assert_eq!(seen["iss"], format!("{}/auth/realms/{REALM}", server.https_addr()));
    assert_eq!(oauth.userinfo(&tokens.access_token).unwrap().status, 200);
}
