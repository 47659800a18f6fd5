//! Scope and audience of a request as the key of a slot: checked, and one key for one wish.

use super::respond::Refused;
use crate::registry::Entry;
use bearerd_proto::{ErrorBody, ErrorCode, TokenQuery};
use bearerd_session::{Kind, SlotKey};

/// The slot that the request means.
///
/// # Errors
/// `bad-request`: something that no scope or audience may have in it, or a profile that has no slots.
pub(super) fn slot_of(query: &TokenQuery, entry: &Entry) -> Result<SlotKey, Refused> {
    let refused =
        |message: String| Refused(ErrorBody::new(ErrorCode::BadRequest, message).of(entry.name()));
    let scope = query.scope.as_deref().map(scope).transpose().map_err(refused)?;
    let audience = query.audience.as_deref().map(audience).transpose().map_err(refused)?;
    let slot = SlotKey { scope, audience };
    if slot != SlotKey::default()
        && matches!(entry.profile.load().session_kind(), Kind::Constant(_))
    {
        return Err(refused(format!(
            "the token of profile `{}` is a constant: leave `scope` and `audience` out",
            entry.name()
        )));
    }
    Ok(slot)
}

/// Sorted, each word once: the order has no meaning (RFC 6749 §3.3).
fn scope(text: &str) -> Result<String, String> {
    let mut words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.dedup();
    let good = |word: &str| word.bytes().all(|byte| is_visible(byte) && !b"\"\\".contains(&byte));
    if words.is_empty() || !words.iter().all(|word| good(word)) {
        return Err(
            "`scope` is empty or has other than visible ASCII, `\"` or `\\` in it: write scopes separated by spaces"
                .to_owned(),
        );
    }
    let scope = words.join(" ");
    if scope.len() > LONGEST { Err(too_long("scope")) } else { Ok(scope) }
}

fn audience(text: &str) -> Result<String, String> {
    if text.is_empty() || !text.bytes().all(is_visible) {
        return Err("`audience` is empty or has other than visible ASCII in it".to_owned());
    }
    if text.len() > LONGEST { Err(too_long("audience")) } else { Ok(text.to_owned()) }
}

fn is_visible(byte: u8) -> bool {
    (0x21..=0x7e).contains(&byte)
}

fn too_long(what: &str) -> String {
    format!("`{what}` is longer than {LONGEST} characters")
}

/// Bytes: a slot's name is kept as long as the slot is, and travels in a request's head.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wish_is_one_key() {
        for text in ["b a", " a  b ", "a b a", "b b a"] {
            assert_eq!(scope(text).as_deref(), Ok("a b"), "{text}");
        }
        assert_eq!(scope("https://x/y:z !~").as_deref(), Ok("!~ https://x/y:z"));
        assert_eq!(audience("https://x/y?a=\"").as_deref(), Ok("https://x/y?a=\""));
    }

    #[test]
    fn what_is_no_scope_and_no_audience_is_refused_without_quoting_it() {
        for text in ["", "  ", "a\tb", "a\"b", "a\\b", "ä", "a\nb", "a\u{7f}"] {
            let error = scope(text).unwrap_err();
            assert!(error.starts_with("`scope` is empty or has other"), "{text}: {error}");
        }
        for text in ["", "a b", "ä", "a\n"] {
            assert!(audience(text).unwrap_err().starts_with("`audience` is empty"), "{text}");
        }
    }

    #[test]
    fn a_kilobyte_is_the_most() {
        let word = "a".repeat(LONGEST);
        assert!(scope(&word).is_ok() && audience(&word).is_ok());
        assert!(scope(&format!("{word} {word}")).is_ok(), "the same word twice");
        for long in [format!("{word}a"), format!("{word}b")] {
            assert!(scope(&long).unwrap_err().contains("1024"));
            assert!(audience(&long).unwrap_err().contains("1024"));
        }
        assert!(scope(&format!("{word} b")).is_err());
    }
}
