//! What a failure means, by the table of the design (§5) and not by the heart's.

use bearerd_session::{Cause, OAuthError, RequestKind};
use std::time::Duration;

/// What comes after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Again after a backoff; failures of the session and of one slot count for themselves.
    Again { reach: Reach },
    /// The rule of lost answers, else as the row above.
    Lost,
    /// The session is over.
    Over,
    /// Not before somebody may have mended it.
    UntilMended,
    /// Not by itself for so long.
    Hold { pause: Duration, reach: Reach },
    /// A poll: at the interval.
    PollOn,
    /// A poll: 5 s later than that, for good.
    SlowDown,
}

/// What a failure reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Session,
    Slot,
}

/// "reload, login, or after 10 min".
const MISCONFIGURED: Duration = Duration::from_secs(600);
/// "not within 60 s".
const REFUSED_SCOPE: Duration = Duration::from_secs(60);

impl Meaning {
    /// Whether it is what the provider says to a scope or an audience.
    pub(super) fn refuses_the_scope(self) -> bool {
        matches!(self, Meaning::Hold { reach: Reach::Slot, .. })
    }
}

pub(super) fn meaning(request: RequestKind, cause: &Cause) -> Meaning {
    use OAuthError as E;
    let refresh = request == RequestKind::Refresh;
    match cause {
        Cause::Lost if refresh => Meaning::Lost,
        Cause::NotSent | Cause::Later | Cause::Lost => Meaning::Again { reach: Reach::Session },
        Cause::WrongPlace => Meaning::Hold { pause: MISCONFIGURED, reach: Reach::Session },
        Cause::Source => Meaning::Again { reach: Reach::Session },
        Cause::WrongAudience { .. } => Meaning::Hold { pause: REFUSED_SCOPE, reach: Reach::Slot },
        Cause::Unusable { .. } => Meaning::Again { reach: Reach::Slot },
        Cause::OAuth(E::InvalidGrant) if refresh => Meaning::Over,
        Cause::OAuth(E::InvalidGrant) if request == RequestKind::Grant => Meaning::UntilMended,
        Cause::OAuth(E::AuthorizationPending) if !refresh => Meaning::PollOn,
        Cause::OAuth(E::SlowDown) if !refresh => Meaning::SlowDown,
        Cause::OAuth(E::TemporarilyUnavailable | E::ServerError) => {
            Meaning::Again { reach: Reach::Session }
        }
        Cause::OAuth(
            E::InvalidClient | E::UnauthorizedClient | E::UnsupportedGrantType | E::InvalidRequest,
        ) => Meaning::Hold { pause: MISCONFIGURED, reach: Reach::Session },
        Cause::OAuth(E::InvalidScope | E::InvalidTarget) => {
            Meaning::Hold { pause: REFUSED_SCOPE, reach: Reach::Slot }
        }
        Cause::OAuth(E::AccessDenied) if request == RequestKind::Exchange => {
            Meaning::Hold { pause: REFUSED_SCOPE, reach: Reach::Slot }
        }
        Cause::OAuth(_) => Meaning::Again { reach: Reach::Slot },
    }
}
