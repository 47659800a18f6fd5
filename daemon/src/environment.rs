//! The one module that reads the environment, once, and what follows from it for the daemon's places.

use bearerd_session::Pauses;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// What the daemon takes from its environment. A variable that is empty counts as not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `BEARERD_CONFIG`: the configuration file.
    pub config: Option<PathBuf>,
    /// `BEARERD_STATE`: the state folder.
    pub state: Option<PathBuf>,
    /// `BEARERD_SOCKET`: where to listen.
    pub socket: Option<PathBuf>,
    /// What to log: `BEARERD_LOG`, else `RUST_LOG`.
    pub log: Option<String>,
    /// `XDG_CONFIG_HOME`, if absolute.
    pub config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`, if absolute.
    pub state_home: Option<PathBuf>,
    /// `XDG_CACHE_HOME`, if absolute.
    pub cache_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`, if absolute.
    pub runtime_dir: Option<PathBuf>,
    /// `HOME`, if absolute.
    pub home: Option<PathBuf>,
    /// `NOTIFY_SOCKET` is set: a service manager wants to hear from the daemon.
    pub supervised: bool,
    /// `BEARERD_TEST_PAUSES`, in a build with debug assertions alone: a release never looks at it.
    pub test_pauses: Option<TestPauses>,
}

/// Shorter pauses than the daemon's own, for a test that waits until a session has healed: in whole seconds,
/// `backoff=1 retry-after=3 hold=5 fetch=14`, each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestPauses {
    /// The session's.
    pub session: Pauses,
    /// How long a request that spends something may take.
    pub fetch: Duration,
}

impl TestPauses {
    /// Absent where it is not written so.
    fn read(text: &str) -> Option<Self> {
        let seconds = |name: &str| {
            let mut pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            value.parse().ok().map(Duration::from_secs)
        };
        let session = Pauses {
            backoff: seconds("backoff")?,
            retry_after: seconds("retry-after")?,
            hold: seconds("hold")?,
        };
        Some(Self { session, fetch: seconds("fetch")? })
    }
}

impl Environment {
    /// Reads the environment of this process.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn read() -> Self {
        Self::from_variables(std::env::var_os)
    }

    /// The same from variables that are given.
    pub fn from_variables(variable: impl Fn(&'static str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let path = |name| set(name).map(PathBuf::from);
        // "All paths set in these environment variables must be absolute. If an implementation encounters a relative
        // path in any of these variables it should consider the path invalid and ignore it." (XDG Base Directory)
        let absolute = |name| path(name).filter(|path| path.is_absolute());
        let text = |name| set(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            config: path("BEARERD_CONFIG"),
            state: path("BEARERD_STATE"),
            socket: path("BEARERD_SOCKET"),
            log: text("BEARERD_LOG").or_else(|| text("RUST_LOG")),
            config_home: absolute("XDG_CONFIG_HOME"),
            state_home: absolute("XDG_STATE_HOME"),
            cache_home: absolute("XDG_CACHE_HOME"),
            runtime_dir: absolute("XDG_RUNTIME_DIR"),
            home: absolute("HOME"),
            supervised: set("NOTIFY_SOCKET").is_some(),
            test_pauses: if cfg!(debug_assertions) {
                text("BEARERD_TEST_PAUSES").and_then(|text| TestPauses::read(&text))
            } else {
                None
            },
        }
    }

    /// The configuration file: `BEARERD_CONFIG`, else `bearerd/config.toml` in the user's configuration folder.
    ///
    /// # Errors
    /// Where no variable tells.
    pub fn config_file(&self) -> Result<PathBuf, EnvironmentError> {
        let default =
            || Some(below(&self.config_home, &self.home, ".config")?.join("bearerd/config.toml"));
        self.config.clone().or_else(default).ok_or(EnvironmentError::NoPlace {
            what: "the configuration",
            ours: "BEARERD_CONFIG",
            theirs: "XDG_CONFIG_HOME",
        })
    }

    /// The state folder: `BEARERD_STATE`, else `bearerd` in the user's state folder.
    ///
    /// Never systemd's `STATE_DIRECTORY`: every way to start the daemon has to find the same state.
    ///
    /// # Errors
    /// Where no variable tells.
    pub fn state_folder(&self) -> Result<PathBuf, EnvironmentError> {
        let default = || Some(below(&self.state_home, &self.home, ".local/state")?.join("bearerd"));
        self.state.clone().or_else(default).ok_or(EnvironmentError::NoPlace {
            what: "the saved sessions",
            ours: "BEARERD_STATE",
            theirs: "XDG_STATE_HOME",
        })
    }

    /// The cache file of the Wallaroo SDK, where `orch` finds its refresh token; `None` where no variable tells.
    pub fn sdk_cache_file(&self) -> Option<PathBuf> {
        let cache = below(&self.cache_home, &self.home, ".cache")?;
        Some(cache.join("wallaroo_sdk/auth/keycloak.json"))
    }
}

/// Why a place of the daemon is not known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// A service without a login, or `env -i`: not even `HOME` is there.
    #[error("cannot tell where {what} should be: set HOME, {theirs} (both absolute) or {ours}")]
    NoPlace {
        /// What has no place.
        what: &'static str,
        /// The variable of bearerd that names it.
        ours: &'static str,
        /// The XDG variable that names the folder above it.
        theirs: &'static str,
    },
}

