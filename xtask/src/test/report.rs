//! What became of each step: a line when it ends, and at the very end the table.

use super::steps::Step;
use crate::terminal::{Shade, span, table};
use std::time::Duration;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    /// How its command ended.
    Failed(String),
    /// What this machine lacks, and the mend.
    NotRun(String),
}

/// A step that has ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) step: Step,
    pub(crate) ending: Ending,
    /// What the test runner closed with.
    pub(crate) closing_lines: Vec<String>,
    pub(crate) took: Duration,
}

/// Says what begins.
pub(crate) fn announce(step: &Step) {
    println!("\n{} {}", Shade::Bold.paint(&format!("==> {}:", step.name)), step.about);
    println!("    {}", Shade::Dim.paint(&step.command_line()));
}

impl Report {
    /// Says how it ended.
    pub(crate) fn tell(&self) {
        println!("{} {}: {} ({})", self.mark(), self.step.name, self.words(), span(self.took));
    }

    fn mark(&self) -> String {
        match self.ending {
            Ending::Passed => Shade::Green.paint("✓"),
            Ending::Failed(_) => Shade::Red.paint("✗"),
            Ending::NotRun(_) => Shade::Yellow.paint("-"),
        }
    }

    fn words(&self) -> String {
        match &self.ending {
            Ending::Passed => "passed".to_owned(),
            Ending::Failed(how) => format!("FAILED ({how})"),
            Ending::NotRun(why) => format!("NOT RUN: {why}"),
        }
    }
}

/// The runners' closing lines, the table of the steps, what to repeat, and the sum.
pub(crate) fn summarise(reports: &[Report], strict: bool) {
    println!("\n{}", Shade::Bold.paint("What the test runner said"));
    for report in reports.iter().filter(|report| !report.closing_lines.is_empty()) {
        println!("{}:", report.step.name);
        for line in
            report.closing_lines.iter().filter(|line| !line.contains(" 0 passed; 0 failed;"))
        {
            println!("{line}");
        }
    }
    println!("\n{}", Shade::Bold.paint("The steps"));
    let row = |report: &Report| {
        let (mark, name) = (report.mark(), report.step.name.to_owned());
        vec![mark, name, span(report.took), report.words()]
    };
    let rows: Vec<Vec<String>> = reports.iter().map(row).collect();
    for line in table(&rows) {
        println!("{line}");
    }
    let failed: Vec<&Report> =
        reports.iter().filter(|report| matches!(report.ending, Ending::Failed(_))).collect();
    if !failed.is_empty() {
        println!("\nTo repeat what failed:");
        for report in failed {
            println!("    {}", report.step.command_line());
        }
    }
    let not_run =
        reports.iter().filter(|report| matches!(report.ending, Ending::NotRun(_))).count();
    if not_run > 0 {
        let meaning = if strict {
            "with CI set that is a failure"
        } else {
            "that is no failure here, but would be one with CI set"
        };
        println!("\n{not_run} of {} steps were not run: {meaning}.", reports.len());
    }
    let sum = Sum::of(reports.iter().flat_map(|report| &report.closing_lines));
    println!("\ntests: {} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.ignored);
}

/// The numbers of all closing lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Sum {
    /// Lines such as `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
    fn of<'a>(lines: impl Iterator<Item = &'a String>) -> Self {
        let mut sum = Self::default();
        for line in lines {
            let (_, counts) = line.split_once(". ").unwrap_or_default();
            for count in counts.split("; ") {
                let Some((number, word)) = count.split_once(' ') else { continue };
                let Ok(number) = number.parse::<usize>() else { continue };
                match word {
                    "passed" => sum.passed += number,
                    "failed" => sum.failed += number,
                    "ignored" => sum.ignored += number,
                    _ => {}
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed() {
        let lines = [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ]
        .map(str::to_owned);
        assert_eq!(Sum::of(lines.iter()), Sum { passed: 13, failed: 2, ignored: 1 });
    }
}
