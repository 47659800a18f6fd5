//! bearerd next to its yardsticks, in one run: `cargo run --release -p bearerd-bench`.
//!
//! A figure is a ratio against a yardstick that is measured in turns with it, so that a machine that slows down slows
//! both. Nothing here passes or fails: timings have no place in a test's verdict.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures time, prints, and ends at the first surprise"
)]

mod daemon;
mod load;
mod memory;
mod spawn;
mod statistics;
mod yardstick;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Measures bearerd next to its yardsticks.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Rounds of each measurement; each takes the daemon and the yardstick in turn
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The yardstick's server: a bare axum handler on a Unix socket that answers a constant
    #[command(hide = true)]
    Yardstick {
        /// Where to listen.
        #[arg(long)]
        socket: PathBuf,
        /// Bytes of the body.
        #[arg(long)]
        bytes: usize,
    },
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.part {
        Some(Part::Yardstick { socket, bytes }) => {
            runtime.block_on(yardstick::serve(&socket, bytes))
        }
        None => run(&runtime, arguments.rounds),
    }
}

fn run(runtime: &tokio::runtime::Runtime, rounds: usize) {
    let programs = daemon::Programs::build();
    let mut daemon = daemon::Daemon::start(&programs);
    daemon.log_in();
    let answer = runtime.block_on(load::body_of_one_read(daemon.socket()));
    println!(
        "one read answers {answer} bytes of JSON; {rounds} rounds, each in turns with its yardstick\n"
    );
    let yardstick = yardstick::Yardstick::start(daemon.folder(), answer);

    let kept = load::kept_alive(runtime, daemon.socket(), yardstick.socket(), rounds);
    kept.print(
        "cached reads, 64 clients, kept alive",
        "bare axum handler",
        "reads/s",
        "aim ≥ 0.90",
    );
    let fresh = load::new_connections(runtime, daemon.socket(), yardstick.socket(), rounds);
    fresh.print("read over a new connection", "bare axum handler", "µs", "aim ≤ 1.30");
    let spawned = spawn::token(&programs, &daemon, rounds);
    spawned.print("spawn → token, `bearerctl token`", "static hello world", "µs", "aim ≤ 2.00");
    memory::print(&daemon.resident(), "resident, one profile, after TLS refreshes");
}
