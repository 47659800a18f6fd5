//! One daemon a state folder, whoever else shares the disk.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test")]

use bearerd::store::lock::{Holder, Place, acquire};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

fn holder(host: &str, pid: u32) -> Holder {
    Holder { host: host.into(), pid, socket: "/run/user/1000/bearerd.sock".into() }
}

/// A folder that is not there yet.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("state/bearerd");
    (temporary, folder)
}

#[test]
fn a_second_daemon_of_this_host_is_refused_and_told_who_holds_it() {
    let (_temporary, folder) = folder();
    let first = acquire(&folder, &holder("here", 4711)).unwrap();
    assert_eq!((first.place(), first.folder()), (&Place::Here, folder.as_path()));
    assert!(first.is_exclusive() && first.trouble().is_none());
    let before = fs::read(folder.join("lock")).unwrap();

    let error = acquire(&folder, &holder("here", 2)).unwrap_err();
    assert_eq!(error.holder, Some(holder("here", 4711)));
    let message = error.to_string();
    assert!(
        message.contains("4711") && message.contains("/run/user/1000/bearerd.sock"),
        "{message}"
    );
    assert_eq!(fs::read(folder.join("lock")).unwrap(), before, "the second touches nothing");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);

    drop(first);
    let next = acquire(&folder, &holder("here", 2)).unwrap();
    assert!(next.is_exclusive());
}

#[test]
fn a_dead_daemons_lock_is_taken_over() {
    let (_temporary, folder) = folder();
    drop(acquire(&folder, &holder("here", 1)).unwrap());
    let lock = folder.join("lock");
    assert_eq!(fs::read(&lock).unwrap(), b"", "a clean end leaves no name behind");
    // As kill -9 or a power loss leaves it: a name, or half of one, and no lock of the kernel.
    let name = serde_json::to_vec(&holder("here", 1)).unwrap();
    for remains in [name.as_slice(), &name[..name.len() / 2], b"", &[0; 64]] {
        fs::write(&lock, remains).unwrap();
        let taken = acquire(&folder, &holder("here", 2)).unwrap();
        assert_eq!(taken.place(), &Place::Here);
        let written: Holder = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
        assert_eq!(written, holder("here", 2));
    }
}

#[test]
fn another_hosts_living_daemon_keeps_its_folder() {
    let (_temporary, folder) = folder();
    let _first = acquire(&folder, &holder("login1", 4711)).unwrap();
    let second = acquire(&folder, &holder("login2/..", 4711)).unwrap();
    assert_eq!(second.place(), &Place::HostFolder { other: holder("login1", 4711) });
    assert_eq!(second.folder(), folder.join("host-login2_.."));
    assert!(second.is_exclusive());
    assert_eq!(fs::metadata(second.folder()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(acquire(&folder, &holder("login2/..", 2)).is_err(), "one daemon in that folder too");
}

#[test]
fn a_lock_file_removed_under_the_holder_does_not_confuse_the_next() {
    let (_temporary, folder) = folder();
    let _first = acquire(&folder, &holder("here", 1)).unwrap();
    fs::remove_file(folder.join("lock")).unwrap();
    let second = acquire(&folder, &holder("here", 2)).unwrap();
    assert!(second.is_exclusive());
    assert!(acquire(&folder, &holder("here", 3)).is_err());
}

#[test]
fn a_folder_that_cannot_be_locked_is_used_and_said() {
    let (_temporary, folder) = folder();
    fs::create_dir_all(&folder).unwrap();
    symlink("/dev/null", folder.join("lock")).unwrap();
    let locked = acquire(&folder, &holder("here", 1)).unwrap();
    assert!(locked.trouble().is_some() && !locked.is_exclusive());
    assert_eq!(locked.folder(), folder);

    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, b"").unwrap();
    let locked = acquire(&folder, &holder("here", 1)).unwrap();
    assert!(locked.trouble().is_some() && !locked.is_exclusive());
}

#[test]
fn a_name_longer_than_the_one_before_or_after_it_is_read_whole() {
    let (_temporary, folder) = folder();
    let long = Holder { socket: PathBuf::from("/".repeat(100)), ..holder("here", u32::MAX) };
    let short = Holder { socket: "/s".into(), ..holder("here", 1) };
    for me in [&long, &short, &long] {
        let _locked = acquire(&folder, me).unwrap();
        let error = acquire(&folder, &holder("here", 2)).unwrap_err();
        assert_eq!(error.holder.as_ref(), Some(me));
    }
}

#[test]
fn this_host_has_a_name() {
    let here = Holder::here(7, "/run/s");
    assert!(!here.host.is_empty());
    assert_eq!((here.pid, here.socket), (7, PathBuf::from("/run/s")));
}
