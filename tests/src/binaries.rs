//! The programs under test: built once per test process, from the sources that the tests belong to.
//!
//! Cargo builds the binaries of another package for nobody, and a stale one would make every test a lie.

use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The daemon.
pub fn bearerd() -> PathBuf {
    binary("bearerd")
}

/// The command for people.
pub fn bearerctl() -> PathBuf {
    binary("bearerctl")
}

/// The IdP for tests, as a program.
pub fn test_idp() -> PathBuf {
    binary("bearerd-test-idp")
}

/// A folder for what a test makes of sources: cargo keeps it with what it builds (The Cargo Book, `CARGO_TARGET_TMPDIR`).
pub(crate) fn temporary_folder() -> PathBuf {
    Place::of_this_process().target.join("tmp")
}

/// The packages that have them. They are built together: features unify over the selection, and another selection
/// would build the dependencies anew.
const PACKAGES: [&str; 3] = ["bearerd", "bearerd-client", "bearerd-test-idp"];

fn binary(name: &str) -> PathBuf {
    static BUILT: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(build);
    let built = BUILT.get(name);
    built.unwrap_or_else(|| panic!("`{name}` could not be built: see cargo's words above")).clone()
}

/// What cargo built, by name. What fails is told on stderr, and keeps nobody from the rest.
fn build() -> HashMap<String, PathBuf> {
    let place = Place::of_this_process();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--bins", "--keep-going"])
        .arg("--message-format=json-render-diagnostics")
        .args(["--profile", &place.profile])
        .arg("--target-dir")
        .arg(&place.target)
        .args(PACKAGES.iter().flat_map(|package| ["-p", package]))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stderr(Stdio::inherit());
    // Cargo tells a test process about its package. Build scripts that watch such variables (ring's does) would take
    // them for a change, here and again in the next build by hand.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if of_package.iter().any(|prefix| text.starts_with(prefix)) || text == "OUT_DIR" {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output().expect("cargo can be started");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let artifacts = lines.filter_map(|line| serde_json::from_slice::<Artifact>(line).ok());
    artifacts.filter_map(|artifact| Some((artifact.target.name, artifact.executable?))).collect()
}

/// Where cargo builds: as this test process was built, so that nothing is built twice.
struct Place {
    target: PathBuf,
    profile: String,
}

impl Place {
    /// A test process runs from `TARGET/PROFILE/deps`.
    fn of_this_process() -> Self {
        let executable = std::env::current_exe().expect("a test process has an executable");
        let folder = executable
            .ancestors()
            .find(|folder| folder.ends_with("deps"))
            .and_then(Path::parent)
            .expect("cargo runs a test process from a folder `deps`");
        let name = folder.file_name().expect("the profile has a folder").to_string_lossy();
        // The one profile whose folder has another name (The Cargo Book, "Profiles").
        let profile = if name == "debug" { "dev".to_owned() } else { name.into_owned() };
        let target = folder.parent().expect("the profile's folder lies in the target folder");
        Self { target: target.to_owned(), profile }
    }
}

/// The one message of cargo's that names a program (The Cargo Book, "External tools").
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}
