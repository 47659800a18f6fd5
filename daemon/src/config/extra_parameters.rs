//! Parameters that a profile adds to its requests: any but those that bearerd sets itself.

use super::document::Section;
use super::error::Fault;
use super::keys::{looks_secret, secret};
use std::collections::BTreeMap;

/// Parameter → value.
pub type ExtraParameters = BTreeMap<String, String>;

pub(super) fn read(profile: Section<'_>) -> Result<ExtraParameters, Fault> {
    let Some(table) = profile.table("extra_parameters", FORM)? else {
        return Ok(ExtraParameters::new());
    };
    let mut parameters = ExtraParameters::new();
    for (key, text) in table.all_texts(FORM)? {
        if RESERVED.contains(&key.name) {
            return Err(Fault::new(
                key.at,
                format!("`{}` in `extra_parameters` is bearerd's own parameter", key.name),
                "remove it",
            ));
        }
        if looks_secret(key.name) {
            return Err(secret(key));
        }
        if key.name.is_empty() || !key.name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::new(
                key.at,
                "a name in `extra_parameters` is empty or has other than visible ASCII characters in it",
                FORM,
            ));
        }
        parameters.insert(key.name.to_owned(), text.value.to_owned());
    }
    Ok(parameters)
}

const FORM: &str = "write names and strings, as in `extra_parameters = { kc_idp_hint = \"corp\" }`";

/// What the grants of bearerd's design send by themselves (RFC 6749, 7009, 7521, 7636, 8628, 8693). `audience` and
/// `resource` are not among them: some providers want one at the login.
const RESERVED: [&str; 23] = [
    "actor_token",
    "actor_token_type",
    "assertion",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "grant_type",
    "nonce",
    "redirect_uri",
    "refresh_token",
    "requested_token_type",
    "response_type",
    "scope",
    "state",
    "subject_token",
    "subject_token_type",
    "token_type_hint",
    "username",
];
