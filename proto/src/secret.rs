//! The one type that a secret travels in: redacted, wiped, with one exit.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroizing;

/// A token, a password or a key.
///
/// It has no `Display` and no `PartialEq`, prints `REDACTED` in `Debug`, and is wiped when dropped. It leaves through
/// [`Secret::expose`], so that one search finds where it goes out by hand, and inside the messages and records whose
/// types name it as a field, which is what they are for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller's own copies are the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The one exit. Never put what it gives into a log line, an error or an argument list.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both hold the same text, in a time that depends on the lengths alone.
    pub fn same_as(&self, other: &Secret) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len()
            && a.iter().zip(b).fold(0_u8, |differing, (x, y)| differing | (x ^ y)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_redacted_and_the_exit_gives_the_text() {
        let secret = Secret::new("s3cret-value");
        assert_eq!(format!("{secret:?}"), "REDACTED");
        assert_eq!(secret.expose(), "s3cret-value");
    }

    #[test]
    fn sameness_is_of_the_whole_text() {
        assert!(Secret::new("abc").same_as(&Secret::new("abc")));
        for other in ["abd", "ab", "abcd", ""] {
            assert!(!Secret::new("abc").same_as(&Secret::new(other)), "{other:?}");
        }
    }
}
