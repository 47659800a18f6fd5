//! What the environment says: the one place of `bearerctl` that reads it. The socket's place is the library's.

use crate::autostart;
use crate::exit::CommandError;
use bearerd_client::ProfileName;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

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

/// Whether a daemon is started where none answers.
pub(crate) fn wants_autostart() -> bool {
    variable("BEARERD_AUTOSTART").is_some_and(|value| autostart::is_yes(&value))
}

/// What a daemon that is started here gets to see: its places, the way to its providers and nothing else. A program's
/// environment may hold passwords, which would stay there as long as the daemon runs.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn of_daemon() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let text = name.to_string_lossy();
        let is_place = text.starts_with("BEARERD_") || text.starts_with("XDG_");
        if !is_place && !FOR_DAEMON.contains(&text.to_ascii_lowercase().as_str()) {
            return None;
        }
        let is_path = PATHS.contains(&text.as_ref());
        let value = if is_path { absolute(Path::new(&value)).into() } else { value };
        Some((name, value))
    })
}

/// The same place for a program that works in another folder.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    // An empty one is none: it counts as not set.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Those of them that may be relative to the folder of who set them.
const PATHS: [&str; 5] =
    ["BEARERD_CONFIG", "BEARERD_STATE", "BEARERD_SOCKET", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// In lower case: of the proxies' names both cases are known.
const FOR_DAEMON: [&str; 12] = [
    "path",
    "home",
    "lang",
    "tz",
    "rust_log",
    "dbus_session_bus_address",
    "ssl_cert_file",
    "ssl_cert_dir",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// Whether colour is welcome on a terminal (no-color.org).
pub(crate) fn colour_is_welcome() -> bool {
    variable("NO_COLOR").is_none() && variable("TERM").is_some_and(|terminal| terminal != "dumb")
}

/// One that is empty counts as one that is not set.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
