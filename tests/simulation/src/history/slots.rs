//! Scopes and audiences by number, and what the providers think of each.

use bearerd_session::{OAuthError, SlotKey};

/// A scope or an audience; 0 is the profile's own.
pub type Slot = u64;

/// What is asked for under this number: scopes are even, audiences odd.
pub fn key_of(slot: Slot) -> SlotKey {
    match slot {
        0 => SlotKey::default(),
        even if even % 2 == 0 => SlotKey { scope: Some(format!("s{even}")), audience: None },
        odd => SlotKey { scope: None, audience: Some(format!("a{odd}")) },
    }
}

/// The number of what is asked for.
pub fn slot_of(key: &SlotKey) -> Slot {
    let name = key.scope.as_deref().or(key.audience.as_deref());
    name.map_or(0, |name| name[1..].parse().unwrap_or(Slot::MAX))
}

/// Why the providers refuse it at `now`, where they do: some never give it, one comes and goes by the quarter of an hour.
pub(crate) fn refusal(slot: Slot, now: u64) -> Option<OAuthError> {
    match slot % 10 {
        _ if slot == 0 => None,
        4 => Some(OAuthError::InvalidScope),
        5 => Some(OAuthError::InvalidTarget),
        8 if now / 900_000 % 2 == 1 => Some(OAuthError::InvalidScope),
        _ => None,
    }
}

/// Whether the tokens that come for it are for another audience.
pub(crate) fn is_misheard(slot: Slot) -> bool {
    slot % 10 == 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outlives_its_key() {
        for slot in 0..100 {
            assert_eq!(slot_of(&key_of(slot)), slot);
        }
    }
}
