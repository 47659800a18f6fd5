//! A machine that slept: the boot-time clock and the wall clock are on, the monotonic clock is not.

use crate::page::{
    Found, SUSPEND_LONG, SUSPEND_SHORT, SUSPEND_TIMER, SUSPEND_UNTOLD, SUSPENDS_IN_RENEWALS, Scene,
};
use crate::readers::{Readers, Seen};
use crate::stage::Stage;
use bearerd_test_idp::CallKind;
use bearerd_tests::clocks::WokenBy;
use bearerd_tests::daemon::{Rig, eventually, query, text_of};

/// Callers that come at once.
const CALLERS: usize = 32;

#[test]
fn after_a_suspend_longer_than_its_life_the_old_token_is_not_served_and_all_share_one_refresh() {
    let stage = Stage::with_life(SUSPEND_LONG.life);
    let before = stage.daemon.token_text(Rig::PROFILE);
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
            std::mem::take(&mut seen.tokens)
        });
        assert_eq!(tokens.len(), 1, "one answer for all");
        assert!(!tokens.contains(&before));
        assert!(stage.idp.is_active(tokens.first().unwrap()));
    });
    finds(&SUSPEND_LONG, &stage, &seen, 1, "one new token for all");
}

#[test]
fn after_a_short_suspend_the_token_is_served_on_and_is_as_old_as_it_is() {
    let stage = Stage::with_life(SUSPEND_SHORT.life);
    let before = stage.daemon.token(Rig::PROFILE).unwrap();
    let seen = Readers::read_during(&stage, |readers| {
        let next = readers.between_reads(|seen| {
            stage.suspend(100, WokenBy::Everything);
            stage.read(seen)
        });
        assert_eq!(text_of(&next), text_of(&before));
        assert!(next.expires_in.unwrap() + 100 <= before.expires_in.unwrap());
    });
    finds(&SUSPEND_SHORT, &stage, &seen, 0, "the same token, 100 s older");
}

#[test]
fn a_suspend_past_the_renewal_ends_in_a_wake_up_by_the_timer_alone() {
    let stage = Stage::with_life(SUSPEND_TIMER.life);
    let before = stage.daemon.token_text(Rig::PROFILE);
    let mut seen = Seen::default();
    let gate = stage.idp.hold(CallKind::Refresh);
    stage.suspend(200, WokenBy::Timer);
    stage.idp.block_on(gate.waiting(1));
    assert_eq!(text_of(&stage.read(&mut seen)), before, "it is good for 100 s still");
    gate.release();
    stage.idp.block_on(stage.idp.ended(CallKind::Refresh, 1));
    stage.daemon.until(Rig::PROFILE, "renewed", |status| status.expires_in > Some(200));
    assert_ne!(text_of(&stage.read(&mut seen)), before);
    seen.was_well_served();
    finds(&SUSPEND_TIMER, &stage, &seen, 1, "the old token, which is good, during the refresh");
}

#[test]
fn a_read_before_the_daemon_has_woken_gets_no_expired_token_either() {
    let stage = Stage::with_life(SUSPEND_UNTOLD.life);
    let before = stage.daemon.token_text(Rig::PROFILE);
    let seen = Readers::read_during(&stage, |readers| {
        let next = readers.between_reads(|seen| {
            stage.suspend(400, WokenBy::Nothing);
            stage.read(seen)
        });
        assert_ne!(text_of(&next), before);
    });
    finds(&SUSPEND_UNTOLD, &stage, &seen, 1, "a new token");
}

#[test]
fn each_suspend_costs_one_refresh_and_renewals_go_on_at_their_own_pace_between() {
    let stage = Stage::with_life(SUSPENDS_IN_RENEWALS.life);
    let sent = || stage.idp.refreshes_sent();
    let mut first_after_a_suspend = Vec::new();
    let seen = Readers::read_during(&stage, |readers| {
        for _ in 0..2 {
            let before = stage.daemon.token_text(Rig::PROFILE);
            let renewals = sent();
            eventually("it is renewed ahead", || {
                (stage.daemon.token_text(Rig::PROFILE) != before).then_some(())
            });
            assert_eq!(sent() - renewals, 1);
            let slept = readers.between_reads(|seen| {
                first_after_a_suspend.push(sent());
                stage.suspend(60, WokenBy::Everything);
                text_of(&stage.read(seen))
            });
            assert!(stage.idp.is_active(&slept));
        }
        let renewals = sent();
        stage.idp.block_on(stage.idp.ended(CallKind::Refresh, renewals + 1));
    });
    let calls = stage.idp.calls_of(CallKind::Refresh);
    for (at, pair) in calls.windows(2).enumerate() {
        let between = pair[1].arrived_at - pair[0].arrived_at;
        let slept_between = first_after_a_suspend.contains(&(at + 1));
        assert!(slept_between || between.as_millis() >= 1500, "the least spacing: {between:?}");
    }
    stage.still_the_first_session();
    SUSPENDS_IN_RENEWALS.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: "1 after each suspend, and one each half of a life, at least 1.5 s apart",
        next_read: "a new token",
    });
}

#[track_caller]
fn finds(scene: &Scene, stage: &Stage, seen: &Seen, refreshes: usize, next_read: &str) {
    assert_eq!(stage.idp.refreshes_sent(), refreshes);
    stage.still_the_first_session();
    scene.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: &refreshes.to_string(),
        next_read,
    });
}
