//! The steps of each size, and what each needs.

use super::machine::{self, Part};
use crate::cargo::{Metadata, has_subcommand};
use std::time::Duration;

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    /// The inner loop.
    Quick,
    /// All real parts.
    Plain,
    /// What is long as well.
    All,
}

/// One command.
#[derive(Debug)]
pub(crate) struct Step {
    /// How it is called in the table and on the command line.
    pub(crate) name: &'static str,
    /// What it does, for whoever looks on.
    pub(crate) about: &'static str,
    /// The words of the command; the first is `cargo`.
    pub(crate) words: Vec<String>,
    /// A variable that it gets.
    pub(crate) variable: Option<(&'static str, &'static str)>,
    /// What takes longer hangs.
    pub(crate) limit: Duration,
    /// What it needs of the machine.
    needs: Vec<Part>,
    /// Its tests stand in `tests/Cargo.toml` behind a feature, and there are none.
    nothing_there: bool,
}

/// Far more than most steps need, the first build included.
const LIMIT_MINUTES: u64 = 40;

impl Step {
    fn new(name: &'static str, about: &'static str, words: &str) -> Self {
        let words = words.split(' ').map(str::to_owned).collect();
        let limit = Duration::from_secs(LIMIT_MINUTES * 60);
        Self { name, about, words, variable: None, limit, needs: Vec::new(), nothing_there: false }
    }

    fn with(self, variable: &'static str, value: &'static str) -> Self {
        Self { variable: Some((variable, value)), ..self }
    }

    /// For what is meant to take long.
    fn within(self, minutes: u64) -> Self {
        Self { limit: Duration::from_secs(minutes * 60), ..self }
    }

    fn needing(self, needs: &[Part]) -> Self {
        Self { needs: needs.to_vec(), ..self }
    }

    /// Why it can't run here, and the mend, in one line.
    pub(crate) fn hindrance(&self) -> Option<String> {
        if self.nothing_there {
            return Some("there are no such tests in `tests/Cargo.toml`".to_owned());
        }
        machine::lacking(&self.needs)
    }

    /// As one would type it to repeat the step.
    pub(crate) fn command_line(&self) -> String {
        let variable = self.variable.map(|(name, value)| format!("{name}=\"{value}\" "));
        format!("{}{}", variable.unwrap_or_default(), self.words.join(" "))
    }

    /// Whether its closing lines are those of Rust's test runner.
    pub(crate) fn is_tests(&self) -> bool {
        self.words.get(1).is_some_and(|word| word == "test")
    }
}

/// The steps of this size.
///
/// Each goes over the whole workspace, also where it runs one target alone: cargo unifies features over the selection,
/// and every other selection would build the dependencies once more.
pub(crate) fn of(size: Size, metadata: &Metadata) -> Vec<Step> {
    let mut steps = quick();
    if size >= Size::Plain {
        steps.extend(real_parts(metadata));
    }
    if size >= Size::All {
        steps.extend(long(metadata));
    }
    // Whoever has it gets its word; nobody waits for a download of it in the inner loop.
    if size == Size::All || has_subcommand("deny") {
        steps.push(dependencies());
    }
    steps
}

fn quick() -> Vec<Step> {
    vec![
        Step::new("format", "every file as rustfmt writes it", "cargo fmt --all --check"),
        Step::new(
            "lints",
            "clippy over every target, warnings are errors",
            "cargo clippy --workspace --all-targets --features \
             bearerd-tests/clocks,bearerd-tests/crashes,bearerd-tests/faults,bearerd-tests/keycloak,\
             bearerd-tests/notebook,bearerd-tests/sdk,bearerd-tests/second-provider,bearerd-tests/systemd -- -D warnings",
        ),
        Step::new(
            "tests",
            "unit, property and end-to-end tests, on the test identity provider",
            "cargo test --workspace --no-fail-fast",
        ),
        Step::new(
            "docs",
            "the documentation of the code, with every link",
            "cargo doc --workspace --no-deps",
        )
        .with("RUSTDOCFLAGS", "-D warnings"),
    ]
}

