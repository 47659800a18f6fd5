//! The configuration: one TOML file becomes valid types, once; a file with any fault in it is rejected whole.
//!
//! The way of a file: `document` parses it and keeps places, `keys` judges every name, then each auth type's own file
//! reads the values. A new auth type is a file like `sso`, a line in the table of `auth_type`, and one in `auth`.

mod auth;
mod auth_type;
mod profile;

mod client_credentials;
mod constant;
mod orch;
mod sso;
mod token_file;
mod user_password;

mod audience_parameter;
mod client_authentication;
mod extra_parameters;
mod oauth_client;
mod provider;
mod scopes;

mod address;
mod ca_file;
mod document;
mod duration;
mod error;
mod issuer;
mod joined;
mod keys;
mod lookup;
mod regular_file;
mod run_time;
mod source;
mod written;

pub use address::Address;
pub use audience_parameter::AudienceParameter;
pub use auth::Auth;
pub use auth_type::AuthType;
pub use client_authentication::{ClientAuthentication, SigningAlgorithm};
pub use client_credentials::ClientCredentials;
pub use error::ConfigError;
pub use extra_parameters::{ExtraParameters, ParameterKind};
pub use issuer::NoSuchIssuer;
pub use lookup::NoSuchProfile;
pub use oauth_client::OAuthClient;
pub use orch::Orch;
pub use profile::Profile;
pub use provider::{Provider, RealmEndpoints};
pub(crate) use regular_file::open_regular;
pub use run_time::RunTimeProfiles;
pub use scopes::Scopes;
pub use source::Source;
pub use sso::{Flow, Sso};
pub use token_file::TokenFile;
pub use user_password::{Credentials, UserPassword};

use crate::secret_file;
use bearerd_proto::{ProfileInfo, ProfileName, Profiles};
use document::Section;
use error::Fault;
use joined::RunTime;
use keys::Place;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use written::Limits;

/// Everything that is configured: immutable, and valid by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    path: PathBuf,
    default_profile: Option<ProfileName>,
    profiles: BTreeMap<ProfileName, Arc<Profile>>,
    /// Of them, those that were made at run time.
    run_time: RunTime,
}

