//! A boot of the machine that is not this one: another boot id, another boot-time clock.

use crate::daemon::Home;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a process finds that is started in it. Needs root.
#[derive(Debug)]
pub struct AnotherBoot {
    /// Stands in the place of the kernel's file; absent: the machine's own id, as a container sees it.
    id_file: Option<PathBuf>,
    /// Seconds that its boot-time clock is ahead of the machine's.
    ahead: i64,
}

impl AnotherBoot {
    /// One with this id, whose boot-time clock is so many seconds ahead of the machine's, or behind it.
    pub fn ahead(home: &Home, id: &str, seconds: i64) -> Self {
        let file = home.path().join(format!("boot-id-{id}"));
        std::fs::write(&file, format!("{id}\n")).unwrap();
        Self { id_file: Some(file), ahead: seconds }
    }

    /// One with this id, whose boot-time clock begins about now.
    pub fn just_now(home: &Home, id: &str) -> Self {
        Self::ahead(home, id, JUST_BOOTED - uptime())
    }

    /// This boot in a time namespace that began about now: the id is the machine's, the clock is not.
    pub fn in_a_container() -> Self {
        Self { id_file: None, ahead: JUST_BOOTED - uptime() }
    }

    /// `program` in it, under the process id of the command.
    pub(super) fn command(&self, home: &Home, program: &Path) -> Command {
        let mut command = home.command(Path::new("unshare"));
        command
            .args(["--mount", "--time", "--boottime", &self.ahead.to_string(), "--"])
            // A new time namespace is for children; whoever enters it by its file needs none.
            .args(["nsenter", "--time=/proc/self/ns/time_for_children", "--"])
            .args(["sh", "-c", ENTER, "sh"])
            .arg(self.id_file.as_deref().unwrap_or(Path::new("")))
            .arg(program);
        command
    }
}

/// Takes the file of the boot id, or nothing, and the program.
const ENTER: &str = r#"
    if [ -n "$1" ]; then mount --bind "$1" /proc/sys/kernel/random/boot_id || exit 1; fi
    exec "$2"
"#;

/// Seconds on a boot-time clock that has begun about now: none below zero can be had.
const JUST_BOOTED: i64 = 5;

/// Whole seconds on the machine's boot-time clock.
fn uptime() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec
}
