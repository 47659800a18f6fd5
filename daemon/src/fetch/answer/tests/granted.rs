//! Good answers of the token endpoint.

use super::*;

#[test]
fn lifetimes_come_from_expires_in_else_from_the_jwt_else_by_default() {
    let jwt = jwt(&json!({"iat": 1000, "exp": 1450}));
    for (expires_in, of_jwt, of_opaque) in [
        (json!(60), Ok(60), Ok(60)),
        (json!("60"), Ok(60), Ok(60)),
        (json!(59.9), Ok(59), Ok(59)),
        (json!("59.9"), Ok(59), Ok(59)),
        (json!(1), Ok(1), Ok(1)),
        (json!(1e12), Ok(315_360_000), Ok(315_360_000)),
        (json!(u64::MAX), Ok(315_360_000), Ok(315_360_000)),
        (json!(null), Ok(450), Ok(300)),
        (json!("soon"), Ok(450), Ok(300)),
        (json!(true), Ok(450), Ok(300)),
        (json!([60]), Ok(450), Ok(300)),
        (json!(0), Err(()), Err(())),
        (json!(0.9), Err(()), Err(())),
        (json!("0"), Err(()), Err(())),
        (json!(-5), Err(()), Err(())),
    ] {
        for (access_token, expected) in [(&jwt, of_jwt), (&"opaque".to_owned(), of_opaque)] {
            let body = good_with(
                json!({"expires_in": expires_in, "access_token": access_token, "refresh_token": "r"}),
            );
            match (token(&json_answer(200, &body)), expected) {
                (Ok(granted), Ok(seconds)) => {
                    assert_eq!(granted.lifetime, Some(Duration::from_secs(seconds)), "{body}");
                }
                (Err(failure), Err(())) => {
                    assert_eq!(cause(&failure), "Unusable with a refresh token", "{body}");
                }
                (other, expected) => panic!("{body}: {other:?}, not {expected:?}"),
            }
        }
    }
    for claims in [json!({"iat": 1000, "exp": 1000}), json!({"iat": 2000, "exp": 1000})] {
        let body = good_with(json!({"access_token": super::jwt(&claims), "expires_in": null}));
        assert_eq!(cause(&failure(&json_answer(200, &body))), "Unusable", "{claims}");
    }
}

#[test]
fn refresh_tokens_have_an_end_only_where_one_is_said() {
    for (changes, has, seconds) in [
        (json!({}), false, None),
        (json!({"refresh_expires_in": 0}), false, None),
        (json!({"refresh_expires_in": 1800}), false, None),
        (json!({"refresh_token": ""}), false, None),
        (json!({"refresh_token": "r"}), true, None),
        (json!({"refresh_token": "r", "refresh_expires_in": 0}), true, None),
        (json!({"refresh_token": "r", "refresh_expires_in": -1}), true, None),
        (json!({"refresh_token": "r", "refresh_expires_in": 1800}), true, Some(1800)),
        (json!({"refresh_token": "r", "refresh_expires_in": "1800"}), true, Some(1800)),
        (json!({"refresh_token": "r", "refresh_expires_in": 1e15}), true, Some(315_360_000)),
    ] {
        let granted = granted(&good_with(changes.clone()));
        assert_eq!(granted.refresh_token.is_some(), has, "{changes}");
        assert_eq!(granted.refresh_lifetime, seconds.map(Duration::from_secs), "{changes}");
    }
}

#[test]
fn identity_and_the_rest_come_from_claims_and_members() {
    let claims = json!({"sub": "u1", "email": "jane@ex.co", "sid": "s1", "iat": 1_700_000_000});
    let full = granted(&good_with(json!({
        "access_token": jwt(&claims), "refresh_token": "r", "scope": "openid email",
        "session_state": "s2", "refresh_in": 30, "not-before-policy": 0, "id_token": "i",
    })));
    assert_eq!(full.user_id.as_deref(), Some("u1"));
    assert_eq!(full.user_email.as_deref(), Some("jane@ex.co"));
    assert_eq!(full.idp_session.as_deref(), Some("s1"));
    assert_eq!(full.scope.as_deref(), Some("openid email"));
    assert_eq!(full.refresh_in, Some(Duration::from_secs(30)));
    assert_eq!(full.idp_time, Some(Wall::from_secs(1_700_000_000)));
    assert_eq!(full.access_token.expose(), jwt(&claims));
    assert_eq!(full.refresh_token.unwrap().expose(), "r");

    let opaque = granted(&good_with(json!({"session_state": "s2", "token_type": "bEARER"})));
    assert_eq!(opaque.idp_session.as_deref(), Some("s2"));
    assert_eq!((opaque.user_id, opaque.user_email, opaque.scope), (None, None, None));
    assert_eq!((opaque.refresh_in, opaque.idp_time), (None, None));
}

#[test]
fn the_idps_clock_is_its_date_else_the_tokens_iat() {
    let body = good_with(json!({"access_token": jwt(&json!({"iat": 7}))}));
    for (date, seconds) in [
        (Some("Sun, 06 Nov 1994 08:49:37 GMT"), 784_111_777),
        (Some("Sunday, 06-Nov-94 08:49:37 GMT"), 784_111_777),
        (Some("yesterday"), 7),
        (None, 7),
    ] {
        let answer = HttpAnswer { date: date.map(str::to_owned), ..json_answer(200, &body) };
        match token(&answer) {
            Ok(granted) => {
                assert_eq!(granted.idp_time, Some(Wall::from_secs(seconds)), "{date:?}");
            }
            Err(failure) => panic!("{date:?}: {failure:?}"),
        }
    }
}