/// Real parts in place of the stand-ins.
fn real_parts(metadata: &Metadata) -> Vec<Step> {
    let clocks = behind_feature(
        metadata,
        "clocks",
        "clocks that are set, that sleep, that begin anew under the real daemon",
    )
    .needing(&[Part::Root, Part::SetClock, Part::CCompiler, Part::Unshare, Part::Faketime]);
    let keycloak = behind_feature(
        metadata,
        "keycloak",
        "a real Keycloak behind a gate: logins, 64 processes, outages, lost answers",
    )
    .needing(&[Part::Java, Part::Maven, Part::Unzip]);
    let second_provider = behind_feature(
        metadata,
        "second-provider",
        "another real provider, found by discovery: device logins, services, audiences",
    )
    .needing(&[Part::Node, Part::Npm]);
    let systemd = behind_feature(
        metadata,
        "systemd",
        "the units in a real user manager: activation, restarts under load",
    )
    .needing(&[Part::Root, Part::Systemd, Part::UserBus, Part::Setpriv, Part::Unshare]);
    let demo = Step::new("demo", "the demo, which demands what it tells", "cargo xtask demo")
        .needing(&[Part::Curl]);
    let crashes = crashes(
        metadata,
        "crashes",
        "a hundred kills, each call of a save, cut power: a selection",
    );
    let faults = behind_feature(
        metadata,
        "faults",
        "every fault against every request, each with a daemon of its own",
    );
    let simulation = Step::new(
        "simulation",
        "a minute of simulated histories of the heart and its saves",
        "cargo xtask simulate --minutes 1 --seed 1",
    );
    let python = Step::new(
        "python",
        "the Python package: ruff, mypy, tests on the oldest and the newest Python",
        "cargo xtask python",
    )
    .needing(&[Part::Python]);
    let sdk = sdk(
        metadata,
        "sdk",
        "the real Wallaroo SDK on the daemon and by itself, on a real Keycloak: a selection",
        &SDK_SELECTION,
    );
    vec![demo, simulation, clocks, faults, crashes, keycloak, second_provider, systemd, python, sdk]
}

/// What kills the daemon, or its disk.
fn crashes(metadata: &Metadata, name: &'static str, about: &'static str) -> Step {
    let step = behind_feature(metadata, "crashes", about).needing(&CRASHES_NEED);
    Step { name, ..step }
}

const CRASHES_NEED: [Part; 5] =
    [Part::Root, Part::Strace, Part::LoopDevices, Part::MkfsExt4, Part::Perl];

/// The real SDK: these of its tests, all where none is named.
fn sdk(metadata: &Metadata, name: &'static str, about: &'static str, tests: &[&str]) -> Step {
    let mut step = behind_feature(metadata, "sdk", about).needing(&SDK_NEEDS);
    // They wait for most of their time: for tokens that end, for a Keycloak that is away.
    let options = ["--", "--test-threads=3", "--show-output"];
    step.words.extend(options.iter().chain(tests).map(|word| (*word).to_owned()));
    Step { name, ..step }
}

const SDK_SELECTION: [&str; 3] = ["crowd::sixty_four", "outage::no_call", "served::by_run"];
const SDK_NEEDS: [Part; 4] = [Part::Java, Part::Maven, Part::Unzip, Part::PythonOfTheSdk];

