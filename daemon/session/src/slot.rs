//! One access token: how long it is good, when it is renewed, what its last attempt came to.

use crate::outcome::Granted;
use crate::problem::Attempts;
use crate::schedule::{self, Jitter, PULL_SPACING};
use crate::time::Boot;
use bearerd_proto::Secret;
use std::time::Duration;

/// What distinguishes the tokens of one session; all absent: the profile's own token.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotKey {
    /// The scope it is asked for.
    pub scope: Option<String>,
    /// The audience it is asked for.
    pub audience: Option<String>,
}

/// An access token in hand.
#[derive(Debug, Clone)]
pub struct Held {
    /// The token.
    pub token: Secret,
    /// When it was asked for: its lifetime counts from there.
    pub asked: Boot,
    /// How long it lives; absent: no known end.
    pub lifetime: Option<Duration>,
    /// Scopes granted, where the IdP said so.
    pub scope: Option<String>,
    /// When it ends: `asked + lifetime`, also where `asked` lies before this boot of the machine.
    pub(crate) ends: Option<Boot>,
    /// It was fetched because its predecessor was rejected.
    pub(crate) after_reject: bool,
}

impl Held {
    pub(crate) fn of(granted: &Granted, asked: Boot, after_reject: bool) -> Self {
        Self {
            token: granted.access_token.clone(),
            asked,
            lifetime: granted.lifetime,
            scope: granted.scope.clone(),
            ends: granted.lifetime.map(|lifetime| asked + lifetime),
            after_reject,
        }
    }

    /// When it ends, where that is known.
    pub fn expires(&self) -> Option<Boot> {
        self.ends
    }

    /// Whether it is good at `now`. An expired token is never served.
    pub fn is_valid(&self, now: Boot) -> bool {
        self.expires().is_none_or(|end| now < end)
    }

    /// When it counts as nearly used up; one without a known end never does.
    pub(crate) fn nearly_used_up(&self) -> Boot {
        match (self.ends, self.lifetime) {
            (Some(ends), Some(lifetime)) => schedule::nearly_used_up(ends, lifetime),
            _ => Boot::NEVER,
        }
    }

    /// Whether it is good for `wish` from `now` on.
    pub(crate) fn lives_for(&self, wish: Duration, now: Boot) -> bool {
        self.expires().is_none_or(|end| end.since(now) >= wish && now < end)
    }
}

/// A slot: the token in hand and its renewal.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// What readers get.
    pub(crate) held: Option<Held>,
    /// What they got before.
    pub(crate) previous: Option<Secret>,
    /// A new token whose refresh token is not on disk yet.
    pub(crate) unpublished: Option<Held>,
    /// When the next fetch is due by itself.
    pub(crate) due: Option<Boot>,
    /// When it would be due if the session were not asleep.
    pub(crate) postponed: Option<Boot>,
    /// When the last good answer came.
    pub(crate) answered: Option<Boot>,
    /// Failures that reach this slot alone.
    pub(crate) attempts: Attempts,
    /// A resource server has refused the token in hand.
    pub(crate) rejected: bool,
    /// The end of the token in hand has been acted upon.
    pub(crate) expiry_seen: bool,
    /// When a reader was last here; of the profile's own slot the session knows.
    pub(crate) last_read: Boot,
}

impl Slot {
    /// The token in hand, while it is good.
    pub(crate) fn valid(&self, now: Boot) -> Option<&Held> {
        self.held.as_ref().filter(|held| held.is_valid(now))
    }

    /// The least moment of the next fetch, by the spacing between two of them.
    pub(crate) fn spaced(&self, now: Boot) -> Boot {
        let spacing = schedule::spacing(self.newest().and_then(|held| held.lifetime));
        self.answered.map_or(now, |answered| now.max(answered + spacing))
    }

