//! The store of one folder: what is saved, what is refused, and that nothing is lost on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test")]

use bearerd::store::{Aside, FileStore, NotSavedReason, Store, StoreError, UnreadableReason};
use bearerd_proto::ProfileName;
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

/// A state folder that is not there yet, and the store in it.
struct Fixture {
    store: FileStore,
    folder: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("state/bearerd");
        Self { store: FileStore::new(&folder), folder, _temporary: temporary }
    }

    /// With the session `old` saved for the profile `a`.
    fn with_saved() -> Self {
        let fixture = Self::new();
        fixture.store.save(&name("a"), b"old").unwrap();
        fixture
    }

    fn loaded(&self, profile: &str) -> Option<Vec<u8>> {
        self.store.load(&name(profile)).unwrap().map(|session| session.expose().to_vec())
    }

    fn refused(&self, profile: &str) -> UnreadableReason {
        match self.store.load(&name(profile)) {
            Err(StoreError::Unreadable { reason, .. }) => reason,
            other => unreachable!("expected an unreadable session, got {other:?}"),
        }
    }

    /// Why a save of `a` is refused; and that what is saved there stays as it is.
    fn save_refused(&self) -> StoreError {
        let before = fs::read(self.path("a.session")).ok();
        let error = self.store.save(&name("a"), b"new").unwrap_err();
        assert_eq!(fs::read(self.path("a.session")).ok(), before);
        error
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The whole chain, as a log line shows it.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[test]
fn a_session_is_saved_replaced_and_forgotten() {
    let fixture = Fixture::new();
    assert_eq!(fixture.loaded("a"), None);
    assert!(!fixture.folder.exists(), "loading creates nothing");
    for session in [b"one".as_slice(), b"two", b""] {
        fixture.store.save(&name("a"), session).unwrap();
        assert_eq!(fixture.loaded("a").as_deref(), Some(session));
    }
    fixture.store.save(&name("b"), b"b's").unwrap();
    assert_eq!(fixture.names(), ["a.session", "b.session", "key"]);
    fixture.store.forget(&name("a")).unwrap();
    fixture.store.forget(&name("a")).unwrap();
    assert_eq!(fixture.loaded("a"), None);
    assert_eq!(fixture.loaded("b").as_deref(), Some(b"b's".as_slice()));
}

#[test]
fn everything_is_closed_to_others_and_sealed() {
    let fixture = Fixture::new();
    fixture.store.save(&name("a"), b"refresh-token-value").unwrap();
    assert_eq!(mode(&fixture.folder), 0o700);
    assert_eq!(mode(fixture.folder.parent().unwrap()), 0o700);
    for file in ["a.session", "key"] {
        assert_eq!(mode(&fixture.path(file)), 0o600, "{file}");
        let content = fs::read(fixture.path(file)).unwrap();
        assert!(!content.windows(7).any(|window| window == b"refresh"), "{file}");
    }
    assert_eq!(fs::read(fixture.path("key")).unwrap().len(), 32);
}

#[test]
fn profiles_named_like_our_own_files_collide_with_none() {
    let fixture = Fixture::new();
    let profiles = ["key", "lock", "key.session", "a.unreadable-1", "host-x", "tmp"];
    for profile in profiles {
        fixture.store.save(&name(profile), profile.as_bytes()).unwrap();
    }
    fixture.store.prepare().unwrap();
    for profile in profiles {
        assert_eq!(fixture.loaded(profile).as_deref(), Some(profile.as_bytes()));
    }
}

#[test]
fn saves_of_many_profiles_at_once_agree_on_one_key() {
    let fixture = Fixture::new();
    let profiles: Vec<_> = (0..8).map(|number| format!("p{number}")).collect();
    let barrier = Barrier::new(profiles.len());
    thread::scope(|scope| {
        for profile in &profiles {
            scope.spawn(|| {
                barrier.wait();
                fixture.store.save(&name(profile), profile.as_bytes()).unwrap();
            });
        }
    });
    for profile in &profiles {
        assert_eq!(fixture.loaded(profile).as_deref(), Some(profile.as_bytes()));
    }
    assert_eq!(fixture.names().len(), profiles.len() + 1, "{:?}", fixture.names());
}

#[test]
fn an_interrupted_save_leaves_the_old_session_and_its_remains_are_cleaned() {
    let fixture = Fixture::with_saved();
    // As a kill leaves it: before the first byte, in the middle, and whole but not yet renamed.
    let whole = fs::read(fixture.path("a.session")).unwrap();
    for (number, length) in [0, whole.len() / 2, whole.len()].into_iter().enumerate() {
        let remains = format!(".tmp-000000000000000{number}-a.session");
        fs::write(fixture.path(&remains), &whole[..length]).unwrap();
    }
    fs::write(fixture.path(".tmp-0000000000000000-key"), b"short").unwrap();
    fs::write(fixture.path(".tmp-notes"), b"a person's own").unwrap();
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"old".as_slice()));
    fixture.store.prepare().unwrap();
    assert_eq!(fixture.names(), [".tmp-notes", "a.session", "key"]);
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"old".as_slice()));
}

