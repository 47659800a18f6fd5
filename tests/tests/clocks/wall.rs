//! The wall clock set on the running daemon: people see it, tokens don't.

use crate::page::{Found, Scene, WALL_AHEAD, WALL_BACK, WALL_BY_FAKETIME, WALL_IN_RENEWALS};
use crate::readers::{Readers, Seen};
use crate::stage::Stage;
use bearerd_client::TokenAnswer;
use bearerd_test_idp::CallKind;
use bearerd_tests::daemon::{Rig, eventually, text_of};
use std::path::PathBuf;

/// Seconds.
const DAY: i64 = 86_400;

#[test]
fn a_wall_clock_a_day_ahead_costs_no_token_and_no_refresh() {
    there_and_back(&WALL_AHEAD, DAY);
}

#[test]
fn a_wall_clock_a_day_back_makes_no_token_live_longer() {
    there_and_back(&WALL_BACK, -DAY);
}

fn there_and_back(scene: &Scene, seconds: i64) {
    let stage = Stage::with_life(scene.life);
    nothing_but_the_date_changes(scene, &stage, &[seconds, -seconds], |by| {
        stage.clocks.step_wall(by)
    });
}

/// After each step the next read gives the same token, and `expires_at` follows the clock.
fn nothing_but_the_date_changes(scene: &Scene, stage: &Stage, steps: &[i64], step: impl Fn(i64)) {
    let before = stage.daemon.token(Rig::PROFILE).unwrap();
    let mut expires_at = before.expires_at.unwrap();
    let seen = Readers::read_during(stage, |readers| {
        for by in steps {
            let next: TokenAnswer = readers.between_reads(|seen| {
                step(*by);
                stage.read(seen)
            });
            assert_eq!(text_of(&next), text_of(&before), "stepped by {by} s");
            expires_at += by;
            eventually("`expires_at` follows the wall clock", || {
                let shown = stage.daemon.token(Rig::PROFILE).unwrap().expires_at.unwrap();
                // Both clocks are cut to milliseconds, and their sum to seconds.
                (shown.abs_diff(expires_at) <= 1).then_some(())
            });
            readers.some_more();
        }
    });
    assert_eq!(seen.tokens.len(), 1);
    stage.still_the_first_session();
    scene.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: &stage.idp.refreshes_sent().to_string(),
        next_read: "the same token; `expires_at` follows the clock",
    });
}

#[test]
fn renewals_go_on_at_their_own_pace_while_the_wall_clock_is_set() {
    let stage = Stage::with_life(WALL_IN_RENEWALS.life);
    let seen: Seen = Readers::read_during(&stage, |readers| {
        for (renewal, by) in [DAY, -2 * DAY, DAY].into_iter().enumerate() {
            stage.idp.block_on(stage.idp.ended(CallKind::Refresh, renewal + 1));
            readers.between_reads(|seen| {
                stage.clocks.step_wall(by);
                stage.read(seen)
            });
        }
        stage.idp.block_on(stage.idp.ended(CallKind::Refresh, 5));
    });
    let calls = stage.idp.calls_of(CallKind::Refresh);
    for pair in calls.windows(2) {
        let between = pair[1].arrived_at - pair[0].arrived_at;
        assert!(between.as_millis() >= 1000, "the least spacing: {between:?}");
    }
    assert!(seen.tokens.len() >= 5, "{}", seen.tokens.len());
    stage.still_the_first_session();
    WALL_IN_RENEWALS.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: "one each half of a life, at least 1 s apart",
        next_read: "a token in hand",
    });
}

#[test]
fn libfaketime_finds_the_same() {
    let time_file = |home: &bearerd_tests::daemon::Home| home.path().join("faketime");
    let set = |file: PathBuf, seconds: i64| {
        let beside = file.with_extension("new");
        std::fs::write(&beside, format!("{seconds:+}")).unwrap();
        std::fs::rename(beside, file).unwrap();
    };
    let stage = Stage::started(WALL_BY_FAKETIME.life, |_, home| {
        set(time_file(home), 0);
        let mut command = home.command(&bearerd_tests::binaries::bearerd());
        command
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", time_file(home))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    });
    // The offset of the shim, which is not in this daemon, tells how far the clock has been moved so far.
    let step = |by: i64| {
        stage.clocks.move_wall(by);
        set(time_file(&stage.home), stage.clocks.wall_ahead());
        bearerd_tests::clocks::tell_of_a_step();
    };
    nothing_but_the_date_changes(&WALL_BY_FAKETIME, &stage, &[DAY, -2 * DAY], step);
}

/// Where Debian puts it, under the name of the machine's kind.
fn faketime() -> PathBuf {
    let kinds = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut places = kinds.map(|kind| kind.path().join("faketime/libfaketimeMT.so.1"));
    let found = places.find(|place| place.exists());
    found.expect("libfaketime is there: apt-get install -y faketime")
}