impl Config {
    /// Reads the file at `path`. No file there is a configuration without profiles: the state of a fresh machine.
    ///
    /// Reads files while it runs: not for a thread that serves requests.
    ///
    /// # Errors
    /// The file can't be read, or something in it is not as it has to be.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::load_if_there(path)?.unwrap_or_else(|| Self::empty(path)))
    }

    /// The same; `None` where there is no file at `path`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_if_there(path: &Path) -> Result<Option<Self>, ConfigError> {
        let bytes = read_file(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let Some(bytes) = bytes else { return Ok(None) };
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, path).map(Some),
            Err(error) => Err(Fault::new(
                error.valid_up_to(),
                "this is not UTF-8 text",
                "save the file as UTF-8",
            )
            .within(&bytes, path)),
        }
    }

    /// Reads `text` as the configuration at `path`: errors name it, and relative paths start at its folder.
    ///
    /// Looks at the files that the text names, as [`Config::load`] does.
    ///
    /// # Errors
    /// Something in the text is not as it has to be.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::read(text, path).map_err(|fault| fault.within(text.as_bytes(), path))
    }

    /// A configuration without profiles, whose errors say to write `path`.
    pub fn empty(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            default_profile: None,
            profiles: BTreeMap::new(),
            run_time: RunTime::default(),
        }
    }

    /// The file that it was read from, or that is to be written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The profile that a request without a name means: `default_profile`, or the only one.
    pub fn default_profile(&self) -> Option<&Arc<Profile>> {
        match &self.default_profile {
            Some(name) => self.profiles.get(name),
            None if self.profiles.len() == 1 => self.profiles.values().next(),
            None => None,
        }
    }

    /// Each profile, by name.
    pub fn profiles(&self) -> &BTreeMap<ProfileName, Arc<Profile>> {
        &self.profiles
    }

    /// The profile that a request means.
    ///
    /// # Errors
    /// It names one that is not there, or none where several are or none is.
    pub fn profile_for(&self, name: Option<&ProfileName>) -> Result<&Arc<Profile>, NoSuchProfile> {
        let found = match name {
            Some(name) => self.profiles.get(name),
            None => self.default_profile(),
        };
        found.ok_or_else(|| {
            let known: Vec<_> = self.profiles.keys().cloned().collect();
            match name.cloned() {
                name if known.is_empty() => {
                    NoSuchProfile::NoneConfigured { name, path: self.path.clone() }
                }
                Some(name) => NoSuchProfile::Unknown { name, known },
                None => NoSuchProfile::Ambiguous { known },
            }
        })
    }

    /// A sentence for each file with a secret or a token that can't be used as it is now. They are read when they are
    /// needed, so that one that wants mending takes no other profile down.
    ///
    /// Reads files: not for a thread that serves requests.
    pub fn unusable_files(&self) -> Vec<String> {
        let each = self.profiles.values().flat_map(|profile| {
            profile.source_files().into_iter().map(move |source| (profile.name(), source))
        });
        let unusable = each.filter_map(|(profile, Source { key, path })| {
            let error = secret_file::read(path).err()?;
            Some(format!("profile `{profile}`, `{key}`: {}", error.sentence()))
        });
        unusable.collect()
    }

    /// The answer of `GET /v1/profiles`.
    pub fn infos(&self) -> Profiles {
        Profiles {
            default_profile: self.default_profile().map(|profile| profile.name().clone()),
            profiles: self.profiles.values().map(|profile| self.info(profile)).collect(),
        }
    }

    /// What `GET /v1/profiles` says of one of its profiles.
    pub fn info(&self, profile: &Profile) -> ProfileInfo {
        ProfileInfo { run_time: self.is_run_time(profile.name()), ..profile.info() }
    }

    fn read(text: &str, path: &Path) -> Result<Self, Fault> {
        let document = document::parse(text)?;
        let root = Section::root(&document);
        for key in root.keys() {
            keys::judge(key, Place::Top)?;
        }
        let mut config = Self::empty(path);
        let folder = folder_of(path);
        if let Some(section) = root.table("profile", PROFILE_FORM)? {
            for (key, section) in section.tables(PROFILE_FORM)? {
                let profile = Profile::read(key, section, &folder, Limits::ByHand)?;
                config.profiles.insert(profile.name().clone(), Arc::new(profile));
            }
        }
        if let Some(text) = root.text("default_profile")? {
            let name = text.value.parse().ok().filter(|name| config.profiles.contains_key(name));
            let Some(name) = name else {
                let known = keys::listed(config.profiles.keys().map(ProfileName::as_str));
                let mend = match config.profiles.is_empty() {
                    true => "write that profile, or leave `default_profile` out".to_owned(),
                    false => format!("write one of {known}, or leave it out"),
                };
                return Err(text.fault("`default_profile` names no profile of this file", mend));
            };
            config.default_profile = Some(name);
        }
        Ok(config)
    }
}

/// The bytes of the file; `None` where there is nothing of that name.
fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let file = match open_regular(path) {
        Ok(file) => file,
        // A link that leads nowhere is somebody's mistake, not a fresh machine.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return if fs::symlink_metadata(path).is_ok() { Err(error) } else { Ok(None) };
        }
        Err(error) => return Err(error),
    };
    file.take(CONFIG_MAX + 1).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= CONFIG_MAX => Ok(Some(bytes)),
        _ => Err(io::Error::new(ErrorKind::FileTooLarge, "it is larger than 1 MiB")),
    }
}

/// The folder of `path`, absolute where the current folder is known, so that a later change of it moves nothing.
fn folder_of(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().unwrap_or(&path).to_owned()
}

const PROFILE_FORM: &str = "write each profile below a header `[profile.NAME]`";

/// Bytes; a thousand profiles have a tenth of it.
const CONFIG_MAX: u64 = 1024 * 1024;
