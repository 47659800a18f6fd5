//! `kill -9` at random moments around rotations, at a provider that ends a session whose old refresh token is used.

mod moment;
mod tally;

use crate::chance::Chance;
use crate::on_disk::{OnDisk, newest, temporaries};
use crate::{is_long, machine_alone, page, side_by_side};
use bearerd_client::{ErrorCode, ProfileState};
use bearerd_test_idp::{Call, CallKind, Outcome, Settings, TestIdp};
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually};
use moment::{Moment, Struck};
use tally::{Class, Tally};

#[test]
fn a_kill_loses_nothing_that_was_on_disk_and_says_what_it_lost_before() {
    let tally = kills("kills", None);
    assert!(tally.count(Class::NotSent) > 0 && tally.count(Class::OnDisk) > 0);
    assert!(tally.count(Class::InFlight) > 0, "the other way of losing is to be seen as well");
    assert_eq!(tally.lost, tally.count(Class::InFlight) + tally.count(Class::Answered));
}

#[test]
fn with_a_reuse_window_a_kill_loses_nothing_at_all() {
    let tally = kills("kills within a reuse window", Some(WINDOW));
    assert!(tally.count(Class::InFlight) > 0, "there was something to lose");
    assert_eq!(tally.lost, 0);
}

/// Seconds; a bout is shorter.
const WINDOW: u64 = 120;
/// With a home and a provider of their own: the search for secrets grows with both.
const KILLS_OF_A_BOUT: usize = 20;

fn kills(section: &str, window: Option<u64>) -> Tally {
    let _alone = machine_alone();
    let (seed, mut chance) = Chance::told(section);
    let bouts = if is_long() { 1000 } else { 100 } / KILLS_OF_A_BOUT;
    let mut moments = || Moment::random(&mut chance, window.is_some());
    let bouts: Vec<Vec<Moment>> =
        (0..bouts).map(|_| (0..KILLS_OF_A_BOUT).map(|_| moments()).collect()).collect();
    let tallies = side_by_side(&bouts, |moments| bout(moments, window));
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    page::section(section, &tally.table(seed, window.is_some()));
    tally
}

/// One login, killed again and again.
fn bout(moments: &[Moment], window: Option<u64>) -> Tally {
    let settings = Settings { reuse_window_seconds: window.unwrap_or(0), ..Rig::settings() };
    let more = window.map_or_else(String::new, |seconds| format!("reuse_window = {seconds}\n"));
    let Rig { mut daemon, home, idp } = Rig::with(settings, &more).logged_in();
    let mut tally = Tally::default();
    for moment in moments {
        let (before, _) = newest(&idp);
        assert_eq!(OnDisk::of(&home, &idp).index, before, "{moment:?}: saved, before it begins");
        idp.clear_calls();
        let struck = moment.strike(daemon, &home, &idp);
        settled(&idp);
        let on_disk = OnDisk::of(&home, &idp);
        let class = class(before, on_disk.index, &struck, &idp);
        assert!(
            struck.served.is_none() || class == Class::OnDisk,
            "{moment:?}: {class:?}, though its token was served"
        );
        tally.add(*moment, class, temporaries(&home.state()));
        daemon = Daemon::start(&home);
        match window {
            None => goes_on(&daemon, &idp, class, &on_disk, &mut tally),
            Some(_) => is_caught_up(&daemon, &home, &idp, &on_disk),
        }
        assert_eq!(temporaries(&home.state()), 0, "a start clears up");
    }
    // What the last kill left is as good as what each earlier one left, which the rotation after it has shown.
    let renewed = daemon.renew(Rig::PROFILE);
    assert!(idp.is_active(&renewed));
    daemon.terminate();
    tally
}

/// Without a window: what stood on disk is served; what was lost is said at the first refresh, with its reason.
fn goes_on(daemon: &Daemon, idp: &TestIdp, class: Class, on_disk: &OnDisk, tally: &mut Tally) {
    assert_eq!(daemon.token_text(Rig::PROFILE), on_disk.access_token);
    if !class.is_lost() {
        return;
    }
    let error = daemon.reject(Rig::PROFILE, &on_disk.access_token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{class:?}: {error}");
    assert!(error.to_string().contains("killed between an answer and its save"), "{error}");
    tally.lost += 1;
    daemon.log_in(Rig::PROFILE);
    assert!(idp.is_active(&daemon.token_text(Rig::PROFILE)));
}

/// With a window: the start refreshes at once, and whatever the kill took is there again.
fn is_caught_up(daemon: &Daemon, home: &Home, idp: &TestIdp, on_disk: &OnDisk) {
    let newer = eventually("the refresh of the start", || {
        let token = daemon.token(Rig::PROFILE).unwrap();
        assert!(!token.degraded, "{:?}", daemon.status(Rig::PROFILE));
        let text = bearerd_tests::daemon::text_of(&token);
        Some(text).filter(|text| *text != on_disk.access_token)
    });
    assert!(idp.is_active(&newer));
    daemon.until(Rig::PROFILE, "ready and saved", |status| {
        status.state == ProfileState::Ready && status.saved
    });
    assert_eq!(OnDisk::of(home, idp).index, newest(idp).0);
}

/// Where the kill met the rotation, by the provider's record against the file.
fn class(before: usize, on_disk: usize, struck: &Struck, idp: &TestIdp) -> Class {
    let (newest, active) = newest(idp);
    assert!(active, "the refresh token from the disk was good");
    let calls = idp.calls_of(CallKind::Refresh);
    assert!(calls.iter().all(|call| call.refresh_index == Some(before)), "{calls:?}");
    let answered = |call: &Call| call.ended_at.is_some_and(|at| at < struck.at);
    match (newest - before, newest - on_disk) {
        (0, 0) => Class::NotSent,
        (1, 0) => Class::OnDisk,
        (1, 1) if calls.iter().any(answered) => Class::Answered,
        (1, 1) => Class::InFlight,
        other => panic!("{other:?}: from {before} to {newest}, and {on_disk} on disk: {calls:?}"),
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
