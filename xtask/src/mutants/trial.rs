//! One run of cargo-mutants over an area: started, followed, and its results read.

use super::areas::Area;
use crate::cargo;
use crate::failure::{Failure, While};
use crate::keeper::Keeper;
use crate::repository;
use crate::terminal::{counted, grouped, span};
use serde::Deserialize;
use std::ffi::OsStr;
use std::fs;
use std::io::{IsTerminal, stdout};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// A mutant and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) file: String,
    /// Line and column, as `214:26`.
    pub(crate) place: String,
    /// As cargo-mutants calls it, without file and place.
    pub(crate) mutant: String,
    pub(crate) end: End,
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A test failed.
    Caught,
    /// The tests did not come to an end any more, which nobody overlooks.
    TimedOut,
    /// It does not build.
    Unviable,
    /// All tests passed.
    Survived,
}

/// Mutants built and tested at the same time: each has a copy of the tree and a target folder of its own.
const JOBS: &str = "2";
/// Properties are tried on fewer values than in a plain run, and on the same ones for each mutant: a verdict that
/// hangs on luck would be no verdict.
const PROPERTIES: [(&str, &str); 2] = [("PROPTEST_CASES", "32"), ("PROPTEST_RNG_SEED", "1")];
/// Between two looks at cargo-mutants.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between two words about how far it is, where no terminal shows cargo-mutants' own.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// "Some mutants were missed", "some tests timed out" (cargo-mutants' book, "Exit codes"): whoever reads the results
/// sees which.
const JUDGED_ELSEWHERE: [i32; 2] = [2, 3];

/// Tries every mutant of the files that `patterns` select; of the lines alone that have changed `since` a commit, if one
/// is named.
pub(crate) fn run(
    area: &Area,
    patterns: &[String],
    since: Option<&str>,
) -> Result<Vec<Tried>, Failure> {
    let folder = folder(area)?;
    fs::create_dir_all(&folder).while_doing(|| format!("make `{}`", folder.display()))?;
    let changed = match since {
        None => None,
        Some(since) => match repository::changes(since, patterns)? {
            changes if changes.is_empty() => return Ok(Vec::new()),
            changes => {
                let path = folder.join("changed.diff");
                fs::write(&path, changes).while_doing(|| format!("write `{}`", path.display()))?;
                Some(path)
            }
        },
    };
    let results = folder.join("mutants.out");
    // What stands there of a run before is no result of this one, which may find nothing to change.
    if results.exists() {
        fs::remove_dir_all(&results).while_doing(|| format!("remove `{}`", results.display()))?;
    }
    let mut command = cargo::command();
    command
        .args(["mutants", "--package", area.package, "--jobs", JOBS, "--no-shuffle"])
        .args(patterns.iter().flat_map(|pattern| ["--file", pattern]))
        .args(area.targets.iter().map(|target| format!("--cargo-arg={target}")))
        .args(changed.iter().flat_map(|path| [OsStr::new("--in-diff"), path.as_os_str()]))
        .arg("--output")
        .arg(&folder)
        .envs(PROPERTIES)
        .stdin(Stdio::null())
        .process_group(0);
    let mut keeper = Keeper::new()?;
    let mut child = command.spawn().while_doing(|| "start cargo".to_owned())?;
    keeper.mind_group(&child);
    let began = Instant::now();
    let mut told = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().while_doing(|| "wait for cargo".to_owned())? {
            break status;
        }
        if !stdout().is_terminal() && told.elapsed() > TELL_EVERY {
            told = Instant::now();
            tell(&results, began.elapsed());
        }
        thread::sleep(LOOK_EVERY);
    };
    if !status.success() && !status.code().is_some_and(|code| JUDGED_ELSEWHERE.contains(&code)) {
        return Err(Failure::new(format!(
            "cargo mutants came to no end of area `{}`: its words above, or in `{}`, say why",
            area.name,
            results.join("log").display()
        )));
    }
    read(&results)
}

/// Where cargo-mutants leaves its results: of each mutant the change and what cargo said.
pub(crate) fn folder(area: &Area) -> Result<PathBuf, Failure> {
    Ok(cargo::metadata()?.target_directory.join("mutants").join(area.name))
}

/// How far it is, by the lists that cargo-mutants writes as it goes.
fn tell(results: &Path, took: Duration) {
    let lines =
        |name: &str| fs::read_to_string(results.join(name)).map_or(0, |text| text.lines().count());
    let survive = lines("missed.txt");
    let tried = survive + lines("caught.txt") + lines("timeout.txt") + lines("unviable.txt");
    let tried = counted(tried, "mutant", "mutants");
    println!("    {tried} tried in {}, {} survive", span(took), grouped(survive));
}

fn read(results: &Path) -> Result<Vec<Tried>, Failure> {
    let path = results.join("outcomes.json");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = fs::read(&path).while_doing(|| format!("read `{}`", path.display()))?;
    tried(&bytes).while_doing(|| format!("understand `{}`", path.display()))
}

fn tried(json: &[u8]) -> serde_json::Result<Vec<Tried>> {
    let Outcomes { outcomes } = serde_json::from_slice(json)?;
    let tried = outcomes.into_iter().filter_map(|outcome| {
        let Scenario::Mutant(mutant) = outcome.scenario else { return None };
        let end = match outcome.summary {
            Summary::CaughtMutant => End::Caught,
            Summary::Timeout => End::TimedOut,
            Summary::Unviable => End::Unviable,
            Summary::MissedMutant => End::Survived,
            Summary::Success | Summary::Failure => return None,
        };
        let start = mutant.span.start;
        let place = format!("{}:{}", start.line, start.column);
        let prefix = format!("{}:{place}: ", mutant.file);
        let name = mutant.name.strip_prefix(&prefix).unwrap_or(&mutant.name).to_owned();
        Some(Tried { file: mutant.file, place, mutant: name, end })
    });
    Ok(tried.collect())
}

/// `outcomes.json`, as far as it is needed here (cargo-mutants' book, "The `mutants.out` directory").
#[derive(Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: Summary,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Mutant),
}

#[derive(Deserialize)]
struct Mutant {
    name: String,
    file: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Place,
}

#[derive(Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

#[derive(Deserialize)]
enum Summary {
    CaughtMutant,
    MissedMutant,
    Timeout,
    Unviable,
    /// Of the unmutated tree.
    Success,
    Failure,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_called_by_its_name_without_its_place() {
        let json = br#"{"outcomes": [
            {"scenario": "Baseline", "summary": "Success"},
            {"scenario": {"Mutant": {
                "name": "a/b.rs:214:26: replace < with <= in f",
                "file": "a/b.rs", "span": {"start": {"line": 214, "column": 26}}, "genre": "BinaryOperator"
            }}, "summary": "MissedMutant"},
            {"scenario": {"Mutant": {
                "name": "a/b.rs:1:1: replace g -> u8 with 0",
                "file": "a/b.rs", "span": {"start": {"line": 1, "column": 1}}
            }}, "summary": "CaughtMutant"}
        ], "total_mutants": 2}"#;
        let one = |place: &str, mutant: &str, end| Tried {
            file: "a/b.rs".to_owned(),
            place: place.to_owned(),
            mutant: mutant.to_owned(),
            end,
        };
        let wanted = [
            one("214:26", "replace < with <= in f", End::Survived),
            one("1:1", "replace g -> u8 with 0", End::Caught),
        ];
        assert_eq!(tried(json).unwrap(), wanted);
    }
}
