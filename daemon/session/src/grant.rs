//! The rotating credential: one use at a time; received, saved, lost, over.

use crate::io::FetchId;
use crate::outcome::{Granted, RequestKind};
use crate::schedule::PATIENCE;
use crate::slot::SlotKey;
use crate::time::Boot;
use bearerd_proto::Secret;
use std::time::Duration;

/// A refresh token and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) refresh_token: Secret,
    /// When it was last of use: a keep-alive counts from there.
    pub(crate) renewed: Boot,
    /// Its known end.
    pub(crate) expires: Option<Boot>,
    /// The IdP has handed the same one back: sending it again spends nothing.
    pub(crate) known_not_to_rotate: bool,
    /// The session is over: why. The token is kept, unused, for one try when a login is asked for.
    pub(crate) over: Option<String>,
    /// An answer to it was lost.
    pub(crate) lost: Option<Lost>,
    /// It came from the disk and has not been used since: its successor may have died with the process before, whose
    /// last moment this was at the latest.
    pub(crate) unproven: Option<Boot>,
    /// The IdP's own session.
    pub(crate) idp_session: Option<String>,
    /// What it began with, out of the profile's file or brought along: it may be spent, and is not taken from that
    /// file again.
    pub(crate) source: Option<Secret>,
    /// It came out of the profile's file and has given no token yet.
    pub(crate) untried: bool,
}

/// A use whose answer did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    /// When it was sent, the first time.
    pub(crate) asked: Boot,
    /// This process has sent it once more, within the reuse window.
    pub(crate) repeated: bool,
}

/// How a slot's next token is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By the refresh token.
    Refresh,
    /// By the profile's own means.
    Own,
    /// By exchange of the profile's own access token.
    Exchange,
    /// By the refresh token that the profile's file holds now, beside the session that lives.
    Trial,
}

impl Way {
    /// Its row of the outcome table.
    pub(crate) fn kind(self) -> RequestKind {
        match self {
            Way::Refresh | Way::Trial => RequestKind::Refresh,
            Way::Own => RequestKind::Grant,
            Way::Exchange => RequestKind::Exchange,
        }
    }
}

/// The one request under way that gives a token.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) fetch: FetchId,
    pub(crate) way: Way,
    pub(crate) slot: SlotKey,
    /// When it was sent.
    pub(crate) asked: Boot,
    /// When its slot was due, had there been no use to repeat.
    pub(crate) planned: Option<Boot>,
    /// It was started because the token in hand was rejected.
    pub(crate) after_reject: bool,
    /// That it has had no answer for so long has been told.
    pub(crate) silence_told: bool,
    /// The refresh token that it spends, where that is not the session's.
    pub(crate) spends: Option<Secret>,
}

impl InFlight {
    pub(crate) fn of(fetch: FetchId, way: Way, slot: SlotKey, asked: Boot) -> Self {
        let (planned, after_reject, silence_told, spends) = (None, false, false, None);
        Self { fetch, way, slot, asked, planned, after_reject, silence_told, spends }
    }

    /// When whoever looks is told that the IdP does not answer: no caller is more patient.
    pub(crate) fn silent_from(&self) -> Boot {
        self.asked + PATIENCE
    }
}

impl Grant {
    /// One that came from elsewhere, and has not been used here.
    pub(crate) fn found(refresh_token: Secret, now: Boot) -> Self {
        Self {
            refresh_token,
            renewed: now,
            expires: None,
            known_not_to_rotate: false,
            over: None,
            lost: None,
            unproven: None,
            idp_session: None,
            source: None,
            untried: false,
        }
    }

    /// The first one of a login.
    pub(crate) fn of_login(granted: &Granted, asked: Boot) -> Option<Self> {
        let refresh_token = granted.refresh_token.clone()?;
        Some(Self {
            refresh_token,
            renewed: asked,
            expires: granted.refresh_lifetime.map(|lifetime| asked + lifetime),
            known_not_to_rotate: false,
            over: None,
            lost: None,
            unproven: None,
            idp_session: granted.idp_session.clone(),
            source: None,
            untried: false,
        })
    }

    /// Takes in the answer of a refresh; says whether the token rotated, so that it must be saved first.
    pub(crate) fn renew(&mut self, granted: &Granted, asked: Boot) -> bool {
        self.renewed = asked;
        self.lost = None;
        self.over = None;
        self.unproven = None;
        self.untried = false;
        if granted.idp_session.is_some() {
            self.idp_session.clone_from(&granted.idp_session);
        }
        let rotated = self.rotate(granted.refresh_token.as_ref());
        if granted.refresh_token.is_some() {
            self.expires = granted.refresh_lifetime.map(|lifetime| asked + lifetime);
        }
        self.known_not_to_rotate = !rotated;
        rotated
    }

    /// Takes in a refresh token of an answer, good or not; says whether it is another one.
    pub(crate) fn rotate(&mut self, refresh_token: Option<&Secret>) -> bool {
        match refresh_token {
            Some(newer) if !newer.same_as(&self.refresh_token) => {
                self.refresh_token = newer.clone();
                self.lost = None;
                self.unproven = None;
                self.known_not_to_rotate = false;
                true
            }
            _ => false,
        }
    }

    /// Until when a use that may have had no answer is worth repeating: within the reuse window the IdP gives the same
    /// answer once more.
    pub(crate) fn repeat_until(&self, window: Duration) -> Option<Boot> {
        if self.known_not_to_rotate || !self.is_live() {
            return None;
        }
        match self.lost {
            Some(lost) => (!lost.repeated).then(|| lost.asked + window),
            None => self.unproven.map(|last| last + window),
        }
    }

    /// Whether this is its refresh token, or what it began with.
    pub(crate) fn is_or_was(&self, refresh_token: &Secret) -> bool {
        let began_with = self.source.as_ref().is_some_and(|source| source.same_as(refresh_token));
        began_with || self.refresh_token.same_as(refresh_token)
    }

    /// Whether it may be used.
    pub(crate) fn is_live(&self) -> bool {
        self.over.is_none()
    }

    /// What else there is to say when the IdP refuses this token.
    pub(crate) fn why_over(&self) -> &'static str {
        if self.lost.is_some() {
            "; the answer to an earlier refresh was lost on its way, and the provider does not take the old token again"
        } else if self.unproven.is_some() {
            "; the token came from the saved session: if the daemon was killed between an answer and its save, the \
             newer token is lost"
        } else {
            ""
        }
    }
}
