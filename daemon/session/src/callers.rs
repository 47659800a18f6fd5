//! Who waits for a token, how long, and for what.

use crate::io::WaiterId;
use crate::slot::SlotKey;
use crate::time::Boot;
use bearerd_proto::Secret;
use std::collections::BTreeSet;
use std::time::Duration;

/// A caller that waits for a token.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) waiter: WaiterId,
    pub(crate) slot: SlotKey,
    pub(crate) want: Want,
    /// When its patience ends.
    pub(crate) deadline: Boot,
    /// When its patience as a caller without a token would end: a wish turns into that if its token expires first.
    pub(crate) last_deadline: Boot,
}

/// What a caller waits for.
#[derive(Debug)]
pub(crate) enum Want {
    /// Any valid token.
    Any,
    /// One that lives on for so long.
    Wish { min_ttl: Duration, strict: bool },
    /// Another one than this.
    Instead(Secret),
}

/// All of them, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Callers(Vec<Caller>);

impl Callers {
    pub(crate) fn add(&mut self, caller: Caller) {
        self.0.push(caller);
    }

    pub(crate) fn gone(&mut self, waiter: WaiterId) {
        self.0.retain(|caller| caller.waiter != waiter);
    }

    pub(crate) fn wait_for(&self, slot: &SlotKey) -> bool {
        self.0.iter().any(|caller| caller.slot == *slot)
    }

    /// The slots that `chosen` picks of those that somebody waits for.
    pub(crate) fn slots(&self, chosen: impl Fn(&SlotKey) -> bool) -> BTreeSet<SlotKey> {
        self.0.iter().map(|caller| &caller.slot).filter(|slot| chosen(slot)).cloned().collect()
    }

    pub(crate) fn deadline(&self) -> Option<Boot> {
        self.0.iter().map(|caller| caller.deadline).min()
    }

    /// Takes out those that `chosen` picks, in the order they came.
    pub(crate) fn take(&mut self, chosen: impl Fn(&Caller) -> bool) -> Vec<Caller> {
        self.0.extract_if(.., |caller| chosen(caller)).collect()
    }
}
