//! `cargo xtask python`: the Python package, checked and tested on the oldest and the newest Python here.

mod environment;
pub(crate) mod wheel;

use crate::cargo;
use crate::failure::{Failure, While};
use crate::repository;
pub(crate) use environment::has_python;
use environment::{Environment, interpreters};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Formats, lints, types on the newest; tests on both.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let programs = cargo::programs()?;
    let folder = programs.bearerd.parent().map(PathBuf::from).unwrap_or_default();
    let interpreters = interpreters()?;
    for (at, interpreter) in interpreters.iter().enumerate() {
        let is_newest = at + 1 == interpreters.len();
        let needed = if is_newest { "checks" } else { "tests" };
        let environment = Environment::with(interpreter, needed)?;
        println!("Python {}", interpreter.version());
        if is_newest {
            for words in [["format", "--check"].as_slice(), ["check"].as_slice()] {
                let mut ruff = environment.module("ruff");
                ruff.args(words).args([".", "../../bench/python"]);
                demand(&mut ruff)?;
            }
            demand(&mut environment.module("mypy"))?;
        }
        let mut tests = environment.module("pytest");
        // What the machine's Python has of plugins is no part of these tests.
        tests.env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1");
        tests.env("PYTHONPATH", "src").env("BEARERD_PROGRAMS", &folder);
        demand(&mut tests)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of the package.
fn package() -> PathBuf {
    repository::root().join("client/python")
}

fn demand(command: &mut Command) -> Result<(), Failure> {
    let shown = shown(command);
    let status = command.status().while_doing(|| format!("start `{shown}`"))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{shown}`: {status}"))) }
}

/// A command as one would type it, without the folder of its program.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned());
    let mut shown = words.collect::<Vec<_>>().join(" ");
    if let Some(at) = shown.find("/bin/python") {
        shown.replace_range(..=at + "/bin".len(), "");
    }
    shown
}
