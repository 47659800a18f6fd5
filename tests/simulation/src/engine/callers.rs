//! Callers: served from the snapshot, or waiting for the task's answer, as the daemon's handlers do it.

use super::World;
use super::daemon::Stage;
use super::queue::Item;
use super::shown::{Shown, Token};
use crate::history::{Slot, When, key_of, slot_of};
use crate::invariants::Invariant;
use bearerd_proto::{LoginAnswer, Secret};
use bearerd_session::{Answer, Event, Given, Means, WaiterId};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Tells callers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallerId(pub(crate) u64);

/// One that waits.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) question: Question,
    /// When it came, in true time.
    pub(crate) came: u64,
    /// When the task heard of it.
    heard: u64,
    /// Until when it must have its answer, in true time: what stands still is added.
    pub(super) due: u64,
    /// Its token expired on the way, and it asked once more.
    again: bool,
    /// Its own patience has ended after that, and the task has not heard of it.
    has_left: bool,
    /// The number that the session knows it by.
    waiter: Option<WaiterId>,
    /// The task has given its answer, which is on its way.
    pub(crate) is_answered: bool,
    /// The token that it could have been served when it came, and until when.
    valid: Option<Rc<Token>>,
}

/// What it asks.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Read {
        slot: Slot,
        min_ttl: Option<u64>,
        strict: bool,
    },
    /// `of` is the slot that gave it to the caller a moment ago, where one did.
    Reject {
        token: String,
        of: Option<Slot>,
    },
    Login {
        replace: bool,
        lifetime: Option<u64>,
    },
    Password {
        password: Secret,
        replace: bool,
    },
    Import {
        refresh_token: String,
        replace: bool,
    },
    Follow {
        wait: u64,
    },
    Cancel,
    Logout {
        revoke: bool,
    },
}

/// All that wait.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    waiting: BTreeMap<CallerId, Caller>,
    next: u64,
}

/// A caller's patience, in milliseconds.
const PATIENCE: u64 = 12_000;
/// What a timer may be late, and an answer on its way.
const TOLERANCE: u64 = 600;
/// How long a plain wish is waited for, in milliseconds.
const WISH_PATIENCE: u64 = 1_000;

impl Callers {
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn stand_still(&mut self, until: u64, lasts: u64) {
        for caller in self.waiting.values_mut() {
            caller.due = (caller.due + lasts).max(until);
        }
    }

    /// Whether somebody waits for a token of `slot`.
    pub(crate) fn wait_for(&self, slot: Slot) -> bool {
        self.waiting.values().filter(|caller| !caller.is_answered).any(|caller| {
            match &caller.question {
                Question::Read { slot: asked, .. } => *asked == slot,
                Question::Reject { .. } => true,
                _ => false,
            }
        })
    }

    pub(super) fn some(&self, at: u64) -> Option<CallerId> {
        let count = u64::try_from(self.waiting.len()).ok().filter(|count| *count > 0)?;
        self.waiting.keys().nth(usize::try_from(at % count).ok()?).copied()
    }
}

impl World {
    /// A reader: the snapshot if that will do, else the task.
    pub(super) fn read(&mut self, slot: Slot, min_ttl: Option<u64>, strict: bool) {
        let now = self.clocks().boot;
        let stands_still = self.stands_still();
        if self.life.is_none() {
            return self.tally.count("reads while no daemon ran");
        }
        self.tally.count(if slot == 0 { "reads" } else { "reads of other scopes and audiences" });
        self.ledger.note_reader(slot, self.now);
        let Some(life) = &mut self.life else { return };
        if !stands_still {
            life.last_read = now;
            if life.stage != Stage::End
                && let Some(shown) = life.shown.get(&slot)
                && shown.is_good(now, min_ttl.map(Duration::from_secs))
            {
                let (shown, number) = (Rc::clone(shown), life.number);
                if slot != 0 {
                    life.slot_reads.insert(slot, now);
                }
                if shown.asleep && !std::mem::replace(&mut life.woken, true) {
                    self.queue.push(self.now, Item::Woke { life: number });
                }
                self.tally.count("reads served at once");
                return self.served(&shown, slot, None);
            }
        }
        self.comes(Question::Read { slot, min_ttl, strict });
    }

    pub(super) fn reader(&mut self, every: u64, until: u64, slot: Slot) {
        self.read(slot, None, false);
        if self.now + every <= until {
            self.queue.push(self.now + every, Item::Reader { every, until, slot });
        }
    }