    /// The same for a caller that has no token.
    pub(crate) fn spaced_for_need(&self, now: Boot) -> Boot {
        let two_seconds_on = self.answered.map_or(now, |answered| now.max(answered + PULL_SPACING));
        self.spaced(now).min(two_seconds_on)
    }

    /// The least moment of a fetch that nobody asks for.
    pub(crate) fn spaced_by_itself(&self, now: Boot) -> Boot {
        if self.valid(now).is_some() { self.spaced(now) } else { self.spaced_for_need(now) }
    }

    /// Whether nobody has read since the newest token was asked for, or there is none.
    pub(crate) fn is_unread(&self) -> bool {
        self.newest().is_none_or(|held| self.last_read <= held.asked)
    }

    /// The newest token, be it saved or not.
    fn newest(&self) -> Option<&Held> {
        self.unpublished.as_ref().or(self.held.as_ref())
    }

    /// When somebody was last here, or its token was asked for.
    pub(crate) fn last_wanted(&self) -> Boot {
        self.newest().map_or(self.last_read, |held| held.asked.max(self.last_read))
    }

    /// Nobody reads: the next fetch is put off to `until`.
    pub(crate) fn put_off(&mut self, until: Boot) {
        self.postponed = self.postponed.or(self.due);
        self.due = Some(until);
    }

    /// Somebody reads again: what was put off is due as it was. Says whether something was.
    pub(crate) fn wake(&mut self) -> bool {
        let due = self.postponed.take();
        due.inspect(|due| self.pull(*due)).is_some()
    }

    /// Brings the next fetch forward to `at`, never back.
    pub(crate) fn pull(&mut self, at: Boot) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Takes a fetched token in, and plans the next fetch.
    pub(crate) fn take(&mut self, granted: &Granted, held: Held, now: Boot, jitter: Jitter) {
        self.answered = Some(now);
        self.attempts.succeeded();
        self.postponed = None;
        self.due = schedule::refresh_after(
            granted.lifetime,
            granted.refresh_in,
            granted.refresh_lifetime,
            jitter,
        )
        .map(|after| (held.asked + after).max(now + schedule::spacing(granted.lifetime)));
        self.unpublished = Some(held);
    }

    /// Lets readers have the newest token; says whether there was a new one. One that has expired meanwhile does not
    /// take the place of one that is good.
    pub(crate) fn publish(&mut self, now: Boot) -> bool {
        let is_same = self.has_it_already();
        let Some(held) = self.unpublished.take() else { return false };
        if !held.is_valid(now) && self.valid(now).is_some() {
            return false;
        }
        let before = self.held.replace(held);
        if !is_same {
            self.previous = before.map(|old| old.token);
        }
        self.rejected = false;
        self.expiry_seen = false;
        true
    }

    /// Whether the new token is the one that readers get already.
    pub(crate) fn has_it_already(&self) -> bool {
        match (&self.held, &self.unpublished) {
            (Some(held), Some(newer)) => held.token.same_as(&newer.token),
            _ => false,
        }
    }

    /// When the token in hand ends, where it does.
    pub(crate) fn expires(&self) -> Option<Boot> {
        self.held.as_ref().and_then(Held::expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_met_up_to_the_last_millisecond_and_by_nothing_that_has_ended() {
        let millis = Duration::from_millis;
        let ends = Boot::from_millis(5_000);
        let held = Held {
            token: Secret::new("a"),
            asked: Boot::from_millis(0),
            lifetime: Some(millis(5_000)),
            scope: None,
            ends: Some(ends),
            after_reject: false,
        };
        assert!(held.lives_for(millis(1_000), ends - millis(1_000)));
        assert!(!held.lives_for(millis(1_000), ends - millis(999)));
        assert!(held.lives_for(millis(0), ends - millis(1)));
        assert!(!held.lives_for(millis(0), ends), "it has ended");
        assert!(Held { ends: None, ..held }.lives_for(Duration::MAX, ends), "no known end");
    }
}
