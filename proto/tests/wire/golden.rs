//! Reads every golden message into its type and demands the same value back.

use crate::messages::{MESSAGES, golden_file, golden_files};
use bearerd_proto::{ErrorBody, ErrorCode, EventKind};
use serde_json::{Value, json};

#[test]
fn each_golden_message_comes_out_as_it_went_in() {
    for golden in golden_files().iter().filter(|golden| !golden.is_newer()) {
        let about = format!("{}.{}", golden.message.name, golden.case);
        let written = golden.message.read_and_write(&golden.text).expect(&about);
        assert_eq!(written, golden.value(), "{about}");
    }
}

#[test]
fn unknown_fields_are_ignored_wherever_they_stand() {
    for golden in golden_files().iter().filter(|golden| !golden.is_newer()) {
        let about = format!("{}.{}", golden.message.name, golden.case);
        let mut with_more = golden.value();
        add_a_field(&mut with_more);
        let written = golden.message.read_and_write(&with_more.to_string()).expect(&about);
        let understood = if golden.message.is_data() { with_more } else { golden.value() };
        assert_eq!(written, understood, "{about}");
    }
}

#[test]
fn what_a_newer_version_says_is_read_all_the_same() {
    for message in MESSAGES {
        let golden = golden_file(&format!("{}.newer.json", message.name));
        let written = message.read_and_write(&golden.text).expect(message.name);
        let mut understood = golden.value();
        leave_what_is_understood(&mut understood);
        assert_ne!(understood, golden.value(), "{} says nothing new", message.name);
        let understood = if message.is_data() { golden.value() } else { understood };
        assert_eq!(written, understood, "{}", message.name);
    }
}

#[test]
fn each_error_code_has_its_golden_message() {
    for code in ErrorCode::ALL {
        let golden = golden_file(&format!("error.{}.json", code.as_str()));
        let body: ErrorBody = serde_json::from_str(&golden.text).unwrap();
        assert_eq!(body.code, code);
        assert_eq!(
            body.login_hint.is_some(),
            matches!(
                code,
                ErrorCode::LoginRequired
                    | ErrorCode::LoginPending
                    | ErrorCode::LoginExpired
                    | ErrorCode::LoginDenied
                    | ErrorCode::StateUnreadable
            ),
            "{code:?}: a hint where a login mends it"
        );
    }
}

#[test]
fn each_kind_of_event_has_its_golden_message() {
    let kinds = [
        EventKind::Refreshed,
        EventKind::Degraded,
        EventKind::NotSaved,
        EventKind::LoginRequired,
        EventKind::LoggedIn,
        EventKind::LoggedOut,
    ];
    for kind in kinds {
        let golden = golden_file(&format!("event.{}.json", kind.as_str()));
        assert_eq!(golden.value()["kind"], kind.as_str());
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}

/// Adds one field to every object but the settings of a profile, whose keys are data.
fn add_a_field(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if name != "settings" {
                    add_a_field(field);
                }
            }
            fields.insert("newer_field".to_owned(), json!({ "of": ["a", "newer", "version"] }));
        }
        Value::Array(items) => items.iter_mut().for_each(add_a_field),
        _ => {}
    }
}

/// Drops the fields that this version does not know, and takes words that it does not know as `unknown`.
fn leave_what_is_understood(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with("newer_"));
            fields.values_mut().for_each(leave_what_is_understood);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_what_is_understood),
        Value::String(word) if word == "newer-word" => *word = "unknown".to_owned(),
        _ => {}
    }
}
