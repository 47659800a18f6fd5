//! The saved session as a wish and its fulfilment: saves one at a time, the newest wins, a failed one tried again.

use crate::schedule::{self, Jitter, SAVE_PATIENCE};
use crate::time::Boot;

/// What should stand on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The session as it is when the save starts.
    Save,
    /// Nothing.
    Forget,
}

/// Counts wishes: a later one covers all earlier ones.
pub(crate) type Generation = u64;

/// The one writer's view of the disk.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    wish: Option<Wish>,
    wished: Generation,
    started: Generation,
    done: Generation,
    /// The newest generation whose attempt failed.
    failed: Generation,
    in_flight: Option<Boot>,
    retry_at: Option<Boot>,
    failures: u32,
    problem: Option<String>,
}

impl Storage {
    /// Wants the disk changed; gives the wish's generation.
    pub(crate) fn want(&mut self, wish: Wish) -> Generation {
        self.wish = Some(wish);
        self.retry_at = None;
        self.wished += 1;
        self.wished
    }

    /// What to do now, if anything; it is then under way.
    pub(crate) fn start(&mut self, now: Boot) -> Option<Wish> {
        if self.in_flight.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        let wish = self.wish.take()?;
        self.in_flight = Some(now);
        self.started = self.wished;
        Some(wish)
    }

    /// What was under way has ended. A failed wish comes back unless a newer one stands.
    pub(crate) fn ended(
        &mut self,
        wish: Wish,
        result: Result<(), String>,
        now: Boot,
        jitter: Jitter,
    ) {
        self.in_flight = None;
        match result {
            Ok(()) => self.fulfilled(),
            Err(problem) => {
                self.failed = self.started;
                self.failures = self.failures.saturating_add(1);
                self.problem = Some(problem);
                // A newer wish does not wait for the failure of an older one.
                if self.wish.is_none() {
                    self.wish = Some(wish);
                    self.retry_at = Some(now + schedule::backoff(self.failures, jitter));
                }
            }
        }
    }

    /// What was started stands.
    pub(crate) fn fulfilled(&mut self) {
        self.in_flight = None;
        self.done = self.started;
        self.failures = 0;
        self.problem = None;
    }

    /// A failed attempt is made again now: it may be the last chance.
    pub(crate) fn retry_now(&mut self) {
        self.retry_at = None;
    }

    /// Whether `generation` is on disk.
    pub(crate) fn has(&self, generation: Generation) -> bool {
        self.done >= generation
    }

    /// Whether an attempt to bring `generation` to disk has failed.
    pub(crate) fn has_failed(&self, generation: Generation) -> bool {
        self.failed >= generation && !self.has(generation)
    }

    /// Why the disk is behind, where an attempt failed.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Whether an attempt takes longer than anybody should wait for it.
    pub(crate) fn is_slow(&self, now: Boot) -> bool {
        self.in_flight.is_some_and(|since| now >= since + SAVE_PATIENCE)
    }

    /// Whether the disk is as it should be, as far as anybody can tell by now.
    pub(crate) fn is_settled(&self, now: Boot) -> bool {
        self.problem.is_none() && !self.is_slow(now)
    }

    /// Whether nothing newer is wanted than what is under way.
    pub(crate) fn is_written(&self) -> bool {
        self.wish.is_none()
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_none() && self.wish.is_none()
    }

    /// Whether nothing is under way and nothing is left but what has failed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_flight.is_none() && (self.wish.is_none() || self.problem.is_some())
    }

    /// When a failed attempt is made again.
    pub(crate) fn retry_at(&self) -> Option<Boot> {
        if self.in_flight.is_none() && self.wish.is_some() { self.retry_at } else { None }
    }

    /// When an attempt under way begins to count as slow.
    pub(crate) fn slow_at(&self, now: Boot) -> Option<Boot> {
        self.in_flight.map(|since| since + SAVE_PATIENCE).filter(|at| now < *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Boot = Boot::from_millis(5_000);

    #[test]
    fn one_at_a_time_and_the_newest_wins() {
        let mut storage = Storage::default();
        let first = storage.want(Wish::Save);
        assert_eq!(storage.start(NOW), Some(Wish::Save));
        let second = storage.want(Wish::Save);
        let third = storage.want(Wish::Forget);
        assert_eq!(storage.start(NOW), None, "one is under way");
        storage.ended(Wish::Save, Ok(()), NOW, Jitter::MIDDLE);
        assert!(storage.has(first) && !storage.has(second));
        assert_eq!(storage.start(NOW), Some(Wish::Forget), "the newest wish alone");
        storage.ended(Wish::Forget, Ok(()), NOW, Jitter::MIDDLE);
        assert!(storage.has(second) && storage.has(third));
        assert!(storage.is_quiet());
    }

    #[test]
    fn a_failed_save_is_tried_again_later_unless_a_newer_wish_stands() {
        let mut storage = Storage::default();
        let wanted = storage.want(Wish::Save);
        storage.start(NOW);
        storage.ended(Wish::Save, Err("disk full".to_owned()), NOW, Jitter::MIDDLE);
        assert!(storage.has_failed(wanted) && !storage.has(wanted));
        assert_eq!(storage.problem(), Some("disk full"));
        assert_eq!(storage.start(NOW), None, "not at once");
        let at = storage.retry_at().unwrap();
        assert_eq!(storage.start(at), Some(Wish::Save));
        storage.ended(Wish::Save, Ok(()), at, Jitter::MIDDLE);
        assert!(storage.has(wanted) && storage.problem().is_none());
    }

    #[test]
    fn it_is_idle_when_nothing_is_wished_and_nothing_under_way() {
        let mut storage = Storage::default();
        assert!(storage.is_idle());
        storage.want(Wish::Save);
        assert!(!storage.is_idle(), "wished");
        storage.start(NOW);
        assert!(!storage.is_idle(), "under way");
        storage.ended(Wish::Save, Ok(()), NOW, Jitter::MIDDLE);
        assert!(storage.is_idle());
    }

    #[test]
    fn a_hanging_save_counts_as_slow_after_its_patience() {
        let mut storage = Storage::default();
        storage.want(Wish::Save);
        storage.start(NOW);
        let slow_at = storage.slow_at(NOW).unwrap();
        assert!(storage.is_settled(NOW) && !storage.is_settled(slow_at));
        assert_eq!(storage.slow_at(slow_at), None);
    }
}
