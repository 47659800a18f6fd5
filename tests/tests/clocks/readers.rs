//! Steady readers who hold every token against the provider's own record of its end.

use crate::stage::Stage;
use bearerd_client::{Client, ClientError, TokenAnswer};
use bearerd_test_idp::TestIdp;
use bearerd_tests::daemon::{Rig, eventually, query, text_of};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

/// What readers got.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) reads: usize,
    pub(crate) tokens: BTreeSet<String>,
    /// Tokens that had ended when they were asked for, or were said to live on past their end.
    pub(crate) expired: Vec<String>,
    /// Answers without a token.
    pub(crate) refused: Vec<String>,
}

impl Seen {
    /// Takes in what a read gave that was sent at `sent`, in the provider's time: it was answered later, so a token that
    /// had ended by then had ended when it was served.
    pub(crate) fn note(
        &mut self,
        idp: &TestIdp,
        sent: Duration,
        answer: &Result<TokenAnswer, ClientError>,
    ) {
        self.reads += 1;
        match answer {
            Ok(answer) => {
                let token = text_of(answer);
                let ends = idp.ends_at(&token).expect("a token of this provider");
                let says = answer.expires_in.expect("a token with a known end");
                if ends <= sent || ends < sent + Duration::from_secs(says) {
                    self.expired.push(format!("asked at {sent:?}, {says} s left, ends {ends:?}"));
                }
                self.tokens.insert(token);
            }
            Err(error) => self.refused.push(error.to_string()),
        }
    }

    /// How many tokens they are, in words.
    pub(crate) fn answers(&self) -> String {
        match self.tokens.len() {
            1 => "one new token for all".to_owned(),
            many => format!("{many} tokens"),
        }
    }

    /// Every read gave a token, and none of them was expired.
    pub(crate) fn was_well_served(&self) {
        assert_eq!(self.refused, Vec::<String>::new());
        assert_eq!(self.expired, Vec::<String>::new());
    }
}

/// What `next` is to someone who had `before`, in words; `aged` seconds have passed at least, where that is to be told.
pub(crate) fn compared(before: &TokenAnswer, next: &TokenAnswer, aged: Option<u64>) -> String {
    if text_of(before) != text_of(next) {
        return "a new token".to_owned();
    }
    let older = before.expires_in.unwrap().saturating_sub(next.expires_in.unwrap());
    match aged {
        None => "the same token".to_owned(),
        Some(aged) if older >= aged => format!("the same token, at least {aged} s older"),
        Some(_) => format!("the same token, {older} s older"),
    }
}

/// They read until the scene is over, each on a connection of its own.
#[derive(Debug)]
pub(crate) struct Readers<'a> {
    stage: &'a Stage,
    /// Held while a read is under way: whoever takes it whole has none across what he does.
    turn: RwLock<()>,
    /// What was sent before this moment counts as sent at it: the daemon did not run until then.
    stopped_until: Mutex<Duration>,
    done: AtomicBool,
    seen: Mutex<Seen>,
}

impl<'a> Readers<'a> {
    /// How many.
    pub(crate) const COUNT: usize = 4;
    /// Between two reads of one reader; the reads themselves come on top.
    const PACE: Duration = Duration::from_millis(50);
    /// Reads before and after what happens.
    const SOME: usize = 100;

    /// Plays `scene` while they read, from a while before it to a while after.
    pub(crate) fn read_during(stage: &'a Stage, scene: impl FnOnce(&Self)) -> Seen {
        let readers = Self {
            stage,
            turn: RwLock::default(),
            stopped_until: Mutex::default(),
            done: AtomicBool::new(false),
            seen: Mutex::default(),
        };
        std::thread::scope(|scope| {
            // Also where the scene fails: the scope waits for them.
            let _done = Done(&readers.done);
            for _ in 0..Self::COUNT {
                scope.spawn(|| readers.read_on());
            }
            readers.some_more();
            scene(&readers);
            readers.some_more();
        });
        let seen = readers.seen.into_inner().unwrap();
        seen.was_well_served();
        seen
    }

    /// Does something while no read is under way: the next one comes after it.
    pub(crate) fn between_reads<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        let _turn = self.turn.write().unwrap();
        let mut seen = Seen::default();
        let result = act(&mut seen);
        seen.was_well_served();
        self.seen.lock().unwrap().reads += seen.reads;
        result
    }

    /// The daemon did not run up to now.
    pub(crate) fn stopped_until_now(&self) {
        *self.stopped_until.lock().unwrap() = self.stage.idp.now();
    }

    /// Until when it did not run.
    pub(crate) fn stopped_until(&self) -> Duration {
        *self.stopped_until.lock().unwrap()
    }

    /// Waits for a while of reads that come after this moment.
    pub(crate) fn some_more(&self) {
        let reads = || self.seen.lock().unwrap().reads;
        let from = reads();
        eventually("reads go on", || (reads() >= from + Self::SOME).then_some(()));
    }

    fn read_on(&self) {
        let client: Client = self.stage.daemon.client();
        while !self.done.load(Ordering::Relaxed) {
            {
                // Poisoned: the scene has failed, and says why.
                let Ok(_turn) = self.turn.read() else { return };
                let sent = self.stage.idp.now();
                let answer = client.token(&query(Rig::PROFILE));
                let sent = sent.max(self.stopped_until());
                self.seen.lock().unwrap().note(&self.stage.idp, sent, &answer);
            }
            // Their pace; nothing waits for it.
            std::thread::sleep(Self::PACE);
        }
    }
}

/// Ends the readers when it goes.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
