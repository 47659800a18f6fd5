//! `kill -9` at random moments around rotations, at a provider that ends a session whose old refresh token is used.

mod moment;
mod tally;

use crate::chance::Chance;
use crate::on_disk::{OnDisk, newest, temporaries};
use crate::{is_long, machine_alone, page, side_by_side};
use bearerd_client::{ErrorCode, ProfileState};
use bearerd_test_idp::{Call, CallKind, Outcome, Settings, TestIdp};
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually, text_of};
use moment::{Moment, Struck};
use std::sync::Arc;
use std::time::Duration;
use tally::{Class, End, Tally};

#[test]
fn a_kill_loses_nothing_that_was_on_disk_and_says_what_it_lost_before() {
    let (seed, tally) = kills("kills", None);
    assert_eq!(tally.lost_from_the_disk(), 0, "a login, though the newest was on disk: {tally:?}");
    assert_eq!(tally.lost_without_a_word(), 0, "lost, and not said so: {tally:?}");
    assert!(tally.lost() > 0, "what no order of writing closes is to be seen as well: {tally:?}");
    page::section("kills", &tally.table(seed, false));
}

#[test]
fn with_a_reuse_window_a_kill_loses_nothing_at_all() {
    let section = "kills within a reuse window";
    let (seed, tally) = kills(section, Some(WINDOW));
    assert_eq!(tally.lost(), 0, "a login within the window: {tally:?}");
    assert!(tally.behind() > 0, "there was something to lose: {tally:?}");
    page::section(section, &tally.table(seed, true));
}

/// Seconds; what a round takes from its first kill to its last start is shorter.
const WINDOW: u64 = 120;
/// With a home and a provider of their own: the search for secrets grows with both.
const ROUNDS_OF_A_BOUT: usize = 20;

fn kills(section: &str, window: Option<u64>) -> (u64, Tally) {
    let _alone = machine_alone();
    let (seed, mut chance) = Chance::told(section);
    let bouts = if is_long() { 1000 } else { 100 } / ROUNDS_OF_A_BOUT;
    let mut round = || Moment::round(&mut chance, window.is_some());
    let bouts: Vec<Vec<Vec<Moment>>> =
        (0..bouts).map(|_| (0..ROUNDS_OF_A_BOUT).map(|_| round()).collect()).collect();
    let tallies = side_by_side(&bouts, |rounds| bout(rounds, window));
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    for class in Class::ALL {
        assert!(tally.count(class) > 0, "each class is met: {class:?} in {tally:?}");
    }
    (seed, tally)
}

/// One login, killed again and again.
fn bout(rounds: &[Vec<Moment>], window: Option<u64>) -> Tally {
    let settings = Settings { reuse_window_seconds: window.unwrap_or(0), ..Rig::settings() };
    let more = window.map_or_else(String::new, |seconds| format!("reuse_window = {seconds}\n"));
    let Rig { mut daemon, home, idp } = Rig::with(settings, &more).logged_in();
    let mut tally = Tally::default();
    for moments in rounds {
        let on_disk = killed(moments, daemon, &home, &idp, &mut tally);
        daemon = Daemon::start(&home);
        let is_behind = newest(&idp).0 > on_disk.index;
        let end = end_of((&daemon, &idp), &on_disk, window);
        tally.end(is_behind, end);
        if end != End::GoesOn {
            daemon.log_in(Rig::PROFILE);
        }
        daemon.until(Rig::PROFILE, "ready and saved", |status| {
            status.state == ProfileState::Ready && status.saved
        });
        let on_disk = OnDisk::of(&home, &idp);
        assert_eq!((on_disk.index, true), newest(&idp), "{moments:?}: made good");
        assert_eq!(temporaries(&home.state()), 0, "a start clears up");
        // A token that came for a rejected one is not replaced at once again. The next daemon does not know that it did.
        daemon.kill9();
        daemon = Daemon::start(&home);
        has_begun(&daemon);
    }
    daemon.terminate();
    tally
}