#[test]
fn a_session_torn_at_any_byte_is_never_served_nor_replaced() {
    let fixture = Fixture::with_saved();
    let whole = fs::read(fixture.path("a.session")).unwrap();
    for length in 0..whole.len() {
        fs::write(fixture.path("a.session"), &whole[..length]).unwrap();
        assert!(matches!(fixture.refused("a"), UnreadableReason::Torn { .. }), "{length}");
    }
    let error = chain(&fixture.save_refused());
    assert!(error.contains("not replaced") && error.contains("cut short"), "{error}");
}

#[test]
fn an_unreadable_session_is_set_aside_and_the_login_goes_on() {
    let fixture = Fixture::with_saved();
    fs::write(fixture.path("a.session"), b"garbage").unwrap();
    assert!(matches!(fixture.refused("a"), UnreadableReason::Foreign));
    let aside = |why| fixture.store.set_aside(&name("a"), why, 1_700_000_000).unwrap();
    assert_eq!(aside(Aside::Unreadable), Some(fixture.path("a.unreadable-1700000000")));
    assert_eq!(aside(Aside::Unreadable), None);
    fixture.store.save(&name("a"), b"new").unwrap();
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"new".as_slice()));
    assert_eq!(aside(Aside::Parked), Some(fixture.path("a.parked-1700000000")));
    fixture.store.save(&name("a"), b"newer").unwrap();
    assert_eq!(
        aside(Aside::Parked),
        Some(fixture.path("a.parked-1700000000-2")),
        "what was set aside before is not overwritten"
    );
    assert_eq!(fs::read(fixture.path("a.unreadable-1700000000")).unwrap(), b"garbage");
}

#[test]
fn without_its_key_a_session_stays_shut_until_the_key_is_back() {
    let fixture = Fixture::with_saved();
    fs::rename(fixture.path("key"), fixture.path("key.away")).unwrap();
    let reason = fixture.refused("a");
    assert!(
        matches!(&reason, UnreadableReason::KeyMissing { path } if *path == fixture.path("key"))
    );
    assert!(reason.to_string().contains("put the key back"), "{reason}");
    let error = chain(&fixture.save_refused());
    assert!(error.contains("missing"), "{error}");
    assert!(!fixture.path("key").exists(), "no new key takes the missing one's place");
    fs::rename(fixture.path("key.away"), fixture.path("key")).unwrap();
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"old".as_slice()));
}

#[test]
fn after_a_lost_key_a_login_goes_on_with_a_new_one() {
    let fixture = Fixture::with_saved();
    fixture.store.save(&name("b"), b"b's").unwrap();
    fs::remove_file(fixture.path("key")).unwrap();
    fixture.store.set_aside(&name("a"), Aside::Unreadable, 1).unwrap().unwrap();
    fixture.store.save(&name("a"), b"new").unwrap();
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"new".as_slice()));
    assert!(matches!(fixture.refused("b"), UnreadableReason::OtherKey { .. }));
    assert_eq!(fixture.names(), ["a.session", "a.unreadable-1", "b.session", "key"]);
}

#[test]
fn a_key_is_never_overwritten() {
    let fixture = Fixture::with_saved();
    let other = Fixture::with_saved();
    fs::copy(other.path("key"), fixture.path("key")).unwrap();
    assert!(matches!(fixture.refused("a"), UnreadableReason::OtherKey { .. }));
    fixture.save_refused();
    fs::write(fixture.path("key"), b"short").unwrap();
    for profile in ["a", "b"] {
        let error = chain(&fixture.store.save(&name(profile), b"new").unwrap_err());
        assert!(error.contains("holds 5"), "{error}");
    }
    assert_eq!(fs::read(fixture.path("key")).unwrap(), b"short");
    assert!(matches!(fixture.refused("a"), UnreadableReason::NotAKey { found: 5, .. }));
}

#[test]
fn a_session_copied_to_another_profile_does_not_open() {
    let fixture = Fixture::with_saved();
    fs::copy(fixture.path("a.session"), fixture.path("b.session")).unwrap();
    let reason = fixture.refused("b");
    assert!(
        matches!(&reason, UnreadableReason::OtherProfile { named } if named == "a"),
        "{reason}"
    );
}

#[test]
fn what_is_open_to_others_is_refused_with_the_command_that_mends_it() {
    let fixture = Fixture::with_saved();
    for (target, closed) in [
        (fixture.folder.clone(), 0o700),
        (fixture.path("key"), 0o600),
        (fixture.path("a.session"), 0o600),
    ] {
        for open in [0o040, 0o004, 0o020, 0o077] {
            set_mode(&target, closed | open);
            let error = fixture.store.load(&name("a")).unwrap_err();
            assert!(matches!(&error, StoreError::Exposed { path, .. } if *path == target));
            let command = format!("chmod go-rwx {}", target.display());
            assert!(error.to_string().contains(&command), "{error}");
            if target != fixture.path("a.session") {
                let error = fixture.save_refused();
                assert!(error.to_string().contains(&command), "{error}");
            }
        }
        set_mode(&target, closed);
        assert_eq!(fixture.loaded("a").as_deref(), Some(b"old".as_slice()));
    }
}

