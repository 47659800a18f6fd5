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
