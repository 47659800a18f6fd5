//! Programs that read tokens all the time: threads with the Rust client, in a process of the user's own.

use bearerd_client::{Client, ClientError, TokenQuery};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::error::Error;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Reads a second, by all threads together.
pub(crate) const READS_PER_SECOND: u32 = 200;
const THREADS: u32 = 4;

/// What came of the reads; no token in it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reads {
    /// How many were answered with a token.
    pub(crate) good: usize,
    /// Why the others failed.
    pub(crate) failures: Vec<String>,
    /// The slowest, in milliseconds.
    pub(crate) slowest: u128,
    /// How many took longer than 10 ms.
    pub(crate) slow: usize,
    /// How many different tokens were seen.
    pub(crate) tokens: usize,
    /// For how long they went on, in milliseconds.
    pub(crate) milliseconds: u128,
}

/// Reads until standard input ends, then prints [`Reads`] on a line of its own.
pub(crate) fn play() {
    let stop = AtomicBool::new(false);
    let kept = Client::from_environment().unwrap();
    let start = Instant::now();
    let mut reads = Reads::default();
    let mut tokens = BTreeSet::new();
    thread::scope(|scope| {
        let (kept, stop) = (&kept, &stop);
        let threads =
            [0, 1, 2, 3].map(|thread| scope.spawn(move || read(thread, kept, start, stop)));
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            let (of_thread, seen) = thread.join().unwrap();
            reads.good += of_thread.good;
            reads.slow += of_thread.slow;
            reads.slowest = reads.slowest.max(of_thread.slowest);
            reads.failures.extend(of_thread.failures);
            tokens.extend(seen);
        }
    });
    reads.tokens = tokens.len();
    reads.milliseconds = start.elapsed().as_millis();
    println!("\n{}", serde_json::to_string(&reads).unwrap());
}

impl Reads {
    /// What [`play`] printed.
    pub(crate) fn from_output(output: &str) -> Self {
        let line =
            output.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{output}"));
        serde_json::from_str(line).unwrap()
    }
}

/// Half of the threads share a client and its connections; the others have a new client for each read, as a program
/// that asks once has.
fn read(
    thread: u32,
    kept: &Client,
    start: Instant,
    stop: &AtomicBool,
) -> (Reads, BTreeSet<String>) {
    let mut reads = Reads::default();
    let mut tokens = BTreeSet::new();
    let start = start + Duration::from_secs(1) * thread / READS_PER_SECOND;
    for count in 0.. {
        // By the clock and not by the last answer: a read that waits makes no later one wait for its turn.
        let due = start + Duration::from_secs(1) * count * THREADS / READS_PER_SECOND;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let asked = Instant::now();
        let answer = if thread.is_multiple_of(2) {
            kept.token(&TokenQuery::default())
        } else {
            Client::from_environment().and_then(|client| client.token(&TokenQuery::default()))
        };
        let took = asked.elapsed();
        reads.slowest = reads.slowest.max(took.as_millis());
        reads.slow += usize::from(took > Duration::from_millis(10));
        match answer {
            Ok(answer) => {
                tokens.insert(answer.token.expect("a token").expose().to_owned());
                reads.good += 1;
            }
            Err(error) => reads.failures.push(chain(&error)),
        }
    }
    (reads, tokens)
}

fn chain(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
