//! Logged out is logged out: what was forgotten never comes back, from no answer and no disk.

use super::Invariant;
use super::ledger::Family;
use crate::engine::{CallerId, World};
use crate::history::Obtains;
use std::collections::BTreeSet;

impl World {
    /// The session is about to forget its tokens.
    pub(crate) fn logout_begins(&mut self, caller: CallerId) {
        let tried = self.trial_is_given_up().map(|chain| chain.family);
        let taken = self.ledger.login_source.take().filter(|_| self.is_granting());
        self.ledger.source = taken.map(|(source, _)| source).or(self.ledger.source);
        let mut families = self.forget();
        families.extend(tried);
        self.ledger.gone.extend(tried);
        self.ledger.leaving.push((caller, families));
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        self.ledger.unread_logout = session.is_some_and(bearerd_session::Session::is_unreadable);
        self.ledger.pace.is_password_refused = false;
        self.logins_are_given_up();
    }

    /// Nothing of the session may be seen again: which tokens these are.
    fn forget(&mut self) -> BTreeSet<Family> {
        let ledger = &mut self.ledger;
        let mut families = ledger.take_families();
        ledger.unreplaced = None;
        if let Some(parked) = ledger.parked.take() {
            families.insert(parked.chain.family);
            families.extend(parked.kept);
        }
        if self.script.policy.obtains == Obtains::ByTokenFile {
            // The file has it still.
            families.clear();
        }
        ledger.gone.extend(&families);
        ledger.held_since = None;
        (ledger.user, ledger.ends) = (None, None);
        ledger.is_password_given = false;
        ledger.pace.starts_anew();
        self.epoch += 1;
        self.tokens_under_way_are_unwanted();
        families
    }

    /// The daemon says that somebody is logged out: nobody may have asked for it.
    pub(crate) fn logout_told(&mut self, message: Option<&str>) {
        if message.is_none() {
            return;
        }
        self.tally.count("sessions forgotten at their end");
        self.ledger.ended = Some(self.now);
        let (now, ends) = (self.now, self.ledger.ends);
        let is_so = self.ledger.ends_are_doubted || ends.is_none_or(|ends| ends <= now);
        self.demand(Invariant::ValidTokenServed, is_so, || {
            format!("the session is forgotten at {now}, and its end is {ends:?}")
        });
        let refused = self.ledger.pace.is_password_refused;
        let parked = self.ledger.parked.take().or(self.ledger.unreplaced.take());
        let trial = self.ledger.trial.take().filter(|trial| trial.is_wanted);
        let is_under_way = self.trial_is_under_way(trial.as_ref());
        self.forget();
        self.ledger.pace.is_password_refused = refused;
        self.ledger.parked = parked;
        // What is tried outlives the session beside which it is.
        if let Some(trial) = &trial {
            self.ledger.gone.remove(&trial.chain.family);
        }
        self.ledger.trial = trial;
        match is_under_way {
            true => self.begins_with_the_trial(),
            false => self.another_begins(),
        }
    }

    /// It says that it has, or what could not be done.
    pub(crate) fn logout_answered(&mut self, caller: CallerId, message: Option<&str>) {
        let Some(at) = self.ledger.leaving.iter().position(|(leaving, _)| *leaving == caller)
        else {
            return;
        };
        let (_, families) = self.ledger.leaving.remove(at);
        let said = message.is_some_and(|message| message.starts_with("the saved session"));
        if said {
            self.tally.count("logouts that the disk did not take at once");
        } else {
            self.ledger.forgotten.extend(families);
        }
    }
}
