//! A program that asks for its token all the time, as the many that bearerd is for.

use super::fingerprint;
use crate::terminal::{counted, grouped, span};
use bearerd_client::{Client, TokenQuery};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Reads in a thread of its own until it is told to stop.
#[derive(Debug)]
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicUsize>,
    thread: JoinHandle<Tally>,
}

/// What a reader has seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Reads that gave a valid token.
    pub(crate) good: usize,
    /// Distinct tokens among them.
    pub(crate) tokens: usize,
    pub(crate) slowest: Duration,
    /// Why the first read that failed did; reading ends with it.
    pub(crate) first_failure: Option<String>,
}

/// A few hundred reads a second: steady, and no load to speak of.
const PAUSE: Duration = Duration::from_millis(2);

/// How long the first read may take.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

impl Reader {
    /// Comes back when the first read is done: whoever has never been in touch with the daemon may not count on it.
    pub(crate) fn start(socket: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let good = Arc::new(AtomicUsize::new(0));
        let client = Client::at(socket);
        let thread = thread::spawn({
            let (stop, good) = (Arc::clone(&stop), Arc::clone(&good));
            move || read(&client, &stop, &good)
        });
        let reader = Self { stop, good, thread };
        let began = Instant::now();
        while reader.so_far() == 0 && !reader.thread.is_finished() && began.elapsed() < FIRST_WITHIN
        {
            thread::sleep(PAUSE);
        }
        reader
    }

    /// Good reads so far.
    pub(crate) fn so_far(&self) -> usize {
        self.good.load(Ordering::Relaxed)
    }

    /// Lets the read under way end, and gives the tally.
    pub(crate) fn finish(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let broken =
            || Tally { first_failure: Some("the reader broke".to_owned()), ..Tally::default() };
        self.thread.join().unwrap_or_else(|_panic| broken())
    }
}

impl Tally {
    /// In words.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} reads, all good, {}, the slowest after {}",
            grouped(self.good),
            counted(self.tokens, "token", "tokens"),
            span(self.slowest)
        )
    }
}

fn read(client: &Client, stop: &AtomicBool, good: &AtomicUsize) -> Tally {
    let mut tally = Tally::default();
    let mut tokens = HashSet::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        match client.token(&TokenQuery::default()) {
            Ok(answer) => match &answer.token {
                Some(token) => drop(tokens.insert(fingerprint(token.expose()))),
                None => tally.first_failure = Some("an answer without a token".to_owned()),
            },
            Err(error) => tally.first_failure = Some(error.to_string()),
        }
        if tally.first_failure.is_some() {
            break;
        }
        tally.slowest = tally.slowest.max(began.elapsed());
        tally.good += 1;
        good.store(tally.good, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
    tally.tokens = tokens.len();
    tally
}
