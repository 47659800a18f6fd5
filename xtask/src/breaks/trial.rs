//! Tries one test in the copy, as it is or with a patch.

use super::copy;
use super::patch::NamedTest;
use crate::cargo;
use crate::failure::{Failure, While};
use crate::keeper::Keeper;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a trial came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The test ran and passed.
    Green,
    /// The test ran and failed.
    Red,
    /// The unbroken copy does not pass already.
    RedUnbroken,
    /// There is no such test, or several.
    NotOneTest,
    /// The patch belongs to an older state of the code.
    DoesNotApply,
    /// Anything can be noticed by code that does not build.
    DoesNotBuild,
    /// The test has no bound of its own.
    Hangs,
}

impl Verdict {
    pub(crate) fn words(self) -> String {
        match self {
            Self::Green => "green",
            Self::Red => "red",
            Self::RedUnbroken => "the test does not pass on the unbroken code",
            Self::NotOneTest => "the name does not select one test",
            Self::DoesNotApply => "BROKEN PATCH: it does not apply",
            Self::DoesNotBuild => "BROKEN PATCH: the code with it does not build",
            Self::Hangs => "BROKEN PATCH: the test neither fails nor ends",
        }
        .to_owned()
    }
}

/// The copy, and where it is built; both are kept, so that the next run builds little.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The code as it was when the trial began: whoever edits on meanwhile changes no verdict.
    unbroken: PathBuf,
    /// The same, patched at times.
    tree: PathBuf,
    target: PathBuf,
    logs: PathBuf,
}

/// Longer than any single test, with its build from nothing.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// Between two looks at a test.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The package whose tests start the programs, and what they build them from.
const END_TO_END: &str = "bearerd-tests";
const PROGRAMS: [&str; 8] =
    ["build", "--bins", "-p", "bearerd", "-p", "bearerd-client", "-p", "bearerd-test-idp"];

impl Trial {
    pub(crate) fn prepare() -> Result<Self, Failure> {
        let folder = cargo::metadata()?.target_directory.join("breaks");
        let trial = Self {
            unbroken: folder.join("unbroken"),
            tree: folder.join("tree"),
            target: folder.join("target"),
            logs: folder.join("logs"),
        };
        for made in [&trial.unbroken, &trial.tree, &trial.logs] {
            fs::create_dir_all(made).while_doing(|| format!("make `{}`", made.display()))?;
        }
        copy::of_repository(&trial.unbroken)?;
        Ok(trial)
    }

    /// What cargo and the tests said.
    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    /// The test on the code as it is.
    pub(crate) fn unbroken(&self, test: &NamedTest) -> Result<Verdict, Failure> {
        copy::of_folder(&self.tree, &self.unbroken)?;
        self.test(test, "unbroken")
    }

    /// The test on the code with the patch; the logs get this name.
    pub(crate) fn patched(
        &self,
        patch: &Path,
        test: &NamedTest,
        name: &str,
    ) -> Result<Verdict, Failure> {
        copy::of_folder(&self.tree, &self.unbroken)?;
        let applied = apply(&self.tree, patch).output();
        let applied = applied.while_doing(|| "start `git`".to_owned())?;
        if !applied.status.success() {
            return Ok(Verdict::DoesNotApply);
        }
        let verdict = self.test(test, name);
        copy::of_folder(&self.tree, &self.unbroken)?;
        verdict
    }

    fn test(&self, test: &NamedTest, name: &str) -> Result<Verdict, Failure> {
        // A test that builds the programs itself would turn red for code that does not build.
        if test.package() == Some(END_TO_END) {
            let words = PROGRAMS.map(str::to_owned);
            match self.cargo(&words, &format!("{name}-programs"))? {
                Some((true, _)) => {}
                Some((false, _)) => return Ok(Verdict::DoesNotBuild),
                None => return Ok(Verdict::Hangs),
            }
        }
        let Some((passed, output)) = self.cargo(&command_of(test), name)? else {
            return Ok(Verdict::Hangs);
        };
        Ok(match test {
            NamedTest::Rust { name, .. } => judge(passed, &output, name),
            NamedTest::Python { .. } => judge_python(passed, &output),
        })
    }

