//! What a login or an import brings, against what its profile can use: the means that its session gets.

use super::respond::Refused;
use crate::config::{Auth, Credentials, Profile};
use bearerd_proto::{ErrorBody, ErrorCode, ImportRequest, LoginRequest};
use bearerd_session::{Given, Kind, Means, Own};
use std::time::Duration;

/// What a login is made with.
///
/// # Errors
/// `bad-request`, which names what the profile takes, and nothing of what was given.
pub(super) fn of_login(request: &LoginRequest, profile: &Profile) -> Result<Means, Refused> {
    refuse_other_flows(request, profile)?;
    let Some(configured) = takes_password(profile) else {
        if request.username.is_none() && request.password.is_none() {
            return Ok(Means::Own);
        }
        let message = format!(
            "profile `{}` takes no `username` and `password` with a login: {}",
            profile.name(),
            instead(profile)
        );
        return Err(refused(profile, message));
    };
    let username = request.username.as_deref();
    let Some(password) = &request.password else {
        return match username {
            // Where a password was given before, it is used again.
            None => Ok(Means::Own),
            Some(_) => {
                let name = profile.name();
                let message = format!(
                    "`username` came without `password`: give both (`bearerctl login {name} --username NAME \
                     --password-stdin`)"
                );
                Err(refused(profile, message))
            }
        };
    };
    let fault = match (username, configured) {
        _ if password.expose().is_empty() => "`password` is empty",
        (None, None) => {
            "`password` came without `username`, and the configuration has none: give both"
        }
        (Some(given), Some(configured)) if given != configured => {
            "`username` is not that of the configuration: leave it out, or change it there"
        }
        (Some(""), None) => "`username` is empty",
        _ => {
            let username = username.or(configured).map(str::to_owned);
            return Ok(Means::Given(Given { username, password: password.clone() }));
        }
    };
    Err(refused(profile, fault.to_owned()))
}

/// What an import is made with.
///
/// # Errors
/// `bad-request`: there is no token in it, or the profile has no use for one.
pub(super) fn of_import(request: ImportRequest, profile: &Profile) -> Result<Means, Refused> {
    let of_no_use = match profile.session_kind() {
        Kind::Constant(_) => true,
        Kind::Own(own) => matches!(own, Own::Tokens | Own::TokenFile),
        Kind::Person => false,
    };
    if of_no_use {
        let message = format!(
            "profile `{}` has no use for a refresh token: its auth_type is `{}`",
            profile.name(),
            profile.auth_type()
        );
        return Err(refused(profile, message));
    }
    let text = request.refresh_token.expose();
    // RFC 6749 appendix A.17.
    if text.is_empty() || !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        let message = "`refresh_token` is empty or has other than visible ASCII in it";
        return Err(refused(profile, message.to_owned()));
    }
    Ok(Means::Import { refresh_token: request.refresh_token })
}

/// After how long a login wants its session to be forgotten.
///
/// # Errors
/// `bad-request`: at once is never meant.
pub(super) fn lifetime(
    request: &LoginRequest,
    profile: &Profile,
) -> Result<Option<Duration>, Refused> {
    match request.lifetime {
        Some(0) => {
            let message =
                "`lifetime` is 0: leave it out, or give the seconds that the session may live";
            Err(refused(profile, message.to_owned()))
        }
        seconds => Ok(seconds.map(|seconds| Duration::from_secs(seconds.min(LONGEST_LIFETIME)))),
    }
}

/// Seconds: ten years, which no session outlives.
const LONGEST_LIFETIME: u64 = 10 * 366 * 86_400;

/// Whether a login brings the profile's password; and the user that the configuration names.
fn takes_password(profile: &Profile) -> Option<Option<&str>> {
    match profile.auth() {
        Auth::UserPassword(user_password) => match user_password.credentials() {
            Credentials::Given { username } => Some(username.as_deref()),
            Credentials::File(_) | Credentials::Password { .. } => None,
        },
        _ => None,
    }
}

/// What a login to the profile takes.
fn instead(profile: &Profile) -> String {
    match profile.session_kind() {
        Kind::Person => "a person logs in by device code: leave them out".to_owned(),
        Kind::Constant(_) => "its token is a constant: leave them out".to_owned(),
        Kind::Own(_) => {
            let files = profile.source_files();
            let keys = files.iter().map(|source| format!("`{}`", source.key));
            match keys.collect::<Vec<_>>().as_slice() {
                [] => "it needs none: leave them out".to_owned(),
                keys => format!("it has {} for that: leave them out", keys.join(" and ")),
            }
        }
    }
}

/// Flows that come with a later version, and flows where there is none.
fn refuse_other_flows(request: &LoginRequest, profile: &Profile) -> Result<(), Refused> {
    let is_person = matches!(profile.session_kind(), Kind::Person);
    let what = match request.flow.as_deref() {
        None => return Ok(()),
        Some("device") if is_person => return Ok(()),
        Some("code") if is_person => {
            "the flow `code` is not built in this version; log in by device code"
        }
        Some(_) if is_person => "there is no flow of that name; log in by device code",
        Some(_) => "nobody logs in to it in a browser",
    };
    Err(refused(profile, format!("profile `{}`: {what}: leave `flow` out", profile.name())))
}

