//! `cargo xtask test`: everything that says whether bearerd is good, in three sizes.

mod machine;
mod report;
mod runner;
mod steps;

use crate::cargo;
use crate::failure::Failure;
use report::{Ending, Report};
use std::process::ExitCode;
use std::time::Instant;
use steps::{Size, Step};

/// What `cargo xtask test` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Format, lints, tests on the test identity provider, documentation: the inner loop
    #[arg(long)]
    quick: bool,
    /// Plain, and what is long: every promise broken in a copy, mutants, advisories and licences
    #[arg(long, conflicts_with = "quick")]
    all: bool,
    /// Run these steps alone
    #[arg(value_name = "STEP")]
    only: Vec<String>,
}

/// Runs each step, whatever became of the ones before, and says at the end what to repeat.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let size = match (arguments.quick, arguments.all) {
        (true, _) => Size::Quick,
        (_, true) => Size::All,
        _ => Size::Plain,
    };
    let steps = chosen(steps::of(size, &cargo::metadata()?), &arguments.only)?;
    // In CI a step that can't run would be one that nobody misses.
    let strict = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let mut reports = Vec::with_capacity(steps.len());
    for step in steps {
        report::announce(&step);
        let began = Instant::now();
        let (ending, closing_lines) = match step.hindrance() {
            Some(hindrance) => (Ending::NotRun(hindrance), Vec::new()),
            None => runner::run(&step)?,
        };
        let report = Report { step, ending, closing_lines, took: began.elapsed() };
        report.tell();
        reports.push(report);
    }
    report::summarise(&reports, strict);
    let failed = reports.iter().any(|report| match report.ending {
        Ending::Passed => false,
        Ending::Failed(_) => true,
        Ending::NotRun(_) => strict,
    });
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The steps with these names, in the order of the size; all of them where none is named.
fn chosen(steps: Vec<Step>, only: &[String]) -> Result<Vec<Step>, Failure> {
    let unknown = only.iter().find(|name| !steps.iter().any(|step| step.name == **name));
    if let Some(unknown) = unknown {
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        return Err(Failure::new(format!(
            "there is no step `{unknown}` of this size: {}",
            names.join(", ")
        )));
    }
    let wanted = |step: &Step| only.is_empty() || only.iter().any(|name| *name == step.name);
    Ok(steps.into_iter().filter(wanted).collect())
}
