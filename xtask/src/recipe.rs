//! `cargo xtask recipe`: "Adding an auth type" of the architecture, followed with a toy that is never shipped.
//!
//! `tests/recipe/toy-grant.patch` is what the recipe comes to:
//!
//! ```text
//! # what: An auth type `toy`.
//! # test: cargo test -p bearerd --test fetch_toy -- the_daemon_serves_the_token_of_a_ticket
//! --- a/daemon/src/config/auth.rs
//! +++ b/daemon/src/config/auth.rs
//! @@ …
//! ```

use crate::breaks::{NamedTest, Trial, Verdict, headers};
use crate::failure::{Failure, While};
use crate::repository;
use crate::terminal::{Shade, counted};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// The toy.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it adds.
    pub(crate) what: String,
    /// The tests that must pass with it: its own, and those that its files are cases of.
    pub(crate) tests: Vec<NamedTest>,
}

/// Applies the toy to a copy, and demands that each test that it names passes there.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let recipe = Recipe::read()?;
    let trial = Trial::prepare()?;
    println!("{} {}", Shade::Bold.paint("==> the recipe:"), recipe.what);
    let mut all_green = true;
    for (at, test) in recipe.tests.iter().enumerate() {
        let verdict = trial.patched(&recipe.path, test, &format!("recipe-{at}"))?;
        let green = verdict == Verdict::Green;
        all_green &= green;
        let mark = if green { Shade::Green.paint("✓") } else { Shade::Red.paint("✗") };
        println!("    {mark} {test}: {}", verdict.words());
    }
    let tests = counted(recipe.tests.len(), "test", "tests");
    if all_green {
        println!("\nThe recipe holds: {tests}, each of them green.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "\nThe recipe of docs/ARCHITECTURE.md does not hold: {tests}, not all of them green; cargo's words are in {}",
        trial.logs().display()
    );
    Ok(ExitCode::FAILURE)
}

impl Recipe {
    pub(crate) fn read() -> Result<Self, Failure> {
        let path = repository::root().join(PATCH);
        let text = fs::read_to_string(&path).while_doing(|| format!("read `{PATCH}`"))?;
        let lacks = |what| Failure::new(format!("`{PATCH}` lacks its line `{what}`"));
        let what = headers(&text, "what").into_iter().next();
        let what = what.ok_or_else(|| lacks("# what: …"))?;
        let tests: Option<Vec<_>> =
            headers(&text, "test").iter().map(|line| NamedTest::read(line)).collect();
        let tests = tests.filter(|tests| !tests.is_empty());
        let tests = tests.ok_or_else(|| lacks("# test: cargo test -p PACKAGE … -- NAME"))?;
        Ok(Self { path, what, tests })
    }
}

const PATCH: &str = "tests/recipe/toy-grant.patch";