    /// Somebody asks the task.
    pub(super) fn comes(&mut self, question: Question) {
        let now = self.clocks().boot;
        let Some(life) = &self.life else { return };
        let patience = match &question {
            Question::Follow { wait } => (*wait).min(60) * 1000,
            Question::Cancel => 0,
            _ => PATIENCE,
        };
        let starts = self.machine.still.map_or(self.now, |still| still.until.max(self.now));
        let slot = if let Question::Read { slot, .. } = &question { *slot } else { 0 };
        let valid = life.shown.get(&slot).filter(|shown| shown.is_good(now, None)).cloned();
        let caller = CallerId(self.callers.next);
        self.callers.next += 1;
        let (came, due) = (self.now, starts + patience);
        let waits = Caller {
            question,
            came,
            heard: came,
            due,
            again: false,
            has_left: false,
            waiter: None,
            is_answered: false,
            valid,
        };
        self.callers.waiting.insert(caller, waits);
        self.queue.push(self.now, Item::Ask(caller));
        self.queue.push(due + TOLERANCE, Item::Overdue(caller));
    }

    /// The question is at the task.
    pub(super) fn ask(&mut self, id: CallerId) {
        let Some(caller) = self.callers.waiting.get(&id) else { return };
        let (question, again) = (caller.question.clone(), caller.again);
        let Some(life) = &mut self.life else { return };
        if life.stage == Stage::End {
            self.callers.waiting.remove(&id);
            return self.tally.count("callers told that the daemon goes down");
        }
        if life.session.is_none() {
            return life.early.push(id);
        }
        let Some(waiter) = self.next_waiter(id) else { return };
        if let Some(caller) = self.callers.waiting.get_mut(&id) {
            caller.waiter = Some(waiter);
            caller.heard = if again { caller.heard } else { self.now };
        }
        let now = self.clocks().boot;
        if let Some(life) = &mut self.life
            && matches!(question, Question::Read { .. })
        {
            life.last_read = now;
        }
        self.tally.count("questions to the task");
        let event = match question {
            Question::Reject { .. } if again => {
                Event::Read { waiter, slot: key_of(0), min_ttl: None, strict: false }
            }
            Question::Reject { token, .. } => Event::Reject { waiter, token: Secret::new(token) },
            Question::Read { slot, min_ttl, strict } => {
                let min_ttl = min_ttl.map(Duration::from_secs);
                Event::Read { waiter, slot: key_of(slot), min_ttl, strict }
            }
            Question::Login { replace, lifetime } => {
                let lifetime = lifetime.map(Duration::from_secs);
                self.login(waiter, replace, Means::Own, lifetime)
            }
            Question::Password { password, replace } => {
                let means = Means::Given(Given { username: None, password });
                self.login(waiter, replace, means, None)
            }
            Question::Import { refresh_token, replace } => {
                let refresh_token = Secret::new(refresh_token);
                self.login(waiter, replace, Means::Import { refresh_token }, None)
            }
            Question::Follow { wait } => Event::FollowLogin {
                waiter,
                login_id: format!("login-{}", self.logins),
                wait: Duration::from_secs(wait),
            },
            Question::Cancel => {
                Event::CancelLogin { waiter, login_id: format!("login-{}", self.logins) }
            }
            Question::Logout { revoke } => {
                self.logout_begins(id);
                Event::Logout { waiter, revoke }
            }
        };
        self.handle(event);
    }

    fn login(
        &mut self,
        waiter: WaiterId,
        replace: bool,
        means: Means,
        lifetime: Option<Duration>,
    ) -> Event {
        self.logins += 1;
        let login_id = format!("login-{}", self.logins);
        Event::Login { waiter, login_id, replace, means, lifetime }
    }

    /// The task has an answer: on its way to the caller, with the snapshot that it speaks of.
    pub(super) fn answered(&mut self, id: CallerId, answer: Answer, shown: Shown) {
        let Some(caller) = self.callers.waiting.get_mut(&id) else { return };
        caller.is_answered = true;
        let question = caller.question.clone();
        match &answer {
            Answer::Refused(body) => self.refused(&question, body.code, &body.message),
            Answer::LoggedOut { message, .. } => self.logout_answered(id, message.as_deref()),
            Answer::Login(LoginAnswer::Pending(_)) => self.tally.count("links shown"),
            _ => {}
        }
        let mut draw = self.chance("delivery").of(id.0);
        let takes = if draw.chance(20) { draw.below(300) } else { draw.below(2) };
        let item = Item::Deliver { caller: id, answer: Box::new(answer), shown };
        self.queue.push(self.now + takes, item);
    }

