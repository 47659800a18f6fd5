//! `cargo xtask simulate`: builds the simulation as fast as it can be, and plays.

use crate::cargo;
use crate::failure::{Failure, While};
use std::process::ExitCode;

/// What `cargo xtask simulate` can be told: all of it is for the simulation itself.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What the simulation is told; `--help` says what there is
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    simulation: Vec<String>,
}

/// Runs it with the arguments as they are.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let status = cargo::command()
        .args([
            "run",
            "--quiet",
            "--profile",
            "simulation",
            "--package",
            "bearerd-simulation",
            "--",
        ])
        .args(&arguments.simulation)
        .status()
        .while_doing(|| "start cargo".to_owned())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
