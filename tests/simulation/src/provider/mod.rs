//! An identity provider's own record: sessions, families of refresh tokens, access tokens, and who spent what.

mod answering;
mod device;
mod means;

pub(crate) use answering::{Asked, Twist, failed};

use crate::history::{Policy, Rotation, Slot};
use device::Code;
use std::collections::BTreeMap;

/// One of the two providers of a history. Times are true ones, in milliseconds from its start.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) place: usize,
    policy: Policy,
    pub(crate) sessions: Vec<SessionRecord>,
    pub(crate) refresh: Vec<RefreshRecord>,
    pub(crate) access: Vec<AccessRecord>,
    codes: Vec<Code>,
    families: usize,
    /// Access tokens by what they are for.
    by_slot: BTreeMap<Slot, Vec<usize>>,
    /// Where the tokens of a profile that needs no session belong, by its own count of sessions.
    epochs: BTreeMap<u64, (usize, usize)>,
    /// Counts the passwords: the newest is the right one.
    pub(crate) password: u64,
    /// The person is refused until then.
    pub(crate) disabled_until: u64,
}

/// A session of a person.
#[derive(Debug)]
pub(crate) struct SessionRecord {
    pub(crate) user: &'static str,
    pub(crate) ended: Option<Ended>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A spent refresh token came again.
    Reuse,
    /// One of its refresh tokens was revoked.
    Revoked,
    /// An administrator ended it.
    Administrator,
}

/// A refresh token.
#[derive(Debug)]
pub(crate) struct RefreshRecord {
    pub(crate) session: usize,
    /// All that come from one login.
    pub(crate) family: usize,
    /// The one that was spent for it.
    pub(crate) parent: Option<usize>,
    pub(crate) expires: Option<u64>,
    pub(crate) spent: Option<u64>,
    /// The newest that was given for it.
    successor: Option<usize>,
}

/// An access token.
#[derive(Debug)]
pub(crate) struct AccessRecord {
    pub(crate) session: usize,
    pub(crate) family: usize,
    /// What it is for.
    pub(crate) slot: Slot,
    pub(crate) expires: Option<u64>,
}

impl Provider {
    pub(crate) fn new(place: usize, policy: &Policy) -> Self {
        Self {
            place,
            policy: policy.clone(),
            sessions: Vec::new(),
            refresh: Vec::new(),
            access: Vec::new(),
            codes: Vec::new(),
            families: 0,
            by_slot: BTreeMap::new(),
            epochs: BTreeMap::new(),
            password: 1,
            disabled_until: 0,
        }
    }

    /// The newest access tokens for `slot`, newest first.
    pub(crate) fn newest_of(&self, slot: Slot) -> impl Iterator<Item = usize> {
        self.by_slot.get(&slot).into_iter().flat_map(|tokens| tokens.iter().rev().copied())
    }

    /// Whether a refresh token would be taken at `now`.
    pub(crate) fn takes(&self, token: usize, now: u64) -> bool {
        let record = &self.refresh[token];
        let in_window = |spent: u64| {
            self.policy.provider_window.is_some_and(|window| now <= spent + window * 1000)
        };
        self.sessions[record.session].ended.is_none()
            && record.expires.is_none_or(|end| now < end)
            && record.spent.is_none_or(in_window)
            && now >= self.disabled_until
    }

    /// Whether `older` was spent on the way to `newer`.
    pub(crate) fn is_ancestor(&self, older: usize, newer: usize) -> bool {
        let mut at = self.refresh[newer].parent;
        // A token is younger than the one that was spent for it: it has the higher number.
        while let Some(token) = at.filter(|token| *token >= older) {
            if token == older {
                return true;
            }
            at = self.refresh[token].parent;
        }
        false
    }

    /// Everybody is logged out.
    pub(crate) fn end_all(&mut self) {
        for session in self.sessions.iter_mut().filter(|session| session.ended.is_none()) {
            session.ended = Some(Ended::Administrator);
        }
    }

    fn issue_refresh(
        &mut self,
        session: usize,
        family: usize,
        parent: Option<usize>,
        now: u64,
    ) -> usize {
        let expires = self.policy.refresh_life.map(|life| now + life * 1000);
        self.refresh.push(RefreshRecord {
            session,
            family,
            parent,
            expires,
            spent: None,
            successor: None,
        });
        let token = self.refresh.len() - 1;
        if let Some(parent) = parent {
            self.refresh[parent].successor = Some(token);
        }
        token
    }

    fn rotates(&self, twist: &Twist) -> Rotation {
        match twist {
            Twist::SameRefresh => Rotation::Same,
            Twist::NoRefresh => Rotation::Absent,
            _ => self.policy.rotation,
        }
    }
}

/// How a refresh token reads: `r`, its provider, its number.
pub(crate) fn refresh_name(place: usize, token: usize) -> String {
    format!("r{place}-{token}")
}

/// How an access token reads: `a`, its provider, its number.
pub(crate) fn access_name(place: usize, token: usize) -> String {
    format!("a{place}-{token}")
}

/// Which provider gave a token, and its number there.
pub(crate) fn token_of(name: &str) -> Option<(usize, usize)> {
    let (place, number) = name.get(1..)?.split_once('-')?;
    Some((place.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests;
