//! What the environment says: the one place of `bearerctl` that reads it. The socket's place is the library's.

use crate::exit::CommandError;
use bearerd_client::ProfileName;
use std::ffi::OsString;
use std::path::PathBuf;

/// The profile that is meant: the argument, else `BEARERD_PROFILE`; `None` leaves it to the daemon.
pub(crate) fn profile_or(
    argument: Option<ProfileName>,
) -> Result<Option<ProfileName>, CommandError> {
    match (argument, variable("BEARERD_PROFILE")) {
        (Some(argument), _) => Ok(Some(argument)),
        (None, None) => Ok(None),
        (None, Some(text)) => Ok(Some(text.to_string_lossy().parse()?)),
    }
}

/// The folder of programs' caches (XDG Base Directory Specification, which has relative paths ignored).
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    variable("XDG_CACHE_HOME")
        .and_then(|path| absolute(path.into()))
        .or_else(|| absolute(std::env::home_dir()?).map(|home| home.join(".cache")))
}

/// Whether colour is welcome on a terminal (no-color.org).
pub(crate) fn colour_is_welcome() -> bool {
    variable("NO_COLOR").is_none() && variable("TERM").is_some_and(|terminal| terminal != "dumb")
}

/// One that is empty counts as one that is not set.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
