//! Each change of a saved session as the steps that it is made of, on a folder that notes them.

use crate::key::{KEY_FILE, KEY_LEN, KeySource};
use crate::memory_folder::MemoryFolder;
use crate::replacing::{drop_old_temporaries, publish_new};
use crate::seal::FILE_MAX;
use crate::{Aside, StoreError, UnreadableReason, forget, load, save, set_aside};
use bearerd_proto::ProfileName;
use std::io;
use std::path::Path;

const FILE: &str = "wallaroo.session";

fn wallaroo() -> ProfileName {
    "wallaroo".parse().unwrap()
}

/// A folder with a saved session, and no step noted.
fn saved(session: &[u8]) -> MemoryFolder {
    let folder = MemoryFolder::default();
    save(&folder, &wallaroo(), session).unwrap();
    folder.taken_steps();
    folder
}

fn loaded(folder: &MemoryFolder) -> Option<Vec<u8>> {
    load(folder, &wallaroo()).unwrap().map(|session| session.expose().to_owned())
}

#[test]
fn the_first_save_makes_the_key_durable_before_anything_needs_it() {
    let folder = MemoryFolder::default();
    assert_eq!(loaded(&folder), None);
    save(&folder, &wallaroo(), b"one").unwrap();
    let key = ["create temporary", "write temporary", "sync temporary", "link to key"];
    let key = key.into_iter().chain(["remove temporary", "sync"]);
    let file = ["create temporary", "write temporary", "sync temporary"];
    let file = file.into_iter().chain(["rename to wallaroo.session", "sync"]);
    assert_eq!(folder.taken_steps(), key.chain(file).collect::<Vec<_>>());
    assert_eq!(folder.file_names(), [KEY_FILE, FILE]);
    assert_eq!(loaded(&folder).as_deref(), Some(b"one".as_slice()));
}

#[test]
fn the_next_one_is_written_aside_synced_renamed_and_its_folder_synced() {
    let folder = saved(b"one");
    save(&folder, &wallaroo(), b"two").unwrap();
    let steps = ["create temporary", "write temporary", "sync temporary"];
    let steps: Vec<_> = steps.into_iter().chain(["rename to wallaroo.session", "sync"]).collect();
    assert_eq!(folder.taken_steps(), steps);
    assert_eq!(loaded(&folder).as_deref(), Some(b"two".as_slice()));
}

#[test]
fn a_step_that_fails_leaves_the_old_session_and_no_temporary() {
    let full = io::ErrorKind::StorageFull;
    for step in ["create temporary", "write temporary", "sync temporary"] {
        let folder = saved(b"one");
        folder.fails.replace(Some((step, full)));
        let error = save(&folder, &wallaroo(), b"two").unwrap_err();
        assert!(!error.is_in_place(), "{step}: {error}");
        assert_eq!(loaded(&folder).as_deref(), Some(b"one".as_slice()), "{step}");
        assert_eq!(folder.file_names(), [KEY_FILE, FILE], "{step}");
    }
    let folder = saved(b"one");
    folder.fails.replace(Some(("rename to wallaroo.session", full)));
    assert!(!save(&folder, &wallaroo(), b"two").unwrap_err().is_in_place());
    assert_eq!(loaded(&folder).as_deref(), Some(b"one".as_slice()));
    assert_eq!(folder.file_names(), [KEY_FILE, FILE]);
}

#[test]
fn where_the_folder_alone_cannot_be_synced_the_new_session_is_in_place() {
    let folder = saved(b"one");
    folder.fails.replace(Some(("sync", io::ErrorKind::Other)));
    assert!(save(&folder, &wallaroo(), b"two").unwrap_err().is_in_place());
    assert_eq!(loaded(&folder).as_deref(), Some(b"two".as_slice()));
}

#[test]
fn a_file_that_is_open_to_others_is_replaced_and_a_key_that_is_ends_the_save() {
    let folder = saved(b"one");
    folder.exposed.set(Some(FILE));
    assert!(matches!(load(&folder, &wallaroo()), Err(StoreError::Exposed { .. })));
    save(&folder, &wallaroo(), b"two").unwrap();
    assert_eq!(loaded(&folder).as_deref(), Some(b"two".as_slice()));
    folder.exposed.set(Some(KEY_FILE));
    folder.taken_steps();
    let error = save(&folder, &wallaroo(), b"three").unwrap_err();
    let StoreError::Exposed { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, Path::new("/state").join(KEY_FILE).as_path());
    assert_eq!(folder.taken_steps(), [""; 0], "nothing is written");
}

#[test]
fn a_key_that_another_has_made_meanwhile_counts_and_one_that_cannot_be_made_is_an_error() {
    let folder = MemoryFolder::default();
    folder.files.borrow_mut().insert(KEY_FILE.to_owned(), vec![7; KEY_LEN]);
    publish_new(&folder, KEY_FILE, &[8; KEY_LEN]).unwrap();
    assert_eq!(folder.files.borrow()[KEY_FILE], [7; KEY_LEN]);
    assert_eq!(folder.file_names(), [KEY_FILE]);
    let folder = MemoryFolder::default();
    folder.fails.replace(Some(("link to key", io::ErrorKind::PermissionDenied)));
    assert!(publish_new(&folder, KEY_FILE, &[8; KEY_LEN]).is_err());
    assert_eq!(folder.file_names(), [""; 0]);
}

