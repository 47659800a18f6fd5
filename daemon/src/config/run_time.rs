//! Profiles made at run time: a file of the same form as the configuration, with limits on what it may say.

use super::document::{self, Section};
use super::error::Fault;
use super::written::Limits;
use super::{ConfigError, PROFILE_FORM, Profile, folder_of};
use bearerd_proto::{ProfileName, ProfileSettings};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use toml::{Table, Value};

/// All that are there: immutable, and valid by construction. Each change makes another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunTimeProfiles {
    made: BTreeMap<ProfileName, Made>,
}

/// One of them, and what it was made of.
#[derive(Clone, PartialEq, Eq)]
struct Made {
    profile: Arc<Profile>,
    /// Its keys as they were given, for the file.
    keys: Keys,
}

/// The keys of a profile, and the same of all of them.
type Keys = Map<String, Json>;
type AllKeys = BTreeMap<String, Keys>;

/// Its keys were judged: none is a secret.
impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.profile.fmt(f)
    }
}

impl RunTimeProfiles {
    /// Reads `text` as the file at `path`. `config` is the configuration's, where relative paths start.
    ///
    /// Looks at files that the text names, as [`super::Config::load`] does.
    ///
    /// # Errors
    /// As there; and it says more than a profile made at run time may.
    pub fn parse(text: &str, path: &Path, config: &Path) -> Result<Self, ConfigError> {
        Self::read(text, config).map_err(|fault| fault.within(text.as_bytes(), path))
    }

    /// The same and the profile `name` with these settings, in place of one that has the name.
    ///
    /// Looks at files that the settings name, as [`RunTimeProfiles::parse`] does.
    ///
    /// # Errors
    /// What is wrong with the settings, and what to write instead: never a value of theirs but a path.
    pub fn with(
        &self,
        name: &ProfileName,
        settings: &ProfileSettings,
        config: &Path,
    ) -> Result<Self, String> {
        let faulty = settings.0.iter().find(|(_, value)| toml_of(value).is_none());
        if let Some((key, _)) = faulty {
            return Err(format!(
                "{} holds `null` or too large a number; leave it out",
                document::quoted(key)
            ));
        }
        let one = AllKeys::from([(name.to_string(), settings.0.clone())]);
        let read = Self::read(&written(&one), config);
        let one = read.map_err(|Fault { reason, mend, .. }| format!("{reason}; {mend}"))?;
        let mut made = self.made.clone();
        made.extend(one.made);
        Ok(Self { made })
    }

    /// The same without the profile `name`, where it is there.
    pub fn without(&self, name: &ProfileName) -> Option<Self> {
        let mut made = self.made.clone();
        made.remove(name).map(|_| Self { made })
    }

    /// The file's content.
    pub fn text(&self) -> String {
        let all = self.made.iter().map(|(name, made)| (name.to_string(), made.keys.clone()));
        format!("{HEAD}\n{}", written(&all.collect()))
    }

    /// Each of them, by name.
    pub fn profiles(&self) -> impl Iterator<Item = (&ProfileName, &Arc<Profile>)> {
        self.made.iter().map(|(name, made)| (name, &made.profile))
    }

    fn read(text: &str, config: &Path) -> Result<Self, Fault> {
        let document = document::parse(text)?;
        let root = Section::root(&document);
        if let Some(key) = root.keys().into_iter().find(|key| key.name != "profile") {
            let reason = format!("{} does not belong here", document::quoted(key.name));
            return Err(Fault::new(key.at, reason, PROFILE_FORM));
        }
        // The same text once more, without places: it has just been read as TOML.
        let mut all = toml::from_str::<File>(text).map(|file| file.profile).unwrap_or_default();
        let folder = folder_of(config);
        let mut made = BTreeMap::new();
        if let Some(section) = root.table("profile", PROFILE_FORM)? {
            for (key, section) in section.tables(PROFILE_FORM)? {
                let profile = Profile::read(key, section, &folder, Limits::RunTime)?;
                let keys = all.remove(key.name).unwrap_or_default();
                let name = profile.name().clone();
                made.insert(name, Made { profile: Arc::new(profile), keys });
            }
        }
        Ok(Self { made })
    }
}

/// The file, as it is read once its places are known.
#[derive(Default, Deserialize)]
struct File {
    #[serde(default)]
    profile: AllKeys,
}

fn written(all: &AllKeys) -> String {
    let table = |keys: &Keys| -> Table {
        let values = keys.iter().map(|(key, value)| (key.clone(), toml_of(value)));
        values.filter_map(|(key, value)| Some((key, value?))).collect()
    };
    let tables = all.iter().map(|(name, keys)| (name.clone(), Value::Table(table(keys))));
    let mut root = Table::new();
    root.insert("profile".to_owned(), Value::Table(tables.collect()));
    root.to_string()
}

