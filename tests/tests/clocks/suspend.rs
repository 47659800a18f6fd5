//! A machine that slept: the boot-time clock and the wall clock are on, the monotonic clock is not.

use crate::page::{
    Found, SUSPEND_LONG, SUSPEND_SHORT, SUSPEND_TIMER, SUSPEND_UNTOLD, SUSPENDS_IN_RENEWALS, Scene,
};
use crate::readers::{Readers, Seen, compared};
use crate::stage::Stage;
use bearerd_test_idp::CallKind;
use bearerd_tests::clocks::WokenBy;
use bearerd_tests::daemon::{Rig, query, text_of};
use std::collections::BTreeSet;

/// Callers that come at once.
const CALLERS: usize = 32;

#[test]
fn after_a_suspend_longer_than_its_life_the_old_token_is_not_served_and_all_share_one_refresh() {
    let stage = Stage::with_life(SUSPEND_LONG.life);
    let before = stage.daemon.token_text(Rig::PROFILE);
    let mut next_read = String::new();
    let seen = Readers::read_during(&stage, |readers| {
        let tokens = readers.between_reads(|seen| {
            let gate = stage.idp.hold(CallKind::Refresh);
            stage.suspend(400, WokenBy::Everything);
            let sent = stage.idp.now();
            let answers = std::thread::scope(|scope| {
                let client = || stage.daemon.client().token(&query(Rig::PROFILE));
                let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(client)).collect();
                stage.daemon.until_connections(Readers::COUNT + CALLERS);
                stage.idp.block_on(gate.waiting(1));
                assert_eq!(gate.standing(), 1);
                gate.release();
                callers.into_iter().map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
            });
            answers.iter().for_each(|answer| seen.note(&stage.idp, sent, answer));
            next_read = seen.answers();
            std::mem::take(&mut seen.tokens)
        });
        assert!(!tokens.contains(&before));
        assert!(stage.idp.is_active(tokens.first().unwrap()));
    });
    finds(&SUSPEND_LONG, &stage, &seen, &next_read);
}

#[test]
fn after_a_short_suspend_the_token_is_served_on_and_is_as_old_as_it_is() {
    let stage = Stage::with_life(SUSPEND_SHORT.life);
    let before = stage.daemon.token(Rig::PROFILE).unwrap();
    let mut next_read = String::new();
    let seen = Readers::read_during(&stage, |readers| {
        let next = readers.between_reads(|seen| {
            stage.suspend(100, WokenBy::Everything);
            stage.read(seen)
        });
        next_read = compared(&before, &next, Some(100));
    });
    finds(&SUSPEND_SHORT, &stage, &seen, &next_read);
}

#[test]
fn a_suspend_past_the_renewal_ends_in_a_wake_up_by_the_timer_alone() {
    let stage = Stage::untold(SUSPEND_TIMER.life);
    let before = stage.daemon.token(Rig::PROFILE).unwrap();
    let mut seen = Seen::default();
    let gate = stage.idp.hold(CallKind::Refresh);
    stage.suspend(200, WokenBy::Timer);
    stage.idp.block_on(gate.waiting(1));
    let during = compared(&before, &stage.read(&mut seen), None);
    // Nothing else has woken it: the lock keeps other scenes away, and this everybody else.
    stage.clocks.word().has_not_come();
    gate.release();
    stage.idp.block_on(stage.idp.ended(CallKind::Refresh, 1));
    stage.daemon.until(Rig::PROFILE, "renewed", |status| status.expires_in > Some(200));
    let after = compared(&before, &stage.read(&mut seen), None);
    seen.was_well_served();
    let next_read = format!("{during} during the refresh, {after} after it");
    finds(&SUSPEND_TIMER, &stage, &seen, &next_read);
}

#[test]
fn a_read_before_the_daemon_has_woken_gets_no_expired_token_either() {
    let stage = Stage::untold(SUSPEND_UNTOLD.life);
    let before = stage.daemon.token(Rig::PROFILE).unwrap();
    let mut next_read = String::new();
    let seen = Readers::read_during(&stage, |readers| {
        let next = readers.between_reads(|seen| {
            stage.suspend(400, WokenBy::Nothing);
            let next = stage.read(seen);
            stage.clocks.word().has_not_come();
            next
        });
        next_read = compared(&before, &next, None);
    });
    finds(&SUSPEND_UNTOLD, &stage, &seen, &next_read);
}

#[test]
fn each_suspend_costs_one_refresh_and_renewals_go_on_at_their_own_pace_between() {
    let stage = Stage::with_life(SUSPENDS_IN_RENEWALS.life);
    let mut held = stage.daemon.token(Rig::PROFILE).unwrap();
    // By their places in the provider's record: the first that came after a suspend.
    let mut woken = Vec::new();
    let mut next_reads = BTreeSet::new();
    let seen = Readers::read_during(&stage, |readers| {
        for _ in 0..2 {
            held = stage.successor_of(&held);
            let next = readers.between_reads(|seen| {
                woken.push(stage.idp.refreshes_sent());
                stage.suspend(60, WokenBy::Everything);
                stage.read(seen)
            });
            next_reads.insert(compared(&held, &next, None));
            held = next;
        }
        // So that one more comes, and no other behind it.
        stage.idp.configure(|settings| settings.access_token_seconds = 300);
        held = stage.successor_of(&held);
    });
    assert!(stage.idp.is_active(&text_of(&held)));
    stage.still_the_first_session();
    SUSPENDS_IN_RENEWALS.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: &format!("1 after each suspend, and {}", stage.refreshes_but(&woken)),
        next_read: &next_reads.into_iter().collect::<Vec<_>>().join(", or "),
    });
}

#[track_caller]
fn finds(scene: &Scene, stage: &Stage, seen: &Seen, next_read: &str) {
    stage.still_the_first_session();
    scene.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: &stage.idp.refreshes_sent().to_string(),
        next_read,
    });
}
