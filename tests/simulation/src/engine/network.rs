//! The way to the providers: whether a request arrives, and whether its answer does.

use crate::draw::Draw;
use crate::history::Condition;
use crate::provider::Twist;
use bearerd_session::OAuthError;

/// What becomes of one request. Times count in milliseconds from its sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// When it is at the provider.
    pub(super) arrives: Option<u64>,
    pub(super) back: Back,
    pub(super) twist: Twist,
}

/// What the daemon sees of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// The answer, so long after it was made; or nothing, once that is later than the daemon waits.
    Answer { takes: u64 },
    /// It was sent, and no answer comes.
    Lost { at: u64 },
    /// There was no connection.
    NotSent { at: u64 },
    /// Nothing is sent: it is read from a file.
    Read,
}

/// A condition that holds for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spell {
    pub(super) until: u64,
    pub(super) condition: Condition,
    pub(super) share: u64,
}

/// How long the daemon waits for an answer that may spend a token (design of the fetcher), in milliseconds.
pub(super) const ANSWER_WAIT: u64 = 60_000;
/// How long it waits for a connection.
const CONNECT_WAIT: u64 = 5_000;

/// The fate of a request that leaves now. The newest spell that meets it counts.
pub(super) fn fate(spells: &[Spell], latency: u64, mut draw: Draw) -> Fate {
    let mut way = || draw.between(latency / 2, latency * 2).max(1);
    let (there, home) = (way(), way());
    let met = spells.iter().rev().find(|spell| draw.chance(spell.share));
    let usual =
        Fate { arrives: Some(there), back: Back::Answer { takes: home }, twist: Twist::Nothing };
    let Some(spell) = met else { return usual };
    let lost = |acts: bool, at: u64| Fate {
        arrives: acts.then_some(there),
        back: Back::Lost { at },
        twist: Twist::Nothing,
    };
    let unsent = |at| Fate { arrives: None, back: Back::NotSent { at }, ..usual };
    let twisted = |twist| Fate { twist, ..usual };
    match spell.condition {
        Condition::Refused => unsent(there),
        Condition::ConnectHangs => unsent(CONNECT_WAIT),
        Condition::Silent { acts } => lost(acts, ANSWER_WAIT),
        Condition::Reset { acts } => lost(acts, there + home + draw.spread(1, 20_000)),
        Condition::Gateway { acts } => lost(acts, there + home),
        Condition::LateRequest(takes) => Fate { arrives: Some(there + takes), ..usual },
        Condition::SlowAnswer(takes) => {
            Fate { back: Back::Answer { takes: home + takes }, ..usual }
        }
        Condition::Later(retry_after) => twisted(Twist::Later(retry_after)),
        Condition::Garbage => lost(true, there + home),
        Condition::ClientRefused => twisted(Twist::OAuth(OAuthError::InvalidClient)),
        Condition::NotFound => twisted(Twist::NotFound),
        Condition::ScopeRefused => twisted(Twist::OAuth(OAuthError::InvalidScope)),
        Condition::Unheard => twisted(Twist::OAuth(OAuthError::Other)),
        Condition::SlowDown => twisted(Twist::SlowDown),
        Condition::NoToken => twisted(Twist::NoToken),
        Condition::NoLife => twisted(Twist::NoLife),
        Condition::Life(seconds) => twisted(Twist::Life(seconds)),
        Condition::LifeUnsaid => twisted(Twist::LifeUnsaid),
        Condition::LivesChange => twisted(Twist::LivesChange),
        Condition::SameRefresh => twisted(Twist::SameRefresh),
        Condition::NoRefresh => twisted(Twist::NoRefresh),
        Condition::SameAccess => twisted(Twist::SameAccess),
        Condition::Skewed(seconds) => twisted(Twist::Skewed(seconds)),
    }
}
