//! A JSON object from outside, read leniently: a member of an unexpected type is as good as none.

mod visitors;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearerd_proto::Secret;
use std::time::Duration;
use zeroize::Zeroizing;

/// Those members of an object that bearerd knows. Each text is taken for a secret.
#[derive(Debug, Default)]
pub(crate) struct Members(Vec<(&'static str, Member)>);

/// A member's value.
#[derive(Debug)]
enum Member {
    Text(Secret),
    Whole(i64),
    Fraction(f64),
    /// The texts of an array.
    Texts(Vec<Secret>),
    /// `true`, `false` or an object.
    Other,
    Null,
}

impl Members {
    /// Reads an object; `None` where the bytes are none.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Reads the claims of a JWT, signature unchecked; `None` where the token is opaque.
    pub(crate) fn claims_of(token: &Secret) -> Option<Self> {
        let mut parts = token.expose().split('.');
        let (Some(_), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('='));
        Self::read(&payload.map(Zeroizing::new).ok()?)
    }

    /// Whether the member is there with any value but null and the empty text.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self.find(name) {
            None | Some(Member::Null) => false,
            Some(Member::Text(text)) => !text.expose().is_empty(),
            Some(Member::Whole(_) | Member::Fraction(_) | Member::Texts(_) | Member::Other) => true,
        }
    }

    /// The member's text, unless empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.secret(name).map(Secret::expose)
    }

    /// The member's text, unless empty.
    pub(crate) fn secret(&self, name: &str) -> Option<&Secret> {
        match self.find(name)? {
            Member::Text(text) => Some(text).filter(|text| !text.expose().is_empty()),
            _ => None,
        }
    }

    /// The member's number, or the number in its text, rounded down.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.find(name)? {
            Member::Whole(number) => Some(*number),
            Member::Fraction(number) => floor(*number),
            Member::Text(text) => {
                let text = text.expose().trim();
                text.parse().ok().or_else(|| floor(text.parse().ok()?))
            }
            Member::Texts(_) | Member::Other | Member::Null => None,
        }
    }

    /// The member's text, or each text of its array: a JWT's `aud` is either (RFC 7519 §4.1.3).
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = match self.find(name) {
            Some(Member::Text(text)) => std::slice::from_ref(text),
            Some(Member::Texts(texts)) => texts,
            _ => &[],
        };
        texts.iter().map(Secret::expose)
    }

    fn find(&self, name: &str) -> Option<&Member> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, member)| member)
    }
}

/// Rounded down, and cut where it does not fit.
fn floor(number: f64) -> Option<i64> {
    if !number.is_finite() {
        return None;
    }
    let floored = number.floor();
    let size = match Duration::try_from_secs_f64(floored.abs()) {
        Ok(size) => i64::try_from(size.as_secs()).unwrap_or(i64::MAX),
        Err(_too_large) => i64::MAX,
    };
    Some(if floored.is_sign_negative() { -size } else { size })
}

/// What bearerd reads of an answer, a JWT, a discovery document or a file; all else is skipped, so that a large one takes
/// no more memory.
const KNOWN: [&str; 34] = [
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "refresh_expires_in",
    "refresh_in",
    "id_token",
    "scope",
    "session_state",
    "error",
    "error_description",
    "device_code",
    "user_code",
    "verification_uri",
    "verification_uri_complete",
    "interval",
    "sub",
    "email",
    "sid",
    "iat",
    "exp",
    "iss",
    "aud",
    "azp",
    "issuer",
    "token_endpoint",
    "device_authorization_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
    "username",
    "password",
    "token",
    "user_id",
    "user_email",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Members {
        Members::read(json.as_bytes()).expect(json)
    }

    #[test]
    fn numbers_are_read_from_numbers_and_from_text_and_rounded_down() {
        for (value, number) in [
            ("300", Some(300)),
            ("299.99", Some(299)),
            ("-5", Some(-5)),
            ("-0.5", Some(-1)),
            ("1e12", Some(1_000_000_000_000)),
            ("1e300", Some(i64::MAX)),
            ("-1e300", Some(-i64::MAX)),
            ("18446744073709551615", Some(i64::MAX)),
            ("\"300\"", Some(300)),
            ("\" 299.99 \"", Some(299)),
            ("\"99999999999999999999\"", Some(i64::MAX)),
            ("\"NaN\"", None),
            ("\"inf\"", None),
            ("\"soon\"", None),
            ("\"\"", None),
            ("null", None),
            ("true", None),
            ("[300]", None),
            ("{\"a\": 300}", None),
        ] {
            assert_eq!(
                members(&format!("{{\"expires_in\": {value}}}")).number("expires_in"),
                number,
                "{value}"
            );
        }
    }

    #[test]
    fn the_last_of_a_name_counts_and_unknown_names_are_skipped() {
        let members = members(r#"{"scope": "a", "x": {"scope": "c"}, "scope": "b", "y": [1]}"#);
        assert_eq!(members.text("scope"), Some("b"));
        assert_eq!(members.0.len(), 1);
        assert!(!members.has("error"));
    }

    #[test]
    fn what_is_no_object_is_none() {
        for json in ["", "[]", "\"text\"", "{", "{\"scope\": 1} x", "<html>", "null", "\u{0}"] {
            assert!(Members::read(json.as_bytes()).is_none(), "{json:?}");
        }
    }

    #[test]
    fn a_deep_value_is_skipped_without_a_deep_stack() {
        for name in ["x", "scope"] {
            let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
            let members = members(&format!("{{\"{name}\": {open}{close}, \"error\": \"e\"}}"));
            assert_eq!((members.text("scope"), members.text("error")), (None, Some("e")));
        }
    }

    #[test]
    fn null_and_the_empty_text_are_as_good_as_none() {
        for (value, has) in
            [("null", false), ("\"\"", false), ("\"x\"", true), ("{}", true), ("0", true)]
        {
            assert_eq!(members(&format!("{{\"error\": {value}}}")).has("error"), has, "{value}");
        }
    }

    #[test]
    fn claims_come_from_a_jwt_alone() {
        let jwt =
            |payload: &str| Secret::new(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload)));
        let claims = Members::claims_of(&jwt(r#"{"sub": "u1", "iat": 7.5}"#)).unwrap();
        assert_eq!((claims.text("sub"), claims.number("iat")), (Some("u1"), Some(7)));
        for opaque in ["opaque", "a.b.c", "a.b.c.d.e", "..", jwt("[]").expose(), jwt("{").expose()]
        {
            assert!(Members::claims_of(&Secret::new(opaque)).is_none(), "{opaque}");
        }
    }

    #[test]
    fn a_text_and_an_array_are_both_read_as_texts() {
        for (value, texts) in [
            ("\"a\"", vec!["a"]),
            ("[]", vec![]),
            ("[\"a\", 1, null, true, 1.5, -1, [\"x\"], {\"aud\": \"y\"}, \"b\"]", vec!["a", "b"]),
            ("{\"a\": 1}", vec![]),
            ("7", vec![]),
            ("null", vec![]),
        ] {
            let members = members(&format!("{{\"aud\": {value}}}"));
            assert_eq!(members.texts("aud").collect::<Vec<_>>(), texts, "{value}");
        }
        assert_eq!(members("{}").texts("aud").count(), 0);
    }
}