    /// The handler renders the answer at the last moment; a token that expired on the way is asked for once more.
    pub(super) fn deliver(&mut self, id: CallerId, answer: Answer, shown: Shown) {
        let now = self.clocks().boot;
        let Some(caller) = self.callers.waiting.get_mut(&id) else { return };
        if caller.has_left {
            self.callers.waiting.remove(&id);
            return;
        }
        let Answer::Token { slot, .. } = answer else { return self.leaves(id) };
        match shown.get(&slot_of(&slot)).filter(|shown| shown.is_good(now, None)) {
            Some(shown) => {
                let (asked, rejected) = match &caller.question {
                    Question::Reject { of: Some(slot), token } => (*slot, Some(token.clone())),
                    Question::Reject { of: None, token } => (shown.slot, Some(token.clone())),
                    Question::Read { slot, .. } => (*slot, None),
                    _ => (0, None),
                };
                let heard = caller.heard;
                self.served(shown, asked, rejected.as_deref().map(|token| (token, heard)));
                self.leaves(id);
            }
            None if caller.again => self.leaves(id),
            None => {
                caller.again = true;
                caller.is_answered = false;
                let ends = (caller.came + PATIENCE).max(self.now);
                self.tally.count("tokens expired on the way");
                self.queue.push(ends, Item::Patience(id));
                self.queue.push(self.now, Item::Ask(id));
            }
        }
    }

    /// It goes; the task hears of that with the next question at the earliest.
    pub(super) fn patience_ends(&mut self, id: CallerId) {
        if let Some(caller) = self.callers.waiting.get_mut(&id) {
            caller.has_left = true;
            caller.due = self.now + PATIENCE;
            self.queue.push(caller.due + TOLERANCE, Item::Overdue(id));
        }
    }

    /// It has its answer: was it in time?
    fn leaves(&mut self, id: CallerId) {
        let Some(caller) = self.callers.waiting.remove(&id) else { return };
        if let Question::Read { min_ttl: Some(_), strict: false, .. } = caller.question
            && let Some(valid) = &caller.valid
            && caller.due == caller.came + PATIENCE
            && self.ledger.ended.is_none_or(|ended| ended < caller.came)
        {
            let lasted = valid.expires.is_none_or(|end| {
                self.machine.true_time(end) > caller.came + WISH_PATIENCE + TOLERANCE
            });
            let waited = self.now - caller.came;
            self.demand(
                Invariant::AnsweredInTime,
                !lasted || waited <= WISH_PATIENCE + 2 * TOLERANCE,
                || format!("a wish was waited for {waited} ms although a valid token was there"),
            );
        }
    }

    pub(super) fn overdue(&mut self, id: CallerId) {
        let Some(caller) = self.callers.waiting.get(&id) else { return };
        let (due, came) = (caller.due + TOLERANCE, caller.came);
        if caller.is_answered {
            return;
        }
        if due > self.now {
            return self.queue.push(due, Item::Overdue(id));
        }
        let question = caller.question.clone();
        let now = self.now;
        self.demand(Invariant::AnsweredInTime, false, || {
            format!("{question:?} has waited for {} ms", now - came)
        });
    }

    pub(super) fn goes_away(&mut self, id: CallerId) {
        let Some(caller) = self.callers.waiting.remove(&id) else { return };
        self.tally.count("callers gone");
        if let (Some(waiter), false) = (caller.waiter, caller.is_answered) {
            if let Some(life) = &mut self.life {
                life.waiters.remove(&waiter.0);
            }
            self.handle(Event::Gone(waiter));
        }
    }

    fn stands_still(&self) -> bool {
        self.machine.still.is_some_and(|still| self.now < still.until)
    }

    /// For the moment that a happening waits for.
    pub(super) fn meet_moments(&mut self) {
        let moments: Vec<When> = std::mem::take(&mut self.moments);
        for moment in moments {
            let armed = std::mem::take(&mut self.armed);
            let (met, left) = armed.into_iter().partition(|place| {
                let when = self.script.happenings[*place].when;
                when == moment
            });
            let met: Vec<usize> = met;
            self.armed = left;
            for place in met {
                self.perform(place);
            }
        }
    }
}
