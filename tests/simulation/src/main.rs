//! `cargo xtask simulate`: histories by the thousand, and the shortest one that breaks an invariant.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a harness for tests: it speaks to a person and measures time"
)]

mod report;

use bearerd_simulation::engine::play;
use bearerd_simulation::history::Script;
use bearerd_simulation::mix::{MIXES, Mix};
use bearerd_simulation::run::{Plan, Run};
use bearerd_simulation::shrink::shrink;
use clap::Parser;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Plays simulated histories of bearerd's heart and its saving code, and looks at every invariant after every event.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask simulate", bin_name = "cargo xtask simulate")]
struct Arguments {
    /// How many histories
    #[arg(long)]
    histories: Option<u64>,
    /// Minutes to go on instead; one if neither is given
    #[arg(long, conflicts_with = "histories")]
    minutes: Option<u64>,
    /// Simulated hours of each history; else as its mix says
    #[arg(long)]
    hours: Option<u64>,
    /// The first history's seed; each further one is one more
    #[arg(long)]
    seed: Option<u64>,
    /// Histories of this mix alone
    #[arg(long)]
    mix: Option<String>,
    /// Threads; else one a core
    #[arg(long)]
    jobs: Option<usize>,
    /// Go on until so many histories have failed
    #[arg(long, default_value_t = 1)]
    failures: usize,
    /// Say what failed and no more: no search for a shorter history
    #[arg(long)]
    no_shrink: bool,
    /// Play this file instead, and tell its story
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Where a shrunk history that fails is written
    #[arg(long, default_value = "target/simulation")]
    keep: PathBuf,
}

/// Plays that the search for a shorter history may take.
const SHRINKING: usize = 4_000;

/// Lines of a story that are shown: its beginning, and its end.
const FIRST: usize = 60;
const LAST: usize = 140;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic in a history is an invariant that broke: it is told with the history.
    std::panic::set_hook(Box::new(|_| {}));
    match &arguments.replay {
        Some(file) => replay(file),
        None => run(&arguments),
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let mix = match arguments.mix.as_deref().map(|name| (name, Mix::named(name))) {
        Some((name, None)) => {
            let names: Vec<&str> = MIXES.iter().map(|mix| mix.name).collect();
            eprintln!("there is no mix `{name}`; there are {}", names.join(", "));
            return ExitCode::from(2);
        }
        Some((_, mix)) => mix,
        None => None,
    };
    let plan = Plan {
        seed: arguments.seed.unwrap_or_else(any_seed),
        histories: arguments.histories,
        hours: arguments.hours,
        mix,
        jobs: arguments.jobs.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        }),
        failures: arguments.failures,
    };
    report::mixes(mix);
    println!("seed {}, {} threads", plan.seed, plan.jobs);
    let began = Instant::now();
    let minutes = arguments.minutes.or(arguments.histories.is_none().then_some(1));
    let run = Run::default();
    std::thread::scope(|scope| {
        let going = scope.spawn(|| run.go(&plan));
        watch(&run, began, minutes, || going.is_finished());
    });
    let seen = run.seen();
    report::closing(&seen, began.elapsed());
    for (script, broken) in &seen.failed {
        println!("\nseed {} of the mix `{}` broke an invariant", script.seed, script.mix);
        println!("  {}: {}", broken.invariant.name(), broken.what);
        if arguments.no_shrink {
            keep(script, &arguments.keep);
        } else {
            let shrunk = shrink(script, broken.invariant, SHRINKING);
            tell(&shrunk);
            keep(&shrunk, &arguments.keep);
        }
        let hours = arguments.hours.map_or(String::new(), |hours| format!(" --hours {hours}"));
        let mix = mix.map_or(String::new(), |mix| format!(" --mix {}", mix.name));
        println!(
            "whole again: cargo xtask simulate --histories 1 --seed {}{mix}{hours}",
            script.seed
        );
    }
    if seen.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says how far it is, each second on a terminal and each ten elsewhere, until it is done or its time is over.
fn watch(run: &Run, began: Instant, minutes: Option<u64>, is_done: impl Fn() -> bool) {
    let is_terminal = std::io::stdout().is_terminal();
    let pause = Duration::from_secs(if is_terminal { 1 } else { 10 });
    let mut told = began;
    while !is_done() {
        std::thread::sleep(Duration::from_millis(50));
        if minutes.is_some_and(|minutes| began.elapsed() >= Duration::from_secs(60 * minutes)) {
            run.stop();
        }
        if told.elapsed() >= pause {
            told = Instant::now();
            let line = report::progress(&run.seen(), began.elapsed());
            if is_terminal {
                print!("\r\x1b[K{line}");
                let _nobody_sees = std::io::stdout().flush();
            } else {
                println!("{line}");
            }
        }
    }
    if is_terminal {
        println!();
    }
}

fn replay(file: &Path) -> ExitCode {
    let script = std::fs::read(file).map_err(|error| error.to_string()).and_then(|json| {
        serde_json::from_slice::<Script>(&json).map_err(|error| error.to_string())
    });
    match script {
        Ok(script) => tell(&script),
        Err(error) => {
            eprintln!("failed to read `{}`: {error}", file.display());
            ExitCode::from(2)
        }
    }
}

/// Plays it once more and tells what happens.
fn tell(script: &Script) -> ExitCode {
    println!(
        "{} happenings, of the seed {}: {:?}",
        script.happenings.len(),
        script.seed,
        script.policy
    );
    let played = play(script, true);
    let lines = played.story.len();
    for (number, line) in played.story.iter().enumerate() {
        if number < FIRST || number + LAST >= lines {
            println!("  {:>12}  {}", report::clock(line.at), line.what);
        } else if number == FIRST {
            println!("  {:>12}  ({} lines left out)", "…", lines - FIRST - LAST);
        }
    }
    match played.broken {
        Some(broken) => {
            println!("broken: {}: {}", broken.invariant.name(), broken.what);
            ExitCode::FAILURE
        }
        None => {
            println!("no invariant broke");
            ExitCode::SUCCESS
        }
    }
}

fn keep(script: &Script, folder: &Path) {
    let file = folder.join(format!("{}-{}.json", script.mix, script.seed));
    let json = serde_json::to_vec_pretty(script).expect("a script is JSON");
    match std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, json)) {
        Ok(()) => println!("again: cargo xtask simulate --replay {}", file.display()),
        Err(error) => eprintln!("failed to write `{}`: {error}", file.display()),
    }
}

fn any_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 20
}
