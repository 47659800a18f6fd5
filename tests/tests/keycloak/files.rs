//! Tokens that somebody else has put into a file: `token` and `orch`.

use crate::realm::{Realm, ground};
use bearerd_tests::daemon::{eventually, text_of};
use bearerd_tests::keycloak::{CLIENT_OF_OLD, JANE};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// From the rewriting of a file to its service, on a busy machine too; the promise is a second.
const SERVED_WITHIN: Duration = Duration::from_secs(1);

#[test]
fn a_token_in_a_file_is_served_until_another_stands_there() {
    let realm = Realm::in_turn(60);
    let oauth = realm.oauth(CLIENT_OF_OLD);
    let new = || oauth.password(JANE).unwrap().tokens().unwrap().access_token;
    let of_sdk = |token: &str| {
        json!({"token": token, "user_email": JANE.email, "user_id": "jane"}).to_string()
    };
    let ground = ground();
    let mut current = new();
    let file = ground.plain_file("token.json", &of_sdk(&current));
    let mut ground = ground
        .with("file", &format!("auth_type = \"token\"\ntoken_file = \"{}\"", file.display()))
        .started();
    for restart in [false, true, false] {
        if restart {
            ground.restart();
        }
        let answer = ground.token("file").unwrap();
        assert_eq!((text_of(&answer), answer.user_email.as_deref()), (current, Some(JANE.email)));
        assert!(answer.expires_in.is_some_and(|left| left <= 60), "its own `exp`");
        realm.accepts(&text_of(&answer));
        current = new();
        ground.home().secrets().add(&current);
        ground.plain_file("token.json", &of_sdk(&current));
        let written_at = std::time::Instant::now();
        eventually("the new token is served", || {
            (text_of(&ground.token("file").unwrap()) == current).then_some(())
        });
        println!("served after {:?}", written_at.elapsed());
        assert!(written_at.elapsed() < SERVED_WITHIN, "{:?}", written_at.elapsed());
    }
    realm.accepts(&current);
}

#[test]
fn an_offline_token_in_the_sdks_cache_is_gone_on_from_and_the_file_is_only_read() {
    let realm = Realm::in_turn(10);
    let answer = realm.oauth(CLIENT_OF_OLD).password_for(JANE, "openid email offline_access");
    let tokens = answer.unwrap().tokens().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let cache = json!({
        "access_token": tokens.access_token, "expiry": now,
        "refresh_token": tokens.refresh_token, "refresh_token_expiry": now + 2_592_000.0,
        "user_id": realm.admin.user_id(JANE.username).unwrap(), "user_email": JANE.email,
    });
    let ground = ground();
    for secret in [&tokens.access_token, &tokens.refresh_token] {
        ground.home().secrets().add(secret);
    }
    let file = ground.plain_file("keycloak.json", &cache.to_string());
    let lines = realm.client("orch", CLIENT_OF_OLD);
    let mut ground =
        ground.with("orch", &format!("{lines}cache_file = \"{}\"", file.display())).started();
    ground.prove(&["orch"], |_, token| realm.accepts(token));
    assert_eq!(ground.token("orch").unwrap().user_email.as_deref(), Some(JANE.email));
    assert_eq!(std::fs::read_to_string(file).unwrap(), cache.to_string(), "only read");
    assert_eq!(realm.admin.count_events("REFRESH_TOKEN_ERROR", CLIENT_OF_OLD).unwrap(), 0);
    assert_eq!(realm.admin.count_events("LOGIN", CLIENT_OF_OLD).unwrap(), 1, "the test's own");
}
