//! The wall clock set on the running daemon: people see it, tokens don't.

use crate::page::{Found, Scene, WALL_AHEAD, WALL_BACK, WALL_BY_FAKETIME, WALL_IN_RENEWALS};
use crate::readers::{Readers, Seen, compared};
use crate::stage::Stage;
use bearerd_client::TokenAnswer;
use bearerd_test_idp::CallKind;
use bearerd_tests::clocks::Word;
use bearerd_tests::daemon::{Rig, eventually};
use std::collections::BTreeSet;
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
    let mut next_reads = BTreeSet::new();
    let seen = Readers::read_during(stage, |readers| {
        for by in steps {
            let next: TokenAnswer = readers.between_reads(|seen| {
                step(*by);
                stage.read(seen)
            });
            next_reads.insert(compared(&before, &next, None));
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
        next_read: &format!("{}; `expires_at` follows the clock", in_words(next_reads)),
    });
}

#[test]
fn renewals_go_on_at_their_own_pace_while_the_wall_clock_is_set() {
    let stage = Stage::with_life(WALL_IN_RENEWALS.life);
    let mut held = stage.daemon.token(Rig::PROFILE).unwrap();
    let mut next_reads = BTreeSet::new();
    let seen: Seen = Readers::read_during(&stage, |readers| {
        for (renewal, by) in [DAY, -2 * DAY, DAY].into_iter().enumerate() {
            stage.idp.block_on(stage.idp.ended(CallKind::Refresh, renewal + 1));
            held = stage.successor_of(&held);
            let next = readers.between_reads(|seen| {
                stage.clocks.step_wall(by);
                stage.read(seen)
            });
            next_reads.insert(compared(&held, &next, None));
        }
        stage.idp.block_on(stage.idp.ended(CallKind::Refresh, 4));
        // So that no sixth comes.
        stage.idp.configure(|settings| settings.access_token_seconds = 300);
        stage.idp.block_on(stage.idp.ended(CallKind::Refresh, 5));
    });
    stage.still_the_first_session();
    WALL_IN_RENEWALS.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: &stage.refreshes_but(&[]),
        next_read: &in_words(next_reads),
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
    let stage = Stage::started(WALL_BY_FAKETIME.life, Word::may_come(), |_, home| {
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
        stage.clocks.word().say();
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

/// What the reads behind several steps gave.
fn in_words(next_reads: BTreeSet<String>) -> String {
    next_reads.into_iter().collect::<Vec<_>>().join(", or ")
}
