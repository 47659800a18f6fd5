//! `docs/faults.md`: written by a run with `BEARERD_BLESS=1`, compared with by every other one.

use crate::SHEETS;
use crate::cell::{Played, Sheet, seconds};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

/// The columns at the end that are measured, and differ from run to run.
const MEASURED: usize = 2;

/// Writes the sheet's section, or fails where the file has another one.
///
/// # Panics
/// Where it does.
pub(crate) fn keep(sheet: &Sheet, played: &[Played]) {
    let new = section(sheet, played);
    if std::env::var_os("BEARERD_BLESS").is_some() {
        return bless(sheet, &new);
    }
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let old = section_of(&text, sheet).unwrap_or_default();
    assert_eq!(
        fixed(old.trim_end()),
        fixed(new.trim_end()),
        "docs/faults.md is not what the run gave: run `BEARERD_BLESS=1 cargo test -p bearerd-tests --features faults \
         --test faults`, and look at the change"
    );
}

fn section(sheet: &Sheet, played: &[Played]) -> String {
    let mut lines = vec![heading(sheet), String::new(), line("fault", sheet.columns)];
    lines.push(format!("|{}", "---|".repeat(sheet.columns.len() + 1)));
    for Played { row, valid, none, took } in played {
        let mut cells: Vec<&str> =
            valid.shown.iter().chain(&none.shown).map(String::as_str).collect();
        let waited = if none.waited == "–" { &valid.waited } else { &none.waited };
        let took = seconds(*took);
        cells.extend([waited.as_str(), &took]);
        lines.push(line(row.name, &cells));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn heading(sheet: &Sheet) -> String {
    format!("## {}", sheet.title)
}

fn line(name: &str, cells: &[&str]) -> String {
    format!("| {name} | {} |", cells.join(" | "))
}

/// Without the measured columns.
fn fixed(section: &str) -> String {
    let cut = |line: &str| {
        let cells: Vec<&str> = line.split('|').collect();
        cells[..cells.len().saturating_sub(MEASURED + 1).max(1)].join("|")
    };
    section.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// From its heading to the next.
fn section_of<'a>(text: &'a str, sheet: &Sheet) -> Option<&'a str> {
    let begin = text.find(&format!("{}\n", heading(sheet)))?;
    let rest = &text[begin..];
    Some(rest[2..].find("\n## ").map_or(rest, |end| &rest[..end + 2]))
}

/// Sections that wait for the others: a page is written whole, or not at all.
static SECTIONS: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());

fn bless(sheet: &Sheet, new: &str) {
    let mut sections = SECTIONS.lock().unwrap();
    sections.insert(sheet.title, new.to_owned());
    if sections.len() < SHEETS.len() {
        return println!("`{}` is written with the others: run all of them", sheet.title);
    }
    let mut text = std::fs::read_to_string(path()).unwrap();
    for sheet in &SHEETS {
        let old = section_of(&text, sheet).expect("the file has a heading for each sheet");
        text = text.replacen(old, &format!("{}\n", sections[sheet.title].trim_end()), 1);
    }
    std::fs::write(path(), text).unwrap();
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md")
}
