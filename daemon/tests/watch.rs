//! Files that tokens and secrets come from, watched on a real file system.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says by a panic what went wrong"
)]

use bearerd::clock::Clock;
use bearerd::tasks::Tasks;
use bearerd::watch::Watch;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Well below the minute in which files are looked at without an event.
const SOON: Duration = Duration::from_secs(20);

struct Watched {
    _watch: Watch,
    told: mpsc::Receiver<()>,
}

impl Watched {
    /// Watches `paths`, and returns when they have been looked at for the first time.
    async fn start(paths: &[PathBuf]) -> Self {
        let (sender, told) = mpsc::channel(64);
        let (clock, driver) = Clock::system().unwrap();
        let tasks = Tasks::new();
        tasks.spawn_background("clock", driver.run());
        let watch = Watch::start(paths.to_vec(), true, &tasks, &clock, sender, || ());
        let mut watched = Self { _watch: watch, told };
        watched.is_told("the first look").await;
        watched
    }

    async fn is_told(&mut self, what: &str) {
        timeout(SOON, self.told.recv()).await.expect(what).unwrap();
    }
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[tokio::test]
async fn a_file_that_is_written_replaced_removed_or_made_anew_is_told() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    fs::write(&one, "1").unwrap();
    let mut watched = Watched::start(&[one.clone(), other.clone()]).await;
    fs::write(&one, "22").unwrap();
    watched.is_told("written in place").await;
    replace(&one, "333");
    watched.is_told("replaced by rename").await;
    fs::write(&other, "x").unwrap();
    watched.is_told("the other, which was not there").await;
    fs::remove_file(&one).unwrap();
    watched.is_told("removed").await;
    fs::write(&one, "1").unwrap();
    watched.is_told("there again").await;
}

#[tokio::test]
async fn the_links_of_a_projected_secret_are_followed() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for version in ["..v1", "..v2"] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("token"), version).unwrap();
    }
    symlink("..v1", at("..data")).unwrap();
    symlink("..data/token", at("token")).unwrap();
    let mut watched = Watched::start(&[at("token")]).await;
    symlink("..v2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    watched.is_told("the link that the link goes through").await;
    assert_eq!(fs::read_to_string(at("token")).unwrap(), "..v2");
    fs::write(at("..v2").join("token"), "written where the link leads").unwrap();
    watched.is_told("the file behind both").await;
}

#[tokio::test]
async fn what_happens_beside_a_file_is_not_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "1").unwrap();
    let mut watched = Watched::start(std::slice::from_ref(&path)).await;
    fs::write(folder.path().join("beside"), "x").unwrap();
    replace(&path, "2");
    watched.is_told("the file itself").await;
    assert!(watched.told.try_recv().is_err(), "one change, told once");
}
