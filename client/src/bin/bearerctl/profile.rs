//! `bearerctl profile`.

use crate::arguments::{ProfileArguments, ProfileCommand};
use crate::exit::CommandError;
use crate::output::printable;
use crate::{environment, output, profile_changes};
use bearerd_client::{Client, ProfileInfo, ProfileName, Profiles, Status};
use serde_json::Value;
use std::fmt::Write as _;

pub(crate) fn run(client: &Client, arguments: ProfileArguments) -> Result<(), CommandError> {
    match arguments.command {
        ProfileCommand::Add(arguments) => profile_changes::add(client, arguments),
        ProfileCommand::Remove { profile } => profile_changes::remove(client, &profile),
        ProfileCommand::List { json } => {
            let profiles = client.profiles()?;
            if json { output::json(&profiles) } else { output::data(&list(&profiles)) }
        }
        ProfileCommand::Show { profile, json } => {
            let named = environment::profile_or(profile)?;
            let profiles = client.profiles()?;
            let found = named.map_or_else(|| default_of(&profiles), Ok).and_then(|name| {
                let info = profiles.profiles.iter().find(|info| info.profile == name);
                info.ok_or(CommandError::UnknownProfile(name))
            });
            let info = found.map_err(|error| instead(client, &profiles, error))?;
            if json { output::json(info) } else { output::data(&settings(info)) }
        }
    }
}

/// The profile that is meant where none is named: the default, or the only one.
fn default_of(profiles: &Profiles) -> Result<ProfileName, CommandError> {
    if let Some(default) = &profiles.default_profile {
        return Ok(default.clone());
    }
    match profiles.profiles.as_slice() {
        [] => Err(CommandError::NoProfile),
        [only] => Ok(only.profile.clone()),
        several => {
            Err(CommandError::NoDefault(several.iter().map(|info| info.profile.clone()).collect()))
        }
    }
}

/// The profile that a logout without a name means.
pub(crate) fn default_profile(client: &Client) -> Result<ProfileName, CommandError> {
    let profiles = client.profiles()?;
    default_of(&profiles).map_err(|error| instead(client, &profiles, error))
}

/// Where nothing is configured because no good configuration was read yet, that is the reason, and not `error`.
fn instead(client: &Client, profiles: &Profiles, error: CommandError) -> CommandError {
    if !profiles.profiles.is_empty() {
        return error;
    }
    match client.status() {
        Ok(Status { config_error: Some(fault), .. }) => CommandError::BadConfiguration(fault),
        _ => error,
    }
}

/// One line for each profile.
fn list(profiles: &Profiles) -> String {
    let width = profiles.profiles.iter().map(|info| info.profile.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for ProfileInfo { profile, auth_type, run_time, .. } in &profiles.profiles {
        let default = profiles.default_profile.as_ref() == Some(profile);
        let mark = match (default, run_time) {
            (true, false) => "  (default)",
            (false, true) => "  (added at run time)",
            (true, true) => "  (default, added at run time)",
            (false, false) => "",
        };
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{:width$}  {}{mark}", profile.as_str(), printable(auth_type));
    }
    text
}

/// One line for each setting, as in the configuration.
pub(crate) fn settings(info: &ProfileInfo) -> String {
    let mut text = format!("[profile.{}]\n", info.profile);
    let auth_type = ("auth_type", &Value::from(info.auth_type.as_str()));
    let others = info.settings.iter().map(|(key, value)| (key.as_str(), value));
    for (key, value) in std::iter::once(auth_type).chain(others) {
        let _ = writeln!(text, "{} = {value}", printable(key));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(default: Option<&str>, names: &[&str]) -> Profiles {
        let info = |name: &&str| ProfileInfo {
            profile: name.parse().unwrap(),
            auth_type: "sso".to_owned(),
            settings: serde_json::Map::new(),
            run_time: false,
        };
        Profiles {
            default_profile: default.map(|name| name.parse().unwrap()),
            profiles: names.iter().map(info).collect(),
        }
    }

    #[test]
    fn the_default_is_the_named_one_or_the_only_one() {
        assert_eq!(default_of(&profiles(Some("b"), &["a", "b"])).unwrap().as_str(), "b");
        assert_eq!(default_of(&profiles(None, &["a"])).unwrap().as_str(), "a");
        let error = default_of(&profiles(None, &["a", "b"])).unwrap_err();
        assert!(error.to_string().contains("`a`, `b`"), "{error}");
        assert!(matches!(default_of(&profiles(None, &[])), Err(CommandError::NoProfile)));
    }

    #[test]
    fn lists_and_settings_are_aligned_with_what_is_configured() {
        let mut profiles = profiles(Some("long"), &["a", "long"]);
        assert_eq!(list(&profiles), "a     sso\nlong  sso  (default)\n");
        profiles.profiles[0].run_time = true;
        assert_eq!(list(&profiles), "a     sso  (added at run time)\nlong  sso  (default)\n");
        let info = &mut profiles.profiles[0];
        info.settings.insert("realm".to_owned(), "mas\x1bter".into());
        info.settings.insert("scopes".to_owned(), vec!["openid", "email"].into());
        assert_eq!(
            settings(info),
            "[profile.a]\nauth_type = \"sso\"\nrealm = \"mas\\u001bter\"\nscopes = [\"openid\",\"email\"]\n"
        );
    }
}
