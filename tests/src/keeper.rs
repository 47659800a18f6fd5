//! Ends a process of a harness and removes its folder when the test process is gone, however that ends.
//!
//! A shell of ours holds the other end of a pipe; when the pipe closes it kills the process and removes the folder.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// The shell behind the pipe. Dropping it closes the pipe and waits until the folder is gone.
#[derive(Debug)]
pub(crate) struct Keeper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Keeper {
    /// Reads the process id to mind, the last line counts; an empty line: none.
    const SCRIPT: &str = "while read -r line; do pid=$line; done
        [ -z \"$pid\" ] || kill -9 \"$pid\" 2>/dev/null
        for again in 1 2 3 4 5 6 7 8 9; do rm -rf \"$1\" 2>/dev/null && exit; sleep 0.2; done";

    /// Minds this folder, and no process yet.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", Self::SCRIPT, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            // With the test's own it would hold open the pipe of whoever reads the test's words.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Minds this process from now on, in place of another.
    pub(crate) fn mind(&mut self, child: &Child) {
        self.tell(&child.id().to_string());
    }

    /// Minds no process any more.
    pub(crate) fn forget(&mut self) {
        self.tell("");
    }

    fn tell(&mut self, line: &str) {
        if let Some(pipe) = &mut self.pipe {
            // A keeper that someone killed can't be told; the process is still ended by its owner's drop.
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
    use std::fs;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_closed_pipe_ends_the_process_and_removes_the_folder() {
        let folder = tempfile::tempdir().unwrap().keep();
        fs::write(folder.join("file"), "x").unwrap();
        let mut keeper = Keeper::new(&folder).unwrap();
        let mut minded = Command::new("sleep").arg("600").spawn().unwrap();
        keeper.mind(&minded);
        drop(keeper);
        assert_eq!(minded.wait().unwrap().signal(), Some(9));
        assert!(!folder.exists());
    }

    #[test]
    fn a_process_that_is_forgotten_is_left_alone() {
        let folder = tempfile::tempdir().unwrap().keep();
        let mut keeper = Keeper::new(&folder).unwrap();
        let mut other = Command::new("sleep").arg("600").spawn().unwrap();
        keeper.mind(&other);
        keeper.forget();
        drop(keeper);
        assert_eq!(other.try_wait().unwrap(), None);
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(!folder.exists());
    }
}
