//! A daemon that a client starts where none answers: one, nobody's child, and gone when nobody calls.

use bearerd_client::Status;
use bearerd_tests::daemon::{Daemon, Home, eventually};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, getsid, kill_process};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONFIGURATION: &str = "[profile.a]\nauth_type = \"test_auth\"\n";

/// Ends what a test has started in its home.
struct Started(Arc<Home>);

impl Started {
    fn home() -> Self {
        let home = Arc::new(Home::new());
        home.configure(CONFIGURATION);
        Self(home)
    }

    fn bearerctl(&self, arguments: &[&str], more: impl FnOnce(&mut Command)) -> Output {
        let mut command = self.0.command(&bearerd_tests::binaries::bearerctl());
        more(command.args(arguments));
        command.output().unwrap()
    }

    fn pid(&self) -> Option<Pid> {
        let status = self.0.client().status().ok()?;
        Pid::from_raw(i32::try_from(status.pid).ok()?)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
    }
}

fn pid_in(output: &Output) -> u32 {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice::<Status>(&output.stdout).unwrap().pid
}

#[test]
fn without_being_asked_nobody_starts_one() {
    let started = Started::home();
    for value in ["", "0", "yes"] {
        let output = started.bearerctl(&["status"], |command| {
            command.env("BEARERD_AUTOSTART", value);
        });
        assert_eq!(output.status.code(), Some(6), "{value}");
    }
}

#[test]
fn eight_that_start_one_at_once_end_with_one() {
    let started = Started::home();
    let pids: Vec<u32> = std::thread::scope(|scope| {
        let run = |at: usize| {
            started.bearerctl(&["status", "--json"], |command| {
                // By the flag or by the environment.
                if at < 4 {
                    command.arg("--autostart")
                } else {
                    command.env("BEARERD_AUTOSTART", "1")
                };
            })
        };
        let runs: Vec<_> = (0..8).map(|at| scope.spawn(move || pid_in(&run(at)))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
    let pid = started.pid().unwrap();
    // No signal and no end of a terminal that it was started from is its own.
    assert_eq!(getsid(Some(pid)).unwrap(), pid);
    let words = std::fs::read(format!("/proc/{}/cmdline", pids[0])).unwrap();
    assert!(String::from_utf8_lossy(&words).contains("--idle-timeout\x0086400"), "{words:?}");
}

#[test]
fn it_gets_its_places_and_no_password_from_its_starter() {
    let started = Started::home();
    let output = started.bearerctl(&["token", "--autostart"], |command| {
        command.env("WALLAROO_PASSWORD", "hunter2").env("NO_PROXY", "idp.example.com");
    });
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "definitely_a_bearer_token_str");
    let pid = started.pid().unwrap().as_raw_nonzero();
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(!environment.contains("hunter2"), "{environment}");
    assert!(environment.contains("NO_PROXY=idp.example.com"), "{environment}");
    let log = started.0.state().join("bearerd.log");
    assert!(std::fs::read_to_string(log).unwrap().contains("serving"));
}

#[test]
fn it_keeps_nothing_of_its_starters_in_use() {
    let started = Started::home();
    let work = started.0.path().join("work");
    std::fs::create_dir(&work).unwrap();
    // The socket's place is relative to where the starter works; descriptor 9 is a lock's or a pipe's.
    let script = "mkfifo fifo; exec 9<>fifo; exec \"$@\"";
    let bearerctl = bearerd_tests::binaries::bearerctl();
    let mut shell = started.0.command(Path::new("/bin/sh"));
    shell.args(["-c", script, "sh"]).arg(bearerctl).args(["status", "--autostart", "--json"]);
    shell.current_dir(&work).env("BEARERD_SOCKET", "../run/bearerd.sock");
    let pid = pid_in(&shell.output().unwrap());
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let fifo = rustix::fs::open(work.join("fifo"), flags, Mode::empty()).unwrap();
    // As long as somebody has it open, there is no end.
    assert_eq!(rustix::io::read(fifo, &mut [0_u8; 1]), Ok(0));
    assert_eq!(started.pid().unwrap().as_raw_nonzero().get().unsigned_abs(), pid);
}

#[test]
fn one_that_cannot_serve_says_why_and_where_its_words_are() {
    let started = Started::home();
    // A socket cannot be made below a file.
    let socket = started.0.config_file().join("s");
    let arguments = ["status", "--autostart", "--socket", socket.to_str().unwrap()];
    let output = started.bearerctl(&arguments, |_| {});
    assert_eq!(output.status.code(), Some(6));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("was started and does not answer: its log, `"), "{error}");
    assert!(error.contains("bearerd.log`, ends with: "), "{error}");
    assert!(error.contains("failed to open the socket"), "{error}");
}

#[test]
fn it_ends_when_nobody_calls_and_not_before() {
    let home = Arc::new(Home::new());
    home.configure(CONFIGURATION);
    let mut command = home.command(&bearerd_tests::binaries::bearerd());
    command.args(["--idle-timeout", "2"]);
    let daemon = Daemon::start_as(&home, command);
    let client = home.client();
    let began = Instant::now();
    eventually("more than its idle time passes", || {
        client.health().unwrap();
        (began.elapsed() > Duration::from_secs(4)).then_some(())
    });
    // Who listens for events is a caller.
    let events = client.events().unwrap();
    let began = Instant::now();
    eventually("more than its idle time passes", || {
        assert!(!daemon.log().contains("nobody has called"), "{}", daemon.log());
        (began.elapsed() > Duration::from_secs(3)).then_some(())
    });
    drop(events);
    let log = home.log_file();
    assert!(daemon.ended().success());
    assert!(std::fs::read_to_string(log).unwrap().contains("nobody has called"));
}
