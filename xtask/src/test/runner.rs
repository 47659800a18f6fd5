//! Runs one step: its words go through as they come, its closing lines are kept.

use super::report::Ending;
use super::steps::Step;
use crate::cargo;
use crate::failure::{Failure, While};
use crate::keeper::Keeper;
use std::io::{BufRead, BufReader, Read, Write, stdout};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at a step.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What a process left behind may hold the step's output open; it is not waited for longer.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(2);

/// How the step ended, and its closing lines.
pub(crate) fn run(step: &Step) -> Result<(Ending, Vec<String>), Failure> {
    let mut command = command(step)?;
    if let Some((name, value)) = step.variable {
        command.env(name, value);
    }
    command.stdin(Stdio::null()).process_group(0);
    if step.is_tests() {
        command.stdout(Stdio::piped());
    }
    let mut keeper = Keeper::new()?;
    let mut child = command.spawn().while_doing(|| format!("start `{}`", step.command_line()))?;
    keeper.mind_group(&child);
    let closing_lines = Arc::new(Mutex::new(Vec::new()));
    let reading = child.stdout.take().map(|output| {
        let closing_lines = Arc::clone(&closing_lines);
        thread::spawn(move || pass_on(output, &closing_lines))
    });
    let began = Instant::now();
    let ending = loop {
        if let Some(status) = child.try_wait().while_doing(|| "wait for the step".to_owned())? {
            break if status.success() {
                Ending::Passed
            } else {
                Ending::Failed(status.to_string())
            };
        }
        if began.elapsed() > step.limit {
            break Ending::Failed(format!(
                "it hung: ended after {} min",
                step.limit.as_secs() / 60
            ));
        }
        thread::sleep(LOOK_EVERY);
    };
    // Ends what the step left behind, or the step itself where it hung.
    drop(keeper);
    if let Some(reading) = reading {
        let deadline = Instant::now() + LAST_WORDS_WITHIN;
        while !reading.is_finished() && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
    }
    let lines = std::mem::take(&mut *closing_lines.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((ending, lines))
}

fn command(step: &Step) -> Result<Command, Failure> {
    let mut words = step.words.iter().skip(1).peekable();
    let mut command = if words.next_if(|word| *word == "xtask").is_some() {
        // This very program, which cargo would otherwise look at again.
        let program = std::env::current_exe().while_doing(|| "find this program".to_owned())?;
        Command::new(program)
    } else {
        cargo::command()
    };
    command.args(words);
    Ok(command)
}

/// Passes the words on, line by line, and keeps the lines with which the test runner closes.
fn pass_on(output: impl Read, closing_lines: &Mutex<Vec<String>>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let mut stdout = stdout().lock();
        // Whoever closed our output wants no more words; the step goes on to its end.
        let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
        if line.starts_with(b"test result:") {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            closing_lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
        line.clear();
    }
}
