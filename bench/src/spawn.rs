//! From spawn to token: `bearerctl token` as a script runs it, against a static program that only says hello.

use crate::daemon::{Daemon, Programs};
use crate::statistics::Paired;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Spawns in each turn.
const SPAWNS: u32 = 60;

/// Microseconds from spawn to exit.
pub(crate) fn token(programs: &Programs, daemon: &Daemon, rounds: usize) -> Paired {
    let hello = static_hello(daemon.folder());
    Paired::measure(rounds, |is_ours| {
        let begin = Instant::now();
        for _ in 0..SPAWNS {
            let mut command = if is_ours {
                let mut command = Command::new(&programs.bearerctl);
                command.args(["token", "--socket"]).arg(daemon.socket());
                command
            } else {
                Command::new(&hello)
            };
            let status = command.stdout(Stdio::null()).status().unwrap();
            assert!(status.success(), "{status}");
        }
        begin.elapsed().as_secs_f64() * 1e6 / f64::from(SPAWNS)
    })
}

fn static_hello(folder: &Path) -> PathBuf {
    let source = folder.join("hello.rs");
    let program = folder.join("hello");
    std::fs::write(&source, "fn main() { println!(\"hello\"); }").unwrap();
    let status = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["-O", "-C", "target-feature=+crt-static", "-o"])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(status.success(), "the yardstick could not be compiled");
    program
}
