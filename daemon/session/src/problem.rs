//! What went wrong last, and when the next attempt may be.

use crate::outcome::{Failure, Next, Verdict};
use crate::schedule::{self, Jitter, PULL_SPACING};
use crate::settings::Pauses;
use crate::time::{Boot, Now, Wall};
use bearerd_proto::ErrorCode;
use std::time::Duration;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its class.
    pub(crate) code: ErrorCode,
    /// What happened, and what to do next.
    pub(crate) message: String,
    /// When.
    pub(crate) at: Wall,
}

/// The attempts of a slot or of a session: failures in a row, and when another may follow.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// The last failure, until something goes right.
    pub(crate) problem: Option<Problem>,
    /// No attempt by itself before this.
    pub(crate) not_before: Option<Boot>,
    /// No attempt before this, whoever asks: the IdP said so (`Retry-After`).
    retry_after: Option<Boot>,
    /// No attempt before this unless somebody may have mended what is wrong.
    hold: Option<Boot>,
    failures: u32,
    ended: Option<Boot>,
}

impl Attempts {
    /// Something went right.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// An attempt failed.
    pub(crate) fn failed(
        &mut self,
        failure: &Failure,
        verdict: Verdict,
        message: String,
        pauses: Pauses,
        now: Now,
        jitter: Jitter,
    ) {
        self.failures = self.failures.saturating_add(1);
        self.ended = Some(now.boot);
        self.problem = Some(Problem { code: verdict.code, message, at: now.wall });
        let retry_after = failure.retry_after.map(|wait| wait.min(pauses.retry_after));
        let hold = match verdict.next {
            Next::Hold(hold) => Some(hold.min(pauses.hold)),
            Next::UntilMended => Some(Duration::MAX),
            _ => None,
        };
        self.retry_after = retry_after.map(|wait| now.boot + wait);
        self.hold = hold.map(|wait| now.boot + wait);
        let pause =
            hold.unwrap_or_else(|| schedule::backoff(self.failures, jitter).min(pauses.backoff));
        self.not_before = Some(now.boot + pause).max(self.retry_after);
    }

    /// A failure of an earlier life of the daemon still stands.
    pub(crate) fn recall(&mut self, problem: Problem) {
        self.problem = Some(problem);
    }

    /// A person or a reload says: try again now. What the IdP said about coming again still counts.
    pub(crate) fn forgive(&mut self) {
        self.hold = None;
        // Many who ask for a login, or reload, at once are no reason to ask the IdP as often.
        self.not_before = self.asked_from();
    }

    /// Those for another question to the same provider: not sooner than this one could be asked again.
    pub(crate) fn for_another(&self) -> Self {
        let (retry_after, ended) = (self.retry_after, self.ended);
        let another = Self { retry_after, ended, ..Self::default() };
        Self { not_before: another.asked_from(), ..another }
    }

    /// When the last one failed, if it did.
    pub(crate) fn failed_at(&self) -> Option<Boot> {
        self.ended
    }

    /// The earliest attempt that a caller without a token may pull forward, where the last one failed.
    pub(crate) fn pull_from(&self) -> Option<Boot> {
        self.problem.as_ref()?;
        self.asked_from()
    }

    /// Lets an attempt happen at `at`, whatever the backoff says.
    pub(crate) fn pull(&mut self, at: Boot) {
        let sooner = self.not_before.map(|not_before| not_before.min(at));
        self.not_before = sooner.max(self.asked_from());
    }

    /// The earliest attempt, whoever asks.
    fn asked_from(&self) -> Option<Boot> {
        let spaced = self.ended.map(|ended| ended + PULL_SPACING);
        self.retry_after.max(self.hold).max(spaced)
    }
}

/// Whole seconds, rounded up: never an invitation to come a moment too early.
pub(crate) fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
