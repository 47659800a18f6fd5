//! Ends the processes of a command whatever ends the command itself: its own end, Ctrl-C, SIGKILL.
//!
//! A shell of ours holds the other end of a pipe. When the pipe closes, it kills the process group that it minds and
//! removes the folder.

use crate::failure::{Failure, While};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Minds one process group and one folder at a time.
#[derive(Debug)]
pub(crate) struct Keeper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Keeper {
    /// Reads lines `group ID` and `folder PATH`; the last of each counts, and an empty one takes it back.
    const SCRIPT: &str = r#"
        while read -r what value; do
            case $what in group) group=$value ;; folder) folder=$value ;; esac
        done
        [ -z "$group" ] || kill -s KILL -- "-$group" 2>/dev/null
        [ -n "$folder" ] || exit 0
        for again in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$folder" 2>/dev/null && exit; sleep 0.2; done"#;

    pub(crate) fn new() -> Result<Self, Failure> {
        let mut shell = Command::new("sh")
            .args(["-c", Self::SCRIPT])
            .stdin(Stdio::piped())
            // With our own it would hold open the pipe of whoever reads our words.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal is for the command, not for its keeper.
            .process_group(0)
            .spawn()
            .while_doing(|| "start `sh`".to_owned())?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Minds the process group that `leader` leads, instead of the one before.
    pub(crate) fn mind_group(&mut self, leader: &Child) {
        self.tell(&format!("group {}", leader.id()));
    }

    /// Lets the process group live.
    pub(crate) fn forget_group(&mut self) {
        self.tell("group");
    }

    /// Removes `folder` at the end.
    pub(crate) fn mind_folder(&mut self, folder: &Path) {
        self.tell(&format!("folder {}", folder.display()));
    }

    /// Lets the folder stay.
    pub(crate) fn forget_folder(&mut self) {
        self.tell("folder");
    }

    fn tell(&mut self, line: &str) {
        if let Some(pipe) = &mut self.pipe {
            // A keeper that someone killed can't be told, and keeps nothing any more.
            let _ = writeln!(pipe, "{line}");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
    }

    #[test]
    fn the_end_of_the_keeper_ends_the_group_and_the_folder() {
        let folder = tempfile::tempdir().unwrap().keep();
        std::fs::write(folder.join("file"), "x").unwrap();
        let mut leader = sleeper();
        let group = i32::try_from(leader.id()).unwrap();
        let mut member = Command::new("sleep").arg("600").process_group(group).spawn().unwrap();
        let mut keeper = Keeper::new().unwrap();
        keeper.mind_group(&leader);
        keeper.mind_folder(&folder);
        drop(keeper);
        assert_eq!(leader.wait().unwrap().signal(), Some(9));
        assert_eq!(member.wait().unwrap().signal(), Some(9));
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_forgotten_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut other = sleeper();
        let mut keeper = Keeper::new().unwrap();
        keeper.mind_group(&other);
        keeper.mind_folder(folder.path());
        keeper.forget_group();
        keeper.forget_folder();
        drop(keeper);
        assert_eq!(other.try_wait().unwrap(), None);
        assert!(folder.path().exists());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
