//! A profile as it is written, for the files of the auth types to read from: its keys' names are judged already.

use super::document::{Section, Text};
use super::error::Fault;
use std::path::{Component, Path, PathBuf};

/// The profile, and what holds for reading it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'d> {
    pub(super) section: Section<'d>,
    pub(super) name: &'d str,
    /// The configuration's, where relative paths start.
    pub(super) folder: &'d Path,
    pub(super) limits: Limits,
}

/// What a profile may say, by who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limits {
    /// Everything: it stands in the configuration.
    ByHand,
    /// Made at run time: no `allow_http`, and secret files only below the configuration's folder.
    RunTime,
}

impl<'d> Written<'d> {
    /// The string under `key`.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<Text<'d>>, Fault> {
        self.section.text(key)
    }

    /// The string under `key`, which has to be there.
    pub(super) fn needed(&self, key: &'static str, mend: &str) -> Result<Text<'d>, Fault> {
        self.text(key)?.ok_or_else(|| self.lacks(&format!("`{key}`"), mend))
    }

    /// The fault that something is missing.
    pub(super) fn lacks(&self, what: &str, mend: impl Into<String>) -> Fault {
        Fault::new(self.section.at, format!("profile `{}` has no {what}", self.name), mend)
    }

    /// The fault that `key` stands here, which it does.
    pub(super) fn fault_at(
        &self,
        key: &str,
        reason: impl Into<String>,
        mend: impl Into<String>,
    ) -> Fault {
        Fault::new(self.section.place_of(key).unwrap_or(self.section.at), reason, mend)
    }

    /// Whether `key` stands here.
    pub(super) fn has(&self, key: &str) -> bool {
        self.section.place_of(key).is_some()
    }

    /// The path under `key` of a file that holds a secret. It is not looked at before it is needed: one that is not
    /// there yet, or wants mending, takes no other profile down.
    pub(super) fn secret_file(&self, key: &'static str) -> Result<Option<PathBuf>, Fault> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let path = self.resolve(text)?;
        if self.limits == Limits::RunTime && !lies_below(self.folder, &path) {
            return Err(text.fault(
                format!("`{key}` names a file outside the configuration's folder"),
                "a profile that is made at run time names files below that folder alone; move the file there, or write \
                 the profile into the configuration by hand",
            ));
        }
        Ok(Some(path))
    }

    /// The path in `text`, absolute.
    pub(super) fn resolve(&self, text: Text<'_>) -> Result<PathBuf, Fault> {
        if text.value.is_empty() || text.value.starts_with('~') {
            return Err(text.fault(
                format!("`{}` is empty or starts with `~`, which only a shell expands", text.key),
                "write an absolute path, or one relative to this file's folder",
            ));
        }
        if text.value.contains(char::is_control) {
            return Err(text.fault(
                format!("`{}` has a control character in it", text.key),
                "write the path of a file",
            ));
        }
        Ok(self.folder.join(text.value))
    }
}

