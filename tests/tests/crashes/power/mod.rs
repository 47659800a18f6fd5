//! Power losses: the disk stops at a random moment while a dozen sessions rotate, and is mounted again.
//!
//! What a cut stands for: from one moment on nothing more gets from the kernel to the disk. Whatever sat in memory, files
//! and journal alike, is gone; whatever the disk has taken stays, in the order in which it came. So each missing or
//! misplaced sync of a save shows. What it does not stand for: a disk that loses what it has taken in its own cache, or
//! tears a sector. The kernel asks a disk to flush that cache at each sync (a barrier), and a disk that lies about it
//! is beyond what a program can do.

mod volume;

use crate::chance::Chance;
use crate::on_disk::OnDisk;
use crate::page::demanded;
use crate::{is_long, machine_alone, page, side_by_side};
use bearerd_client::{ErrorCode, ProfileState, Status};
use bearerd_test_idp::{Outcome, TestIdp};
use bearerd_tests::daemon::{Daemon, Home, Rig};
use rustix::process::Signal;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use volume::Volume;

#[test]
fn a_power_loss_takes_no_save_that_was_reported_done_and_tears_nothing() {
    let _alone = machine_alone();
    let (seed, mut chance) = Chance::told("power losses");
    let (bouts, cuts) = if is_long() { (20, 5) } else { (8, 3) };
    let chances: Vec<Chance> = (0..bouts).map(|_| chance.another()).collect();
    let tallies = side_by_side(&chances, |chance| bout(chance.clone(), cuts));
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    assert_eq!(tally.torn, 0, "files that can't be opened: {tally:?}");
    assert_eq!(tally.gone, 0, "reported done, and not on disk: {tally:?}");
    assert_eq!(tally.untold, 0, "lost, and not said so: {tally:?}");
    assert!(tally.done > 0 && tally.behind > 0, "cut in the midst of it: {tally:?}");
    page::section("power losses", &tally.table(seed, bouts * cuts));
}

/// They rotate at once, and each one once between two cuts.
const PROFILES: usize = 12;
/// A dozen rotations take longer on a busy machine: the cut falls before, among and after them.
const SPAN: Duration = Duration::from_millis(150);

/// What the cuts met, by session.
#[derive(Debug, Default)]
struct Tally {
    /// The save was reported done before the cut, and stands.
    done: usize,
    /// It was not reported yet, and stands.
    newer: usize,
    /// The provider has rotated, the disk has the token before: lost in the moment.
    behind: usize,
    /// Nothing had been asked for.
    untouched: usize,
    /// The save was reported done, and does not stand.
    gone: usize,
    /// What stands can't be opened.
    torn: usize,
    /// Lost, and not said with its reason by the next daemon.
    untold: usize,
}

impl Tally {
    fn and(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            newer: self.newer + other.newer,
            behind: self.behind + other.behind,
            untouched: self.untouched + other.untouched,
            gone: self.gone + other.gone,
            torn: self.torn + other.torn,
            untold: self.untold + other.untold,
        }
    }

    fn table(&self, seed: u64, cuts: usize) -> String {
        let Self { done, newer, behind, untouched, gone, torn, untold } = self;
        let mut text = String::from(
            "| when the power went | sessions | on disk afterwards |\n|---|---|---|\n",
        );
        writeln!(text, "| the save had been reported done | {done} | the new session |").unwrap();
        writeln!(text, "| it had not | {newer} | the new session all the same |").unwrap();
        writeln!(text, "| it had not | {behind} | the old session: lost in the moment |").unwrap();
        writeln!(text, "| the IdP had not been asked | {untouched} | the newest session |")
            .unwrap();
        writeln!(
            text,
            "\nSeed {seed}. {cuts} power losses. Unreadable or torn: {}. Reported done and gone: {}. Lost, and not said \
             with its reason: {}.",
            demanded(*torn),
            demanded(*gone),
            demanded(*untold)
        )
        .unwrap();
        text
    }
}