/// `None` where TOML has no such value.
fn toml_of(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None if number.is_u64() => return None,
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(toml_of).collect::<Option<_>>()?),
        Json::Object(fields) => Value::Table(
            fields
                .iter()
                .map(|(name, value)| Some((name.clone(), toml_of(value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

const HEAD: &str = "# Profiles made at run time. bearerd writes this file: change it by `bearerctl profile add` and `remove`.\n";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PATH: &str = "/nowhere/state/profiles.toml";
    const CONFIG: &str = "/nowhere/config/config.toml";

    fn settings(value: Json) -> ProfileSettings {
        serde_json::from_value(value).unwrap()
    }

    fn with(base: &RunTimeProfiles, name: &str, value: Json) -> Result<RunTimeProfiles, String> {
        base.with(&name.parse().unwrap(), &settings(value), Path::new(CONFIG))
    }

    fn parsed(text: &str) -> Result<RunTimeProfiles, ConfigError> {
        RunTimeProfiles::parse(text, Path::new(PATH), Path::new(CONFIG))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let none = RunTimeProfiles::default();
        assert_eq!(parsed(&none.text()).unwrap(), none);
        let one = with(&none, "a.b", json!({"auth_type": "none"})).unwrap();
        let two = with(
            &one,
            "c",
            json!({"auth_type": "sso", "keycloak_addr": "https://kc.example.com", "scopes": ["a", "b"],
                "lifetime": 60, "extra_parameters": {"x": "1", "token": {"y": "2"}}}),
        )
        .unwrap();
        assert_eq!(parsed(&two.text()).unwrap(), two);
        assert_eq!(two.without(&"c".parse().unwrap()), Some(one));
        assert_eq!(two.without(&"d".parse().unwrap()), None);
        let names: Vec<_> = two.profiles().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a.b", "c"]);
    }

    #[test]
    fn the_same_name_again_takes_the_place() {
        let base = with(&RunTimeProfiles::default(), "a", json!({"auth_type": "none"})).unwrap();
        let again = with(&base, "a", json!({"auth_type": "none"})).unwrap();
        assert_eq!(again, base);
        let other = with(&base, "a", json!({"auth_type": "test_auth"})).unwrap();
        assert_eq!(other.profiles().count(), 1);
        assert_ne!(other, base);
    }

    #[test]
    fn a_secret_file_lies_below_the_configuration() {
        let token = |file: &str| {
            with(
                &RunTimeProfiles::default(),
                "a",
                json!({"auth_type": "token", "token_file": file}),
            )
        };
        for file in ["t", "below/t", "/nowhere/config/t"] {
            assert_eq!(token(file).map(|made| made.made.len()), Ok(1), "{file}");
        }
        for file in ["/etc/shadow", "../t", "/nowhere/config/../t", "/nowhere/configs/t"] {
            assert!(token(file).unwrap_err().contains("outside"), "{file}");
        }
    }

    #[test]
    fn what_is_no_profile_is_refused_in_one_sentence_without_its_values() {
        let sso = json!({"auth_type": "sso", "keycloak_addr": "https://kc.example.com"});
        let more = |key: &str, value: Json| {
            let mut all = sso.clone();
            all[key] = value;
            all
        };
        let cases = [
            (json!({}), "`auth_type`"),
            (json!({"auth_type": 7}), "must be a string"),
            (json!({"auth_type": "nune"}), "`none`"),
            (more("client_secret", json!("hunter2")), "secret"),
            (more("realm", Json::Null), "`realm` holds `null`"),
            (more("lifetime", json!(u64::MAX)), "too large"),
            (more("scopes", json!(["a", null])), "`scopes` holds `null`"),
            (more("relam", json!("hunter2")), "did you mean `realm`"),
            (more("allow_http", json!(true)), "allow_http"),
            (more("sink", json!([{"path": "/etc/x"}])), "sink"),
        ];
        for (value, says) in cases {
            let error = with(&RunTimeProfiles::default(), "a", value.clone()).unwrap_err();
            assert!(error.contains(says), "{value}: {error}");
            assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_file_that_says_more_is_refused_with_its_line() {
        let cases = [
            ("default_profile = 'a'\n[profile.a]\nauth_type = 'none'\n", ":1:1: `default_profile`"),
            ("[profile.a]\nauth_type = 'token'\ntoken_file = '/etc/x'\n", ":3:"),
            ("[profile.a\n", ":1:"),
        ];
        for (text, says) in cases {
            let error = parsed(text).unwrap_err().to_string();
            assert!(error.starts_with(PATH) && error.contains(says), "{error}");
        }
    }
}
