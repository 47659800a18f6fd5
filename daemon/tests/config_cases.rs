//! Configurations from a folder: each bad one with the message that it must give, each good one with what is in force.
//!
//! `config/bad/NAME.toml` has its message in `NAME.expected`; `config/good/NAME.toml` has the answer of
//! `GET /v1/profiles` in `NAME.json`, with paths relative to its folder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test crate: a case that can't be read is a failed test"
)]

use bearerd::config::Config;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn each_bad_configuration_is_rejected_with_its_message() {
    let mut wrong = Vec::new();
    for case in cases("bad") {
        let expected = fs::read_to_string(case.with_extension("expected")).unwrap_or_default();
        let message = match Config::load(&case) {
            Ok(_) => "taken".to_owned(),
            Err(error) => {
                let internals = format!("{error:?}");
                assert!(!internals.contains(PLANTED), "{}: {internals}", case.display());
                error.sentence()
            }
        };
        // Messages name the file by its whole path.
        let message = message.replace(&format!("{}/", folder("bad").display()), "");
        if message != expected.trim_end() {
            wrong.push(message.clone());
        }
        assert!(!message.contains(PLANTED), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn each_good_configuration_is_in_force_as_written() {
    for case in cases("good") {
        let config = Config::load(&case).unwrap_or_else(|error| panic!("{}", error.sentence()));
        let expected = fs::read_to_string(case.with_extension("json")).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        // Paths start at the folder of the configuration.
        let infos = serde_json::to_string(&config.infos()).unwrap();
        let infos = infos.replace(&format!("{}/", folder("good").display()), "");
        let infos: serde_json::Value = serde_json::from_str(&infos).unwrap();
        assert_eq!(infos, expected, "{}", case.display());
    }
}

/// The value that stands for a secret in the bad configurations.
const PLANTED: &str = "planted-secret";

fn cases(kind: &str) -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir(folder(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 5, "the cases of `{kind}` are missing");
    cases
}

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind)
}
