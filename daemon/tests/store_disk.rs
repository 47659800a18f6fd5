//! Disks that are full, read-only or another user's: loads go on, saves say so, nothing that was saved is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a helper of a test fails the test, says why it cannot run, and reads CI from the environment"
)]

use bearerd::config::{Config, RunTimeProfiles};
use bearerd::store::lock::{Holder, acquire};
use bearerd::store::{
    FileStore, NotSavedReason, ProfilesFile, Store, StoreError, UnreadableReason,
};
use bearerd_proto::{ProfileName, ProfileSettings};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

/// A small disk of its own, mounted in a namespace that root or a plain user may make. The test reaches it through
/// `/proc/PID/root`.
struct SmallDisk {
    shell: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl SmallDisk {
    /// `None` where this machine lets nobody mount; a failure in CI, where that would go unseen.
    fn mounted(options: &str) -> Option<Self> {
        let mut shell = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", SERVE_COMMANDS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`unshare` of util-linux is there");
        let commands = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        let mut disk = Self { shell, commands, answers };
        if disk.run(&format!("mount -t tmpfs -o {options},mode=700 tmpfs /mnt")) {
            return Some(disk);
        }
        let mend = "no user namespaces here, so no disk to fill: try `sysctl -w \
                    kernel.apparmor_restrict_unprivileged_userns=0 kernel.unprivileged_userns_clone=1`";
        assert!(std::env::var_os("CI").is_none(), "{mend}");
        eprintln!("NOT TESTED: {mend}");
        None
    }

    /// Whether the command, run beside the disk, went well.
    fn run(&mut self, command: &str) -> bool {
        let sent = writeln!(self.commands.as_mut().unwrap(), "{command}");
        let mut answer = String::new();
        sent.is_ok() && self.answers.read_line(&mut answer).is_ok() && answer.trim_end() == "0"
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/mnt/{name}", self.shell.id()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The end of its input ends the shell, and the namespace with its mount goes with it.
        drop(self.commands.take());
        let _ended = self.shell.wait();
    }
}

