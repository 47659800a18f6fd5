//! The moment of a kill: chosen at random, and struck.

use crate::chance::Chance;
use bearerd_client::TokenAnswer;
use bearerd_test_idp::{CallKind, TestIdp, When};
use bearerd_tests::daemon::{Daemon, Home, Rig, text_of};
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// When the daemon dies. The spans are wider than what they aim at takes on a busy machine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// So long after the rotation was asked for: before the request leaves, or anywhere on its way.
    Asked(Duration),
    /// While the provider has the request and has not begun with it.
    Held,
    /// While the provider has spent the refresh token and not answered.
    Spent,
    /// So long after the answer left: while it is read, between the calls of the save, after them.
    Answered(Duration),
    /// So long after the new token was served.
    Served(Duration),
    /// So long after the next daemon was started, which begins with a refresh.
    Started(Duration),
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Struck {
    /// When, on the boot-time clock.
    pub(crate) at: Duration,
    /// The new token, where the daemon gave it out before.
    pub(crate) served: Option<String>,
}

impl Moment {
    /// Any. `starts`: a start refreshes too.
    pub(crate) fn random(chance: &mut Chance, starts: bool) -> Self {
        let milliseconds = Duration::from_millis;
        match chance.below(if starts { 25 } else { 21 }) {
            0..=4 => Self::Asked(chance.within(milliseconds(12))),
            5..=6 => Self::Held,
            7..=8 => Self::Spent,
            9..=12 => Self::Answered(chance.within(milliseconds(2))),
            13..=17 => Self::Answered(chance.within(milliseconds(25))),
            18..=20 => Self::Served(chance.within(milliseconds(2))),
            _ => Self::Started(chance.within(milliseconds(200))),
        }
    }

    /// In the order of the table; the last one is for starts that refresh.
    pub(crate) const NAMES: [&str; 6] = [
        "up to 12 ms after it was asked for",
        "while the IdP held the request",
        "while the IdP held the answer",
        "up to 25 ms after the answer left",
        "up to 2 ms after the new token was served",
        "up to 200 ms after a start",
    ];

    /// Which of the names.
    pub(crate) fn kind(self) -> usize {
        match self {
            Self::Asked(_) => 0,
            Self::Held => 1,
            Self::Spent => 2,
            Self::Answered(_) => 3,
            Self::Served(_) => 4,
            Self::Started(_) => 5,
        }
    }

    /// Has the current token renewed, and kills the daemon on the way.
    pub(crate) fn strike(self, daemon: Daemon, home: &Arc<Home>, idp: &TestIdp) -> Struck {
        if let Self::Started(after) = self {
            daemon.kill9();
            return Struck { at: started_and_killed(home, after), served: None };
        }
        let token = daemon.token_text(Rig::PROFILE);
        let gate = match self {
            Self::Held => Some(idp.gate(CallKind::Refresh, When::Before)),
            Self::Spent => Some(idp.gate(CallKind::Refresh, When::After)),
            _ => None,
        };
        let struck = std::thread::scope(|scope| {
            let (begun, beginning) = channel();
            let asking = ask(scope, &daemon, token, begun);
            beginning.recv().unwrap();
            match self {
                Self::Asked(after) => pass(after),
                Self::Held | Self::Spent => idp.block_on(gate.as_ref().unwrap().waiting(1)),
                Self::Answered(after) => {
                    idp.block_on(idp.ended(CallKind::Refresh, 1));
                    pass(after);
                }
                Self::Served(after) => {
                    let served = asking.join().unwrap();
                    assert!(served.is_some(), "{}", daemon.log());
                    pass(after);
                    return Struck { at: kill(&daemon), served };
                }
                Self::Started(_) => unreachable!("it needs nobody who asks"),
            }
            let at = kill(&daemon);
            Struck { at, served: asking.join().unwrap() }
        });
        drop(gate);
        daemon.ended();
        struck
    }
}

/// Somebody who rejects the current token, once and without patience, and tells just before.
fn ask<'scope>(
    scope: &'scope Scope<'scope, '_>,
    daemon: &'scope Daemon,
    token: String,
    begun: Sender<()>,
) -> ScopedJoinHandle<'scope, Option<String>> {
    scope.spawn(move || {
        begun.send(()).unwrap();
        let body = format!("{{\"token\":\"{token}\"}}");
        let reply = daemon.try_request("POST", "/v1/token/reject", &body).ok()?;
        let answer: TokenAnswer = serde_json::from_str(&reply.body).ok()?;
        Some(text_of(&answer))
    })
}

/// A daemon that nobody waits for.
fn started_and_killed(home: &Home, after: Duration) -> Duration {
    let mut command = home.command(&bearerd_tests::binaries::bearerd());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    pass(after);
    let at = now();
    child.kill().unwrap();
    child.wait().unwrap();
    at
}

fn kill(daemon: &Daemon) -> Duration {
    let at = now();
    daemon.signal(Signal::KILL);
    at
}

/// The one thing here that goes by the clock: it chooses the moment. A sleep alone would be late by what is aimed at.
fn pass(time: Duration) {
    let from = Instant::now();
    std::thread::sleep(time.saturating_sub(Duration::from_millis(1)));
    while from.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// Connections at this port that its owner has not closed, accepted or not (`/proc/net/tcp`, proc_pid_net(5)).
pub(crate) fn connections(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let at_port = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().unwrap_or_default();
        let state = fields.nth(1).unwrap_or_default();
        local.ends_with(&format!(":{port:04X}")) && UNCLOSED.contains(&state)
    };
    table.lines().filter(at_port).count()
}

/// `ESTABLISHED`, `SYN_RECV`, `CLOSE_WAIT`, in hexadecimal.
const UNCLOSED: [&str; 3] = ["01", "03", "08"];
