//! Answers that nobody waits for any more: revoked, dropped, or kept for the session that is parked.

use super::Session;
use crate::grant::{InFlight, Way};
use crate::io::FetchId;
use crate::outcome::{Granted, Outcome};
use crate::settings::Binding;
use crate::slot::SlotKey;
use crate::time::{Boot, Now};
use bearerd_proto::Secret;

/// What becomes of an answer that nobody waits for any more.
#[derive(Debug, Clone)]
pub(super) enum Orphan {
    /// A refresh token in it is revoked.
    Revoke,
    /// It is dropped: a logout that wanted no revocation.
    Drop,
    /// It belongs to the parked session, whose refresh token it spends for a token of `slot`: what comes of it is saved
    /// there.
    Parked { asked: Boot, spent: Secret, slot: SlotKey },
    /// It spends what a file holds or held, which may be tried again.
    Strayed { spent: Secret, binding: Binding },
    /// A revocation: its outcome goes to whoever logs out.
    Revocation,
}

impl Session {
    /// The use under way belongs to nobody any more.
    pub(super) fn orphan_in_flight(&mut self, as_what: impl Fn(&InFlight) -> Orphan) {
        if let Some(in_flight) = self.in_flight.take() {
            self.orphans.insert(in_flight.fetch, as_what(&in_flight));
        }
    }

    /// The profile moves to another place: a refresh under way belongs to the session that is parked, and whatever else
    /// the old place answers belongs to nobody.
    pub(super) fn orphan_parked(&mut self, parks: bool) {
        let strayed = self.note_strayed(parks);
        let spent = self.grant.as_ref().map(|grant| grant.refresh_token.clone());
        let binding = self.settings.binding.clone();
        self.orphan_in_flight(|in_flight| match (&strayed, &spent, in_flight.way) {
            (Some(spent), ..) => Orphan::Strayed { spent: spent.clone(), binding: binding.clone() },
            (None, Some(spent), Way::Refresh) => Orphan::Parked {
                asked: in_flight.asked,
                spent: spent.clone(),
                slot: in_flight.slot.clone(),
            },
            _ => Orphan::Drop,
        });
    }

    pub(super) fn orphan_answered(
        &mut self,
        fetch: FetchId,
        orphan: Orphan,
        outcome: Outcome,
        now: Now,
    ) {
        match (orphan, outcome) {
            (Orphan::Revocation, outcome) => self.revocation_answered(fetch, outcome),
            (Orphan::Revoke, outcome) => self.revoke_what_came(outcome),
            (Orphan::Parked { asked, spent, .. }, outcome) => {
                self.parked_answered(outcome, asked, &spent, now);
            }
            (Orphan::Strayed { spent, binding }, outcome) => {
                self.strayed_answered(&spent, &binding, outcome);
            }
            (Orphan::Drop, _) => {}
        }
    }

    /// Whatever the answer has brought, nobody wants it.
    pub(super) fn revoke_what_came(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Granted(granted) => self.revoke_unwanted(*granted),
            Outcome::Failed(failure) => {
                if let Some(refresh_token) = failure.cause.refresh_token() {
                    self.revoke(refresh_token.clone());
                }
            }
            Outcome::Found(_) | Outcome::Device(_) | Outcome::Revoked => {}
        }
    }

    /// Tokens that nobody wants are revoked, unless that would end the IdP's session that the live one hangs on.
    pub(super) fn revoke_unwanted(&mut self, granted: Granted) {
        let Some(refresh_token) = granted.refresh_token else { return };
        let live = self.grant.as_ref().and_then(|grant| grant.idp_session.as_ref());
        if live.is_none() || live != granted.idp_session.as_ref() {
            self.revoke(refresh_token);
        }
    }
}
