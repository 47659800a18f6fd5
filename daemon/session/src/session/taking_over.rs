//! A login's tokens put in force: beside the live session until they are on disk, then in its place.

use super::orphans::Orphan;
use super::{Session, User};
use crate::grant::{Grant, InFlight, Way};
use crate::io::Action;
use crate::login::{Login, Stage};
use crate::outcome::Granted;
use crate::schedule::Jitter;
use crate::settings::Own;
use crate::slot::Held;
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorCode, EventKind, Secret};

impl Session {
    /// The person said yes, or nobody had to: the new session takes the old one's place, once it is saved.
    pub(super) fn granted(&mut self, granted: &Granted, asked: Boot, now: Now, jitter: Jitter) {
        let replace = self.login.as_ref().is_some_and(|login| login.replace);
        let other =
            matches!((&self.user.id, &granted.user_id), (Some(old), Some(new)) if old != new);
        if other && !replace {
            if let Some(spent) = self.login_found_token().cloned() {
                self.trial_is_spent_in_vain(&spent, granted);
            }
            self.revoke_unwanted(granted.clone());
            let message = format!(
                "another person logged in than profile `{}` belongs to; log in as that one, or say that the profile \
                 is to change hands: `bearerctl login {} --replace`",
                self.settings.profile, self.settings.profile
            );
            let refusal = self.login_refusal(ErrorCode::LoginDenied, message);
            return self.end_login(Err(refusal));
        }
        // What the file holds and has given no token is no session of ours: it is the file's still, and known.
        self.give_up_trial();
        let old = self.grant.take();
        let newer = granted.refresh_token.as_ref().or(self.login_found_token());
        let old = old.filter(|old| is_another_session(old, granted, newer));
        // What a grant of the profile's own gives beside the login is another session; so is what was tried.
        let replaces = old.is_some();
        let replaced = old.filter(|old| !old.untried);
        let is_another =
            |in_flight: &InFlight| replaces || matches!(in_flight.way, Way::Own | Way::Trial);
        // What the profile's file holds is read after the login.
        let follows_a_file = self.own().is_some_and(Own::follows_a_file);
        self.reread |=
            follows_a_file && self.in_flight.as_ref().is_some_and(|it| it.way == Way::Own);
        self.orphan_in_flight(|it| if is_another(it) { Orphan::Revoke } else { Orphan::Drop });
        self.drop_other_slots();
        self.user = User::default();
        self.note_answer(granted, asked, now);
        self.note_user(granted, true);
        self.refused = None;
        self.attempts.succeeded();
        self.grant = Grant::of_login(granted, asked);
        self.note_terms(now.boot);
        self.replaced = replaced.map(|old| old.refresh_token);
        let held = Held::of(granted, asked, false);
        self.slot().take(granted, held, now.boot, jitter);
        self.told_over = false;
        self.login_unsaved = true;
        self.logged_out_unread = None;
        self.held_back = Some((self.want_save(), now.boot));
        self.advance_stage(|stage| match stage {
            Stage::Pending(pending) => Stage::Saving(Some(pending)),
            Stage::Granting(_) => Stage::Saving(None),
            other => other,
        });
    }

    /// What the login said of its session, and what it was made with.
    fn note_terms(&mut self, now: Boot) {
        let lifetime = self.login.as_ref().and_then(|login| login.lifetime);
        let lifetime = lifetime.into_iter().chain(self.settings.lifetime).min();
        self.ends = lifetime.map(|lifetime| now + lifetime);
        let Some(Login { stage: Stage::Granting(granting), .. }) = &mut self.login else { return };
        let (given, found) = (granting.given.take(), granting.found.take());
        let source = granting.source.take();
        if granting.is_out_of_file {
            self.source.clone_from(&source);
        }
        if self.grant.is_none() {
            // It was not rotated.
            self.grant = found.clone().map(|refresh_token| Grant::found(refresh_token, now));
        }
        if let Some(grant) = &mut self.grant {
            grant.source = source;
        }
        if self.own() == Some(Own::Sessions { needs_given: true }) {
            self.given = given;
        }
    }

    /// The refresh token that the login is made with, where it is made with one.
    fn login_found_token(&self) -> Option<&Secret> {
        match &self.login.as_ref()?.stage {
            Stage::Granting(granting) => granting.found.as_ref(),
            _ => None,
        }
    }

    /// What was in the profile's file when the login took it from there.
    pub(super) fn login_source(&self) -> Option<Secret> {
        match &self.login.as_ref()?.stage {
            Stage::Granting(granting) if granting.is_out_of_file => granting.source.clone(),
            _ => None,
        }
    }

    /// Whether the tokens of a login have come and are not in force yet.
    pub(super) fn is_taking_over(&self) -> bool {
        self.login.as_ref().is_some_and(|login| matches!(login.stage, Stage::Saving(_)))
    }

    pub(super) fn advance_stage(&mut self, next: impl FnOnce(Stage) -> Stage) {
        if let Some(mut login) = self.login.take() {
            login.stage = next(login.stage);
            self.login = Some(login);
        }
    }

    /// The new tokens are in force.
    pub(super) fn login_published(&mut self) {
        if self
            .login
            .as_ref()
            .is_some_and(|login| matches!(login.stage, Stage::Saving(_) | Stage::Reviving))
        {
            self.actions.push(Action::Tell(EventKind::LoggedIn, None));
            let logged_in = self.logged_in();
            self.end_login(Ok(logged_in));
        }
    }
}

/// Two logins of one browser share the IdP's session: revoking the old one's token would end the new one too.
fn is_another_session(old: &Grant, new: &Granted, newer: Option<&Secret>) -> bool {
    let shares_session = new.idp_session.is_some() && new.idp_session == old.idp_session;
    let same_token = newer.is_some_and(|token| token.same_as(&old.refresh_token));
    !shares_session && !same_token
}
