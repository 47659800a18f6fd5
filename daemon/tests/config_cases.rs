//! Configurations from a folder: each bad one with the message that it must give, each good one with what is in force.
//!
//! `config/bad/NAME.toml` has its message in `NAME.expected`, in which `{auth_types}` stands for all auth types, and
//! `{auth_types of KEY}` for those with that key; `config/good/NAME.toml` has the answer of `GET /v1/profiles` in
//! `NAME.json`, with paths relative to its folder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test crate: a case that can't be read is a failed test"
)]

use bearerd::config::{AuthType, Config};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn each_bad_configuration_is_rejected_with_its_message() {
    let mut wrong = Vec::new();
    for case in cases("bad") {
        let expected = fs::read_to_string(case.with_extension("expected")).unwrap_or_default();
        let expected = with_auth_types(&expected);
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

#[test]
fn a_message_lists_the_auth_types_in_the_order_of_the_table() {
    for (written, listed) in [
        ("of {auth_types}.", "of `none`, `sso`, `user_password`, `test_auth`"),
        ("{auth_types of token_file}", "`token`"),
        ("{auth_types of flow} {auth_types of cache_file}", "`sso` `orch`"),
    ] {
        assert!(with_auth_types(written).starts_with(listed), "{written}");
    }
    assert_eq!(with_auth_types("one of { auth_types }"), "one of { auth_types }");
}

/// The message with the auth types in their places: a new one changes no message but its own.
fn with_auth_types(expected: &str) -> String {
    let listed = |belongs: &dyn Fn(AuthType) -> bool| {
        let words = AuthType::all().filter(|auth_type| belongs(*auth_type));
        words.map(|auth_type| format!("`{auth_type}`")).collect::<Vec<_>>().join(", ")
    };
    let mut message = expected.replace("{auth_types}", &listed(&|_| true));
    while let Some((before, rest)) = message.split_once("{auth_types of ") {
        let (key, after) = rest.split_once('}').unwrap();
        let owners = listed(&|auth_type| auth_type.keys().any(|own| own == key));
        message = format!("{before}{owners}{after}");
    }
    message
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
