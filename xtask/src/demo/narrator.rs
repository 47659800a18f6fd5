//! Tells what happens while it happens, each line with the time since the beginning.

use crate::terminal::Shade;
use std::time::Instant;

/// Speaks on stdout.
#[derive(Debug)]
pub(crate) struct Narrator {
    began: Instant,
}

impl Narrator {
    /// Time counts from now.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now() }
    }

    pub(crate) fn heading(&self, title: &str) {
        println!("\n{}", Shade::Bold.paint(title));
    }

    pub(crate) fn chapter(&self, number: usize, title: &str) {
        self.heading(&format!("{number}. {title}"));
    }

    /// Something that happens.
    pub(crate) fn note(&self, text: &str) {
        self.line("·", text);
    }

    /// Something that was demanded, and is so.
    pub(crate) fn good(&self, text: &str) {
        self.line(&Shade::Green.paint("✓"), text);
    }

    /// A command as a person would type it.
    pub(crate) fn command(&self, line: &str) {
        self.line(&Shade::Cyan.paint("$"), &Shade::Cyan.paint(line));
    }

    /// A line of a program's output.
    pub(crate) fn output(&self, line: &str) {
        println!("{:10}{} {line}", "", Shade::Dim.paint("│"));
    }

    fn line(&self, mark: &str, text: &str) {
        let time = format!("{:5.1} s", self.began.elapsed().as_secs_f64());
        println!("  {} {mark} {text}", Shade::Dim.paint(&time));
    }
}
