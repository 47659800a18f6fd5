//! The name of a profile: checked once, then carried as a type.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`: a name that is also a safe file name and needs no escaping in a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(Arc<str>);

/// Longest profile name, in bytes.
pub const PROFILE_NAME_MAX: usize = 64;

/// A text that is no profile name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a profile name: use a letter or digit, then up to 63 letters, digits, `.`, `_` or `-`",
    .0.escape_debug().take(80).collect::<String>()
)]
pub struct InvalidProfileName(String);

impl ProfileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = InvalidProfileName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = text.bytes();
        let starts_well = bytes.next().is_some_and(|first| first.is_ascii_alphanumeric());
        let goes_on_well = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if starts_well && goes_on_well && text.len() <= PROFILE_NAME_MAX {
            Ok(Self(text.into()))
        } else {
            Err(InvalidProfileName(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ProfileName {
    type Error = InvalidProfileName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> String {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for ProfileName {
    fn schema_name() -> Cow<'static, str> {
        "ProfileName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_or_refused() {
        let longest = "a".repeat(PROFILE_NAME_MAX);
        for good in ["wallaroo", "a", "9", "a.b_c-D", longest.as_str()] {
            assert_eq!(good.parse::<ProfileName>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(PROFILE_NAME_MAX + 1);
        for bad in ["", ".a", "-a", "_a", "a/b", "a b", "a\0", "ä", "../x", too_long.as_str()] {
            assert!(bad.parse::<ProfileName>().is_err(), "{bad:?}");
        }
    }
}
