//! Cargo, as this tool runs it: the programs that the demo needs, and what the workspace has.

use crate::failure::{Failure, While};
use crate::repository;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A cargo command in the repository. The variables that tell this program about its own package are taken away: build
/// scripts that watch them (ring's does) would take them for a change.
pub(crate) fn command() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository::root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if of_package.iter().any(|prefix| text.starts_with(prefix)) || text == "OUT_DIR" {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// The programs of the project, built.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) bearerd: PathBuf,
    pub(crate) bearerctl: PathBuf,
    pub(crate) test_idp: PathBuf,
}

/// The packages that have them, built together as the end-to-end tests build them: features unify over the selection,
/// and another selection would build the dependencies anew.
const PACKAGES: [&str; 3] = ["bearerd", "bearerd-client", "bearerd-test-idp"];

/// Builds the programs; cargo shows its own progress.
pub(crate) fn programs() -> Result<Programs, Failure> {
    let output = command()
        .args(["build", "--bins", "--message-format=json-render-diagnostics"])
        .args(PACKAGES.iter().flat_map(|package| ["--package", package]))
        .stderr(Stdio::inherit())
        .output()
        .while_doing(|| "start cargo".to_owned())?;
    if !output.status.success() {
        return Err(Failure::new("the build failed: cargo's words above say why"));
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let artifacts = lines.filter_map(|line| serde_json::from_slice::<Artifact>(line).ok());
    let mut built: HashMap<String, PathBuf> = artifacts
        .filter_map(|artifact| Some((artifact.target.name, artifact.executable?)))
        .collect();
    let mut take = |name: &str| {
        let missing = || Failure::new(format!("cargo built no program `{name}`"));
        built.remove(name).ok_or_else(missing)
    };
    Ok(Programs {
        bearerd: take("bearerd")?,
        bearerctl: take("bearerctl")?,
        test_idp: take("bearerd-test-idp")?,
    })
}

/// The one message of cargo's that names a program (The Cargo Book, "External tools").
#[derive(Deserialize)]
struct Artifact {
    target: ArtifactTarget,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct ArtifactTarget {
    name: String,
}

/// What `cargo metadata` says of the workspace, as far as it is needed here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

/// A package of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    #[cfg(test)]
    pub(crate) manifest_path: PathBuf,
    pub(crate) targets: Vec<Target>,
}

/// A library, program or test of a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    #[serde(default, rename = "required-features")]
    pub(crate) required_features: Vec<String>,
}

/// The workspace's own packages and where it is built.
pub(crate) fn metadata() -> Result<Metadata, Failure> {
    let output = command()
        .args(["metadata", "--no-deps", "--format-version=1"])
        .stderr(Stdio::inherit())
        .output()
        .while_doing(|| "start cargo".to_owned())?;
    serde_json::from_slice(&output.stdout).while_doing(|| "read `cargo metadata`".to_owned())
}

/// Whether there is a subcommand of cargo's of this name, such as `deny`.
pub(crate) fn has_subcommand(name: &str) -> bool {
    find_program(Path::new(&format!("cargo-{name}"))).is_some()
}

/// The first program of this name on `PATH`.
pub(crate) fn find_program(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
