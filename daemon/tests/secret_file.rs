//! Secret files: what is taken, and each refusal with its message.

#![allow(clippy::unwrap_used, reason = "a test crate: what can't be set up is a failed test")]

use bearerd::secret_file;
use rustix::fs::{CWD, FileType, Mode};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[test]
fn a_secret_is_read_without_the_end_of_its_line() {
    let folder = folder();
    for (content, secret) in [
        ("s3cret", "s3cret"),
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        (" s3cret \n\n", " s3cret \n"),
        ("ü", "ü"),
        ("\n\n", "\n"),
    ] {
        let path = write(&folder, "secret", content, 0o600);
        assert_eq!(secret_file::read(&path).unwrap().expose(), secret, "{content:?}");
    }
    let path = write(&folder, "read-only", "s3cret", 0o400);
    assert_eq!(secret_file::read(&path).unwrap().expose(), "s3cret");
}

#[test]
fn the_largest_secret_is_whole_and_a_larger_one_refused() {
    let folder = folder();
    let path = write(&folder, "large", &"x".repeat(64 * 1024), 0o600);
    assert_eq!(secret_file::read(&path).unwrap().expose().len(), 64 * 1024);

    let path = write(&folder, "large", &"x".repeat(64 * 1024 + 1), 0o600);
    let expected = "is larger than 64 KiB; name a file with the secret alone";
    assert_eq!(refusal(&path), format!("`{}` {expected}", path.display()));
}

#[test]
fn a_file_of_ours_that_others_have_a_way_to_is_refused_with_what_closes_it() {
    let folder = folder();
    for mode in [0o644, 0o640, 0o604, 0o620, 0o601, 0o777] {
        let path = write(&folder, "open", "s3cret", mode);
        let shown = path.display();
        let expected = format!(
            "`{shown}` is open to other users (its mode is {mode:03o}); close it: chmod 600 {shown}"
        );
        assert_eq!(refusal(&path), expected);
    }
    // What the message says is what mends it, whatever the name.
    let path = write(&folder, "jane's key;$(x) \u{1b}", "s3cret", 0o644);
    let said = refusal(&path);
    assert!(said.ends_with(r"/jane'\''s key;$(x) ?'"), "{said}");
    let path = write(&folder, "jane's key", "s3cret", 0o644);
    let said = refusal(&path);
    let command = said.split_once("close it: ").unwrap().1;
    assert!(std::process::Command::new("sh").args(["-c", command]).status().unwrap().success());
    assert_eq!(secret_file::read(&path).unwrap().expose(), "s3cret");
}

#[test]
fn a_file_that_another_owner_provides_is_taken() {
    let folder = folder();
    let path = write(&folder, "provided", "s3cret", 0o644);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert_eq!(secret_file::read(&path).unwrap().expose(), "s3cret");
    } else {
        // Root alone can give a file away: this one is root's already.
        assert!(secret_file::read(Path::new("/etc/hostname")).is_ok());
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for path in [folder.path(), &pipe, Path::new("/dev/null")] {
        let expected = format!("`{}` is no regular file; name one", path.display());
        assert_eq!(refusal(path), expected);
    }
}

#[test]
fn what_is_not_there_is_said_with_the_systems_reason() {
    let folder = folder();
    let path = folder.path().join("missing");
    let expected = format!(
        "failed to read `{}`; name a file that this user may read: No such file or directory (os error 2)",
        path.display()
    );
    assert_eq!(refusal(&path), expected);
}

#[test]
fn what_holds_no_secret_is_refused() {
    let folder = folder();
    for content in ["", "\n", "\r\n"] {
        let path = write(&folder, "empty", content, 0o600);
        let expected = format!("`{}` is empty; write the secret into it", path.display());
        assert_eq!(refusal(&path), expected);
    }
    let path = folder.path().join("binary");
    fs::write(&path, b"s3cret\xff").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let expected =
        format!("`{}` is not UTF-8 text; write the secret as text, a key as PEM", path.display());
    assert_eq!(refusal(&path), expected);
}

/// One line, with nothing of the content in it.
fn refusal(path: &Path) -> String {
    let error = secret_file::read(path).unwrap_err();
    let sentence = error.sentence();
    for text in [&sentence, &format!("{error:?}")] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(!sentence.contains(char::is_control), "{sentence}");
    sentence
}

fn write(folder: &TempDir, name: &str, content: &str, mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
