//! What an id token must say before anybody believes it (OpenID Connect Core §3.1.3.7).
//!
//! It came straight from the token endpoint, over TLS, so its signature is not checked. No nonce was sent, so none is
//! expected. Whose clock judges its end is the caller's choice.

use super::members::Members;
use bearerd_proto::Secret;
use bearerd_session::time::Wall;

/// Who is to have made it, and for whom.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    /// Who made it.
    pub(crate) issuer: ExpectedIssuer<'a>,
    /// For whom.
    pub(crate) client_id: &'a str,
}

/// The issuer, as far as it is known.
#[derive(Debug)]
pub(crate) enum ExpectedIssuer<'a> {
    /// This one.
    Exactly(&'a str),
    /// A realm of a Keycloak, which knows itself by whatever address it is reached at.
    Realm {
        /// `/realms/…`, the name as it stands in a URL.
        ending: &'a str,
    },
}

impl ExpectedIssuer<'_> {
    /// Whether `issuer` is the one.
    pub(crate) fn is(&self, issuer: &str) -> bool {
        match self {
            ExpectedIssuer::Exactly(expected) => issuer == *expected,
            ExpectedIssuer::Realm { ending } => issuer.ends_with(ending),
        }
    }
}

/// The token's claims.
///
/// # Errors
/// The check that it fails, as the end of a sentence.
pub(crate) fn claims(
    id_token: &Secret,
    expected: &Expected<'_>,
    now: Wall,
) -> Result<Members, &'static str> {
    let claims = Members::claims_of(id_token).ok_or("with an id token that can't be read")?;
    let issuer = claims.text("iss").unwrap_or_default();
    if !expected.issuer.is(issuer) {
        return Err("with an id token of another issuer (`iss`)");
    }
    let audiences: Vec<_> = claims.texts("aud").collect();
    if !audiences.contains(&expected.client_id) {
        return Err("with an id token for another client (`aud`)");
    }
    if audiences.len() > 1 && claims.text("azp") != Some(expected.client_id) {
        return Err("with an id token for several clients that was given to another one (`azp`)");
    }
    let ends_at = claims.number("exp").ok_or("with an id token without an end (`exp`)")?;
    if ends_at.saturating_add(LEEWAY) <= now.as_secs() {
        return Err("with an id token whose time is over (`exp`)");
    }
    match claims.has("sub") {
        true => Ok(claims),
        false => Err("with an id token without a subject (`sub`)"),
    }
}

/// Seconds that two machines' clocks may differ by.
const LEEWAY: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    const NOW: i64 = 1_700_000_000;

    fn expected() -> Expected<'static> {
        let issuer = ExpectedIssuer::Exactly("https://idp.example.com/a");
        Expected { issuer, client_id: "me" }
    }

    fn token(claims: &Value) -> Secret {
        Secret::new(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string())))
    }

    fn check(changes: Value, expected: &Expected<'_>) -> Result<(), &'static str> {
        let mut good = json!({
            "iss": "https://idp.example.com/a", "aud": "me", "sub": "u1", "exp": NOW + 300, "nonce": "unasked",
        });
        for (name, value) in changes.as_object().unwrap() {
            good[name] = value.clone();
        }
        claims(&token(&good), expected, Wall::from_secs(NOW)).map(|claims| {
            assert_eq!(claims.text("sub"), Some("u1"));
        })
    }

    #[test]
    fn each_check_is_named_by_the_claim_that_fails_it() {
        let (issuer, client) = (
            "with an id token of another issuer (`iss`)",
            "with an id token for another client (`aud`)",
        );
        let several = "with an id token for several clients that was given to another one (`azp`)";
        let over = "with an id token whose time is over (`exp`)";
        for (changes, result) in [
            (json!({}), Ok(())),
            (json!({"iss": "https://idp.example.com/a/"}), Err(issuer)),
            (json!({"iss": "https://IDP.example.com/a"}), Err(issuer)),
            (json!({"iss": null}), Err(issuer)),
            (json!({"aud": ["me"]}), Ok(())),
            (json!({"aud": "you"}), Err(client)),
            (json!({"aud": ["you", 7]}), Err(client)),
            (json!({"aud": []}), Err(client)),
            (json!({"aud": null}), Err(client)),
            (json!({"aud": ["you", "me"], "azp": "me"}), Ok(())),
            (json!({"aud": ["you", "me"], "azp": "you"}), Err(several)),
            (json!({"aud": ["you", "me"]}), Err(several)),
            (json!({"azp": "you"}), Ok(())),
            (json!({"exp": NOW}), Ok(())),
            (json!({"exp": NOW - 59}), Ok(())),
            (json!({"exp": NOW - 60}), Err(over)),
            (json!({"exp": i64::MIN}), Err(over)),
            (json!({"exp": i64::MAX}), Ok(())),
            (json!({"exp": null}), Err("with an id token without an end (`exp`)")),
            (json!({"sub": null}), Err("with an id token without a subject (`sub`)")),
        ] {
            assert_eq!(check(changes.clone(), &expected()), result, "{changes}");
        }
        for unreadable in ["opaque", "a.b.c", "a.b.c.d.e"] {
            let read = claims(&Secret::new(unreadable), &expected(), Wall::from_secs(NOW));
            assert_eq!(read.map(drop), Err("with an id token that can't be read"), "{unreadable}");
        }
    }

    #[test]
    fn a_realm_is_known_by_its_end_whatever_the_host() {
        let realm = || Expected {
            issuer: ExpectedIssuer::Realm { ending: "/realms/team%20a" },
            client_id: "me",
        };
        for (issuer, is_theirs) in [
            ("https://inside:8443/auth/realms/team%20a", true),
            ("https://login.example.com/realms/team%20a", true),
            ("https://login.example.com/realms/team%20ab", false),
            ("https://login.example.com/realms/other", false),
        ] {
            assert_eq!(check(json!({"iss": issuer}), &realm()).is_ok(), is_theirs, "{issuer}");
        }
    }
}
