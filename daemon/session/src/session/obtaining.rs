//! Tokens that nobody has to log in for: by the profile's own grant, out of its file, by exchange.

use super::Session;
use crate::grant::{Grant, InFlight, Way};
use crate::io::Request;
use crate::outcome::{Cause, Failure, Granted, OAuthError, Outcome, verdict};
use crate::record::SavedGrant;
use crate::schedule::{Jitter, PULL_SPACING};
use crate::settings::{Kind, Own};
use crate::slot::SlotKey;
use crate::time::{Boot, Now};
use bearerd_proto::Secret;

/// A live session while what the profile's file holds now is tried.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) grant: Grant,
    pub(super) source: Option<Secret>,
    pub(super) ends: Option<Boot>,
}

/// A refresh token out of a file that was tried when the profile moved away: its successor would be lost otherwise.
#[derive(Debug)]
pub(super) struct Strayed {
    /// What the file held.
    source: Secret,
    /// What has become of it.
    newest: Secret,
    /// Where: of no use anywhere else.
    endpoint: String,
}

impl Session {
    /// How the next token of a slot is got; `None` where it can't be, or not before the profile's own token is there.
    pub(super) fn way(&self, key: &SlotKey, now: Boot) -> Option<Way> {
        let profiles_own = SlotKey::default();
        if *key == profiles_own && self.is_to_be_reread() {
            return Some(Way::Own);
        }
        let based = *key == profiles_own || self.valid(&profiles_own, now).is_some();
        if *key != profiles_own && key.audience.is_some() && self.settings.exchanges {
            // While a login takes over, the token in hand is that of the session before.
            return (based && !self.is_taking_over()).then_some(Way::Exchange);
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

    /// The profile's file holds this refresh token: taken if it is another than the last time.
    pub(super) fn found(
        &mut self,
        in_flight: &InFlight,
        refresh_token: Secret,
        now: Now,
        jitter: Jitter,
    ) {
        let is_known = self.note_known_source(&refresh_token);
        let is_its = |it: &&Strayed| {
            it.source.same_as(&refresh_token) && it.endpoint == self.settings.binding.endpoint
        };
        let strayed = self.strayed.as_ref().filter(is_its);
        let newest = strayed.map_or(&refresh_token, |it| &it.newest).clone();
        if !is_known && self.is_being_used(&newest) {
            // Before a logout or a move, say: the answer decides whether it is good for anything.
            self.reread_after_use = true;
            self.plan_as_before(in_flight);
        } else if !is_known {
            self.keep_former();
            let source = Some(refresh_token);
            self.source.clone_from(&source);
            self.strayed = None;
            self.grant = Some(Grant { untried: true, source, ..Grant::found(newest, now.boot) });
            self.ends = self.settings.lifetime.map(|lifetime| now.boot + lifetime);
            self.attempts.forgive();
            self.want_save();
            let slot = self.slots.entry(in_flight.slot.clone()).or_default();
            slot.pull(slot.spaced_for_need(now.boot));
        } else if self.former.is_some() && !self.is_tried(&refresh_token) {
            // It is back to what the live session began with: what it held for a while is not wanted any more.
            self.note_strayed(true);
            self.go_on_with_former(now.boot);
            let slot = self.slot();
            slot.due = slot.due.max(Some(slot.spaced_by_itself(now.boot)));
        } else if self.grant.as_ref().is_some_and(Grant::is_live) {
            self.plan_as_before(in_flight);
        } else {
            let failure = Failure {
                cause: Cause::Source,
                message: "the refresh token in its file was taken before, and is refused already or logged out: let \
                          the program that writes the file log in again"
                    .to_owned(),
                retry_after: None,
            };
            self.refresh_failed(in_flight, &failure, now, jitter);
        }
    }

    /// The file has brought nothing to act upon.
    fn plan_as_before(&mut self, in_flight: &InFlight) {
        if let Some(planned) = in_flight.planned {
            self.slots.entry(in_flight.slot.clone()).or_default().pull(planned);
        }
    }

    /// Another refresh token is tried: the session that lives is not lost by it.
    fn keep_former(&mut self) {
        if let Some(grant) = self.grant.take_if(|grant| grant.is_live() && !grant.untried) {
            self.former = Some(Former { grant, source: self.source.take(), ends: self.ends });
        }
    }

    /// The provider refuses what the file holds: says whether there is a session that goes on.
    pub(super) fn go_on_with_former(&mut self, now: Boot) -> bool {
        let Some(former) = self.former.take() else { return false };
        self.grant = Some(former.grant);
        self.ends = former.ends;
        self.want_save();
        self.slot().due = Some(now + PULL_SPACING);
        true
    }

    /// Whether the profile's file holds what was last taken from there, or again what the live session began with.
    pub(super) fn note_known_source(&mut self, refresh_token: &Secret) -> bool {
        if self.is_of_the_live_one(refresh_token) {
            self.source = Some(refresh_token.clone());
        }
        self.source.as_ref().is_some_and(|source| source.same_as(refresh_token))
    }

    /// Whether the live session has this refresh token, or began with it.
    pub(super) fn is_of_the_live_one(&self, refresh_token: &Secret) -> bool {
        self.live_grant().is_some_and(|grant| grant.is_or_was(refresh_token))
    }

    /// The session that lives, also while another refresh token is tried in its place.
    pub(super) fn live_grant(&self) -> Option<&Grant> {
        self.former.as_ref().map(|former| &former.grant).or(self.grant.as_ref())
    }

    /// What is tried is given up: the session that lives is the only one again. Gives what was tried beside it.
    pub(super) fn give_up_trial(&mut self) -> Option<Secret> {
        let former = self.former.take()?;
        self.grant.replace(former.grant).map(|tried| tried.refresh_token)
    }

    /// Whether the profile moves away while what its file held is tried, and not as the session that is parked.
    pub(super) fn note_strayed(&mut self, parks: bool) -> bool {
        let grant = self.grant.as_ref().filter(|grant| grant.untried);
        let grant = grant.filter(|_| !parks || self.former.is_some());
        let strayed = grant.and_then(|grant| {
            let endpoint = self.settings.binding.endpoint.clone();
            let newest = grant.refresh_token.clone();
            Some(Strayed { source: grant.source.clone()?, newest, endpoint })
        });
        let strays = strayed.is_some();
        self.strayed = strayed.or(self.strayed.take());
        strays
    }

    /// What the refresh token that was tried there has come to.
    pub(super) fn strayed_answered(&mut self, spent: &Secret, outcome: Outcome) {
        let newer = match outcome {
            Outcome::Granted(granted) => granted.refresh_token,
            Outcome::Failed(failure) => failure.cause.refresh_token().cloned(),
            Outcome::Found(_) | Outcome::Device(_) | Outcome::Revoked => None,
        };
        if let Some(strayed) = self.strayed.as_mut().filter(|it| it.newest.same_as(spent))
            && let Some(newer) = newer
        {
            strayed.newest = newer;
        }
    }

    /// Whether the refresh token came out of the profile's file and has given no token yet.
    pub(super) fn is_untried(&self) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.untried)
    }

    fn is_tried(&self, source: &Secret) -> bool {
        let tried = self.grant.as_ref().filter(|grant| grant.untried);
        tried.and_then(|grant| grant.source.as_ref()).is_some_and(|tried| tried.same_as(source))
    }

    /// Whether there is nothing but that, and a session that is parked and goes on should its place come back.
    pub(super) fn gives_way_to_the_parked(&self) -> bool {
        let goes_on = |grant: &SavedGrant| grant.over.is_none();
        let parked = self.parked.as_ref().and_then(|parked| parked.grant.as_ref());
        self.is_untried() && self.former.is_none() && parked.is_some_and(goes_on)
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