#[test]
fn a_key_is_a_file_of_its_very_length() {
    let sealed = Path::new("/state/wallaroo.session");
    for length in [0, KEY_LEN - 1, KEY_LEN + 1, KEY_LEN + 100] {
        let folder = MemoryFolder::default();
        folder.files.borrow_mut().insert(KEY_FILE.to_owned(), vec![7; length]);
        let error = KeySource::KeyFile.key(&folder, sealed).unwrap_err();
        let StoreError::Unreadable { path, reason } = &error else { panic!("{error}") };
        assert_eq!(path, Path::new("/state/key"));
        assert!(matches!(reason, UnreadableReason::NotAKey { .. }), "{length}: {error}");
    }
    let folder = MemoryFolder::default();
    let error = KeySource::KeyFile.key(&folder, sealed).unwrap_err();
    let StoreError::Unreadable { path, reason } = &error else { panic!("{error}") };
    assert_eq!(path, sealed);
    assert!(matches!(reason, UnreadableReason::KeyMissing { path } if path.ends_with("key")));
}

#[test]
fn a_session_whose_key_is_gone_is_not_replaced() {
    let folder = saved(b"one");
    folder.files.borrow_mut().remove(KEY_FILE);
    let error = save(&folder, &wallaroo(), b"two").unwrap_err();
    assert!(error.is_unopenable(), "{error}");
    assert_eq!(folder.taken_steps(), [""; 0]);
}

#[test]
fn a_file_of_the_longest_length_is_looked_into_and_a_longer_one_is_not() {
    for (length, too_large) in [(FILE_MAX, false), (FILE_MAX + 1, true), (FILE_MAX + 2, true)] {
        let folder = MemoryFolder::default();
        folder.files.borrow_mut().insert(FILE.to_owned(), vec![b'x'; length]);
        let error = load(&folder, &wallaroo()).unwrap_err();
        let StoreError::Unreadable { reason, .. } = &error else { panic!("{error}") };
        let found = matches!(reason, UnreadableReason::TooLarge { limit: FILE_MAX });
        assert_eq!(found, too_large, "{length}: {error}");
    }
}

#[test]
fn what_is_forgotten_stays_so_also_where_the_sync_comes_late() {
    let folder = saved(b"one");
    forget(&folder, &wallaroo()).unwrap();
    assert_eq!(folder.taken_steps(), ["remove wallaroo.session", "sync"]);
    assert_eq!(loaded(&folder), None);
    // An attempt before may have removed it, and had no sync: a power loss would bring it back.
    forget(&folder, &wallaroo()).unwrap();
    assert_eq!(folder.taken_steps(), ["remove wallaroo.session", "sync"]);
    folder.fails.replace(Some(("sync", io::ErrorKind::Other)));
    assert!(forget(&folder, &wallaroo()).is_err());
    folder.fails.replace(Some(("remove wallaroo.session", io::ErrorKind::PermissionDenied)));
    assert!(forget(&folder, &wallaroo()).is_err());
}

#[test]
fn what_is_set_aside_gets_a_name_that_nobody_has() {
    let folder = saved(b"one");
    for name in ["wallaroo.parked-5", "wallaroo.parked-5-2"] {
        save(&folder, &wallaroo(), b"one").unwrap();
        folder.taken_steps();
        let aside = set_aside(&folder, &wallaroo(), Aside::Parked, 5).unwrap();
        assert_eq!(aside.as_deref(), Some(Path::new("/state").join(name).as_path()));
        assert_eq!(folder.taken_steps().last().map(String::as_str), Some("sync"));
    }
    let unreadable = || set_aside(&folder, &wallaroo(), Aside::Unreadable, 6);
    assert_eq!(unreadable().unwrap(), None, "there is nothing to move");
    save(&folder, &wallaroo(), b"one").unwrap();
    assert!(unreadable().unwrap().is_some_and(|path| path.ends_with("wallaroo.unreadable-6")));
    save(&folder, &wallaroo(), b"one").unwrap();
    let denied = io::ErrorKind::PermissionDenied;
    folder.fails.replace(Some(("rename to wallaroo.unreadable-7", denied)));
    assert!(set_aside(&folder, &wallaroo(), Aside::Unreadable, 7).is_err());
}

#[test]
fn a_start_drops_what_an_interrupted_save_left_and_nothing_else() {
    let folder = saved(b"one");
    let left = ".tmp-0123456789abcdef-wallaroo.session".to_owned();
    folder.files.borrow_mut().insert(left, b"half".to_vec());
    folder.files.borrow_mut().insert(".tmp-notes".to_owned(), b"a person's".to_vec());
    drop_old_temporaries(&folder).unwrap();
    assert_eq!(folder.file_names(), [".tmp-notes", KEY_FILE, FILE]);
}
