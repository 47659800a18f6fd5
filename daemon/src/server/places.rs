//! Where the socket may be: the order in which the daemon and its clients look.

use std::path::{Path, PathBuf};

/// The environment's part in the choice, read by the one module that reads the environment.
#[derive(Clone, Debug, Default)]
pub struct SocketEnvironment {
    /// `BEARERD_SOCKET`: the one place, when set.
    pub bearerd_socket: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`; an empty or relative one counts as unset, as the XDG specification says.
    pub xdg_runtime_dir: Option<PathBuf>,
}

/// The places for the socket of user `uid`, best first; never empty, never `/tmp`, never an abstract socket.
///
/// `BEARERD_SOCKET` alone where it is set. Else `$XDG_RUNTIME_DIR/bearerd.sock`; `/run/user/UID/bearerd.sock` where
/// that folder is the user's own (a shell that `su` opened has no `XDG_RUNTIME_DIR`); `bearerd-HOST.sock` in the state
/// folder, which several hosts may share, hence its name. `owner` gives the owner of a folder: [`folder_owner`].
pub fn socket_candidates(
    environment: &SocketEnvironment,
    uid: u32,
    host: &str,
    state_dir: &Path,
    owner: impl Fn(&Path) -> Option<u32>,
) -> Vec<PathBuf> {
    if let Some(path) = environment.bearerd_socket.as_ref().filter(|path| !is_empty(path)) {
        return vec![path.clone()];
    }
    let mut candidates = Vec::new();
    if let Some(folder) = environment.xdg_runtime_dir.as_ref().filter(|path| path.is_absolute()) {
        candidates.push(folder.join("bearerd.sock"));
    }
    let folder = PathBuf::from(format!("/run/user/{uid}"));
    let path = folder.join("bearerd.sock");
    if owner(&folder) == Some(uid) && !candidates.contains(&path) {
        candidates.push(path);
    }
    candidates.push(state_dir.join(format!("bearerd-{host}.sock")));
    candidates
}

/// The owner of a folder, `None` where there is no such folder.
pub fn folder_owner(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir).map(|folder| folder.uid())
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_places() {
        let state = "/home/jane/.local/state/bearerd/bearerd-n1.sock";
        let own = "/run/user/7/bearerd.sock";
        /// `BEARERD_SOCKET`, `XDG_RUNTIME_DIR`, owner of `/run/user/7`, the places.
        type Case<'a> = (Option<&'a str>, Option<&'a str>, Option<u32>, &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            (Some("/x/s.sock"), Some("/run/user/7"), Some(7), &["/x/s.sock"]),
            (Some(""), Some("/run/user/7"), Some(7), &[own, state]),
            (None, Some("/run/user/7"), None, &[own, state]),
            (None, Some("/xdg"), Some(7), &["/xdg/bearerd.sock", own, state]),
            (None, Some("/xdg"), Some(0), &["/xdg/bearerd.sock", state]),
            (None, Some("relative"), None, &[state]),
            (None, Some(""), None, &[state]),
            (None, None, Some(7), &[own, state]),
            (None, None, None, &[state]),
        ];
        for (socket, runtime, owner, places) in cases {
            let environment = SocketEnvironment {
                bearerd_socket: socket.map(PathBuf::from),
                xdg_runtime_dir: runtime.map(PathBuf::from),
            };
            let state_dir = Path::new("/home/jane/.local/state/bearerd");
            let found = socket_candidates(&environment, 7, "n1", state_dir, |folder| {
                owner.filter(|_| folder == Path::new("/run/user/7"))
            });
            let expected: Vec<PathBuf> = places.iter().map(PathBuf::from).collect();
            assert_eq!(found, expected, "{socket:?} {runtime:?} {owner:?}");
        }
    }
}