fn below(
    named: &Option<PathBuf>,
    home: &Option<PathBuf>,
    default: impl AsRef<OsStr>,
) -> Option<PathBuf> {
    named.clone().or_else(|| Some(home.as_ref()?.join(Path::new(&default))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&'static str, &str)]) -> Environment {
        Environment::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_configuration_file() {
        let no_place = "cannot tell where the configuration should be: \
                        set HOME, XDG_CONFIG_HOME (both absolute) or BEARERD_CONFIG";
        for (variables, expected) in [
            (&[("HOME", "/home/jane")][..], Ok("/home/jane/.config/bearerd/config.toml")),
            (&[("HOME", "/home/jane"), ("XDG_CONFIG_HOME", "/c")], Ok("/c/bearerd/config.toml")),
            (
                &[("HOME", "/home/jane"), ("XDG_CONFIG_HOME", "")],
                Ok("/home/jane/.config/bearerd/config.toml"),
            ),
            (
                &[("HOME", "/home/jane"), ("XDG_CONFIG_HOME", "c")],
                Ok("/home/jane/.config/bearerd/config.toml"),
            ),
            (&[("XDG_CONFIG_HOME", "/c")], Ok("/c/bearerd/config.toml")),
            (&[("XDG_CONFIG_HOME", "/c"), ("BEARERD_CONFIG", "./mine.toml")], Ok("./mine.toml")),
            (
                &[("HOME", "/home/jane"), ("BEARERD_CONFIG", "")],
                Ok("/home/jane/.config/bearerd/config.toml"),
            ),
            (&[("HOME", "home/jane")], Err(no_place)),
            (&[], Err(no_place)),
        ] {
            let file = environment(variables).config_file().map_err(|error| error.to_string());
            assert_eq!(file, expected.map(PathBuf::from).map_err(str::to_owned), "{variables:?}");
        }
    }

    #[test]
    fn the_state_folder() {
        let no_place = "cannot tell where the saved sessions should be: \
                        set HOME, XDG_STATE_HOME (both absolute) or BEARERD_STATE";
        for (variables, expected) in [
            (&[("HOME", "/home/jane")][..], Ok("/home/jane/.local/state/bearerd")),
            (&[("HOME", "/home/jane"), ("XDG_STATE_HOME", "/s")], Ok("/s/bearerd")),
            (
                &[("HOME", "/home/jane"), ("XDG_STATE_HOME", "../s")],
                Ok("/home/jane/.local/state/bearerd"),
            ),
            (&[("HOME", "/home/jane"), ("BEARERD_STATE", "/mine")], Ok("/mine")),
            (
                &[("HOME", "/home/jane"), ("STATE_DIRECTORY", "/other")],
                Ok("/home/jane/.local/state/bearerd"),
            ),
            (&[], Err(no_place)),
        ] {
            let folder = environment(variables).state_folder().map_err(|error| error.to_string());
            assert_eq!(folder, expected.map(PathBuf::from).map_err(str::to_owned), "{variables:?}");
        }
    }

    #[test]
    fn what_is_left() {
        assert_eq!(environment(&[]), Environment::default());
        let told = environment(&[("NOTIFY_SOCKET", "@x"), ("RUST_LOG", "info")]);
        assert!(told.supervised);
        assert_eq!(told.log.as_deref(), Some("info"));
        let both = environment(&[("RUST_LOG", "info"), ("BEARERD_LOG", "bearerd=debug")]);
        assert_eq!(both.log.as_deref(), Some("bearerd=debug"));
    }

    #[test]
    fn pauses_of_a_test_are_taken_whole_and_never_by_a_release() {
        let of = |text| environment(&[("BEARERD_TEST_PAUSES", text)]).test_pauses;
        let seconds = Duration::from_secs;
        let whole = TestPauses {
            session: Pauses { backoff: seconds(1), retry_after: seconds(3), hold: seconds(5) },
            fetch: seconds(14),
        };
        let expected = cfg!(debug_assertions).then_some(whole);
        assert_eq!(of("backoff=1 retry-after=3 hold=5 fetch=14"), expected);
        for torn in ["", "backoff=1", "backoff=1 retry-after=3 hold=5 fetch=x", "1 3 5 14"] {
            assert_eq!(of(torn), None, "{torn}");
        }
    }

    #[test]
    fn the_process_has_an_environment() {
        assert_ne!(Environment::read(), Environment::default(), "cargo sets HOME at least");
    }

    #[test]
    fn the_sdks_cache_file_is_in_the_users_cache_folder() {
        let file = "wallaroo_sdk/auth/keycloak.json";
        for (variables, folder) in [
            (&[("HOME", "/home/jane")][..], Some("/home/jane/.cache")),
            (&[("HOME", "/home/jane"), ("XDG_CACHE_HOME", "/cache")], Some("/cache")),
            (&[("HOME", "/home/jane"), ("XDG_CACHE_HOME", "cache")], Some("/home/jane/.cache")),
            (&[], None),
        ] {
            let expected = folder.map(|folder| Path::new(folder).join(file));
            assert_eq!(environment(variables).sdk_cache_file(), expected, "{variables:?}");
        }
    }
}