/// By its name alone: what a link below the folder leads to, the owner of the folder has chosen.
fn lies_below(folder: &Path, path: &Path) -> bool {
    path != folder
        && path.starts_with(folder)
        && !path.components().any(|component| component == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::super::document::{self, Section};
    use super::*;
    use std::collections::BTreeMap;

    const FOLDER: &str = "/config";

    /// Reads the profile `p` with these keys, made at run time; `Err` is what is wrong.
    fn at_run_time(keys: &str) -> Result<Profile, String> {
        read(&format!("[p]\n{keys}\n"))
    }

    fn read(text: &str) -> Result<Profile, String> {
        let document = document::parse(text).unwrap();
        let (key, section) = Section::root(&document).tables("").unwrap().remove(0);
        Profile::read(key, section, Path::new(FOLDER), Limits::RunTime)
            .map_err(|fault| format!("{}; {}", fault.reason, fault.mend))
    }

    #[test]
    fn at_run_time_secret_files_lie_below_the_folder_of_the_configuration() {
        let kinds = [
            ("token_file", "auth_type = 'token'"),
            ("cache_file", "auth_type = 'orch'\nkeycloak_addr = 'https://k.example.com'"),
            (
                "credentials_file",
                "auth_type = 'user_password'\nkeycloak_addr = 'https://k.example.com'",
            ),
            (
                "password_file",
                "auth_type = 'user_password'\nkeycloak_addr = 'https://k.example.com'\nusername = 'u'",
            ),
            ("client_secret_file", "auth_type = 'sso'\nkeycloak_addr = 'https://k.example.com'"),
            ("private_key_file", "auth_type = 'sso'\nkeycloak_addr = 'https://k.example.com'"),
        ];
        for (key, keys) in kinds {
            for below in ["f", "sub/f", "./f", "/config/f", "/config/sub//f", "..f"] {
                let read = at_run_time(&format!("{keys}\n{key} = '{below}'"));
                assert!(read.is_ok(), "{key} = {below}: {read:?}");
            }
            for elsewhere in
                ["/etc/shadow", "../f", "sub/../../f", "/config/../f", "/configs/f", "/config", "."]
            {
                let error = at_run_time(&format!("{keys}\n{key} = '{elsewhere}'")).unwrap_err();
                assert_eq!(
                    error,
                    format!(
                        "`{key}` names a file outside the configuration's folder; a profile that is made at run time \
                         names files below that folder alone; move the file there, or write the profile into the \
                         configuration by hand"
                    ),
                    "{elsewhere}"
                );
            }
        }
    }

    #[test]
    fn at_run_time_no_default_leads_out_of_the_folder() {
        let orch = "auth_type = 'orch'\nkeycloak_addr = 'https://k.example.com'";
        assert_eq!(
            at_run_time(orch).unwrap_err(),
            "profile `p` has no `cache_file`, which a profile that is made at run time needs; write `cache_file` with \
             the path of the SDK's `keycloak.json`, below the configuration's folder"
        );
    }

    #[test]
    fn at_run_time_nobody_allows_plain_http() {
        let sso = |keys: &str| at_run_time(&format!("auth_type = 'sso'\nkeycloak_addr = {keys}"));
        assert_eq!(
            sso("'http://k.example.com'\nallow_http = true").unwrap_err(),
            "`allow_http` is for profiles of the configuration alone; write https:// addresses, or write the profile \
             into the configuration by hand"
        );
        assert!(sso("'http://k.example.com'").is_err());
        assert!(sso("'http://127.0.0.1:8080'").is_ok(), "loopback needs no leave");
        assert!(sso("'https://k.example.com'\nallow_http = false").is_ok());
    }

    #[test]
    fn what_is_told_of_a_profile_makes_the_same_again() {
        for keys in [
            "auth_type = 'none'",
            "auth_type = 'token'\ntoken_file = 't'",
            "auth_type = 'orch'\nkeycloak_addr = 'https://k.example.com'\ncache_file = 'c'\nreuse_window = '5s'",
            "auth_type = 'user_password'\nissuer = 'https://i.example.com/'\nclient_id = 'c'\nusername = 'u'\n\
             password_file = 'p'\naudience_parameter = { a = 'b' }",
            "auth_type = 'sso'\nkeycloak_addr = 'https://k.example.com/'\nscopes = ['a']\nlifetime = '8h'\n\
             proxy = 'http://proxy.example.com:3128'\npublic_addr = 'https://l.example.com'\n\
             extra_parameters = { a = '1', token = { b = '2' } }",
            "auth_type = 'client_credentials'\nissuer = 'https://i.example.com'\nclient_id = 'c'\n\
             private_key_file = 'k'\ntoken_endpoint_auth_signing_alg = 'EdDSA'\nkid = '1'",
        ] {
            let profile = at_run_time(keys).unwrap();
            let mut settings = profile.info().settings;
            settings.insert("auth_type".to_owned(), profile.auth_type().as_str().into());
            let text = toml::to_string(&BTreeMap::from([("p", settings)])).unwrap();
            assert_eq!(read(&text), Ok(profile), "{keys}");
        }
    }
}