/// Runs each line of its input and answers its exit status.
const SERVE_COMMANDS: &str =
    r#"while read -r line; do sh -c "$line" </dev/null >&2; echo $?; done"#;

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn loaded(store: &FileStore, profile: &str) -> Option<Vec<u8>> {
    store.load(&name(profile)).unwrap().map(|session| session.expose().to_vec())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Why a save of `a` fails; and that the session saved before is still there.
fn not_saved(store: &FileStore, session: &[u8]) -> NotSavedReason {
    let error = store.save(&name("a"), session).unwrap_err();
    assert_eq!(loaded(store, "a").as_deref(), Some(b"old".as_slice()));
    match error {
        StoreError::NotSaved { reason, .. } => reason,
        other => unreachable!("expected a session that is not saved, got {other:?}"),
    }
}

#[test]
fn a_full_disk_keeps_the_old_session_and_no_remains() {
    let Some(mut disk) = SmallDisk::mounted("size=64k") else { return };
    let store = FileStore::new(disk.path("state"));
    store.save(&name("a"), b"old").unwrap();
    let before = names(store.folder());
    // Too large for what is left: the write fails in the middle.
    assert!(matches!(not_saved(&store, &[7; 100_000]), NotSavedReason::Full(_)));
    assert_eq!(names(store.folder()), before);
    // And with nothing left at all.
    disk.run("cat /dev/zero >/mnt/filler");
    assert!(matches!(not_saved(&store, b"new"), NotSavedReason::Full(_)));
    assert_eq!(names(store.folder()), before);
    assert!(disk.run("rm /mnt/filler"));
    store.save(&name("a"), b"new").unwrap();
    assert_eq!(loaded(&store, "a").as_deref(), Some(b"new".as_slice()));
}

#[test]
fn a_disk_full_at_the_first_save_leaves_no_half_key() {
    let Some(mut disk) = SmallDisk::mounted("size=64k") else { return };
    let store = FileStore::new(disk.path("state"));
    store.prepare().unwrap();
    disk.run("cat /dev/zero >/mnt/filler");
    let error = store.save(&name("a"), b"new").unwrap_err();
    assert!(
        matches!(error, StoreError::NotSaved { reason: NotSavedReason::Full(_), .. }),
        "{error:?}"
    );
    assert_eq!(names(store.folder()), [""; 0]);
    assert!(disk.run("rm /mnt/filler"));
    store.save(&name("a"), b"new").unwrap();
    assert_eq!(loaded(&store, "a").as_deref(), Some(b"new".as_slice()));
}

#[test]
fn a_disk_without_inodes_is_a_full_one() {
    // The root, the state folder, and two files: one save needs a second beside the key while it writes.
    let Some(disk) = SmallDisk::mounted("nr_inodes=4") else { return };
    let store = FileStore::new(disk.path("state"));
    store.prepare().unwrap();
    let saved = (0..4).map(|number| store.save(&name(&format!("p{number}")), b"new"));
    let errors: Vec<_> = saved.filter_map(Result::err).collect();
    assert!(!errors.is_empty());
    for error in errors {
        assert!(
            matches!(error, StoreError::NotSaved { reason: NotSavedReason::Full(_), .. }),
            "{error:?}"
        );
    }
    assert!(!names(store.folder()).iter().any(|name| name.starts_with(".tmp")));
}

/// The profiles made at run time that `names` says.
fn made(names: &[&str]) -> RunTimeProfiles {
    let settings: ProfileSettings = serde_json::from_str(r#"{"auth_type":"none"}"#).unwrap();
    let config = Path::new("/nowhere/config.toml");
    names.iter().fold(RunTimeProfiles::default(), |made, one| {
        made.with(&name(one), &settings, config).unwrap()
    })
}

#[test]
fn a_full_or_read_only_disk_keeps_the_old_profiles_whole() {
    let Some(mut disk) = SmallDisk::mounted("size=64k") else { return };
    let file = ProfilesFile::new(disk.path("state"));
    let read = || file.join(&Config::empty(Path::new("/nowhere/config.toml")));
    file.write(&made(&["a"])).unwrap();
    let before = names(&disk.path("state"));
    let cases = [
        ("cat /dev/zero >/mnt/filler", "the disk is full", "rm /mnt/filler"),
        ("mount -o remount,ro /mnt", "mounted read-only", "mount -o remount,rw /mnt"),
    ];
    for (spoil, says, mend) in cases {
        disk.run(spoil);
        let error = file.write(&made(&["a", "b"])).unwrap_err();
        assert!(error.contains("profiles.toml") && error.contains(says), "{error}");
        assert_eq!(*read().run_time(), made(&["a"]));
        assert!(disk.run(mend));
        assert_eq!(names(&disk.path("state")), before, "no remains");
    }
    file.write(&made(&["a", "b"])).unwrap();
    assert_eq!(*read().run_time(), made(&["a", "b"]));
}

#[test]
fn on_a_read_only_disk_sessions_load_and_saves_say_so() {
    let Some(mut disk) = SmallDisk::mounted("size=256k") else { return };
    let folder = disk.path("state");
    let store = FileStore::new(&folder);
    store.save(&name("a"), b"old").unwrap();
    let me = Holder { host: "here".into(), pid: 1, socket: "/run/s".into() };
    drop(acquire(&folder, &me).unwrap());
    assert!(disk.run("mount -o remount,bind,ro /mnt"));
    assert!(matches!(not_saved(&store, b"new"), NotSavedReason::ReadOnly(_)));
    assert!(matches!(
        FileStore::new(disk.path("other")).prepare(),
        Err(StoreError::NotSaved { reason: NotSavedReason::ReadOnly(_), .. })
    ));
    assert!(store.forget(&name("a")).is_err());
    assert_eq!(loaded(&store, "a").as_deref(), Some(b"old".as_slice()));

    let locked = acquire(&folder, &me).unwrap();
    assert!(locked.is_exclusive(), "a file that can't be written can still be locked");
    assert!(locked.trouble().is_some());
    assert!(acquire(&folder, &me).is_err());
    drop(locked);

    assert!(disk.run("mount -o remount,bind,rw /mnt"));
    store.save(&name("a"), b"new").unwrap();
    assert_eq!(loaded(&store, "a").as_deref(), Some(b"new".as_slice()));
}

#[test]
fn in_a_folder_that_may_not_be_written_sessions_load_and_saves_say_so() {
    let temporary = tempfile::tempdir().unwrap();
    as_plain_user(temporary.path(), || {
        let folder = temporary.path().join("state");
        let store = FileStore::new(&folder);
        store.save(&name("a"), b"old").unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();
        store.prepare().unwrap();
        assert!(matches!(not_saved(&store, b"new"), NotSavedReason::Denied(_)));
        let me = Holder { host: "here".into(), pid: 1, socket: "/run/s".into() };
        let locked = acquire(&folder, &me).unwrap();
        assert!(locked.is_exclusive(), "without a lock file, the folder itself is locked");
        assert!(locked.trouble().is_some());
        assert!(acquire(&folder, &me).is_err());

        fs::set_permissions(&folder, Permissions::from_mode(0o000)).unwrap();
        assert!(matches!(
            store.load(&name("a")),
            Err(StoreError::Unreadable { reason: UnreadableReason::Io(_), .. })
        ));
        assert!(matches!(store.save(&name("a"), b"new"), Err(StoreError::NotSaved { .. })));
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        store.save(&name("a"), b"new").unwrap();
        assert_eq!(loaded(&store, "a").as_deref(), Some(b"new".as_slice()));
    });
}

#[test]
fn another_users_folder_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = if rustix::process::geteuid().is_root() {
        chown(temporary.path(), Some(NOBODY), None).unwrap();
        temporary.path()
    } else {
        Path::new("/")
    };
    let store = FileStore::new(folder);
    assert!(matches!(
        store.load(&name("a")),
        Err(StoreError::Unreadable { reason: UnreadableReason::NotOurs { .. }, .. })
    ));
    assert!(matches!(store.save(&name("a"), b"new"), Err(StoreError::NotSaved { .. })));
    assert!(store.prepare().is_err());
    assert!(store.forget(&name("a")).is_err());
    let me = Holder { host: "here".into(), pid: 1, socket: "/run/s".into() };
    let locked = acquire(folder, &me).unwrap();
    assert!(!locked.is_exclusive() && locked.trouble().is_some());
}

/// Runs the test as a user whom file modes bind: this one, or `nobody` where this one is root. The kernel keeps a
/// user id per thread.
fn as_plain_user(owned: &Path, test: impl FnOnce() + Send) {
    let root = rustix::process::geteuid().is_root();
    if root {
        chown(owned, Some(NOBODY), None).unwrap();
    }
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            if root {
                let nobody = rustix::process::Uid::from_raw(NOBODY);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            test();
        });
        run.join().unwrap();
    });
}

/// The uid that owns nothing, by convention.
const NOBODY: u32 = 65534;
