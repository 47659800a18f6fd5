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
    /// Plain, and what is long: every promise broken in a copy, the recipe, mutants, advisories and licences
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
    let metadata = cargo::metadata()?;
    let all = steps::of(Size::All, &metadata).into_iter().map(|step| step.name).collect::<Vec<_>>();
    let steps = chosen(steps::of(size, &metadata), &all, &arguments.only)?;
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

/// The steps with these names, in the order of the size; all of them where none is named. `all`: the names of every size.
fn chosen(steps: Vec<Step>, all: &[&str], only: &[String]) -> Result<Vec<Step>, Failure> {
    let missing = only.iter().find(|name| !steps.iter().any(|step| step.name == **name));
    if let Some(missing) = missing {
        return Err(Failure::new(if !all.contains(&missing.as_str()) {
            format!("there is no step `{missing}`; the steps are {}", all.join(", "))
        } else if steps.iter().any(|step| step.name == "demo") {
            format!("the step `{missing}` takes long: add --all to run it")
        } else {
            format!(
                "the step `{missing}` is not one of --quick: leave that out, or add --all instead"
            )
        }));
    }
    let wanted = |step: &Step| only.is_empty() || only.iter().any(|name| *name == step.name);
    Ok(steps.into_iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_is_not_there_is_told_with_those_that_are() {
        let metadata = cargo::metadata().unwrap();
        let all: Vec<_> =
            steps::of(Size::All, &metadata).into_iter().map(|step| step.name).collect();
        let said = |size, name: &str| {
            chosen(steps::of(size, &metadata), &all, &[name.to_owned()]).unwrap_err().to_string()
        };
        for size in [Size::Quick, Size::Plain, Size::All] {
            let sentence = "there is no step `nosuch`; the steps are format, lints, tests, docs, demo, simulation, \
                            clocks, faults, crashes, keycloak, second-provider, systemd, python, sdk, all-sdk, \
                            notebook, wheel, all-crashes, all-simulation, breaks, recipe, mutants";
            assert!(said(size, "nosuch").starts_with(sentence), "{}", said(size, "nosuch"));
        }
        let long = "the step `breaks` takes long: add --all to run it";
        assert_eq!(said(Size::Plain, "breaks"), long);
        let real = "the step `demo` is not one of --quick: leave that out, or add --all instead";
        assert_eq!(said(Size::Quick, "demo"), real);
        let one = chosen(steps::of(Size::Quick, &metadata), &all, &["docs".to_owned()]).unwrap();
        assert_eq!(one.iter().map(|step| step.name).collect::<Vec<_>>(), ["docs"]);
    }
}
