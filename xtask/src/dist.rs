//! `cargo xtask dist`: the two programs as they are installed, in `dist/`.

use crate::cargo;
use crate::failure::{Failure, While};
use crate::repository;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Builds both and says where they are.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let host = host()?;
    let folder = repository::root().join("dist");
    std::fs::create_dir_all(&folder).while_doing(|| "make `dist/`".to_owned())?;
    println!("building bearerd");
    // Named, so that the programs are found whatever the environment says of it.
    let target_dir = repository::root().join("target");
    build(
        cargo::command()
            .args(["build", "--release", "--package", "bearerd", "--target-dir"])
            .arg(&target_dir),
    )?;
    take("target/release/bearerd", &folder)?;
    println!(
        "building bearerctl, static: scripts start it for each token, and the loader is half of a start"
    );
    // With a target named, the flag is not for build scripts and macros, which can't be static.
    let target_dir = repository::root().join("target/static");
    build(
        cargo::command()
            .args(["build", "--release", "--package", "bearerd-client", "--target", &host])
            .arg("--target-dir")
            .arg(&target_dir)
            .env("RUSTFLAGS", "-C target-feature=+crt-static"),
    )?;
    take(&format!("target/static/{host}/release/bearerctl"), &folder)?;
    println!("dist/bearerd and dist/bearerctl are ready; README.md says where to put them");
    Ok(ExitCode::SUCCESS)
}

fn build(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().while_doing(|| "start cargo".to_owned())?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new("the build failed: cargo's words above say why"))
    }
}

fn take(program: &str, folder: &Path) -> Result<(), Failure> {
    let from = repository::root().join(program);
    let name = from.file_name().unwrap_or_default();
    let to = folder.join(name);
    // A program that runs can't be written over, but it can be replaced.
    let _nothing_there = std::fs::remove_file(&to);
    std::fs::copy(&from, &to).while_doing(|| format!("copy `{program}` to `dist/`"))?;
    Ok(())
}

/// The machine's own target, as rustc names it.
fn host() -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).arg("-vV").output().while_doing(|| "start rustc".to_owned())?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    words
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("`rustc -vV` names no host: is Rust installed whole?"))
}
