//! Brings Keycloak to this machine, once: fetched, unpacked, built, and a database seeded.
//!
//! Everything lies in a cache folder outside the checkout. Each step leaves its result under its
//! final name only when it is whole, so that one cut short is done again; a lock file lets one
//! process at a time do them.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::port::Port;
use super::process::{DATABASE, JAVA_OPTIONS, Run, missing_or, without_settings};
use super::seed::{self, RECIPE};
use super::{Admin, Error, REALM};
use crate::cache;

/// The version that the facts of this suite were measured with.
const VERSION: &str = "26.4.0";
/// Of the archive of that version.
const SHA_256: &str = "1b6a11a2726ac8a8dc9c91d5fafe989a75ce4f1622d7f7b45c21d5bc16629c0a";
/// What the server is built for: its own database file, paths under `/auth`, health on the same port.
const BUILD_OPTIONS: [&str; 4] = [
    "--db=dev-file",
    "--http-relative-path=/auth",
    "--health-enabled=true",
    "--http-management-health-enabled=false",
];

/// A built Keycloak and a seeded database.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The unpacked and built distribution.
    pub home: PathBuf,
    /// The database that every server starts from a copy of.
    pub database: PathBuf,
    /// The cache folder, `$BEARERD_TEST_CACHE` or `bearerd-tests` in the user's own.
    pub cache: PathBuf,
}

/// Does what is not done yet; a minute on a fresh machine, milliseconds later on.
///
/// # Errors
/// [`Error::MissingTool`] says what the machine lacks; all others what went wrong where.
pub fn install() -> Result<Installation, Error> {
    let cache = cache::folder().ok_or(Error::NoCacheFolder)?;
    fs::create_dir_all(&cache).map_err(file("make", &cache))?;
    let lock = cache.join("install.lock");
    let waits = || say("waiting for another process that installs Keycloak");
    let _lock = cache::lock(&lock, waits).map_err(file("lock", &lock))?;
    let home = cache.join(format!("keycloak-{VERSION}"));
    let built = home.join("built-for-bearerd");
    if !built.exists() {
        // Before the long steps: the build script's own complaint would not say what to install.
        let mut java = Command::new("java");
        run(&cache, "java -version", "java", "default-jre-headless", java.arg("-version"))?;
        let archive = cache.join(format!("keycloak-quarkus-dist-{VERSION}.zip"));
        if !archive.exists() || digest(&archive)? != SHA_256 {
            let what = format!("fetching Keycloak {VERSION} (160 MB)");
            step(&what, || fetch(&cache, &archive))?;
        }
        step("unpacking Keycloak", || unpack(&cache, &archive, &home))?;
        step("building Keycloak", || build(&cache, &home))?;
        fs::write(&built, VERSION).map_err(file("write", &built))?;
    }
    let database = cache.join(format!("keycloak-{VERSION}-seed-{}", recipe())).join(DATABASE);
    if !database.exists() {
        step("seeding Keycloak's database", || sow(&cache, &home, &database))?;
    }
    Ok(Installation { home, database, cache })
}

fn fetch(cache: &Path, archive: &Path) -> Result<(), Error> {
    let mut maven = Command::new("mvn");
    maven
        .current_dir(cache)
        .args(["-q", "-B", "dependency:copy"])
        .arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"))
        .args(["-DoutputDirectory=.", "-Dmdep.overWriteReleases=true"]);
    run(cache, "Maven's fetching of Keycloak", "mvn", "maven", &mut maven)?;
    let found = digest(archive)?;
    if found != SHA_256 {
        fs::remove_file(archive).map_err(file("remove", archive))?;
        return Err(Error::Checksum { found });
    }
    Ok(())
}

fn digest(archive: &Path) -> Result<String, Error> {
    let output = Command::new("sha256sum")
        .arg(archive)
        .output()
        .map_err(|source| missing_or("sha256sum", "coreutils", "start", source))?;
    let line = String::from_utf8_lossy(&output.stdout);
    Ok(line.split_whitespace().next().unwrap_or_default().to_owned())
}

fn unpack(cache: &Path, archive: &Path, home: &Path) -> Result<(), Error> {
    let part = cache.join("unpacking");
    for old in [part.as_path(), home] {
        remove_folder(old)?;
    }
    fs::create_dir(&part).map_err(file("make", &part))?;
    let mut unzip = Command::new("unzip");
    unzip.arg("-q").arg(archive).arg("-d").arg(&part);
    match run(cache, "unpacking Keycloak", "unzip", "unzip", &mut unzip) {
        Err(Error::MissingTool { tool, package }) => {
            let mut python = Command::new("python3");
            python.args(["-m", "zipfile", "-e"]).arg(archive).arg(&part);
            match run(cache, "unpacking Keycloak", "python3", "unzip", &mut python) {
                // Either would do; the smaller one is named.
                Err(Error::MissingTool { .. }) => return Err(Error::MissingTool { tool, package }),
                other => other?,
            }
        }
        other => other?,
    }
    let unpacked = part.join(format!("keycloak-{VERSION}"));
    fs::rename(&unpacked, home).map_err(file("move", &unpacked))?;
    remove_folder(&part)
}

fn build(cache: &Path, home: &Path) -> Result<(), Error> {
    let mut command = Command::new("sh");
    without_settings(&mut command)
        .arg(home.join("bin/kc.sh"))
        .arg("build")
        .args(BUILD_OPTIONS)
        .env("JAVA_OPTS", JAVA_OPTIONS);
    run(cache, "kc.sh build", "sh", "dash", &mut command)
}

/// Starts the server on an empty database, fills it, and keeps the file.
fn sow(cache: &Path, home: &Path, database: &Path) -> Result<(), Error> {
    let port = Port::reserve(cache)?;
    let mut server = Run::new(home, cache, port.number, None, None)?;
    server.start()?;
    seed::sow(&Admin::new(&format!("http://127.0.0.1:{}", port.number), REALM))?;
    server.stop();
    let folder = database.parent().unwrap_or(cache);
    let part = folder.with_extension("part");
    remove_folder(&part)?;
    fs::create_dir(&part).map_err(file("make", &part))?;
    let from = server.database();
    fs::copy(&from, part.join(DATABASE)).map_err(file("copy", &from))?;
    remove_folder(folder)?;
    fs::rename(&part, folder).map_err(file("move", &part))
}

fn recipe() -> String {
    let mut hasher = DefaultHasher::new();
    (RECIPE, BUILD_OPTIONS, SHA_256).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Runs a program to its end; what it says goes to a log in the cache folder.
fn run(
    cache: &Path,
    command: &'static str,
    tool: &'static str,
    package: &'static str,
    program: &mut Command,
) -> Result<(), Error> {
    let log = cache.join(format!("{tool}.log"));
    let out = File::create(&log).map_err(file("write", &log))?;
    let err = out.try_clone().map_err(file("write", &log))?;
    let status = program
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .status()
        .map_err(|source| missing_or(tool, package, "start", source))?;
    if status.success() { Ok(()) } else { Err(Error::Tool { command, status, log }) }
}

fn remove_folder(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("remove", folder)(error)),
        _ => Ok(()),
    }
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { doing, path, source }
}

/// Says what begins, and does it; who looks on knows what takes the time.
fn step(what: &str, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let began = Instant::now();
    say(&format!("{what} ..."));
    work()?;
    say(&format!("{what}: done in {:.0} s", began.elapsed().as_secs_f64()));
    Ok(())
}

/// Straight to stderr: the test runner would keep the macros' output until a test fails.
fn say(words: &str) {
    let _ = writeln!(io::stderr(), "keycloak: {words}");
}
