//! `auth_type = "token"`: a token out of a file that somebody else keeps.

use super::auth::{Auth, AuthSettings};
use super::auth_type::{AuthType, Row};
use super::error::Fault;
use super::source::Source;
use super::written::Written;
use bearerd_session::{Kind, Own};
use std::path::{Path, PathBuf};

pub(super) static ROW: Row = Row {
    word: "token",
    keys: &[&[KEY]],
    read: |profile| Ok(Auth::Token(Box::new(TokenFile::read(profile)?))),
};

/// A file with the SDK's JSON (`{"token", "user_email", "user_id"}`), or with a token alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// Where it is, absolute; it is not looked at yet.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        profile.needed(KEY, "name the file that holds the token")?;
        let path = profile.secret_file(KEY)?.unwrap_or_default();
        Ok(Self { path })
    }
}

impl AuthSettings for TokenFile {
    fn auth_type(&self) -> AuthType {
        AuthType::of(&ROW)
    }

    fn kind(&self) -> Kind {
        Kind::Own(Own::TokenFile)
    }

    fn bound_to(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn own_sources(&self) -> Vec<Source<'_>> {
        vec![Source { key: KEY, path: &self.path }]
    }
}

const KEY: &str = "token_file";
