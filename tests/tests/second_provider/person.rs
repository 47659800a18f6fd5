//! `sso` by discovery alone: opaque tokens, an id token without an address, no interval in the device answer.

use bearerd_client::{ErrorCode, ProfileState};
use bearerd_tests::daemon::text_of;
use bearerd_tests::ground::Ground;
use bearerd_tests::second_provider::{DEVICE, SecondProvider, approve};
use serde_json::json;

/// A daemon whose profile `person` has logged in as Jane.
fn logged_in(provider: &SecondProvider) -> Ground {
    let lines = format!(
        "auth_type = \"sso\"\nissuer = \"{}\"\nclient_id = \"{DEVICE}\"\n\
         scopes = [\"openid\", \"email\", \"offline_access\"]",
        provider.issuer()
    );
    let ground = Ground::new().with("person", &lines).started();
    let refused = ground.token("person").unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::LoginRequired), "{refused}");
    let login = ground.start_login("person");
    approve(login.verification_uri_complete.as_deref().unwrap(), "jane");
    let who = ground.logged_in(&login);
    assert_eq!(who.user_id.as_deref(), Some("jane"));
    ground
}

#[test]
fn a_device_login_gives_opaque_tokens_that_are_renewed() {
    let provider = SecondProvider::start(10);
    let mut ground = logged_in(&provider);
    ground.prove(&["person"], |_, token| {
        let (status, who) = provider.userinfo(token);
        assert_eq!((status, &who["email"]), (200, &json!("jane@example.test")));
        assert_eq!(provider.introspect(token)["active"], true);
    });
    assert_eq!(ground.token("person").unwrap().user_id.as_deref(), Some("jane"));
}

#[test]
fn a_logout_revokes_where_discovery_says() {
    let provider = SecondProvider::start(60);
    let ground = logged_in(&provider);
    let token = text_of(&ground.token("person").unwrap());
    assert_eq!(provider.introspect(&token)["active"], true);
    let output = ground.daemon().bearerctl(&["logout", "person"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(provider.introspect(&token)["active"], false);
    assert_eq!(ground.daemon().status("person").state, ProfileState::LoginRequired);
}
