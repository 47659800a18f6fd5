//! Keeps the checked-in JSON Schema equal to what schemars makes of the types, and the golden messages within it.

use crate::messages::{MESSAGES, folder, golden_files, names};
use serde_json::Value;
use std::fs;

#[test]
fn each_schema_is_what_the_types_give() {
    let bless = blessing();
    for message in MESSAGES {
        let path = folder("schema").join(format!("{}.json", message.name));
        let made = message.schema();
        // By value: the order of keys hangs on features of serde_json that other crates may switch on.
        let is_up_to_date = || {
            let checked_in = fs::read_to_string(&path).ok()?;
            Some(serde_json::from_str::<Value>(&checked_in).ok()? == *made.as_value())
        };
        if bless && is_up_to_date() != Some(true) {
            fs::write(&path, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
        }
        assert!(
            is_up_to_date() == Some(true),
            "schema/{}.json is not what the types give: run `BEARERD_BLESS=1 cargo test -p bearerd-proto` and look \
             at the difference: no change may keep an older client from reading it",
            message.name
        );
    }
}

#[test]
fn there_is_no_schema_without_a_type() {
    let made = MESSAGES.map(|message| format!("{}.json", message.name));
    for name in names(&folder("schema")) {
        assert!(made.contains(&name), "schema/{name} belongs to no message: remove it");
    }
}

#[test]
fn what_the_schema_demands_is_what_the_type_demands() {
    for golden in golden_files() {
        let schema = golden.message.schema();
        // A login's answer is one of two shapes: its fields stand one level deeper.
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            continue;
        };
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let message = golden.value();
        for name in message.as_object().unwrap().keys() {
            let mut without = message.clone();
            without.as_object_mut().unwrap().remove(name);
            let is_read = golden.message.read_and_write(&without.to_string()).is_ok();
            let about = format!("`{name}` of {}.{}", golden.message.name, golden.case);
            assert_eq!(is_read, !required.contains(&name.as_str()), "{about} left out");
            assert!(properties.contains_key(name) != name.starts_with("newer_"), "{about}");
        }
    }
}

#[test]
fn no_schema_closes_a_set_of_words_that_may_grow() {
    for message in MESSAGES {
        let text = serde_json::to_string(&message.schema()).unwrap().to_lowercase();
        assert!(!text.contains(r#""const":"unknown""#), "{}", message.name);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a switch of this test alone; the crate itself reads no environment"
)]
fn blessing() -> bool {
    std::env::var_os("BEARERD_BLESS").is_some()
}