#[test]
fn a_save_closes_a_session_that_is_open_to_others() {
    let fixture = Fixture::with_saved();
    set_mode(&fixture.path("a.session"), 0o644);
    fixture.store.save(&name("a"), b"new").unwrap();
    assert_eq!(mode(&fixture.path("a.session")), 0o600);
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"new".as_slice()));
}

#[test]
fn logging_out_works_in_a_folder_that_is_open_to_others() {
    let fixture = Fixture::with_saved();
    set_mode(&fixture.folder, 0o755);
    fixture.store.forget(&name("a")).unwrap();
    assert!(!fixture.path("a.session").exists());
}

#[test]
fn links_and_what_is_no_file_are_not_followed() {
    let fixture = Fixture::with_saved();
    let elsewhere = fixture.folder.parent().unwrap().join("elsewhere");
    fs::rename(fixture.path("a.session"), &elsewhere).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    let stand_ins: [&dyn Fn(&Path); 3] = [
        &|path| symlink(&elsewhere, path).unwrap(),
        &|path| fs::DirBuilder::new().mode(0o700).create(path).unwrap(),
        &|path| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
        },
    ];
    for (number, stand_in) in (0..).zip(stand_ins) {
        stand_in(&fixture.path("a.session"));
        assert!(matches!(fixture.refused("a"), UnreadableReason::NotRegular), "{number}");
        let error = fixture.store.save(&name("a"), b"new").unwrap_err();
        assert!(matches!(&error, StoreError::NotSaved { reason: NotSavedReason::State(_), .. }));
        fixture.store.set_aside(&name("a"), Aside::Unreadable, number).unwrap().unwrap();
    }
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
    // A key that is a link counts as none that can be used.
    fs::rename(fixture.path("key"), fixture.folder.parent().unwrap().join("key")).unwrap();
    symlink("../key", fixture.path("key")).unwrap();
    let error = chain(&fixture.store.save(&name("a"), b"new").unwrap_err());
    assert!(error.contains("not a regular file"), "{error}");
}

#[test]
fn a_file_larger_than_any_session_is_not_read() {
    let fixture = Fixture::with_saved();
    let file = fs::File::options().write(true).open(fixture.path("a.session")).unwrap();
    file.set_len(1024 * 1024 + 1).unwrap();
    assert!(matches!(fixture.refused("a"), UnreadableReason::TooLarge { .. }));
    file.set_len(1024 * 1024).unwrap();
    assert!(matches!(fixture.refused("a"), UnreadableReason::Tampered));
    let error = fixture.store.save(&name("b"), &vec![0; 1024 * 1024]).unwrap_err();
    assert!(chain(&error).contains("1048576"), "{error}");
    assert_eq!(fixture.loaded("b"), None);
}

#[test]
fn a_file_in_the_folders_place_is_said_and_mended_by_moving_it() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.folder.parent().unwrap()).unwrap();
    fs::write(&fixture.folder, b"").unwrap();
    assert!(fixture.store.prepare().is_err());
    assert!(matches!(fixture.refused("a"), UnreadableReason::NotAFolder));
    let error = fixture.store.save(&name("a"), b"new").unwrap_err();
    assert!(matches!(&error, StoreError::NotSaved { .. }), "{error:?}");
    fs::remove_file(&fixture.folder).unwrap();
    fixture.store.save(&name("a"), b"new").unwrap();
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"new".as_slice()));
}

#[test]
fn a_folder_deleted_while_the_daemon_runs_is_made_anew() {
    let fixture = Fixture::with_saved();
    fs::remove_dir_all(&fixture.folder).unwrap();
    assert_eq!(fixture.loaded("a"), None);
    fixture.store.save(&name("a"), b"new").unwrap();
    assert_eq!(fixture.loaded("a").as_deref(), Some(b"new".as_slice()));
}

#[test]
fn no_error_shows_what_was_saved() {
    let fixture = Fixture::new();
    let secret = "refresh-token-value-".repeat(60_000);
    fixture.store.save(&name("a"), b"refresh-token-value").unwrap();
    let too_large = fixture.store.save(&name("a"), secret.as_bytes()).unwrap_err();
    fs::write(fixture.path("a.session"), b"refresh-token-value").unwrap();
    let foreign = fixture.store.load(&name("a")).unwrap_err();
    for error in [too_large, foreign] {
        let shown = format!("{} {error:?}", chain(&error));
        assert!(!shown.contains("refresh-token"), "{shown}");
    }
}
