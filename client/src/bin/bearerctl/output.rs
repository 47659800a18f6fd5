//! Data to stdout, words to stderr.

use crate::environment;
use crate::exit::CommandError;
use serde::Serialize;
use std::error::Error;
use std::io::{self, IsTerminal, Write};

/// Writes `text` to stdout as it is. A reader that has gone away wants no more, which is no failure.
pub(crate) fn data(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}

/// Writes `value` to stdout as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::Output(io::Error::other(error)))?;
    data(&format!("{text}\n"))
}

/// Writes a line for a person to stderr.
pub(crate) fn words(line: &str) {
    raw_words(&printable(line));
}

/// The same for a question, whose answer stands behind it.
pub(crate) fn words_without_end(question: &str) {
    let _ = write!(io::stderr(), "{}", printable(question));
}

/// The same, for a line that holds sequences for the terminal.
pub(crate) fn raw_words(line: &str) {
    // Where stderr is closed there is nobody to tell so.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says why a command failed, what lies behind it, and what a person does.
pub(crate) fn failure(error: &CommandError) {
    words(&format!("bearerctl: {error}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        words(&format!("cause: {error}"));
        cause = error.source();
    }
    // Most of the daemon's sentences say it themselves; a program reads it in a field of its own.
    let said = error.to_string();
    if let Some(hint) = error.login_hint().filter(|hint| !said.contains(hint)) {
        words(&format!("hint: {hint}"));
    }
}

/// What a word on stdout can be marked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
}

impl Colour {
    /// `text` in this colour (ECMA-48 SGR).
    pub(crate) fn paint(self, text: &str) -> String {
        let number = match self {
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
        };
        format!("\x1b[{number}m{text}\x1b[0m")
    }
}

/// Whether what goes to stdout may be coloured.
pub(crate) fn stdout_has_colour() -> bool {
    io::stdout().is_terminal() && environment::colour_is_welcome()
}

/// Texts of an IdP or a configuration may hold sequences that a terminal obeys: none gets through.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(
            |character| {
                if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_orders_from_others() {
        assert_eq!(
            printable("jäne\x1b]0;x\x07\n\u{9b}31m"),
            "jäne\u{fffd}]0;x\u{fffd}\u{fffd}\u{fffd}31m"
        );
    }

    #[test]
    fn a_colour_ends_after_its_text() {
        assert_eq!(Colour::Green.paint("ready"), "\x1b[32mready\x1b[0m");
    }
}
