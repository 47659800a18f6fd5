//! Which keys may stand where: each name is judged before any value is looked at.

use super::auth_type::{AuthType, COMMON_KEYS, LATER_KEYS};
use super::document::{Key, quoted};
use super::error::Fault;

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first header.
    Top,
    /// In the profile of this `auth_type`.
    Profile(AuthType),
}

/// Refuses a key that has no effect at its place, or that would hold a secret.
pub(super) fn judge(key: Key<'_>, place: Place) -> Result<(), Fault> {
    let name = key.name;
    if place.keys().any(|known| known == name) {
        return Ok(());
    }
    if SECRETS.iter().any(|(secret, _)| *secret == name) {
        return Err(secret(key, Some(place)));
    }
    if LATER_KEYS.contains(&name) {
        return Err(Fault::new(
            key.at,
            format!("`{name}` is known but not built in this version yet"),
            "remove it",
        ));
    }
    if let Some((place, mend)) = misplaced(name, place) {
        return Err(Fault::new(key.at, format!("`{name}` does not belong {place}"), mend));
    }
    let mend = match closest(name, every_key()) {
        Some(known) => format!("did you mean `{known}`?"),
        None if looks_secret(name) => return Err(secret(key, Some(place))),
        None => format!("the keys here are {}", listed(place.keys())),
    };
    Err(Fault::new(key.at, format!("unknown key {}", quoted(name)), mend))
}

/// The fault that a secret stands in the file. Its value is nobody's business, this message's included.
pub(super) fn secret(key: Key<'_>, place: Option<Place>) -> Fault {
    let known = SECRETS.iter().find(|(secret, _)| *secret == key.name);
    let file_key = known.map(|(_, file_key)| *file_key).filter(|file_key| !file_key.is_empty());
    let mend = match file_key {
        None => "remove it, and log in with `bearerctl login`".to_owned(),
        Some(file_key) if LATER_KEYS.contains(&file_key) => {
            format!("remove it; `{file_key}` will name its file in a later version")
        }
        Some(file_key)
            if place.is_some_and(|place| place.keys().any(|known| known == file_key)) =>
        {
            format!("remove it, and name its file in `{file_key}`")
        }
        Some(file_key) => {
            let owners = listed(owners_of(file_key).map(AuthType::as_str));
            format!("remove it; `{file_key}` names its file in a profile of auth_type {owners}")
        }
    };
    let reason = format!("{} looks like a secret", quoted(key.name));
    Fault::new(key.at, reason, format!("never write a secret here: {mend}"))
}

/// Whether a name of ours or of others says that its value is a secret.
pub(super) fn looks_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    !plain.ends_with("file")
        && SECRET_WORDS.iter().any(|word| plain.contains(word))
        && !plain.ends_with("type")
}

/// The one of `known` that `name` is a slip of the finger away from.
pub(super) fn closest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    known
        .map(|known| (strsim::osa_distance(&lower, known), known))
        .filter(|(distance, known)| *distance <= known.len().div_ceil(4).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Names in backticks, separated by commas.
pub(super) fn listed<'k>(names: impl Iterator<Item = &'k str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Place {
    fn keys(self) -> impl Iterator<Item = &'static str> {
        let (common, own): (&[&str], _) = match self {
            Place::Top => (&TOP_KEYS, None),
            Place::Profile(auth_type) => (&COMMON_KEYS, Some(auth_type.keys())),
        };
        common.iter().copied().chain(own.into_iter().flatten())
    }
}

/// Where a known key that is misplaced does not belong, and what to do with it.
fn misplaced(name: &str, place: Place) -> Option<(String, String)> {
    let owners: Vec<_> = owners_of(name).map(AuthType::as_str).collect();
    let (place, mend) = match (place, owners.as_slice()) {
        (Place::Profile(_), _) if TOP_KEYS.contains(&name) => (
            "in a profile".to_owned(),
            "write it at the top of the file, before the first `[profile.NAME]`".to_owned(),
        ),
        (Place::Profile(auth_type), [owner]) => (
            format!("to auth_type `{auth_type}`"),
            format!("remove it, or write `auth_type = \"{owner}\"`"),
        ),
        (Place::Profile(auth_type), [_, _, ..]) => (
            format!("to auth_type `{auth_type}`"),
            format!("remove it; it belongs to {}", listed(owners.iter().copied())),
        ),
        (Place::Top, owners) if !owners.is_empty() || COMMON_KEYS.contains(&name) => (
            "at the top of the file".to_owned(),
            "write it below a `[profile.NAME]` header".to_owned(),
        ),
        _ => return None,
    };
    Some((place, mend))
}

/// The auth types that a key belongs to.
fn owners_of(key: &str) -> impl Iterator<Item = AuthType> {
    AuthType::all().filter(move |auth_type| auth_type.keys().any(|own| own == key))
}

fn every_key() -> impl Iterator<Item = &'static str> {
    let built = AuthType::all().flat_map(AuthType::keys);
    TOP_KEYS.into_iter().chain(COMMON_KEYS).chain(built).chain(LATER_KEYS)
}

const TOP_KEYS: [&str; 2] = ["default_profile", "profile"];

/// Names that people write a secret under, and the key that names its file instead; empty where there is none.
const SECRETS: [(&str, &str); 17] = [
    ("client_secret", "client_secret_file"),
    ("secret", "client_secret_file"),
    ("password", "password_file"),
    ("passwd", "password_file"),
    ("passphrase", ""),
    ("credentials", "credentials_file"),
    ("token", "token_file"),
    ("access_token", "token_file"),
    ("bearer", "token_file"),
    ("refresh_token", ""),
    ("id_token", ""),
    ("subject_token", "subject_token_file"),
    ("assertion", "assertion_file"),
    ("client_assertion", "private_key_file"),
    ("private_key", "private_key_file"),
    ("client_key", "private_key_file"),
    ("api_key", ""),
];

const SECRET_WORDS: [&str; 8] =
    ["secret", "password", "passwd", "passphrase", "token", "apikey", "privatekey", "assertion"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_key() {
        for (slip, key) in [
            ("clientid", Some("client_id")),
            ("relam", Some("realm")),
            ("Client-Id", Some("client_id")),
            ("keycloak_address", Some("keycloak_addr")),
            ("profiles", Some("profile")),
            ("scope", Some("scopes")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(closest(slip, every_key()), key, "{slip}");
        }
    }

    #[test]
    fn a_name_says_that_its_value_is_a_secret() {
        for name in ["oauth_token", "ClientSecret", "db-password", "api_key", "my.secret"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["token_file", "realm", "kc_idp_hint", "token_type"] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn no_key_is_both_known_and_a_secret() {
        for key in every_key() {
            assert!(SECRETS.iter().all(|(secret, _)| *secret != key), "{key}");
        }
        for (_, instead) in SECRETS.iter().filter(|(_, instead)| !instead.is_empty()) {
            assert!(every_key().any(|key| key == *instead), "{instead}");
        }
    }

    #[test]
    fn the_readme_has_every_key_and_every_auth_type() {
        let readme = include_str!("../../../README.md");
        let built = every_key().filter(|key| !LATER_KEYS.contains(key) && *key != "profile");
        for word in built.chain(AuthType::all().map(AuthType::as_str)) {
            assert!(readme.contains(&format!("`{word}")), "{word}");
        }
    }
}
