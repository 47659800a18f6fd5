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
        let threads = std::fs::read_dir(daemon.proc("task")).unwrap().flatten();
        let mut threads: Vec<u32> =
            threads.map(|thread| thread.file_name().to_string_lossy().parse().unwrap()).collect();
        threads.sort_unstable();
        let savers = threads.iter().skip(runtime_threads()).map(u32::to_string);
        let mut arguments: Vec<_> = savers.flat_map(|saver| ["-p".to_owned(), saver]).collect();
        assert!(!arguments.is_empty(), "a thread that has just saved is there for some seconds");
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

/// The main thread and the workers of the runtime (`daemon/src/main.rs`): they are there before any that blocks.
fn runtime_threads() -> usize {
    1 + std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)
}

/// As there.
const WORKERS_MAX: usize = 4;
