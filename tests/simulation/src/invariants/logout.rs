//! Logged out is logged out: what was forgotten never comes back, from no answer and no disk.

use super::ledger::Family;
use crate::engine::{CallerId, World};

impl World {
    /// The session is about to forget its tokens.
    pub(crate) fn logout_begins(&mut self, caller: CallerId) {
        let ledger = &mut self.ledger;
        let parked = ledger.parked.take().map(|(chain, _)| chain);
        let chains = [ledger.live.take(), ledger.login.take(), parked];
        let families: Vec<Family> =
            chains.into_iter().flatten().map(|chain| chain.family).collect();
        ledger.gone.extend(&families);
        ledger.leaving.push((caller, families));
        ledger.held_since = None;
        ledger.pace.starts_anew();
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        self.ledger.unread_logout = session.is_some_and(bearerd_session::Session::is_unreadable);
        self.logins_are_given_up();
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
