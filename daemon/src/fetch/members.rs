//! A JSON object from outside, read leniently: a member of an unexpected type is as good as none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearerd_proto::Secret;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
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
    /// `true`, `false`, an array or an object.
    Other,
    Null,
}

impl Members {
    /// Reads an object; `None` where the bytes are none.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Reads the claims of a JWT, signature unchecked; none where the token is opaque.
    pub(crate) fn claims_of(token: &Secret) -> Self {
        let mut parts = token.expose().split('.');
        let (Some(_), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Self::default();
        };
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('='));
        let payload = payload.map(Zeroizing::new);
        payload.ok().and_then(|json| Self::read(&json)).unwrap_or_default()
    }

    /// Whether the member is there with any value but null and the empty text.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self.find(name) {
            None | Some(Member::Null) => false,
            Some(Member::Text(text)) => !text.expose().is_empty(),
            Some(Member::Whole(_) | Member::Fraction(_) | Member::Other) => true,
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
            Member::Other | Member::Null => None,
        }
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

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(Name(name)) = map.next_key()? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let member = map.next_value()?;
            // The last one of a name counts, as almost everywhere.
            members.0.retain(|(known, _)| *known != name);
            members.0.push((name, member));
        }
        Ok(members)
    }
}

/// The name of a member, if it is a known one.
struct Name(Option<&'static str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(KNOWN.into_iter().find(|known| *known == name)))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Member, E> {
        Ok(Member::Text(Secret::new(text)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Member, E> {
        Ok(Member::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Member, E> {
        Ok(Member::Whole(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Member, E> {
        Ok(Member::Fraction(number))
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_unit<E>(self) -> Result<Member, E> {
        Ok(Member::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Member, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Member, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }
}

/// What bearerd reads of an answer or of a JWT; all else is skipped, so that a large answer takes no more memory.
const KNOWN: [&str; 21] = [
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
        let claims = Members::claims_of(&jwt(r#"{"sub": "u1", "iat": 7.5}"#));
        assert_eq!((claims.text("sub"), claims.number("iat")), (Some("u1"), Some(7)));
        for opaque in ["opaque", "a.b.c", "a.b.c.d.e", "..", jwt("[]").expose(), jwt("{").expose()]
        {
            assert!(Members::claims_of(&Secret::new(opaque)).0.is_empty(), "{opaque}");
        }
    }
}
