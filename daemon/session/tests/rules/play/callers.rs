//! The callers' part: what they ask, and what they got.

use super::Play;
use bearerd_proto::{ErrorBody, ErrorCode, EventKind, Revocation, Secret};
use bearerd_session::{Answer, Event, Means, SlotKey, WaiterId};
use std::time::Duration;

impl Play {
    pub(crate) fn read(&mut self) -> WaiterId {
        self.ask(|waiter| Event::Read {
            waiter,
            slot: SlotKey::default(),
            min_ttl: None,
            strict: false,
        })
    }

    /// A reader of another scope, or of another audience: as `audience:NAME`.
    pub(crate) fn read_of(&mut self, what: &str) -> WaiterId {
        let slot = slot(what);
        self.ask(|waiter| Event::Read { waiter, slot, min_ttl: None, strict: false })
    }

    /// The token of that scope or audience that a caller got.
    pub(crate) fn token_of(&mut self, what: &str, waiter: WaiterId) -> String {
        match self.answer(waiter) {
            Answer::Token { slot: got, .. } if got == slot(what) => {
                self.served_of(what).expect("a token is published").to_owned()
            }
            other => panic!("{waiter:?} expected a token of `{what}`, not {other:?}"),
        }
    }

    /// The token that readers of that scope or audience get without asking the session.
    pub(crate) fn served_of(&self, what: &str) -> Option<&str> {
        let shown = self.shown_others.get(&slot(what))?;
        let valid = shown.expires.is_none_or(|end| self.now.boot < end);
        valid.then_some(shown.token.as_str())
    }

    /// A reader of that scope or audience takes the snapshot.
    pub(crate) fn glance_at(&mut self, what: &str) {
        self.last_read = self.now.boot;
        let slot = slot(what);
        let shown = self.shown_others.get(&slot).expect("a token is published");
        let asleep = shown.asleep;
        self.slot_reads.retain(|(known, _)| *known != slot);
        self.slot_reads.push((slot, self.now.boot));
        if asleep {
            self.event(Event::Woke(self.reads()));
        }
    }

    /// A login by what comes with it, a password or a refresh token.
    pub(crate) fn login_with(&mut self, means: Means, replace: bool) -> WaiterId {
        let login_id = format!("login-{}", self.next_waiter);
        let lifetime = None;
        self.ask(|waiter| Event::Login { waiter, login_id, replace, means, lifetime })
    }

    pub(crate) fn wish(&mut self, seconds: u64, strict: bool) -> WaiterId {
        let min_ttl = Some(Duration::from_secs(seconds));
        self.ask(|waiter| Event::Read { waiter, slot: SlotKey::default(), min_ttl, strict })
    }

    pub(crate) fn reject(&mut self, token: &str) -> WaiterId {
        self.ask(|waiter| Event::Reject { waiter, token: Secret::new(token) })
    }

    pub(crate) fn login(&mut self, replace: bool) -> WaiterId {
        let login_id = format!("login-{}", self.next_waiter);
        self.ask(|waiter| Event::Login {
            waiter,
            login_id,
            replace,
            means: Means::Own,
            lifetime: None,
        })
    }

    pub(crate) fn follow(&mut self, login_id: &str, seconds: u64) -> WaiterId {
        let wait = Duration::from_secs(seconds);
        self.ask(|waiter| Event::FollowLogin { waiter, login_id: login_id.to_owned(), wait })
    }

    pub(crate) fn cancel(&mut self, login_id: &str) -> WaiterId {
        self.ask(|waiter| Event::CancelLogin { waiter, login_id: login_id.to_owned() })
    }

    pub(crate) fn logout(&mut self, revoke: bool) -> WaiterId {
        self.ask(|waiter| Event::Logout { waiter, revoke })
    }

    pub(crate) fn ask(&mut self, event: impl FnOnce(WaiterId) -> Event) -> WaiterId {
        let waiter = WaiterId(self.next_waiter);
        self.next_waiter += 1;
        self.event(event(waiter));
        waiter
    }

    // What callers got.

    /// Whether a caller waits still.
    pub(crate) fn waits(&self, waiter: WaiterId) -> bool {
        !self.answers.contains_key(&waiter)
    }

    /// What a caller got.
    pub(crate) fn answer(&mut self, waiter: WaiterId) -> Answer {
        self.answers.remove(&waiter).unwrap_or_else(|| panic!("{waiter:?} waits still"))
    }

    /// The token that a caller got, and whether it was marked degraded.
    pub(crate) fn token(&mut self, waiter: WaiterId) -> (String, bool) {
        match self.answer(waiter) {
            Answer::Token { degraded, .. } => {
                let shown = self.shown.clone().expect("a token is published");
                (shown.token, degraded || shown.degraded)
            }
            other => panic!("{waiter:?} expected a token, not {other:?}"),
        }
    }

    pub(crate) fn refusal(&mut self, waiter: WaiterId) -> ErrorBody {
        match self.answer(waiter) {
            Answer::Refused(body) => body,
            other => panic!("{waiter:?} expected an error, not {other:?}"),
        }
    }

    pub(crate) fn code(&mut self, waiter: WaiterId) -> ErrorCode {
        self.refusal(waiter).code
    }

    pub(crate) fn logged_out(&mut self, waiter: WaiterId) -> (Revocation, Option<String>) {
        match self.answer(waiter) {
            Answer::LoggedOut { revocation, message } => (revocation, message),
            other => panic!("{waiter:?} expected a logout, not {other:?}"),
        }
    }

    /// The token that readers get without asking the session.
    pub(crate) fn served(&self) -> Option<&str> {
        let shown = self.shown.as_ref()?;
        let valid = shown.expires.is_none_or(|end| self.now.boot < end);
        valid.then_some(shown.token.as_str())
    }

    pub(crate) fn is_degraded(&self) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.degraded)
    }

    /// How often something was told.
    pub(crate) fn times_told(&self, kind: EventKind) -> usize {
        self.told.iter().filter(|(told, _)| *told == kind).count()
    }
}

/// A slot in a word: a scope, or `audience:NAME`.
pub(crate) fn slot(what: &str) -> SlotKey {
    match what.strip_prefix("audience:") {
        Some(audience) => SlotKey { scope: None, audience: Some(audience.to_owned()) },
        None => SlotKey { scope: Some(what.to_owned()), audience: None },
    }
}
