//! strace at a running daemon: it writes down its calls, and strikes one of them.

use bearerd_tests::daemon::{Daemon, eventually};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A strace, attached.
pub(crate) struct Strace {
    child: Child,
    folder: TempDir,
}

impl Strace {
    /// At the threads that save, counting the calls of each from here on. The other threads' calls are spared: a fault on
    /// a write to a socket or to the log would be another test.
    pub(crate) fn of_savers(daemon: &Daemon, injection: Option<&str>) -> Self {
        let savers =
            eventually("a thread that has just saved waits for work, for some seconds", || {
                Some(idle_savers(daemon)).filter(|savers| !savers.is_empty())
            });
        let savers = savers.into_iter();
        let mut arguments: Vec<_> = savers.flat_map(|saver| ["-p".to_owned(), saver]).collect();
        arguments.extend(injection.iter().flat_map(|text| ["-e".to_owned(), (*text).to_owned()]));
        Self::attach(&arguments)
    }

    fn attach(arguments: &[String]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new("strace");
        command
            // Paths are shown whole, and of what is written nothing: there are secrets in it.
            .args(["-y", "-s", "0", "-e", "trace=%file,%desc", "-o"])
            .arg(folder.path().join("trace"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("words")).unwrap());
        let mut child = command.spawn().unwrap();
        eventually("strace is attached", || {
            let words = std::fs::read_to_string(folder.path().join("words")).unwrap();
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "strace ended ({ended:?}): {words}");
            words.contains(" attached").then_some(())
        });
        Self { child, folder }
    }

    /// What it has written down.
    pub(crate) fn so_far(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("trace")).unwrap()
    }

    /// Lets the daemon go; gives all that was written down.
    pub(crate) fn detach(mut self) -> String {
        self.end();
        self.so_far()
    }

    fn end(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
            // It has ended already where the daemon has.
            let _gone = kill_process(pid, Signal::TERM);
        }
        self.child.wait().unwrap();
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.end();
    }
}

/// Threads for what blocks, saves among it: alone of all threads they wait for work with an end to their patience
/// (`thread_keep_alive` of Tokio's runtime builder), which the kernel shows as a `futex` with a time.
fn idle_savers(daemon: &Daemon) -> Vec<String> {
    let threads = std::fs::read_dir(daemon.proc("task")).unwrap().flatten();
    let savers = threads.filter(|thread| {
        // Number and arguments, proc_pid_syscall(5); a thread may end meanwhile.
        let call = std::fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
        let words: Vec<&str> = call.split_whitespace().collect();
        matches!(words[..], [_, _, FUTEX_WAIT, _, time, ..] if time != "0x0")
    });
    savers.map(|thread| thread.file_name().to_string_lossy().into_owned()).collect()
}

/// `FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG`, of `linux/futex.h`: how Rust's standard library waits.
const FUTEX_WAIT: &str = "0x89";
