//! The moment of a kill: chosen at random, and struck.

use super::tally::Class;
use crate::chance::Chance;
use bearerd_client::TokenAnswer;
use bearerd_test_idp::{CallKind, Fault, TestIdp, Times, When};
use bearerd_tests::daemon::{Daemon, Home, Rig, text_of};
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};
use std::fs::OpenOptions;
use std::process::{Child, Stdio};
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
    /// So long after the answer was lost on its way: while that is saved, while the token is sent once more.
    Lost(Duration),
    /// So long after the next daemon was started, which begins with a refresh.
    Started(Duration),
    /// The same once more, before any daemon has come to its end with it.
    StartedAgain(From),
    /// So long after the next daemon was asked to renew what the last one has perhaps renewed.
    AskedAgain(From),
}

/// What a time counts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    /// The start, or the question.
    Begin(Duration),
    /// The moment when the provider's answer left.
    Answer(Duration),
}

/// Wider than what the first refresh of a process takes, which has its way to the provider to prepare.
const AFTER_ASKED: Duration = Duration::from_millis(150);
/// Wider than what a start takes with its refresh.
const AFTER_A_START: Duration = Duration::from_millis(300);
/// Wider than what the reading of an answer takes with its save.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(25);

/// What became of it.
#[derive(Debug)]
pub(crate) struct Struck {
    /// When, on the boot-time clock.
    pub(crate) at: Duration,
    /// The new token, where the daemon gave it out before.
    pub(crate) served: Option<String>,
}

impl Moment {
    /// The kills of one round, which come before the token is renewed for good. `starts`: a start refreshes too.
    pub(crate) fn round(chance: &mut Chance, starts: bool) -> Vec<Self> {
        let mut moments = vec![Self::first(chance, starts)];
        let more = [0, 0, 1, 2][usize::try_from(chance.below(4)).unwrap()];
        moments.extend((0..more).map(|_| match (starts, chance.below(2)) {
            (true, 0) => Self::StartedAgain(From::Begin(chance.within(AFTER_A_START))),
            (true, _) => Self::StartedAgain(From::Answer(chance.within(AFTER_THE_ANSWER))),
            (false, 0) => Self::AskedAgain(From::Begin(chance.within(AFTER_ASKED))),
            (false, _) => Self::AskedAgain(From::Answer(chance.within(AFTER_THE_ANSWER))),
        }));
        moments
    }

    fn first(chance: &mut Chance, starts: bool) -> Self {
        let milliseconds = Duration::from_millis;
        match chance.below(if starts { 28 } else { 21 }) {
            0..=2 => Self::Asked(chance.within(AFTER_ASKED)),
            3..=4 => Self::Asked(chance.within(milliseconds(12))),
            5..=6 => Self::Held,
            7..=8 => Self::Spent,
            9..=12 => Self::Answered(chance.within(milliseconds(2))),
            13..=17 => Self::Answered(chance.within(AFTER_THE_ANSWER)),
            18..=20 => Self::Served(chance.within(milliseconds(2))),
            21..=24 => Self::Lost(chance.within(AFTER_THE_ANSWER)),
            _ => Self::Started(chance.within(AFTER_A_START)),
        }
    }

    /// In the order of the table.
    pub(crate) fn names(starts: bool) -> &'static [&'static str] {
        const ALL: [&str; 8] = [
            "up to 150 ms after it was asked for",
            "while the IdP held the request",
            "while the IdP held the answer",
            "up to 25 ms after the answer left",
            "up to 2 ms after the new token was served",
            "once more, up to 150 ms after the next daemon was asked for it, or 25 ms after the answer left",
            "up to 25 ms after the answer was lost on its way",
            "up to 300 ms after a start",
        ];
        const WITH_STARTS: [&str; 8] = [
            ALL[0],
            ALL[1],
            ALL[2],
            ALL[3],
            ALL[4],
            "once more, up to 300 ms after the next start, or 25 ms after its answer left",
            ALL[6],
            ALL[7],
        ];
        if starts { &WITH_STARTS } else { &ALL[..6] }
    }

    /// Which of the names.
    pub(crate) fn kind(self) -> usize {
        match self {
            Self::Asked(_) => 0,
            Self::Held => 1,
            Self::Spent => 2,
            Self::Answered(_) => 3,
            Self::Served(_) => 4,
            Self::StartedAgain(_) | Self::AskedAgain(_) => 5,
            Self::Lost(_) => 6,
            Self::Started(_) => 7,
        }
    }

    /// Whether a kill of this kind can fall there; else it does not fall where it is said to.
    pub(crate) fn may_meet(kind: usize, class: Class) -> bool {
        match kind {
            1 | 2 => class == Class::InFlight,
            3 => matches!(class, Class::Answered | Class::OnDisk),
            4 => class == Class::OnDisk,
            6 => class != Class::NotSent,
            _ => true,
        }
    }

    /// Has the current token renewed, and kills the daemon on the way.
    pub(crate) fn strike(self, daemon: Option<Daemon>, home: &Arc<Home>, idp: &TestIdp) -> Struck {
        let start = match self {
            Self::Started(after) => Some(From::Begin(after)),
            Self::StartedAgain(from) => Some(from),
            _ => None,
        };
        if let Some(from) = start {
            if let Some(daemon) = daemon {
                daemon.kill9();
            }
            return Struck { at: started_and_killed(home, idp, from), served: None };
        }
        let daemon = daemon.unwrap_or_else(|| Daemon::start(home));
        if let Self::Lost(_) = self {
            idp.fault(CallKind::Refresh, Fault::ResetAfter, Times::Next(1));
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
                Self::AskedAgain(from) => from.pass(idp),
                Self::Held | Self::Spent => idp.block_on(gate.as_ref().unwrap().waiting(1)),
                Self::Answered(after) | Self::Lost(after) => From::Answer(after).pass(idp),
                Self::Served(after) => {
                    let served = asking.join().unwrap();
                    assert!(served.is_some(), "{}", daemon.log());
                    pass(after);
                    return Struck { at: kill(&daemon), served };
                }
                Self::Started(_) | Self::StartedAgain(_) => unreachable!("nobody asks there"),
            }
            let at = kill(&daemon);
            Struck { at, served: asking.join().unwrap() }
        });
        drop(gate);
        daemon.ended();
        struck
    }
}

impl From {
    fn pass(self, idp: &TestIdp) {
        match self {
            Self::Begin(after) => pass(after),
            Self::Answer(after) => {
                idp.block_on(idp.ended(CallKind::Refresh, 1));
                pass(after);
            }
        }
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

/// A daemon that nobody waits for. What it says goes where that of the others goes, and is searched with it.
fn started_and_killed(home: &Home, idp: &TestIdp, from: From) -> Duration {
    let log = OpenOptions::new().create(true).append(true).open(home.log_file()).unwrap();
    let mut command = home.command(&bearerd_tests::binaries::bearerd());
    let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let guarded = Guarded(child);
    from.pass(idp);
    let at = now();
    drop(guarded);
    at
}

/// Killed when it goes, also where a test fails.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
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
