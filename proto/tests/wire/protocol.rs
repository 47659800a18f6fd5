//! Holds `PROTOCOL.md` to the golden messages and to the table of the error codes.

use crate::messages::{Golden, MESSAGES, folder, golden_file, golden_files};
use bearerd_proto::ErrorCode;
use serde_json::Value;
use std::fs;

#[test]
fn each_json_block_is_the_golden_file_that_it_names() {
    let page = page();
    let blocks = blocks(&page, "json");
    for (name, text) in &blocks {
        let file = name.strip_prefix("golden/").unwrap_or_else(|| {
            panic!("a JSON block without its golden file: write ```json golden/MESSAGE.CASE.json")
        });
        assert_eq!(*text, golden_file(file).text, "the block {name} of PROTOCOL.md");
    }
    for message in MESSAGES {
        let prefix = format!("golden/{}.", message.name);
        assert!(blocks.iter().any(|(name, _)| name.starts_with(&prefix)), "{prefix} is not shown");
    }
}

#[test]
fn each_server_sent_event_carries_a_golden_message_under_its_name() {
    let page = page();
    let blocks = blocks(&page, "sse");
    assert!(!blocks.is_empty(), "no event is shown");
    for (_, text) in blocks {
        let (name, data) = text.trim_end().split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), data["kind"].as_str());
        let is_golden = |golden: &Golden| golden.message.name == "event" && golden.value() == data;
        assert!(golden_files().iter().any(is_golden), "{data}");
    }
}

#[test]
fn the_error_table_is_that_of_the_types() {
    let page = page();
    let rows = rows(&page, "## Errors");
    let listed: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(listed, ErrorCode::ALL.map(ErrorCode::as_str));
    for (code, row) in ErrorCode::ALL.into_iter().zip(&rows) {
        let [_, status, when, who_acts, exit] = row[..] else { panic!("{row:?}: five columns") };
        assert_eq!(status, code.status().to_string(), "{code:?}");
        assert!(!when.is_empty(), "{code:?}");
        let (who, what) = who_acts.split_once(": ").expect(who_acts);
        assert!(["caller", "person", "operator", "bearerd"].contains(&who), "{code:?}: {who}");
        assert!(!what.is_empty(), "{code:?}");
        assert_eq!(exit, exit_code(code).to_string(), "{code:?}");
    }
}

#[test]
fn the_exit_codes_are_complete_and_name_each_error_code_once() {
    let page = page();
    let rows = rows(&page, "### Exit codes of `bearerctl`");
    let exits: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(exits, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    for row in &rows {
        let [exit, means, codes] = row[..] else { panic!("{row:?}: three columns") };
        assert!(!means.is_empty(), "exit {exit}");
        let named: Vec<&str> = codes.split('`').skip(1).step_by(2).collect();
        let ends_so = |code: &ErrorCode| exit_code(*code).to_string() == exit;
        let expected: Vec<&str> =
            ErrorCode::ALL.into_iter().filter(ends_so).map(ErrorCode::as_str).collect();
        assert_eq!(named, expected, "exit {exit}");
    }
}

/// The contract of the commands, said once more by hand: the page alone must not be able to change it.
fn exit_code(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::BadRequest => 2,
        ErrorCode::LoginRequired
        | ErrorCode::LoginPending
        | ErrorCode::LoginExpired
        | ErrorCode::LoginDenied => 3,
        ErrorCode::IdpUnreachable | ErrorCode::IdpRejected | ErrorCode::MinTtlUnmet => 4,
        ErrorCode::Locked => 5,
        ErrorCode::Overloaded | ErrorCode::ShuttingDown => 6,
        ErrorCode::UnknownProfile | ErrorCode::NotFound | ErrorCode::Forbidden => 7,
        ErrorCode::Misconfigured | ErrorCode::StateUnreadable => 8,
        _ => 1,
    }
}

fn page() -> String {
    fs::read_to_string(folder("PROTOCOL.md")).unwrap()
}

/// The fenced blocks of a language: what stands behind the language's name, and the text.
fn blocks<'page>(page: &'page str, language: &str) -> Vec<(&'page str, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("```") else { continue };
        let body = lines.by_ref().take_while(|line| *line != "```");
        let text: String = body.flat_map(|line| [line, "\n"]).collect();
        if let Some(name) = head.strip_prefix(language) {
            blocks.push((name.trim(), text));
        }
    }
    blocks
}

/// The cells of the first table below a heading, without its head.
fn rows<'page>(page: &'page str, heading: &str) -> Vec<Vec<&'page str>> {
    let (_, below) = page.split_once(&format!("\n{heading}\n")).expect(heading);
    let table = below.lines().skip_while(|line| !line.starts_with('|'));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}
