//! Where the socket may be: the one place of this library that reads the environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the environment says about places; a variable that is empty counts as one that is not set.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// `BEARERD_SOCKET`: this path and no other.
    socket: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    runtime_folder: Option<PathBuf>,
    /// `/run/user/$UID`, where it is a folder of our own.
    own_run_user: Option<PathBuf>,
    /// `BEARERD_STATE`.
    state_folder: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    state_home: Option<PathBuf>,
    /// `HOME`, else what the system knows.
    home: Option<PathBuf>,
    /// This machine's name, as it stands in the name of a socket on a shared file system.
    host: OsString,
}

/// The folder of the daemon's state, as this environment names it: where the daemon is not told another one.
pub fn state_folder() -> Option<PathBuf> {
    Environment::read().state_folder()
}

impl Environment {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place of the library that reads the environment"
    )]
    pub(crate) fn read() -> Self {
        let path =
            |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            socket: path("BEARERD_SOCKET"),
            runtime_folder: path("XDG_RUNTIME_DIR"),
            own_run_user: own_run_user(),
            state_folder: path("BEARERD_STATE"),
            state_home: path("XDG_STATE_HOME"),
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            host: OsString::from_vec(rustix::system::uname().nodename().to_bytes().to_vec()),
        }
    }

    /// The places in the order in which they are tried.
    pub(crate) fn socket_places(&self) -> Vec<PathBuf> {
        if let Some(socket) = &self.socket {
            return vec![socket.clone()];
        }
        let mut places: Vec<PathBuf> = Vec::with_capacity(3);
        for folder in [absolute(&self.runtime_folder), self.own_run_user.as_deref()] {
            places.extend(folder.map(|folder| folder.join("bearerd.sock")));
        }
        places.extend(self.state_folder().map(|folder| {
            let mut name = OsString::from("bearerd-");
            name.push(&self.host);
            name.push(".sock");
            folder.join(name)
        }));
        places.dedup();
        places
    }

    fn state_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = &self.state_folder {
            return Some(folder.clone());
        }
        let state_home = match absolute(&self.state_home) {
            Some(state_home) => state_home.to_owned(),
            None => absolute(&self.home)?.join(".local/state"),
        };
        Some(state_home.join("bearerd"))
    }
}

/// The XDG Base Directory Specification has relative paths ignored.
fn absolute(path: &Option<PathBuf>) -> Option<&Path> {
    path.as_deref().filter(|path| path.is_absolute())
}

/// Another user could wait behind a socket in a folder that is not ours.
fn own_run_user() -> Option<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let folder = PathBuf::from(format!("/run/user/{uid}"));
    let metadata = folder.symlink_metadata().ok()?;
    (metadata.is_dir() && metadata.uid() == uid).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(change: impl FnOnce(&mut Environment)) -> Environment {
        let mut environment = Environment {
            home: Some("/home/jane".into()),
            host: "node7".into(),
            ..Environment::default()
        };
        change(&mut environment);
        environment
    }

    #[test]
    fn the_places_stand_in_the_order_in_which_they_are_tried() {
        let state = "/home/jane/.local/state/bearerd/bearerd-node7.sock";
        let cases: [(&str, Environment, &[&str]); 7] = [
            ("nothing but a home", environment(|_| ()), &[state]),
            (
                "all of them",
                environment(|e| {
                    e.runtime_folder = Some("/run/a".into());
                    e.own_run_user = Some("/run/user/7".into());
                }),
                &["/run/a/bearerd.sock", "/run/user/7/bearerd.sock", state],
            ),
            (
                "the usual desktop, where two are the same",
                environment(|e| {
                    e.runtime_folder = Some("/run/user/7".into());
                    e.own_run_user = Some("/run/user/7".into());
                }),
                &["/run/user/7/bearerd.sock", state],
            ),
            (
                "a socket of one's own hides the others",
                environment(|e| {
                    e.socket = Some("s.sock".into());
                    e.runtime_folder = Some("/run/a".into());
                }),
                &["s.sock"],
            ),
            (
                "a state folder of one's own",
                environment(|e| {
                    e.state_folder = Some("/var/b".into());
                    e.state_home = Some("/var/c".into());
                }),
                &["/var/b/bearerd-node7.sock"],
            ),
            (
                "a state home",
                environment(|e| e.state_home = Some("/var/c".into())),
                &["/var/c/bearerd/bearerd-node7.sock"],
            ),
            (
                "relative folders are ignored",
                environment(|e| {
                    e.runtime_folder = Some("run".into());
                    e.state_home = Some("state".into());
                    e.home = Some("home".into());
                }),
                &[],
            ),
        ];
        for (case, environment, places) in cases {
            let expected: Vec<PathBuf> = places.iter().map(PathBuf::from).collect();
            assert_eq!(environment.socket_places(), expected, "{case}");
        }
    }
}
