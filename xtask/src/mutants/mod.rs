//! `cargo xtask mutants`: changes the heart, the reader of answers and the save format in small ways, and demands that a
//! test notices each, or that a sentence says why it changes nothing.

mod accepted;
mod areas;
mod trial;
mod verdict;

use crate::cargo::has_subcommand;
use crate::failure::Failure;
use crate::repository;
use crate::terminal::{Shade, counted, grouped, span, table};
use accepted::LIST;
use areas::AREAS;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;
use trial::{End, Tried};
use verdict::Verdict;

/// The line that installs cargo-mutants.
pub(crate) const INSTALL: &str = "`cargo install --locked cargo-mutants`";

/// What `cargo xtask mutants` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Mutate these files alone, by their paths from the root [default: all that docs/mutants.md is about]
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Mutate the lines alone that have changed since this commit
    #[arg(long, value_name = "COMMIT")]
    since: Option<String>,
}

/// Tries the mutants of each area, and holds the survivors against the list.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if !has_subcommand("mutants") {
        return Err(Failure::new(format!("this machine lacks cargo-mutants: {INSTALL}")));
    }
    let chosen = areas::chosen(&arguments.files, &repository::root())?;
    let accepted = accepted::all()?;
    let began = Instant::now();
    let mut tried = Vec::new();
    for area in &AREAS {
        let patterns = area.patterns(&chosen);
        if !patterns.is_empty() {
            println!("{} {}", Shade::Bold.paint(&format!("==> {}:", area.name)), area.package);
            tried.extend(trial::run(area, &patterns, arguments.since.as_deref())?);
        }
    }
    let is_whole = |file: &str| chosen.is_empty() || chosen.iter().any(|path| path == file);
    // Of a file that is mutated in part nobody knows what else would survive.
    let mutated = |file: &str| arguments.since.is_none() && is_whole(file);
    let verdict = Verdict::of(&tried, &accepted, mutated);
    println!("\n{}", Shade::Bold.paint("The mutants"));
    for line in table(&rows(&tried)) {
        println!("{line}");
    }
    for survivor in &verdict.unlisted {
        let Tried { file, place, mutant, .. } = survivor;
        println!("{} survives, and `{LIST}` does not say why: {file}:{place}: {mutant}", cross());
    }
    for entry in &verdict.stale {
        println!(
            "{} stands in `{LIST}` and does not survive: {}: {}",
            cross(),
            entry.file,
            entry.mutant
        );
    }
    let mutants = counted(tried.len(), "mutant", "mutants");
    let took = span(began.elapsed());
    if verdict.is_well() {
        println!("\n{mutants} in {took}, each of them noticed, or known to change nothing.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "\n{mutants} in {took}: let a test notice what survives, or say in `{LIST}` why it changes nothing, and \
         take away from there what is noticed"
    );
    Ok(ExitCode::FAILURE)
}

fn cross() -> String {
    Shade::Red.paint("✗")
}

/// A line for each file, and one for all.
fn rows(tried: &[Tried]) -> Vec<Vec<String>> {
    let mut files: BTreeMap<&str, Vec<End>> = BTreeMap::new();
    for Tried { file, end, .. } in tried {
        files.entry(file).or_default().push(*end);
    }
    let head = ["file", "mutants", "caught", "timed out", "unviable", "survive"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(files.iter().map(|(file, ends)| row(file, ends)));
    rows.push(row("all", &files.into_values().flatten().collect::<Vec<_>>()));
    rows
}

fn row(file: &str, ends: &[End]) -> Vec<String> {
    let count = |end| grouped(ends.iter().filter(|it| **it == end).count());
    vec![
        file.to_owned(),
        grouped(ends.len()),
        count(End::Caught),
        count(End::TimedOut),
        count(End::Unviable),
        count(End::Survived),
    ]
}
