//! Logout: forgotten here at once, revoked at the IdP where it can be reached.

use super::Session;
use super::orphans::Orphan;
use crate::io::{Action, Answer, FetchId, WaiterId};
use crate::outcome::Outcome;
use crate::schedule::PATIENCE;
use crate::storage::{Generation, Wish};
use crate::time::{Boot, Now};
use bearerd_proto::{EventKind, Revocation};

/// Somebody who logs out and waits to hear what became of it.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) waiter: WaiterId,
    pub(super) deadline: Boot,
    /// The save that removes the file.
    generation: Generation,
    /// The revocation under way.
    revoking: Option<FetchId>,
    revocation: Revocation,
    message: Option<String>,
}

impl Session {
    pub(super) fn log_out(&mut self, waiter: WaiterId, revoke: bool, now: Now) {
        // What can't be opened is not deleted: it is no session that anybody could use.
        let message = self.unreadable.as_ref().map(|reason| {
            let later = if revoke { "revokes and removes it" } else { "removes it" };
            format!(
                "the saved session can't be opened and stays on disk, its refresh token not revoked; this daemon \
                 {later} as soon as it can be opened, and after a restart you have to log out again: {reason}"
            )
        });
        self.logged_out_unread = self.unreadable.as_ref().map(|_| revoke);
        // What a login has taken out of the profile's file is not taken from there again.
        self.source = self.login_source().or(self.source.take());
        self.end_login_unasked("its profile was logged out", revoke);
        let here = &self.settings.binding;
        for orphan in self.orphans.values_mut() {
            if matches!(orphan, Orphan::Strayed { binding, .. } if binding == here) {
                *orphan = if revoke { Orphan::Revoke } else { Orphan::Drop };
            }
        }
        self.refused = None;
        let had_session = self.is_live() || self.parked.is_some();
        let revoking = self.forget_session(revoke);
        self.parked = None;
        self.stranded = false;
        let generation =
            if self.is_constant() && !had_session { 0 } else { self.storage.want(Wish::Forget) };
        if had_session {
            self.actions.push(Action::Tell(EventKind::LoggedOut, None));
        }
        self.serve_forgotten(now);
        self.leaving.push(Leaving {
            waiter,
            deadline: now.boot + PATIENCE,
            generation,
            revoking,
            revocation: Revocation::Skipped,
            message,
        });
    }

    /// Forgets the live session, and has its refresh token revoked where that is wanted: under the name given.
    fn forget_session(&mut self, revoke: bool) -> Option<FetchId> {
        let tried = self.give_up_trial();
        let refresh_token = self.grant.as_ref().map(|grant| grant.refresh_token.clone());
        for also in self.replaced.take().into_iter().chain(tried).filter(|_| revoke) {
            self.revoke(also);
        }
        self.orphan_in_flight(|_| if revoke { Orphan::Revoke } else { Orphan::Drop });
        let revoking =
            refresh_token.filter(|_| revoke).map(|refresh_token| self.revoke(refresh_token));
        self.forget_tokens();
        revoking
    }

    /// Whoever waits for a token of the session that was forgotten: another begins for them where nobody is needed.
    pub(super) fn serve_forgotten(&mut self, now: Now) {
        if let Some(refusal) = self.no_session() {
            self.serve_failed(|_| true, &refusal, now);
        }
    }

    /// The session is as old as it may get: it is forgotten, and a person may begin another.
    pub(super) fn forget_when_over(&mut self, now: Now) {
        if self.ends.is_none_or(|ends| now.boot < ends) {
            return;
        }
        if self.is_taking_over() {
            self.end_login_unasked("the lifetime that it asked for is over", true);
        }
        let outliving = self.take_what_outlives();
        self.forget_session(true);
        self.go_on_with_what_outlives(outliving, now);
        // On disk the parked session may stand still, as no save of this one came through.
        let stays = self.parked.is_some() || self.is_live();
        self.storage.want(if stays { Wish::Save } else { Wish::Forget });
        let why = "its lifetime is over".to_owned();
        self.actions.push(Action::Tell(EventKind::LoggedOut, Some(why)));
        self.hold_what_is_refused(now);
        self.serve_forgotten(now);
    }

    pub(super) fn revocation_answered(&mut self, fetch: FetchId, outcome: Outcome) {
        let Some(leaving) = self.leaving.iter_mut().find(|leaving| leaving.revoking == Some(fetch))
        else {
            return;
        };
        leaving.revoking = None;
        match outcome {
            Outcome::Failed(failure) => {
                leaving.revocation = Revocation::Failed;
                leaving.message = Some(failure.message);
            }
            _ => leaving.revocation = Revocation::Revoked,
        }
    }

    /// Whoever has nothing more to wait for, or no more patience, is told.
    pub(super) fn advance_leaving(&mut self, now: Now) {
        let storage = &self.storage;
        let on_disk = |generation| storage.has(generation) || storage.has_failed(generation);
        let ready = |leaving: &mut Leaving| {
            (leaving.revoking.is_none() && on_disk(leaving.generation))
                || leaving.deadline <= now.boot
        };
        let ready: Vec<_> = self.leaving.extract_if(.., ready).collect();
        for mut leaving in ready {
            if leaving.revoking.is_some() {
                leaving.revocation = Revocation::Failed;
                leaving.message = Some(format!(
                    "the identity provider gave no answer in {} s",
                    PATIENCE.as_secs()
                ));
            }
            if !self.storage.has(leaving.generation) {
                let problem = self.storage.problem().unwrap_or("the disk does not answer");
                leaving.message =
                    Some(format!("the saved session could not be removed yet: {problem}"));
            }
            self.answer(
                leaving.waiter,
                Answer::LoggedOut { revocation: leaving.revocation, message: leaving.message },
            );
        }
    }
}
