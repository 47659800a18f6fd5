//! `cargo xtask python`: the Python package, checked and tested on the oldest and the newest Python here.

mod environment;
pub(crate) mod wheel;

use crate::cargo;
use crate::failure::{Failure, While};
use crate::repository;
pub(crate) use environment::has_python;
use environment::{Environment, Interpreter, interpreters};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

/// What `cargo xtask python` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run these tests alone, such as `tests/test_forks.py::test_a_child_of_a_child_is_no_different`, on the newest Python
    #[arg(value_name = "TEST")]
    tests: Vec<String>,
}

/// Formats, lints, types on the newest; tests on both.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let programs = cargo::programs()?;
    let folder = programs.bearerd.parent().map(PathBuf::from).unwrap_or_default();
    let interpreters = interpreters()?;
    let nobody = || Failure::new("there is no Python");
    let (newest, older) = interpreters.split_last().ok_or_else(nobody)?;
    if !arguments.tests.is_empty() {
        let environment = Environment::with(newest, "checks")?;
        demand(pytest(&environment, &folder).args(&arguments.tests))?;
        return Ok(ExitCode::SUCCESS);
    }
    thread::scope(|scope| {
        // Most of their time tests wait, for tokens that end and daemons that start: both go on side by side.
        let beside: Vec<_> =
            older.iter().map(|older| scope.spawn(|| tested(older, &folder))).collect();
        checked(newest, &folder)?;
        for other in beside {
            other.join().map_err(|_panic| Failure::new("the tests beside have no end"))??;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Formats, lints, types and tests.
fn checked(interpreter: &Interpreter, programs: &Path) -> Result<(), Failure> {
    println!("Python {}", interpreter.version());
    let environment = Environment::with(interpreter, "checks")?;
    for words in [["format", "--check"].as_slice(), ["check"].as_slice()] {
        let mut ruff = environment.module("ruff");
        demand(ruff.args(words).args([".", "../../bench/python"]))?;
    }
    demand(&mut environment.module("mypy"))?;
    demand(&mut pytest(&environment, programs))
}

/// The tests on this Python; what they say comes at their end.
fn tested(interpreter: &Interpreter, programs: &Path) -> Result<(), Failure> {
    let environment = Environment::with(interpreter, "tests")?;
    let mut pytest = pytest(&environment, programs);
    let output = pytest.output().while_doing(|| format!("start `{}`", shown(&pytest)))?;
    println!("Python {}", interpreter.version());
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let ended = || Failure::new(format!("`{}`: {}", shown(&pytest), output.status));
    if output.status.success() { Ok(()) } else { Err(ended()) }
}

/// The tests, with the programs that were built.
fn pytest(environment: &Environment, programs: &Path) -> Command {
    let mut pytest = environment.module("pytest");
    // What the machine's Python has of plugins is no part of these tests.
    pytest.env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1");
    pytest.env("PYTHONPATH", "src").env("BEARERD_PROGRAMS", programs);
    pytest
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
