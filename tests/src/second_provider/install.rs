//! Brings oidc-provider to this machine, once: npm fetches what the lock file names into the cache folder.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache;

const PACKAGE: &str = include_str!("../../second_provider/package.json");
const LOCK: &str = include_str!("../../second_provider/package-lock.json");

/// The folder `node_modules` with all of it in.
///
/// # Panics
/// Where npm is not there or fails: every test that needs it fails with the reason.
pub(super) fn install() -> PathBuf {
    let cache =
        cache::folder().expect("a folder to keep the packages in: set BEARERD_TEST_CACHE or HOME");
    fs::create_dir_all(&cache).unwrap();
    let waits = || say("waiting for another process that installs oidc-provider");
    let _lock = cache::lock(&cache.join("second-provider.lock"), waits).unwrap();
    let mut hasher = DefaultHasher::new();
    (PACKAGE, LOCK).hash(&mut hasher);
    let folder = cache.join(format!("second-provider-{:016x}", hasher.finish()));
    if !folder.exists() {
        say("fetching oidc-provider ...");
        let part = cache.join("second-provider.part");
        let _not_there = fs::remove_dir_all(&part);
        fs::create_dir(&part).unwrap();
        fs::write(part.join("package.json"), PACKAGE).unwrap();
        fs::write(part.join("package-lock.json"), LOCK).unwrap();
        fetch(&cache, &part);
        // Under its final name it is whole.
        fs::rename(&part, &folder).unwrap();
    }
    folder.join("node_modules")
}

fn fetch(cache: &Path, folder: &Path) {
    let log = cache.join("npm.log");
    let out = File::create(&log).unwrap();
    let status = Command::new("npm")
        .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--cache"])
        .arg(cache.join("npm"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .status()
        .unwrap_or_else(|error| {
            panic!("npm does not start ({error}): `apt-get install -y nodejs npm`")
        });
    assert!(status.success(), "npm failed ({status}); its words are in `{}`", log.display());
}

/// Straight to stderr: the test runner would keep the macros' output until a test fails.
fn say(words: &str) {
    let _ = writeln!(io::stderr(), "second provider: {words}");
}
