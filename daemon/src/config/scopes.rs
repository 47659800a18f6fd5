//! The scopes that a profile asks for, each checked by RFC 6749 §3.3.

use super::document::Section;
use super::error::Fault;
use std::fmt;

/// One or more scopes, in the order of the configuration. `Display` gives the `scope` parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Each scope.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn read(profile: Section<'_>) -> Result<Option<Self>, Fault> {
        let Some(entries) = profile.texts("scopes", FORM)? else { return Ok(None) };
        let mut scopes: Vec<String> = Vec::with_capacity(entries.len());
        for entry in &entries {
            let reason = if entry.value.is_empty() {
                "`scopes` has an empty entry"
            } else if entry.value.contains(' ') {
                "an entry of `scopes` has a space in it"
            } else if !entry.value.bytes().all(is_scope_character) {
                "an entry of `scopes` has a character that no scope has"
            } else if scopes.iter().any(|scope| scope == entry.value) {
                "an entry of `scopes` is written twice"
            } else {
                scopes.push(entry.value.to_owned());
                continue;
            };
            return Err(entry.fault(reason, FORM));
        }
        match profile.place_of("scopes") {
            Some(at) if scopes.is_empty() => {
                Err(Fault::new(at, "`scopes` is empty", "leave it out, and no scope is sent"))
            }
            _ => Ok(Some(Self(scopes))),
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

const FORM: &str = "write one scope per entry, as in `scopes = [\"openid\", \"email\"]`";

/// `%x21 / %x23-5B / %x5D-7E`: visible ASCII but for the double quote and the backslash.
pub(super) fn is_scope_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}
