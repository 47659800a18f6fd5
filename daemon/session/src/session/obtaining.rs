//! Tokens that nobody has to log in for: by the profile's own grant, out of its file, by exchange.

use super::Session;
use crate::grant::{Grant, Way};
use crate::io::Request;
use crate::outcome::{Cause, Failure, Granted, OAuthError, verdict};
use crate::schedule::Jitter;
use crate::settings::{Kind, Own};
use crate::slot::SlotKey;
use crate::time::{Boot, Now};

impl Session {
    /// How the next token of a slot is got; `None` where it can't be, or not before the profile's own token is there.
    pub(super) fn way(&self, key: &SlotKey, now: Boot) -> Option<Way> {
        let profiles_own = SlotKey::default();
        if *key == profiles_own && self.is_to_be_reread() {
            return Some(Way::Own);
        }
        let based = *key == profiles_own || self.valid(&profiles_own, now).is_some();
        if *key != profiles_own && key.audience.is_some() && self.settings.exchanges {
            // While a newer one waits for its save, the token in hand may be that of the session before.
            let own = self.slots.get(&profiles_own);
            let is_newest = own.is_none_or(|slot| slot.unpublished.is_none());
            return (based && is_newest).then_some(Way::Exchange);
        }
        if self.grant.as_ref().is_some_and(Grant::is_live) {
            // Whose it is shows with the first token.
            return (*key == profiles_own || !self.is_untried()).then_some(Way::Refresh);
        }
        // A session begins with the profile's own scopes, or it could not give the others later.
        let may = based || !self.own().is_some_and(Own::has_grants);
        (may && self.can_obtain() && !self.is_granting()).then_some(Way::Own)
    }

    /// Whether the profile's file is read next: not between a login and its save, as what it holds would take its place.
    pub(super) fn is_to_be_reread(&self) -> bool {
        self.reread && !self.is_taking_over()
    }

    /// What the profile obtains by itself, where it does.
    pub(super) fn own(&self) -> Option<Own> {
        match self.settings.kind {
            Kind::Own(own) => Some(own),
            Kind::Constant(_) | Kind::Person => None,
        }
    }

    /// Whether a token can be got without a person and without a refresh token. What lies on disk unread may be a
    /// session: none is begun beside it.
    pub(super) fn can_obtain(&self) -> bool {
        match self.own() {
            None => false,
            Some(Own::Sessions { needs_given: true }) if self.given.is_none() => false,
            Some(own) => !(own.has_grants() && self.unreadable.is_some()),
        }
    }

    /// Whether the session is written to disk. A token file is there already; and what can't be opened stays as it is,
    /// where nothing but an access token would take its place.
    pub(super) fn is_saved(&self) -> bool {
        match self.own() {
            Some(Own::TokenFile) => false,
            Some(Own::Tokens) => self.unreadable.is_none(),
            _ => true,
        }
    }

    /// Without a valid token in hand the first one is fetched at once: its reader will come.
    pub(super) fn plan_first(&mut self, now: Boot) {
        if self.can_renew() {
            let slot = self.slot();
            if slot.held.is_none() && slot.unpublished.is_none() {
                slot.due = Some(now);
            }
        }
    }

    /// Asks for a token of `key` by the profile's own means, or by exchange.
    pub(super) fn obtain(&mut self, key: SlotKey, way: Way, asked: Boot) {
        let request = match (way, self.valid(&SlotKey::default(), asked)) {
            (Way::Exchange, Some(held)) => {
                Request::Exchange { subject_token: held.token.clone(), slot: key.clone() }
            }
            _ => Request::Grant { slot: key.clone(), given: self.given.clone() },
        };
        let rereads = std::mem::take(&mut self.reread);
        self.start(key, way, request, rereads, asked);
    }

    /// Takes in what a grant without a person gave beside its access token; says whether that has to be saved first.
    pub(super) fn begin_own_session(
        &mut self,
        key: &SlotKey,
        granted: &Granted,
        asked: Boot,
        now: Boot,
    ) -> bool {
        if *key != SlotKey::default() {
            return false;
        }
        if self.ends.is_none() {
            self.ends = self.settings.lifetime.map(|lifetime| now + lifetime);
        }
        self.refused = None;
        self.grant = Grant::of_login(granted, asked);
        self.grant.is_some()
    }

    /// What the provider has refused is not asked for again because another session has ended meanwhile.
    pub(super) fn hold_what_is_refused(&mut self, now: Now) {
        let Some(message) = self.refused.clone() else { return };
        let cause = Cause::OAuth(OAuthError::InvalidGrant);
        let verdict = verdict(Way::Own.kind(), &cause);
        let failure = Failure { cause, message, retry_after: None };
        self.note_failure(&SlotKey::default(), &failure, verdict, now, Jitter::MIDDLE);
    }

    /// A file that tokens or secrets come from has changed: whatever was held against it is forgiven.
    pub(super) fn source_changed(&mut self, now: Now) {
        self.changed = true;
        self.start_failed = None;
        self.forgive(now);
        self.reread |= self.own().is_some_and(Own::follows_a_file);
    }
}
