//! `cargo xtask demo`: the whole thing at work, told as it happens, true or a failure.
//!
//! Everything is real but the identity provider, which is the one of the tests: the daemon, `bearerctl`, `curl`, the
//! socket, the files. Each chapter demands what it tells.

mod crowd;
mod first_token;
mod idp;
mod narrator;
mod outage;
mod reader;
mod renewal;
mod restart;
mod stage;
mod watcher;

use crate::cargo;
use crate::failure::{Failure, While};
use crate::terminal::{Shade, counted, grouped, span, table};
use bearerd_client::{Client, ProfileStatus, TokenAnswer, TokenQuery};
use narrator::Narrator;
use reader::Tally;
use stage::Stage;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use watcher::Watcher;

/// What `cargo xtask demo` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Log in yourself in a browser, instead of letting the demo approve by itself
    #[arg(long)]
    pub(crate) browser: bool,
    /// Leave it running at the end, and print how to play with it
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Lifetime of the access tokens: short, so that half of it passes while one looks on.
const LIFETIME: Duration = Duration::from_secs(8);

/// Seen on two busy cores: 26 and 28 s; its first build, 2 to 4 minutes.
const TAKES: &str = "Building it first, which takes some minutes the first time. \
                     The demo itself takes about half a minute.";

/// The chapters in their order; each demands what it tells.
const CHAPTERS: [(&str, Chapter); 6] = [
    ("One login, by device code", first_token::log_in),
    ("A token for whoever asks", first_token::ask),
    ("Refreshed ahead of expiry", renewal::watch),
    ("64 processes at once, the token expired", crowd::ask),
    ("The identity provider goes away and comes back", outage::sit_out),
    ("The daemon is killed and starts again", restart::kill),
];

type Chapter = fn(&mut Demo<'_>) -> Result<String, Failure>;

/// Builds, plays the chapters, and ends what it started.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    println!("{}", Shade::Bold.paint("bearerd: one login, and a fresh token for every process"));
    println!("{TAKES}");
    let programs = cargo::programs()?;
    let mut stage = Stage::set(programs, LIFETIME)?;
    match Demo::begin(&mut stage, arguments.browser).and_then(|mut demo| demo.play()) {
        Ok(()) if arguments.keep => stage.leave_running(),
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) => {
            println!("  {} {failure}", Shade::Red.paint("✗"));
            stage.keep_logs();
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The play: what is on stage, who watches, and who tells.
pub(crate) struct Demo<'a> {
    pub(crate) stage: &'a mut Stage,
    pub(crate) client: Client,
    pub(crate) watcher: Watcher,
    pub(crate) say: Narrator,
    /// The person logs in, not the demo.
    pub(crate) browser: bool,
    /// Reads of all chapters.
    pub(crate) reads: usize,
}

impl<'a> Demo<'a> {
    fn begin(stage: &'a mut Stage, browser: bool) -> Result<Self, Failure> {
        let say = Narrator::new();
        say.heading("What is on stage");
        say.note(&format!("a test identity provider at {}", stage.idp.base_url()));
        say.note(&format!(
            "its tokens live {} s, its refresh tokens rotate, reuse is detected",
            LIFETIME.as_secs()
        ));
        stage.start_daemon()?;
        say.note(&format!("bearerd with a home of its own, {}:", stage.folder().display()));
        for line in stage.config().lines() {
            say.output(line);
        }
        let client = Client::at(stage.socket());
        let watcher = Watcher::open(&stage.socket())?;
        Ok(Self { stage, client, watcher, say, browser, reads: 0 })
    }

    fn play(&mut self) -> Result<(), Failure> {
        let mut rows = Vec::new();
        for (number, (title, chapter)) in CHAPTERS.iter().enumerate() {
            self.say.chapter(number + 1, title);
            let began = Instant::now();
            let seen = chapter(self)?;
            rows.push(vec![
                format!("  {}", Shade::Green.paint("✓")),
                (*title).to_owned(),
                span(began.elapsed()),
                seen,
            ]);
        }
        self.summarise(&rows)
    }

    fn summarise(&self, rows: &[Vec<String>]) -> Result<(), Failure> {
        let counts = self.stage.idp.counts()?;
        let count = |kind| counts.get(kind).copied().unwrap_or(0);
        demand("one login in the whole demo", count("device-start"), 1)?;
        self.say.heading("All of it was true");
        for line in table(rows) {
            println!("{line}");
        }
        println!();
        println!(
            "  {} by a person, {} to the identity provider, {} answered, none of them with an error.",
            counted(count("device-start"), "login", "logins"),
            counted(count("refresh"), "refresh call", "refresh calls"),
            counted(self.reads, "read", "reads"),
        );
        Ok(())
    }

    /// The current token.
    pub(crate) fn token(&self) -> Result<TokenAnswer, Failure> {
        self.client.token(&TokenQuery::default()).while_doing(|| "read the token".to_owned())
    }

    /// How the profile is.
    pub(crate) fn status(&self) -> Result<ProfileStatus, Failure> {
        let status = self.client.status().while_doing(|| "read the status".to_owned())?;
        status.profiles.into_iter().next().ok_or_else(|| Failure::new("the status has no profile"))
    }

    /// Takes a steady reader's tally in: a read that failed is a failure of the demo.
    pub(crate) fn demand_good(&mut self, tally: &Tally) -> Result<(), Failure> {
        self.reads += tally.good;
        match tally.first_failure.as_deref() {
            Some(failure) => Err(Failure::new(format!(
                "expected every read to be answered with a valid token; seen: {} good, then `{failure}`",
                grouped(tally.good)
            ))),
            None if tally.good == 0 => Err(Failure::new("expected reads; seen: none was made")),
            None => Ok(()),
        }
    }
}

/// Fails unless `seen` is `expected`.
pub(crate) fn demand<T: PartialEq + std::fmt::Debug>(
    what: &str,
    seen: T,
    expected: T,
) -> Result<(), Failure> {
    if seen == expected {
        return Ok(());
    }
    Err(Failure::new(format!("expected {what}: {expected:?}; seen: {seen:?}")))
}

/// Enough of a token to tell it from others, and too little to use it.
pub(crate) fn shortened(token: &str) -> String {
    let start: String = token.chars().take(12).collect();
    // A JWT's start is its header, the same in all of them; so a piece of its signature stands beside it.
    let end = token.len().checked_sub(4).and_then(|from| token.get(from..)).unwrap_or_default();
    format!("{start}…{end}")
}

/// Tells tokens apart without keeping them.
pub(crate) fn fingerprint(token: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_help_and_the_first_lines_tell_the_build_from_the_demo() {
        let help = crate::Arguments::command().render_help().to_string();
        for said in [help.as_str(), TAKES] {
            assert!(said.contains("half a minute"), "{said}");
            assert!(said.contains("some minutes the first time"), "{said}");
        }
    }

    #[test]
    fn a_shortened_token_is_of_no_use() {
        assert_eq!(shortened("eyJhbGciOiJSUzI1NiJ9.eyJzdWIifQ.c2lnbmF0dXJl"), "eyJhbGciOiJS…dXJl");
        assert_eq!(shortened("ab"), "ab…");
    }

    #[test]
    fn what_is_not_as_expected_says_both() {
        assert!(demand("calls", 1, 1).is_ok());
        let failure = demand("calls", 3, 1).unwrap_err();
        assert_eq!(failure.to_string(), "expected calls: 1; seen: 3");
    }
}
