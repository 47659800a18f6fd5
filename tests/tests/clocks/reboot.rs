//! A restart on other clocks: what is saved is served only while it is really good.

use crate::page::{
    BACK_WHILE_DOWN, CONTAINER, Found, REBOOT_DUE, REBOOT_EXPIRED, REBOOT_FAR, REBOOT_NEAR,
    STEP_THEN_REBOOT, Scene,
};
use crate::readers::{Readers, compared};
use crate::stage::Stage;
use bearerd_client::TokenAnswer;
use bearerd_test_idp::CallKind;
use bearerd_tests::clocks::{AnotherBoot, Clocks};
use bearerd_tests::daemon::{Home, Rig, eventually, text_of};
use std::process::Command;

/// Seconds.
const DAY: i64 = 86_400;
const BOOT_ID: &str = "5c1e8f02-7d34-4a6b-9f10-c2d3e4f5a6b7";

/// What the first read after the restart gives.
#[derive(Debug, PartialEq)]
enum First {
    /// The saved token, as it is not due yet.
    Saved,
    /// The saved token, which is renewed meanwhile.
    SavedAndRenewed,
    /// A new one.
    New,
}

#[test]
fn after_a_reboot_into_a_longer_boot_the_saved_token_is_served_by_the_wall_clock() {
    let boot = |home: &Home| AnotherBoot::ahead(home, BOOT_ID, DAY);
    rebooted(&REBOOT_FAR, 200, boot, First::Saved);
}

#[test]
fn after_a_reboot_the_saved_token_is_served_by_the_wall_clock() {
    rebooted(&REBOOT_NEAR, 200, just_now, First::Saved);
}

#[test]
fn after_a_reboot_past_its_renewal_the_saved_token_is_served_and_renewed_once() {
    rebooted(&REBOOT_DUE, 400, just_now, First::SavedAndRenewed);
}

#[test]
fn after_a_reboot_past_its_end_the_saved_token_is_not_served_and_the_refresh_token_is_used_once() {
    rebooted(&REBOOT_EXPIRED, 700, just_now, First::New);
}

#[test]
fn a_boot_time_clock_that_contradicts_its_boot_id_is_not_believed() {
    rebooted(&CONTAINER, 200, |_| AnotherBoot::in_a_container(), First::New);
}

#[test]
fn a_wall_clock_before_the_save_is_not_believed() {
    let stage = Stage::with_life(BACK_WHILE_DOWN.life);
    restarted(&BACK_WHILE_DOWN, stage, 200, First::New, |clocks, home| {
        clocks.pass(200);
        clocks.move_wall(-DAY);
        clocks.command(home)
    });
}

#[test]
fn a_wall_clock_set_back_while_it_ran_makes_no_saved_token_younger_after_a_reboot() {
    let stage = Stage::with_life(STEP_THEN_REBOOT.life);
    let expires_at = || stage.daemon.token(Rig::PROFILE).unwrap().expires_at.unwrap();
    let before = expires_at();
    stage.clocks.step_wall(-400);
    eventually("the step is heard", || (expires_at() < before - 300).then_some(()));
    restarted(&STEP_THEN_REBOOT, stage, 650, First::New, |clocks, home| {
        clocks.move_wall(650);
        clocks.command_in(&just_now(home), home)
    });
}

fn just_now(home: &Home) -> AnotherBoot {
    AnotherBoot::just_now(home, BOOT_ID)
}

fn rebooted(scene: &Scene, down: u32, boot: impl FnOnce(&Home) -> AnotherBoot, first: First) {
    let stage = Stage::with_life(scene.life);
    restarted(scene, stage, down, first, |clocks, home| {
        clocks.move_wall(down.into());
        clocks.command_in(&boot(home), home)
    });
}

/// The daemon is down for so many seconds and started by `command`; then the first read, and steady readers.
fn restarted(
    scene: &Scene,
    stage: Stage,
    down: u32,
    first: First,
    command: impl FnOnce(&Clocks, &Home) -> Command,
) {
    let saved = stage.daemon.token(Rig::PROFILE).unwrap();
    assert_eq!(stage.idp.refreshes_sent(), 0);
    let gate = (first == First::SavedAndRenewed).then(|| stage.idp.hold(CallKind::Refresh));
    let stage = stage.restarted(down, command);
    let mut next_read = String::new();
    let seen = Readers::read_during(&stage, |readers| match gate {
        Some(gate) => {
            stage.idp.block_on(gate.waiting(1));
            let held = readers.between_reads(|seen| stage.read(seen));
            next_read = format!("{} during the refresh", compared(&saved, &held, None));
            gate.release();
            stage.idp.block_on(stage.idp.ended(CallKind::Refresh, 1));
        }
        None => {
            let next: TokenAnswer = readers.between_reads(|seen| stage.read(seen));
            assert_eq!(text_of(&next) == text_of(&saved), first == First::Saved);
            next_read = compared(&saved, &next, Some(down.into()));
        }
    });
    let used: Vec<_> = stage.idp.calls_of(CallKind::Refresh);
    let used: Vec<_> = used.iter().map(|call| call.refresh_index).collect();
    let wanted = if first == First::Saved { vec![] } else { vec![Some(0)] };
    assert_eq!(used, wanted, "the saved refresh token, once at most");
    stage.still_the_first_session();
    scene.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: &used.len().to_string(),
        next_read: &next_read,
    });
}
