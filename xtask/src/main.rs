//! `cargo xtask`: the demo, the tests, the breaks, the mutants, what is installed.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for whoever works on bearerd: it speaks to a person, measures time and reads its environment"
)]

mod breaks;
mod cargo;
mod demo;
mod dist;
mod failure;
mod keeper;
mod mutants;
mod python;
mod recipe;
mod repository;
mod simulate;
mod terminal;
mod test;
#[cfg(test)]
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Shows, tests and breaks bearerd.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole thing at work against an identity provider of its own: half a minute, and before that the build,
    /// which takes some minutes the first time
    Demo(demo::Arguments),
    /// Test it; without a flag with all real parts
    Test(test::Arguments),
    /// Build both programs as they are installed, into `dist/`
    Dist,
    /// Check and test the Python package, on the oldest and the newest Python here
    Python(python::Arguments),
    /// Build the Python package with both programs in it, into `dist/`: one wheel for old systems too, and an sdist
    Wheel,
    /// Break each promise in a copy, and see that its test fails
    Breaks(breaks::Arguments),
    /// Play simulated histories of the heart and the saving code, and look at every invariant after every event
    Simulate(simulate::Arguments),
    /// Change the code that decides in small ways, and see that a test notices each
    Mutants(mutants::Arguments),
    /// Follow the recipe for an auth type with a toy, in a copy, and see that its tests pass
    Recipe,
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Dist => dist::run(),
        Command::Python(arguments) => python::run(&arguments),
        Command::Wheel => python::wheel::run(),
        Command::Breaks(arguments) => breaks::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Mutants(arguments) => mutants::run(&arguments),
        Command::Recipe => recipe::run(),
    };
    match ended {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