fn refused(profile: &Profile, message: String) -> Refused {
    Refused(ErrorBody::new(ErrorCode::BadRequest, message).of(profile.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use bearerd_proto::Secret;
    use std::path::Path;

    const KEYCLOAK: &str = "keycloak_addr = 'https://kc.example.com'";

    fn profile(auth_type: &str, keys: &str) -> std::sync::Arc<Profile> {
        let text = format!("[profile.a]\nauth_type = '{auth_type}'\n{keys}\n");
        let config = Config::parse(&text, Path::new("/nowhere/config.toml")).unwrap();
        config.profiles().values().next().unwrap().clone()
    }

    fn login(username: Option<&str>, password: Option<&str>) -> LoginRequest {
        LoginRequest {
            username: username.map(str::to_owned),
            password: password.map(Secret::new),
            ..LoginRequest::default()
        }
    }

    fn message(outcome: Result<Means, Refused>) -> String {
        let Refused(body) = outcome.unwrap_err();
        assert_eq!(body.code, ErrorCode::BadRequest);
        assert!(!body.message.contains("hunter2") && !body.message.contains("jane"), "{body}");
        body.message
    }

    #[test]
    fn a_password_goes_where_no_file_has_it() {
        let given = profile("user_password", KEYCLOAK);
        let named = profile("user_password", &format!("{KEYCLOAK}\nusername = 'jane'"));
        for (profile, username) in [(&given, Some("jane")), (&named, None), (&named, Some("jane"))]
        {
            let means = of_login(&login(username, Some("hunter2")), profile).unwrap();
            let Means::Given(given) = means else { panic!("{means:?}") };
            assert_eq!(given.username.as_deref(), Some("jane"));
            assert_eq!(given.password.expose(), "hunter2");
        }
        assert!(matches!(of_login(&login(None, None), &given), Ok(Means::Own)));
        for (profile, username, password, says) in [
            (&given, None, Some("hunter2"), "without `username`"),
            (&given, Some("jane"), None, "--password-stdin"),
            (&given, Some("jane"), Some(""), "`password` is empty"),
            (&given, Some(""), Some("hunter2"), "`username` is empty"),
            (&named, Some("joe"), Some("hunter2"), "not that of the configuration"),
        ] {
            let said = message(of_login(&login(username, password), profile));
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn where_no_password_belongs_it_is_said_what_does() {
        for (auth_type, keys, says) in [
            ("sso", KEYCLOAK.to_owned(), "device code"),
            ("none", String::new(), "constant"),
            ("token", "token_file = 't'".to_owned(), "`token_file`"),
            ("user_password", format!("{KEYCLOAK}\ncredentials_file = 'c'"), "`credentials_file`"),
        ] {
            let profile = profile(auth_type, &keys);
            let said = message(of_login(&login(Some("jane"), Some("hunter2")), &profile));
            assert!(said.contains(says), "{said}");
            assert!(matches!(of_login(&login(None, None), &profile), Ok(Means::Own)));
        }
    }

    #[test]
    fn a_flow_is_for_a_person() {
        let flow = |flow: &str, profile: &Profile| {
            let request = LoginRequest { flow: Some(flow.to_owned()), ..LoginRequest::default() };
            of_login(&request, profile)
        };
        let sso = profile("sso", KEYCLOAK);
        assert!(flow("device", &sso).is_ok());
        assert!(message(flow("code", &sso)).contains("not built"));
        assert!(message(flow("hunter2", &sso)).contains("device code"));
        assert!(message(flow("device", &profile("none", ""))).contains("nobody logs in"));
    }

    #[test]
    fn a_refresh_token_is_imported_where_one_is_of_use() {
        let import = |token: &str, profile: &Profile| {
            let refresh_token = Secret::new(token);
            of_import(ImportRequest { profile: None, refresh_token, replace: false }, profile)
        };
        let sso = profile("sso", KEYCLOAK);
        assert!(matches!(import("r", &sso), Ok(Means::Import { .. })));
        assert!(import("r", &profile("orch", KEYCLOAK)).is_ok());
        for token in ["", "hunter2\n", "hunter2\0", "hunter2é"] {
            assert!(message(import(token, &sso)).contains("`refresh_token`"));
        }
        for profile in [profile("none", ""), profile("token", "token_file = 't'")] {
            assert!(message(import("hunter2", &profile)).contains("no use"));
        }
    }

    #[test]
    fn a_lifetime_is_of_seconds() {
        let sso = profile("sso", KEYCLOAK);
        let of = |lifetime| lifetime_of(lifetime, &sso);
        assert_eq!(of(None).unwrap(), None);
        assert_eq!(of(Some(28_800)).unwrap(), Some(Duration::from_secs(28_800)));
        assert_eq!(of(Some(u64::MAX)).unwrap(), Some(Duration::from_secs(LONGEST_LIFETIME)));
        assert_eq!(of(Some(0)).unwrap_err().0.code, ErrorCode::BadRequest);
    }

    fn lifetime_of(seconds: Option<u64>, profile: &Profile) -> Result<Option<Duration>, Refused> {
        lifetime(&LoginRequest { lifetime: seconds, ..LoginRequest::default() }, profile)
    }
}
