//! A program that reads the token at a steady pace, and tells when it changes.

use crate::stage::PROFILE;
use bearerd_client::Client;
use bearerd_tests::daemon::{query, text_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Reads until it is told to stop.
#[derive(Debug)]
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
    thread: JoinHandle<Readings>,
}

/// What it saw.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    pub(crate) reads: usize,
    /// Answers that were errors.
    pub(crate) failed: Vec<String>,
    /// Answers marked degraded.
    pub(crate) degraded: usize,
    /// Each token once, in the order they came.
    pub(crate) tokens: Vec<String>,
    pub(crate) slowest: Duration,
}

/// A change of the token.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It was served for the first time just now.
    First(String),
    /// It was served for the last time just now.
    Last(String),
}

impl Reader {
    /// Reads `per_second` times a second.
    pub(crate) fn start(client: Client, per_second: u32, turns: Option<Sender<Turn>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let reads = Arc::new(AtomicUsize::new(0));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&reads));
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut readings = Readings::default();
            for tick in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let due = begun + tick * Duration::from_secs(1) / per_second;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                readings.read(&client, turns.as_ref());
                counted.store(readings.reads, Ordering::Relaxed);
            }
            if let (Some(turns), Some(last)) = (&turns, readings.tokens.last()) {
                turns.send(Turn::Last(last.clone())).unwrap();
            }
            readings
        });
        Self { stop, reads, thread }
    }

    /// Waits until it has read so often in all, at its pace.
    pub(crate) fn until(&self, reads: usize) {
        while self.reads.load(Ordering::Relaxed) < reads && !self.thread.is_finished() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How often it has read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(self) -> Readings {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Readings {
    fn read(&mut self, client: &Client, turns: Option<&Sender<Turn>>) {
        let asked = Instant::now();
        let answer = client.token(&query(PROFILE));
        self.reads += 1;
        self.slowest = self.slowest.max(asked.elapsed());
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.failed.push(error.to_string()),
        };
        self.degraded += usize::from(answer.degraded);
        let token = text_of(&answer);
        if self.tokens.last() == Some(&token) {
            return;
        }
        if let Some(turns) = turns {
            if let Some(last) = self.tokens.last() {
                turns.send(Turn::Last(last.clone())).unwrap();
            }
            turns.send(Turn::First(token.clone())).unwrap();
        }
        assert!(!self.tokens.contains(&token), "a token came back");
        self.tokens.push(token);
    }
}