/// Kills, all before the token is renewed for good; what stands on disk after the last one.
fn killed(
    moments: &[Moment],
    daemon: Daemon,
    home: &Arc<Home>,
    idp: &TestIdp,
    tally: &mut Tally,
) -> OnDisk {
    let mut daemon = Some(daemon);
    let mut on_disk = OnDisk::of(home, idp);
    for moment in moments {
        let before = Before { on_disk: on_disk.index, newest: newest(idp).0 };
        idp.clear_calls();
        let struck = moment.strike(daemon.take(), home, idp);
        settled(idp);
        on_disk = OnDisk::of(home, idp);
        let class = class(&before, &on_disk, &struck, idp);
        let served = struck.served.is_some();
        assert!(!served || class == Class::OnDisk, "{moment:?}: {class:?}, though it was served");
        tally.add(*moment, class, temporaries(&home.state()));
        if on_disk.over {
            // Nobody asks the provider any more.
            break;
        }
    }
    on_disk
}

/// What the next daemon makes of it. In each case the token is renewed once more, so that whatever one kill took is not
/// found out by the kill after it; with a window, when that is over.
fn end_of(rig: (&Daemon, &TestIdp), on_disk: &OnDisk, window: Option<u64>) -> End {
    let (daemon, idp) = rig;
    if let Some(seconds) = window {
        has_begun(daemon);
        idp.advance(Duration::from_secs(seconds));
    } else {
        let served = daemon.token_text(Rig::PROFILE);
        assert_eq!(served, on_disk.access_token, "what stood on disk is served");
    }
    let answer = daemon
        .token(Rig::PROFILE)
        .and_then(|answer| daemon.reject(Rig::PROFILE, &text_of(&answer)));
    match answer {
        Ok(answer) if idp.is_active(&text_of(&answer)) && newest(idp).1 => End::GoesOn,
        Err(error) if error.code() == Some(ErrorCode::LoginRequired) => {
            let is_told = error.to_string().contains("killed between an answer and its save");
            if is_told { End::Told } else { End::Untold }
        }
        _ => End::Untold,
    }
}

/// Waits until the refresh of a start within a window is over, however it ended.
fn has_begun(daemon: &Daemon) {
    daemon.until(Rig::PROFILE, "has begun", |status| {
        let is_planned = status.refresh_in.is_some_and(|seconds| seconds > SOON);
        is_planned || status.state == ProfileState::LoginRequired
    });
}

/// Seconds; a refresh is planned at half of a life of minutes, and what is to be done at once is not.
const SOON: u64 = 30;

/// How it stood before a kill.
#[derive(Debug)]
struct Before {
    on_disk: usize,
    newest: usize,
}

/// Where the kill met the use of the refresh token, by the provider's record against the file.
fn class(before: &Before, on_disk: &OnDisk, struck: &Struck, idp: &TestIdp) -> Class {
    let (newest, active) = newest(idp);
    let calls = idp.calls_of(CallKind::Refresh);
    let of_disk = calls.iter().all(|call| call.refresh_index == Some(before.on_disk));
    assert!(of_disk && newest <= before.newest + 1, "{before:?}, then {newest}: {calls:?}");
    let answered = |call: &Call| {
        call.status().is_some() && call.ended_at.is_some_and(|ended_at| ended_at < struck.at)
    };
    if calls.is_empty() || (newest == before.on_disk && active) {
        assert_eq!((on_disk.index, newest), (before.on_disk, before.newest), "nothing was sent");
        Class::NotSent
    } else if on_disk.index == newest || on_disk.over {
        Class::OnDisk
    } else {
        assert_eq!(on_disk.index, before.on_disk, "the one before or the newest: {calls:?}");
        if calls.iter().any(answered) { Class::Answered } else { Class::InFlight }
    }
}

/// Waits until the provider has carried out whatever reached it: what a dead process has sent, it reads all the same.
fn settled(idp: &TestIdp) {
    let port = idp.base_url().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    eventually("the provider has closed what the daemon left open", || {
        (moment::connections(port) == 0).then_some(())
    });
    idp.block_on(
        idp.calls_until(|calls| calls.iter().all(|call| call.outcome != Outcome::Pending)),
    );
}
