//! What is served at one moment: a configuration, its entries, and what is wrong with the file.

use super::Entry;
use crate::config::Config;
use bearerd_proto::{ErrorBody, ErrorCode, ProfileName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One configuration and the entries for it.
#[derive(Debug)]
pub struct Served {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Its profiles.
    pub entries: BTreeMap<ProfileName, Arc<Entry>>,
    /// What is wrong with the file, where the one in force is an older one, or none.
    pub error: Option<String>,
    pub(super) since_start: SinceStart,
}

/// Whether there was a good configuration since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SinceStart {
    /// It is still being read.
    Unread,
    /// There was none.
    Bad,
    /// There was one, and the last such is in force.
    Good,
}

impl Served {
    /// As [`Registry::entry`].
    ///
    /// # Errors
    /// As there.
    pub fn entry(&self, name: Option<&ProfileName>) -> Result<Arc<Entry>, ErrorBody> {
        self.usable()?;
        let profile = self.config.profile_for(name).map_err(|missing| {
            match (self.config.run_time_error(), name) {
                (Some(reason), Some(name)) => {
                    let message = format!("{missing}; {reason}");
                    ErrorBody::new(ErrorCode::Misconfigured, message).of(name)
                }
                _ => missing.into(),
            }
        })?;
        self.entries.get(profile.name()).cloned().ok_or_else(|| {
            ErrorBody::new(ErrorCode::Internal, "a configured profile has no entry: report this")
                .of(profile.name())
        })
    }

    /// Whether anything is in force.
    ///
    /// # Errors
    /// `misconfigured` where the configuration has not been good since the start.
    pub fn usable(&self) -> Result<(), ErrorBody> {
        let message = match (self.since_start, &self.error) {
            (SinceStart::Unread, Some(error)) => {
                format!("the configuration can't be used yet: {error}")
            }
            (SinceStart::Bad, Some(error)) => format!(
                "the configuration can't be used: {error}; mend it, then reload bearerd (SIGHUP)"
            ),
            _ => return Ok(()),
        };
        Err(ErrorBody::new(ErrorCode::Misconfigured, message))
    }
}
