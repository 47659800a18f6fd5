//! What this machine has for a user manager.

use super::Unavailable;
use std::fs;
use std::path::{Path, PathBuf};

/// Nothing is missing; gives the root of the cgroup2 tree.
pub(super) fn check() -> Result<PathBuf, Unavailable> {
    if !rustix::process::geteuid().is_root() {
        return Err(Unavailable::NotRoot);
    }
    for (program, package) in PROGRAMS {
        if !installed(program) {
            return Err(Unavailable::Missing { program, package });
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    cgroup2(&mounts).ok_or(Unavailable::NoCgroup2)
}

/// What the scripts and tests call, and the Debian package that has it.
const PROGRAMS: [(&str, &str); 9] = [
    ("/lib/systemd/systemd", "systemd"),
    ("/lib/systemd/systemd-journald", "systemd"),
    ("systemctl", "systemd"),
    // Starts the user's D-Bus; systemctl speaks to the manager through it.
    ("/usr/lib/systemd/user/dbus.socket", "dbus-user-session"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("useradd", "passwd"),
    ("curl", "curl"),
];

fn installed(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists())
}

/// The first mount of a cgroup2 file system (proc_pid_mountinfo(5): the fifth field is the place, and the first after
/// ` - ` the kind).
fn cgroup2(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let is_cgroup2 = file_system.split(' ').next() == Some("cgroup2");
        mount.split(' ').nth(4).filter(|_| is_cgroup2).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cgroup2_tree_is_found_beside_the_old_ones_and_alone() {
        let old = "33 32 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";
        let hybrid = "45 32 0:40 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let alone =
            "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let cases = [
            (old.to_owned(), None),
            (format!("{old}{hybrid}"), Some("/sys/fs/cgroup/unified")),
            (alone.to_owned(), Some("/sys/fs/cgroup")),
        ];
        for (mounts, place) in cases {
            assert_eq!(cgroup2(&mounts), place.map(PathBuf::from), "{mounts}");
        }
    }
}
