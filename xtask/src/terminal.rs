//! How this tool speaks: colour on a terminal, aligned columns anywhere.

use std::io::{IsTerminal, stdout};
use std::sync::LazyLock;
use std::time::Duration;

/// What a text is marked with (ECMA-48 SGR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shade {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Shade {
    /// `text` in this shade where stdout is a terminal that welcomes colour (no-color.org), else as it is.
    pub(crate) fn paint(self, text: &str) -> String {
        static WELCOME: LazyLock<bool> = LazyLock::new(colour_is_welcome);
        if *WELCOME { self.painted(text) } else { text.to_owned() }
    }

    fn painted(self, text: &str) -> String {
        let number = match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Cyan => 36,
        };
        format!("\x1b[{number}m{text}\x1b[0m")
    }
}

/// Whether colour is welcome on stdout.
pub(crate) fn colour_is_welcome() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
    stdout().is_terminal() && !set("NO_COLOR") && !dumb
}

/// `1,234,567`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One of two words, by the number before it: `1 call`, `2 calls`.
pub(crate) fn counted(number: usize, one: &str, more: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { more })
}

/// `0.4 ms`, `3.9 s` or `2 min 05 s`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.1 {
        format!("{:.1} ms", seconds * 1000.0)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// Rows of cells in columns as wide as their widest cell, two spaces apart; the last column is not padded.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| shown_width(cell)).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - shown_width(cell) + 2));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Characters that take a place: those of a colour's sequence don't.
fn shown_width(text: &str) -> usize {
    let mut width = 0;
    let mut in_sequence = false;
    for character in text.chars() {
        match character {
            '\x1b' => in_sequence = true,
            'm' if in_sequence => in_sequence = false,
            _ if !in_sequence => width += 1,
            _ => {}
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(
            (counted(1, "call", "calls"), counted(0, "call", "calls")),
            ("1 call".into(), "0 calls".into())
        );
    }

    #[test]
    fn a_time_has_the_unit_that_fits() {
        let cases = [
            (420_u64, "0.4 ms"),
            (99_900, "99.9 ms"),
            (3_940_000, "3.9 s"),
            (125_000_000, "2 min 05 s"),
        ];
        for (micros, text) in cases {
            assert_eq!(span(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn columns_are_as_wide_as_they_look() {
        let rows = [
            vec!["step".to_owned(), "time".to_owned()],
            vec![Shade::Green.painted("ok"), "1 s".to_owned()],
        ];
        assert_eq!(table(&rows), ["step  time", "\x1b[32mok\x1b[0m    1 s"]);
    }
}
