//! Each call of a save to the system: failing, hanging for longer than a save is waited for, or the last of its process.
//!
//! The calls are not written down here: one save is watched, and what it does is what is struck. Of calls that are made
//! several times on one thing it is the first.

mod calls;
mod strace;

use crate::on_disk::{OnDisk, newest};
use crate::{machine_alone, page, side_by_side};
use bearerd_client::{ErrorCode, EventKind, Status};
use bearerd_tests::daemon::{Daemon, Rig, eventually, text_of};
use calls::{Call, Thing};
use rustix::process::Signal;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use strace::Strace;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is not carried out, and this is its error.
    Error(&'static str),
    /// It begins late.
    Delay,
    /// The process ends before it begins.
    Kill,
}

impl Fault {
    /// In strace's words.
    fn injection(self, call: &Call) -> String {
        let what = match self {
            Self::Error(name) => format!("error={name}"),
            Self::Delay => format!("delay_enter={DELAY}"),
            Self::Kill => "signal=KILL".to_owned(),
        };
        format!("inject={}:{what}:when={}", call.name, call.number)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Error(name) => name,
            Self::Delay => "begins 10 s late",
            Self::Kill => "`kill -9`",
        }
    }
}

/// Microseconds; 2 s is what a save is waited for, and the rest is for looking around before it goes on.
const DELAY: u64 = 10_000_000;

#[test]
fn a_save_that_fails_hangs_or_dies_at_any_call_harms_no_reader_and_tears_nothing() {
    let _alone = machine_alone();
    let calls = watched();
    let renamed = calls.iter().position(Call::is_rename).expect("a save renames");
    assert!(calls[..renamed].iter().any(|call| call.is("fsync", Thing::NewFile)), "{calls:?}");
    assert!(calls[renamed..].iter().any(|call| call.is("fsync", Thing::Folder)), "{calls:?}");
    let cases: Vec<(&Call, Fault, usize)> = calls
        .iter()
        .enumerate()
        .flat_map(|(at, call)| {
            let errors = call.errors().iter().map(|name| Fault::Error(name));
            let faults = errors.chain([Fault::Delay, Fault::Kill]);
            faults.map(move |fault| (call, fault, usize::from(at > renamed)))
        })
        .collect();
    let missed = AtomicUsize::new(0);
    let rows = side_by_side(&cases, |(call, fault, index)| {
        let tries = (0..TRIES).find_map(|_| {
            let row = strike(call, *fault, *index);
            missed.fetch_add(usize::from(row.is_none()), Relaxed);
            row
        });
        tries.unwrap_or_else(|| panic!("{call:?}: {fault:?} was not to be placed"))
    });
    let mut table = String::from(
        "| call | on | fault | the reader got | said | on disk then | afterwards |\n|---|---|---|---|---|---|---|\n",
    );
    for ((call, fault, _), row) in cases.iter().zip(rows) {
        let (name, thing) = (&call.name, call.thing.words());
        writeln!(table, "| `{name}` | {thing} | {} | {row} |", fault.name()).unwrap();
    }
    let (faults, missed) = (cases.len(), missed.into_inner());
    writeln!(table, "\n{faults} faults. Tries that did not meet their call: {missed}.").unwrap();
    page::section("failing saves", &table);
}

/// A thread of the daemon's may have ended for want of work before it could be struck.
const TRIES: usize = 5;

/// The calls of a save, the first one on each thing. A rotation is saved once.
fn watched() -> Vec<Call> {
    let attempt = || {
        let rig = Rig::start().logged_in();
        let strace = Strace::of_savers(&rig.daemon, None);
        rig.daemon.renew(Rig::PROFILE);
        rig.daemon.until(Rig::PROFILE, "saved", |status| status.saved);
        let trace = strace.detach();
        assert!(calls::saves(&trace) <= 1, "{trace}");
        Some(calls::of(&trace)).filter(|calls| !calls.is_empty())
    };
    (0..TRIES).find_map(|_| attempt()).expect("a save is seen")
}

/// What is to be told of one fault; `None` where the trace shows that it did not meet its call, or that the save was tried
/// again before anybody could look. `index`: which refresh token has to be on disk then.
fn strike(call: &Call, fault: Fault, index: usize) -> Option<String> {
    let rig = Rig::start().logged_in();
    let strace = Strace::of_savers(&rig.daemon, Some(&fault.injection(call)));
    match fault {
        Fault::Kill => killed(rig, strace, call, index),
        Fault::Error(_) | Fault::Delay => survived(rig, strace, call, fault, index),
    }
}

