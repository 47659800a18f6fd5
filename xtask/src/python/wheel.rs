//! `cargo xtask wheel`: one wheel with the package and both programs, and an sdist, in `dist/`.

use super::demand;
use super::environment::{Environment, interpreters};
use crate::cargo;
use crate::failure::{Failure, While};
use crate::repository;
use std::env::consts::ARCH;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Many clusters are old: glibc of 2012, that of `manylinux2014`.
const GLIBC: &str = "2.17";

/// Builds both, and tries the wheel in an empty environment.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let interpreters = interpreters()?;
    let interpreter = interpreters.last().ok_or_else(|| Failure::new("there is no Python"))?;
    let tools = Environment::with(interpreter, "wheel")?;
    let programs = programs(&tools)?;
    let scratch = tempfile::tempdir().while_doing(|| "make a folder".to_owned())?;

    // Which machines it is for is what its programs ask of them, and not what was meant.
    let draft = pack(&tools, &programs, &format!("linux_{ARCH}"), scratch.path())?;
    let platform = platform(&tools, &draft)?;
    let dist = repository::root().join("dist");
    fs::create_dir_all(&dist).while_doing(|| "make `dist/`".to_owned())?;
    remove_older(&dist)?;
    let wheel = pack(&tools, &programs, &platform, &dist)?;
    let named = wheel.file_name().unwrap_or_default().to_string_lossy();
    if !named.ends_with(&format!("-{platform}.whl")) || self::platform(&tools, &wheel)? != platform
    {
        return Err(Failure::new(format!(
            "`{named}` is not the wheel for {platform} that it was to be"
        )));
    }
    demand(
        tools.module("hatchling").args(["build", "--target", "sdist", "--directory"]).arg(&dist),
    )?;
    try_out(&tools, &wheel, scratch.path())?;
    println!(
        "{} is ready: `pip install` of it is all that a notebook's user does",
        wheel.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Both programs, for an old glibc: `zig` links them, and comes as a package of Python.
fn programs(tools: &Environment) -> Result<PathBuf, Failure> {
    let target = format!("{ARCH}-unknown-linux-gnu");
    let folder = repository::root().join("target/wheel");
    let packages = ["--package", "bearerd", "--package", "bearerd-client"];
    let mut build = cargo::command();
    build
        .args(["zigbuild", "--release", "--target", &format!("{target}.{GLIBC}"), "--target-dir"])
        .arg(&folder);
    build.args(packages).env("PATH", path_with(tools)?);
    println!("building both programs for glibc {GLIBC}");
    demand(&mut build)?;
    Ok(folder.join(target).join("release"))
}

/// The tools' own commands first: cargo finds `cargo-zigbuild` there, and that its `ziglang`.
fn path_with(tools: &Environment) -> Result<OsString, Failure> {
    let bin = tools.program("").to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(bin).chain(std::env::split_paths(&path));
    std::env::join_paths(places).while_doing(|| "set the PATH".to_owned())
}

fn pack(
    tools: &Environment,
    programs: &Path,
    platform: &str,
    into: &Path,
) -> Result<PathBuf, Failure> {
    let mut build = tools.module("hatchling");
    build.args(["build", "--target", "wheel", "--directory"]).arg(into);
    build.env("BEARERD_WHEEL_PROGRAMS", programs).env("BEARERD_WHEEL_PLATFORM", platform);
    demand(&mut build)?;
    let mut wheels =
        files(into)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "whl"));
    let wheel = wheels.next_back();
    wheel.ok_or_else(|| Failure::new(format!("there is no wheel in `{}`", into.display())))
}

/// The oldest systems that it runs on, by the symbols that its programs want.
fn platform(tools: &Environment, wheel: &Path) -> Result<String, Failure> {
    let output = tools
        .module("auditwheel")
        .arg("show")
        .arg(wheel)
        .output()
        .while_doing(|| "start auditwheel".to_owned())?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let platform = platform_in(&words).ok_or_else(|| {
        Failure::new(format!("`auditwheel show` says nothing of a platform: {words}"))
    })?;
    println!("auditwheel: {platform}");
    Ok(platform)
}

fn platform_in(words: &str) -> Option<String> {
    // Its sentences are wrapped.
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = words.split_once("consistent with the following platform tag: \"")?;
    rest.split_once('"').map(|(platform, _)| platform.to_owned())
}

/// The wheel alone, as a notebook's user installs it: its commands run, and a daemon that it starts gives a token.
fn try_out(tools: &Environment, wheel: &Path, scratch: &Path) -> Result<(), Failure> {
    let installed = scratch.join("installed");
    demand(tools.module("venv").arg(&installed))?;
    let python = installed.join("bin/python");
    demand(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "--no-index"]).arg(wheel),
    )?;
    let home = scratch.join("home");
    let config = home.join(".config/bearerd");
    fs::create_dir_all(&config).while_doing(|| "make a home".to_owned())?;
    fs::write(config.join("config.toml"), "[profile.try]\nauth_type = \"test_auth\"\n")
        .while_doing(|| "write a configuration".to_owned())?;
    let tried = |program: &Path| {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", &home).env("BEARERD_SOCKET", home.join("s"));
        command.current_dir(&home);
        command
    };
    for program in ["bearerd", "bearerctl"] {
        demand(tried(&installed.join("bin").join(program)).arg("--version"))?;
    }
    demand(tried(&python).args(["-I", "-c", TRIAL]))
}

const TRIAL: &str = "
import os, signal, bearerd
with bearerd.Client(autostart=True) as client:
    assert client.header() == {'Authorization': 'Bearer definitely_a_bearer_token_str'}
    os.kill(client.status()['pid'], signal.SIGTERM)
";

fn remove_older(dist: &Path) -> Result<(), Failure> {
    for path in files(dist)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("bearerd-") && (name.ends_with(".whl") || name.ends_with(".tar.gz")) {
            fs::remove_file(&path).while_doing(|| format!("remove `{}`", path.display()))?;
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).while_doing(|| format!("read `{}`", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::package;
    use super::*;

    #[test]
    fn the_platform_is_read_from_a_wrapped_sentence() {
        let words = "\nx.whl is consistent with the\nfollowing platform tag: \"manylinux_2_17_x86_64\".\n\nThe wheel";
        assert_eq!(platform_in(words).as_deref(), Some("manylinux_2_17_x86_64"));
        assert_eq!(platform_in("nothing"), None);
    }

    #[test]
    fn the_package_carries_the_licences_of_the_repository() {
        for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let read = |folder: PathBuf| fs::read(folder.join(name)).unwrap();
            assert_eq!(read(package()), read(repository::root()), "{name}");
        }
    }
}