/// A volume with a daemon on it, cut again and again.
fn bout(mut chance: Chance, cuts: usize) -> Tally {
    let home = Arc::new(Home::new());
    let volume = Volume::mounted(&home);
    let idp = Arc::new(TestIdp::start_blocking(Rig::settings()));
    let names: Vec<String> = (0..PROFILES).map(|number| format!("p{number}")).collect();
    home.configure(&names.iter().map(|name| home.sso(name, &idp)).collect::<String>());
    let mut daemon = Daemon::start(&home);
    let mut lost: Vec<&String> = names.iter().collect();
    let mut tally = Tally::default();
    for _ in 0..cuts {
        std::thread::scope(|scope| {
            for name in &lost {
                scope.spawn(|| daemon.log_in(name));
            }
        });
        for name in &names {
            daemon.until(name, "ready and saved", |it| it.state == ProfileState::Ready && it.saved);
        }
        let on_disk = || names.iter().map(|name| OnDisk::of_profile(name, &home, &idp));
        let before: Vec<OnDisk> = on_disk().map(Result::unwrap).collect();
        let done = rotated_and_cut(&daemon, &names, &volume, &mut chance);
        daemon.kill9();
        idp.block_on(
            idp.calls_until(|calls| calls.iter().all(|call| call.outcome != Outcome::Pending)),
        );
        volume.back();
        let after: Vec<Result<OnDisk, String>> = on_disk().collect();
        lost.clear();
        daemon = Daemon::start(&home);
        for (name, (before, after)) in names.iter().zip(before.iter().zip(&after)) {
            let Ok(after) = after else {
                println!("{name}: {after:?}");
                tally.torn += 1;
                lost.push(name);
                continue;
            };
            assert_eq!(daemon.token_text(name), after.access_token, "{name}");
            if is_behind(before, after, done.contains(name), &idp, &mut tally) {
                tally.untold += usize::from(!is_told(&daemon, name, after));
                lost.push(name);
            }
        }
    }
    for name in names.iter().filter(|name| !lost.contains(name)) {
        assert!(idp.is_active(&daemon.renew(name)), "{name}");
    }
    daemon.terminate();
    tally
}

/// All sessions rotate, and the power goes in between; the ones whose save had been reported done by then.
fn rotated_and_cut(
    daemon: &Daemon,
    names: &[String],
    volume: &Volume,
    chance: &mut Chance,
) -> Vec<String> {
    let done = Mutex::new(Vec::new());
    let plans: Vec<(&String, String, Duration)> =
        names.iter().map(|name| (name, daemon.token_text(name), chance.within(SPAN))).collect();
    let cut = chance.within(SPAN);
    std::thread::scope(|scope| {
        for (name, token, moment) in plans {
            let done = &done;
            scope.spawn(move || {
                // Chance, not waiting: it chooses the moment.
                std::thread::sleep(moment);
                if rotates(daemon, name, &token) && is_saved(daemon, name) {
                    done.lock().unwrap().push(name.clone());
                }
            });
        }
        std::thread::sleep(cut);
        let done = done.lock().unwrap().clone();
        volume.cut();
        // It goes with the power.
        daemon.signal(Signal::KILL);
        done
    })
}

/// Has the token renewed, unless the daemon goes before.
fn rotates(daemon: &Daemon, name: &str, token: &str) -> bool {
    let body = format!("{{\"profile\":\"{name}\",\"token\":\"{token}\"}}");
    let reply = daemon.try_request("POST", "/v1/token/reject", &body);
    reply.is_ok_and(|reply| reply.status == 200)
}

/// What the daemon says. A token is served before its save is done where that fails or hangs, and while a save is under
/// way nothing is wrong yet. Asked after the token was served, it says that the save of this token is done.
fn is_saved(daemon: &Daemon, name: &str) -> bool {
    let Ok(reply) = daemon.try_request("GET", "/v1/status", "") else { return false };
    let Ok(status) = serde_json::from_str::<Status>(&reply.body) else { return false };
    status.profiles.iter().any(|it| it.profile.as_str() == name && it.saved)
}

/// Whether the disk is behind the provider.
fn is_behind(
    before: &OnDisk,
    after: &OnDisk,
    was_done: bool,
    idp: &TestIdp,
    tally: &mut Tally,
) -> bool {
    assert_eq!(before.session, after.session);
    let sessions = idp.sessions();
    let session = sessions.iter().find(|session| Some(&session.id) == after.session.as_ref());
    let session = session.expect("the provider's session");
    assert!(session.active, "nobody has used an old refresh token: {session:?}");
    let on_disk = after.index - before.index;
    let counted = match (was_done, session.refresh_index - before.index, on_disk) {
        (true, 1, 1) => &mut tally.done,
        (false, 1, 1) => &mut tally.newer,
        (false, 1, 0) => &mut tally.behind,
        (true, 1, 0) => &mut tally.gone,
        (false, 0, 0) => &mut tally.untouched,
        other => panic!("reported done, rotations, of them on disk: {other:?}"),
    };
    *counted += 1;
    session.refresh_index > after.index
}

/// Whether the next refresh says what was lost.
fn is_told(daemon: &Daemon, name: &str, on_disk: &OnDisk) -> bool {
    let Err(error) = daemon.reject(name, &on_disk.access_token) else { return false };
    error.code() == Some(ErrorCode::LoginRequired)
        && error.to_string().contains("killed between an answer and its save")
}