    /// Runs cargo in the copy; gives whether it succeeded and what it wrote to stdout, or `None` past the limit.
    fn cargo(&self, words: &[String], name: &str) -> Result<Option<(bool, String)>, Failure> {
        let log = |end| {
            let path = self.logs.join(format!("{name}.{end}"));
            File::create(&path).while_doing(|| format!("write `{}`", path.display()))
        };
        let mut command = cargo::command();
        command
            .args(words)
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .stdout(log("out")?)
            .stderr(log("err")?)
            .process_group(0);
        let mut keeper = Keeper::new()?;
        let mut child = command.spawn().while_doing(|| "start cargo".to_owned())?;
        keeper.mind_group(&child);
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().while_doing(|| "wait for cargo".to_owned())? {
                let path = self.logs.join(format!("{name}.out"));
                let output =
                    fs::read(&path).while_doing(|| format!("read `{}`", path.display()))?;
                let output = String::from_utf8_lossy(&output).into_owned();
                return Ok(Some((status.success(), output)));
            }
            if began.elapsed() > LIMIT {
                return Ok(None);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// `git apply` of a patch in `folder`, which need not be a repository and must not be taken for a part of one: below
/// the top of a repository git silently leaves out files that are not below the current folder.
fn apply(folder: &Path, patch: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("apply").arg(patch).current_dir(folder).stdin(Stdio::null());
    if let Some(above) = folder.parent() {
        git.env("GIT_CEILING_DIRECTORIES", above);
    }
    git
}

/// What cargo is told to run this test alone.
fn command_of(test: &NamedTest) -> Vec<String> {
    let words = |some: &[&str]| some.iter().copied().map(str::to_owned).collect::<Vec<_>>();
    match test {
        NamedTest::Rust { selection, name } => {
            [words(&["test"]), selection.clone(), words(&["--", "--exact", name])].concat()
        }
        NamedTest::Python { file, name } => words(&["xtask", "python", &format!("{file}::{name}")]),
    }
}

/// Reads what Rust's test runner wrote.
fn judge(passed: bool, output: &str, name: &str) -> Verdict {
    if !output.contains("running ") {
        return Verdict::DoesNotBuild;
    }
    // Not only by the name: of a slow test the runner says in between that it runs.
    let ran = output.lines().filter(|line| line.starts_with(&format!("test {name} ... "))).count();
    match (ran, passed) {
        (1, true) => Verdict::Green,
        (1, false) => Verdict::Red,
        _ => Verdict::NotOneTest,
    }
}

/// Reads the line by which pytest closes: the cases of one function passed or failed. What can't even be collected, or
/// breaks before the test begins, is an error.
fn judge_python(passed: bool, output: &str) -> Verdict {
    let closes = |line: &&str| {
        let seconds = line.rsplit_once(" in ").map(|(_, rest)| rest.as_bytes());
        seconds.and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
    };
    let Some(line) = output.lines().rev().find(closes) else {
        return Verdict::DoesNotBuild;
    };
    let count = |what: &str| {
        let words: Vec<&str> =
            line.split([' ', ',', '=']).filter(|word| !word.is_empty()).collect();
        let at = words.iter().position(|word| word.trim_end_matches('s') == what);
        at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0_usize)
    };
    match (count("passed"), count("failed"), count("error")) {
        (0, 0, 0) => Verdict::NotOneTest,
        (_, _, 1..) => Verdict::DoesNotBuild,
        (_, 1.., _) => Verdict::Red,
        (_, 0, 0) if passed => Verdict::Green,
        (..) => Verdict::NotOneTest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_words_are_judged() {
        let cases = [
            (true, "\nrunning 1 test\ntest a::b ... ok\n\ntest result: ok.", Verdict::Green),
            (
                false,
                "running 1 test\ntest a::b has been running for over 60 seconds\ntest a::b ... FAILED\n",
                Verdict::Red,
            ),
            (true, "\nrunning 0 tests\n\ntest result: ok.", Verdict::NotOneTest),
            (false, "", Verdict::DoesNotBuild),
        ];
        for (passed, output, verdict) in cases {
            assert_eq!(judge(passed, output, "a::b"), verdict, "{output}");
        }
    }

    #[test]
    fn the_words_of_pytest_are_judged() {
        let cases = [
            (true, ".... [100%]\n4 passed in 0.21s\n", Verdict::Green),
            (true, "== 4 passed, 2 warnings in 61.20s (0:01:01) ==\n", Verdict::Green),
            (
                false,
                "F... [100%]\nFAILED tests/test_a.py::b\n1 failed, 3 passed in 1.20s\n",
                Verdict::Red,
            ),
            (
                false,
                "E [100%]\nERROR tests/test_a.py::b - ZeroDivisionError\n1 error in 0.08s\n",
                Verdict::DoesNotBuild,
            ),
            (false, "1 failed, 2 errors in 0.08s\n", Verdict::DoesNotBuild),
            (
                false,
                "ERROR: not found: tests/test_a.py::c\n\nno tests ran in 0.01s\n",
                Verdict::NotOneTest,
            ),
            (true, "1 skipped in 0.01s\n", Verdict::NotOneTest),
            (false, "", Verdict::DoesNotBuild),
        ];
        for (passed, output, verdict) in cases {
            assert_eq!(judge_python(passed, output), verdict, "{output}");
        }
    }
}
