//! A Python environment with the SDK in it: fetched once into the cache folder, and each test's own on top of that.

use super::script;
use crate::cache;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An environment of one test's own: the packages of the cached one, and this checkout's `bearerd`.
#[derive(Debug)]
pub struct Environment {
    folder: PathBuf,
    packages: PathBuf,
}

impl Environment {
    /// A new one in this folder.
    pub fn new(folder: PathBuf) -> Self {
        let cached = cached();
        let python = cached.join("bin/python");
        ran(Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(&folder));
        let packages = site_packages(&folder);
        let below = site_packages(&cached);
        fs::write(packages.join("cached.pth"), format!("{}\n", below.display())).unwrap();
        let environment = Self { folder, packages };
        environment.install();
        environment
    }

    /// Its interpreter.
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Where its packages lie.
    pub fn packages(&self) -> &Path {
        &self.packages
    }

    /// Takes our package away, and nothing else.
    pub fn uninstall(&self) {
        fs::remove_dir_all(self.packages.join("bearerd")).unwrap();
    }

    /// Puts it there (again).
    pub fn install(&self) {
        copy(&package(), &self.packages.join("bearerd"));
    }
}

/// A folder for what the SDK's own packages keep in their user's home: fonts take seconds to be listed.
#[must_use]
pub fn matplotlib_folder() -> PathBuf {
    cached().join("matplotlib")
}

/// The packages by their pinned versions, fetched where they are not there yet: a minute or two.
fn cached() -> PathBuf {
    let cache = cache::folder().expect("set HOME or BEARERD_TEST_CACHE");
    fs::create_dir_all(&cache).unwrap();
    let requirements = script("requirements.txt");
    let mut hasher = DefaultHasher::new();
    fs::read(&requirements).unwrap().hash(&mut hasher);
    let folder = cache.join(format!("sdk-{:016x}", hasher.finish()));
    let waits = || say("waiting for another process that fetches the SDK");
    let _lock = cache::lock(&cache.join("sdk.lock"), waits).unwrap();
    let whole = folder.join("whole");
    if !whole.exists() {
        say("fetching the SDK and JupyterLab from the package index");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        ran(Command::new(interpreter()).args(["-m", "venv"]).arg(&folder));
        let python = folder.join("bin/python");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        ran(Command::new(&python).args(pip).arg(&requirements));
        ran(Command::new(&python).args(["-c", "import wallaroo"]));
        fs::write(whole, "").unwrap();
    }
    folder
}

/// The SDK's pinned numpy has wheels up to 3.12; the oldest that it takes is 3.10.
fn interpreter() -> &'static str {
    const KNOWN: [&str; 4] = ["python3.11", "python3.12", "python3.10", "python3"];
    let fits = "import sys, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))";
    let found = KNOWN.into_iter().find(|name| {
        Command::new(name).args(["-c", fits]).output().is_ok_and(|output| output.status.success())
    });
    found.expect(
        "the SDK needs Python 3.10, 3.11 or 3.12, with `venv`: apt-get install -y python3-venv",
    )
}

fn site_packages(environment: &Path) -> PathBuf {
    let lib = fs::read_dir(environment.join("lib")).unwrap();
    let python =
        lib.map(|entry| entry.unwrap().path()).find(|path| path.join("site-packages").is_dir());
    python.expect("an environment has its packages in lib/python3.*").join("site-packages")
}

/// The sources of our package.
fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../client/python/src/bearerd")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if name == "__pycache__" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn say(words: &str) {
    let _ = writeln!(io::stderr(), "sdk: {words}");
}

fn ran(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