/// What is long. Fuzzers, soak tests and the like get their places here.
fn long(metadata: &Metadata) -> Vec<Step> {
    let about = "two thousand kills, each call of a save, a hundred power losses";
    let notebook = behind_feature(
        metadata,
        "notebook",
        "JupyterLab in a real browser: a login by device code, seen by its person",
    );
    vec![
        sdk(metadata, "all-sdk", "the real SDK in every way, with all contrasts in full", &[])
            .with("BEARERD_SDK", "long"),
        notebook.needing(&[SDK_NEEDS.as_slice(), &[Part::Chromium, Part::ChromeDriver]].concat()),
        Step::new(
            "wheel",
            "the wheel and the sdist, and the wheel tried in an empty environment",
            "cargo xtask wheel",
        )
        .needing(&[Part::Python]),
        crashes(metadata, "all-crashes", about).with("BEARERD_CRASHES", "long"),
        Step::new(
            "all-simulation",
            "twenty minutes of simulated histories, of seeds never played before",
            "cargo xtask simulate --minutes 20",
        ),
        Step::new(
            "breaks",
            "each promise broken in a copy: its test must turn red",
            "cargo xtask breaks",
        )
        .needing(&[
            Part::Root,
            Part::SetClock,
            Part::Setpriv,
            Part::Unshare,
            Part::CCompiler,
            Part::LoopDevices,
            Part::MkfsExt4,
            Part::Perl,
            Part::Python,
            Part::PythonOfTheSdk,
        ]),
        Step::new(
            "recipe",
            "the recipe for an auth type, followed with a toy in a copy: its tests must pass",
            "cargo xtask recipe",
        ),
        Step::new(
            "mutants",
            "the code that decides, changed in small ways: a test must notice each",
            "cargo xtask mutants",
        )
        .needing(&[Part::CargoMutants])
        .within(3 * 60),
    ]
}

fn dependencies() -> Step {
    let about = "licences, duplicates and sources of the dependencies";
    Step::new("dependencies", about, "cargo deny check bans licenses sources")
        .needing(&[Part::CargoDeny])
}

/// The test targets of `tests/Cargo.toml` that this feature brings.
fn behind_feature(metadata: &Metadata, feature: &'static str, about: &'static str) -> Step {
    let package = metadata.packages.iter().find(|package| package.name == "bearerd-tests");
    let targets = package.into_iter().flat_map(|package| &package.targets);
    let names: Vec<&str> = targets
        .filter(|target| target.required_features.iter().any(|needed| needed == feature))
        .map(|target| target.name.as_str())
        .collect();
    let mut step = Step::new(
        feature,
        about,
        &format!("cargo test --workspace --no-fail-fast --features bearerd-tests/{feature}"),
    );
    step.nothing_there = names.is_empty();
    step.words.extend(names.iter().flat_map(|name| ["--test".to_owned(), (*name).to_owned()]));
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository;

    fn names(size: Size) -> Vec<&'static str> {
        let metadata = crate::cargo::metadata().unwrap();
        let names = of(size, &metadata).into_iter().map(|step| step.name);
        names.filter(|name| *name != "dependencies").collect()
    }

    #[test]
    fn each_size_has_the_one_before_in_it() {
        let quick = ["format", "lints", "tests", "docs"];
        assert_eq!(names(Size::Quick), quick);
        let plain: Vec<_> = quick
            .into_iter()
            .chain(["demo", "simulation", "clocks", "faults", "crashes", "keycloak"])
            .chain(["second-provider", "systemd", "python", "sdk"])
            .collect();
        assert_eq!(names(Size::Plain), plain);
        let all: Vec<_> = plain
            .into_iter()
            .chain(["all-sdk", "notebook", "wheel", "all-crashes", "all-simulation", "breaks"])
            .chain(["recipe", "mutants"])
            .collect();
        assert_eq!(names(Size::All), all);
    }

    #[test]
    fn the_selection_of_the_sdk_is_there() {
        for selected in SDK_SELECTION {
            let (module, start) = selected.split_once("::").unwrap();
            let file = repository::root().join(format!("tests/tests/sdk/{module}.rs"));
            let text = std::fs::read_to_string(file).unwrap();
            assert!(text.contains(&format!("#[test]\nfn {start}")), "{selected}");
        }
    }

    #[test]
    fn a_step_can_be_typed_again() {
        let docs = quick().pop().unwrap();
        assert_eq!(
            docs.command_line(),
            "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps"
        );
    }

    #[test]
    fn the_tests_behind_a_feature_are_found() {
        let metadata = crate::cargo::metadata().unwrap();
        let step = behind_feature(&metadata, "keycloak", "");
        assert!(step.words.iter().any(|word| word == "keycloak_harness"), "{:?}", step.words);
        assert!(behind_feature(&metadata, "no-such", "").hindrance().is_some());
    }
}