/// The reader gets its token though it is not saved, everybody is told, and what stands on disk is whole. Then it heals.
fn survived(rig: Rig, strace: Strace, call: &Call, fault: Fault, index: usize) -> Option<String> {
    let token = rig.daemon.token_text(Rig::PROFILE);
    let mut watch = rig.daemon.watch();
    let answer = rig.daemon.reject(Rig::PROFILE, &token).unwrap();
    let newer = text_of(&answer);
    // The save is tried again after half a second at least: what stands there before is to be seen in peace.
    rig.daemon.signal(Signal::STOP);
    let trace = strace.so_far();
    let on_disk = OnDisk::of(&rig.home, &rig.idp);
    rig.daemon.signal(Signal::CONT);
    match fault {
        // Written down when the call is over: until then it is the last one.
        Fault::Delay => {
            let saved = rig.daemon.status(Rig::PROFILE).saved;
            if saved && !calls::was_struck(&strace.so_far(), call) {
                return None;
            }
            assert!(!saved, "{call:?}: said to be saved while it hangs");
        }
        _ if calls::was_struck(&trace, call) && calls::saves(&trace) == 1 => {}
        _ => return None,
    }
    assert_eq!(on_disk.index, index, "{call:?}, {fault:?}");
    assert!(rig.idp.is_active(&newer) && newer != token && !answer.degraded);
    let said = watch.next(EventKind::NotSaved).message.unwrap();
    let after_two_seconds = said.contains("takes longer than 2 s");
    assert_eq!(after_two_seconds, fault == Fault::Delay, "{call:?}, {fault:?}: {said}");
    rig.daemon.until(Rig::PROFILE, "saved", |status| status.saved);
    assert!(calls::was_struck(&strace.detach(), call), "{call:?}, {fault:?}");
    let rig = rig.restarted(Daemon::kill9);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), newer, "{call:?}, {fault:?}");
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
    let said = if after_two_seconds { "`not-saved` after 2 s" } else { "`not-saved` at once" };
    let stood = if index == 0 { "the old session" } else { "the new session" };
    Some(format!("the new token | {said} | {stood} | saved by itself; it goes on"))
}

/// What stands on disk is whole; where it is the old one, the next refresh says what was lost.
fn killed(rig: Rig, strace: Strace, call: &Call, index: usize) -> Option<String> {
    let token = rig.daemon.token_text(Rig::PROFILE);
    let body = format!("{{\"token\":\"{token}\"}}");
    let reply = rig.daemon.try_request("POST", "/v1/token/reject", &body);
    let served = reply.is_ok_and(|reply| reply.status != 0);
    if served && is_alive_and_saved(&rig.daemon) {
        assert!(!calls::was_struck(&strace.detach(), call), "{call:?}: it lives on");
        return None;
    }
    let rig = rig.restarted(|daemon| {
        daemon.ended();
    });
    let trace = strace.detach();
    if !calls::begun_last(&trace, call) {
        assert!(!served, "{call:?}: killed elsewhere after the token was served: {trace}");
        return None;
    }
    assert!(!served, "{call:?}: the token was served before it was saved");
    let on_disk = OnDisk::of(&rig.home, &rig.idp);
    assert_eq!((on_disk.index, newest(&rig.idp)), (index, (1, true)), "{call:?}");
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), on_disk.access_token, "{call:?}");
    let outcome = rig.daemon.reject(Rig::PROFILE, &on_disk.access_token);
    let (stood, afterwards) = if index == 1 {
        assert!(rig.idp.is_active(&text_of(&outcome.unwrap())), "{call:?}");
        ("the new session", "it goes on")
    } else {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{call:?}: {error}");
        assert!(error.to_string().contains("killed between an answer and its save"), "{error}");
        (
            "the old session",
            "its token is served; the next refresh: `login-required`, with the reason",
        )
    };
    Some(format!("no answer | – | {stood} | {afterwards}"))
}

/// Which of both comes of it: the save gets to its end, or the daemon to its own.
fn is_alive_and_saved(daemon: &Daemon) -> bool {
    eventually("the save is over, or the daemon", || {
        let Ok(reply) = daemon.try_request("GET", "/v1/status", "") else { return Some(false) };
        match serde_json::from_str::<Status>(&reply.body) {
            Ok(status) if status.profiles.iter().all(|it| it.saved) => Some(true),
            Ok(_) => None,
            Err(_) => Some(false),
        }
    })
}
