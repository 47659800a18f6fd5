//! A fixed set of histories of each mix, the cases that were found, and that a seed says it all.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly")]

use bearerd_simulation::engine::play;
use bearerd_simulation::history::Script;
use bearerd_simulation::mix::{MIXES, Mix};
use std::path::Path;

/// Of each history: a debug build plays it in a moment.
const HOURS: u64 = 1;

fn holds(script: &Script, again: &str) {
    if let Some(broken) = play(script, false).broken {
        let name = broken.invariant.name();
        panic!("`{name}` is broken: {}\nits story: cargo xtask simulate {again}", broken.what);
    }
}

fn holds_in(mix: &str) {
    let mix = Mix::named(mix).unwrap();
    for seed in 0..HISTORIES {
        holds(&Script::drawn(seed, Some(mix), Some(HOURS)), &again(mix, seed));
    }
}

fn again(mix: &Mix, seed: u64) -> String {
    format!("--histories 1 --mix {} --seed {seed} --hours {HOURS}", mix.name)
}

/// Of each mix.
const HISTORIES: u64 = 16;

#[test]
fn seconds() {
    holds_in("seconds");
}

#[test]
fn minutes() {
    holds_in("minutes");
}

#[test]
fn day() {
    holds_in("day");
}

#[test]
fn calm() {
    holds_in("calm");
}

#[test]
fn outages() {
    holds_in("outages");
}

#[test]
fn crashes() {
    holds_in("crashes");
}

#[test]
fn disks() {
    holds_in("disks");
}

#[test]
fn people() {
    holds_in("people");
}

#[test]
fn slots() {
    holds_in("slots");
}

#[test]
fn alone() {
    holds_in("alone");
}

#[test]
fn each_mix_has_its_test() {
    let source = include_str!("histories.rs");
    for mix in &MIXES {
        assert!(source.contains(&format!("holds_in(\"{}\")", mix.name)), "{}", mix.name);
    }
}

#[test]
fn what_once_broke_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    for (name, script) in bearerd_simulation::cases::all(&folder).unwrap() {
        assert!(!script.about.is_empty(), "{name} says what it showed");
        holds(&script, &format!("--replay tests/simulation/cases/{name}.json"));
    }
}

#[test]
fn a_seed_makes_the_same_history_twice() {
    for (seed, mix) in (100..).zip(&MIXES) {
        let script = Script::drawn(seed, Some(mix), Some(HOURS));
        let (one, other) = (play(&script, false), play(&script, true));
        assert_eq!(one.hash, other.hash, "{}", mix.name);
        assert_eq!(one.tally, other.tally);
        let another = play(&Script { seed: seed + 1_000, ..script }, false);
        assert_ne!(one.hash, another.hash, "another seed has other chances");
    }
}

#[test]
fn the_histories_exercise_what_they_are_for() {
    let mut tally = bearerd_simulation::engine::Tally::default();
    for seed in 0..HISTORIES {
        for mix in ["crashes", "outages", "people", "disks", "slots", "alone"] {
            let script = Script::drawn(seed, Mix::named(mix), Some(HOURS));
            tally.add(&play(&script, false).tally);
        }
    }
    for what in [
        "kills in the middle of a save",
        "power losses in the middle of a save",
        "answers lost",
        "reuses detected",
        "logins done",
        "logouts told",
        "saves failed",
        "suspends",
        "steps of the wall clock",
        "tokens served",
        "refused: login-required",
        "not served: its answer never came here",
        "tokens served for other scopes and audiences",
        "refused: bad-request",
        "refused: overloaded",
        "exchanges sent",
        "wrong passwords refused",
        "refresh tokens taken out of a file",
        "refresh tokens brought along",
        "sessions forgotten at their end",
    ] {
        assert!(tally.seen.get(what).is_some_and(|times| *times > 0), "no {what}: {tally:?}");
    }
}
