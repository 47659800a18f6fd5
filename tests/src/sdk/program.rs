//! A running Python program, whose lines a test reads as they come.

use super::environment::matplotlib_folder;
use super::script;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What `program.py` tells at its end.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// How often each thing succeeded.
    pub calls: BTreeMap<String, u64>,
    /// What failed.
    pub failed: Vec<String>,
    /// Seconds that the slowest call took.
    pub slowest: f64,
    /// Seconds that the client took to be made.
    pub made_in: f64,
    /// Id and address of the user.
    pub who: (Option<String>, Option<String>),
    /// The class of its auth object.
    pub auth: String,
}

/// The process and its lines.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<String>,
    ended: usize,
}

impl Program {
    /// Starts a script of `tests/sdk` by `python`, whose arguments before it are `options`.
    pub fn start(mut python: Command, options: &[&str], name: &str, arguments: &[&str]) -> Self {
        python.args(options).arg(script(name)).args(arguments);
        Self::spawn(python)
    }

    /// Starts this command.
    pub fn spawn(mut command: Command) -> Self {
        command.env("MPLCONFIGDIR", matplotlib_folder()).env("PYTHONUNBUFFERED", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Arc::<(Mutex<Lines>, Condvar)>::default();
        follow(child.stdout.take().unwrap(), &lines);
        follow(child.stderr.take().unwrap(), &lines);
        Self { child, lines }
    }

    /// Says a line to it.
    pub fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The first line that holds this, as soon as it comes.
    pub fn line_with(&self, text: &str) -> String {
        self.until(&format!("`{text}` in a line"), |lines| {
            lines.all.iter().find(|line| line.contains(text)).cloned()
        })
    }

    /// How many lines so far begin with this.
    pub fn count(&self, start: &str) -> usize {
        let lines = self.lines.0.lock().unwrap();
        lines.all.iter().filter(|line| line.starts_with(start)).count()
    }

    /// How many lines so far hold this.
    pub fn count_with(&self, text: &str) -> usize {
        let lines = self.lines.0.lock().unwrap();
        lines.all.iter().filter(|line| line.contains(text)).count()
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.0.lock().unwrap().all.clone()
    }

    /// What `program.py` tells at its end.
    pub fn told(mut self) -> Told {
        let line = self.line_with("TOLD ");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {:#?}", self.lines());
        serde_json::from_str(line.trim_start_matches("TOLD ")).unwrap()
    }

    /// Waits for its end; its lines, and whether it ended well.
    pub fn ended(mut self) -> (bool, Vec<String>) {
        self.until("its end", |lines| (lines.ended == 2).then_some(()));
        (self.child.wait().unwrap().success(), self.lines())
    }

    fn until<T>(&self, what: &str, found: impl Fn(&Lines) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let (lines, more) = &*self.lines;
        let mut lines = lines.lock().unwrap();
        loop {
            if let Some(found) = found(&lines) {
                return found;
            }
            assert!(lines.ended < 2 && Instant::now() < deadline, "no {what}: {:#?}", lines.all);
            lines = more.wait_timeout(lines, Duration::from_millis(200)).unwrap().0;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn follow(output: impl Read + Send + 'static, lines: &Arc<(Mutex<Lines>, Condvar)>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            lines.0.lock().unwrap().all.push(line);
            lines.1.notify_all();
        }
        lines.0.lock().unwrap().ended += 1;
        lines.1.notify_all();
    });
}

/// For the longest program, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);
