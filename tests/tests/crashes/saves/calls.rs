//! The calls of a save as strace writes them down: `THREAD name(arguments) = result`, the thread where there are several.

use std::collections::{BTreeMap, BTreeSet};

/// One call of a save.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// As the system calls it.
    pub(crate) name: String,
    /// On what.
    pub(crate) thing: Thing,
    /// Of all calls of this name that the thread makes, from 1.
    pub(crate) number: usize,
}

/// What a save touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    Folder,
    OldFile,
    Key,
    NewFile,
}

impl Thing {
    /// The one that the arguments speak of; `None` where that is nothing of a save.
    fn of(arguments: &str) -> Option<Self> {
        if arguments.contains(".tmp-") {
            Some(Self::NewFile)
        } else if arguments.contains(".session") {
            Some(Self::OldFile)
        } else if arguments.contains("/key>") || arguments.contains("\"key\"") {
            Some(Self::Key)
        } else if arguments.contains("/state/bearerd") {
            Some(Self::Folder)
        } else {
            None
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Folder => "the folder",
            Self::OldFile => "the file to replace",
            Self::Key => "the key",
            Self::NewFile => "the new file",
        }
    }
}

impl Call {
    pub(crate) fn is(&self, name: &str, thing: Thing) -> bool {
        self.name == name && self.thing == thing
    }

    pub(crate) fn is_rename(&self) -> bool {
        self.name.starts_with("rename")
    }

    /// The errors that a bad disk gives it.
    pub(crate) fn errors(&self) -> &'static [&'static str] {
        match (self.name.as_str(), self.thing) {
            ("openat", Thing::NewFile) => &["ENOSPC", "EROFS", "EIO"],
            ("write" | "fsync", Thing::NewFile) => &["ENOSPC", "EIO"],
            ("renameat", _) => &["ENOSPC", "EROFS", "EIO"],
            _ => &["EIO"],
        }
    }
}

/// The first call of each name on each thing, in their order, of the thread that saves.
pub(crate) fn of(trace: &str) -> Vec<Call> {
    let saver = trace.lines().rfind(|line| line.contains("rename")).map(thread);
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut calls = Vec::new();
    for (name, arguments) in
        trace.lines().filter(|line| Some(thread(line)) == saver).filter_map(call)
    {
        let number = numbers.entry(name).or_default();
        *number += 1;
        let Some(thing) = Thing::of(arguments) else { continue };
        // Closing changes nothing on disk, and flags of a descriptor are looked at in debug builds alone.
        if !["close", "fcntl"].contains(&name) && seen.insert((name, thing)) {
            calls.push(Call { name: name.to_owned(), thing, number: *number });
        }
    }
    calls
}

/// The thread that a line is about; nothing where strace follows one alone.
fn thread(line: &str) -> &str {
    let first = line.split(' ').next().unwrap_or_default();
    if first.chars().all(|letter| letter.is_ascii_digit()) { first } else { "" }
}

/// How many saves have begun.
pub(crate) fn saves(trace: &str) -> usize {
    let calls = trace.lines().filter_map(call);
    calls
        .filter(|(name, arguments)| {
            *name == "openat" && Thing::of(arguments) == Some(Thing::Folder)
        })
        .count()
}

/// Whether the fault has met this call. Of a call that others were made beside, the end is a line of its own.
pub(crate) fn was_struck(trace: &str, met: &Call) -> bool {
    let end = format!("<... {} resumed>", met.name);
    let mut struck =
        trace.lines().filter(|line| line.contains("(INJECTED") || line.contains("(DELAYED"));
    struck.any(|line| line.contains(&end) || call(line).is_some_and(|it| is(it, met)))
}

/// Whether this call is the last one that the thread began.
pub(crate) fn begun_last(trace: &str, wanted: &Call) -> bool {
    trace.lines().filter_map(call).next_back().is_some_and(|it| is(it, wanted))
}

fn is((name, arguments): (&str, &str), wanted: &Call) -> bool {
    name == wanted.name && Thing::of(arguments) == Some(wanted.thing)
}

/// The name and what follows it, of a line where a call begins.
fn call(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ' ');
    let (name, arguments) = line.split_once('(')?;
    let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (is_name && !name.is_empty()).then_some((name, arguments))
}
