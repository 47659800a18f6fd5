//! What a machine lacks for a user manager, each with what mends it.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why there is no user manager; one line for people.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Namespaces, cgroups and users can be made by root alone.
    #[error("a user manager of systemd can be brought up by root alone: run the test as root")]
    NotRoot,
    /// A program is not installed.
    #[error("`{program}` is missing: apt-get install -y {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The kernel's one tree of cgroups is mounted nowhere.
    #[error(
        "no cgroup2 is mounted: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
    )]
    NoCgroup2,
    /// The script that holds the manager could not be started.
    #[error("failed to start the shell that holds the user manager")]
    NoShell(#[source] io::Error),
    /// The script ended, and with it the manager. What it said stands on stderr.
    #[error(
        "the user manager of `{user}` did not come up: see the words above, and whether root may make namespaces and write \
         to `{cgroup}`"
    )]
    NotUp {
        /// The throwaway user.
        user: String,
        /// The cgroup of the manager.
        cgroup: PathBuf,
    },
}
