//! The call log: what was asked, when, and what came of it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

use crate::answer::Mark;
use crate::clock;
use crate::incoming::Incoming;

/// Which endpoint a request was for; token requests are told apart by their grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CallKind {
    /// `auth/device`: a device login begins.
    DeviceStart,
    /// `token` with the device code grant.
    DevicePoll,
    /// `token` with the refresh token grant.
    Refresh,
    /// `token` with the password grant.
    Password,
    /// `token` with the client credentials grant.
    ClientCredentials,
    /// `token` with the token exchange grant (RFC 8693).
    Exchange,
    /// `revoke` (RFC 7009).
    Revoke,
    /// `token/introspect` (RFC 7662).
    Introspect,
    /// `userinfo`.
    Userinfo,
    /// `.well-known/openid-configuration` or `.well-known/oauth-authorization-server`.
    Discovery,
    /// The page for people, an unknown grant, an unknown path.
    Other,
}

impl CallKind {
    /// All kinds, for a fault that shall meet everything.
    pub const ALL: [Self; 11] = [
        Self::DeviceStart,
        Self::DevicePoll,
        Self::Refresh,
        Self::Password,
        Self::ClientCredentials,
        Self::Exchange,
        Self::Revoke,
        Self::Introspect,
        Self::Userinfo,
        Self::Discovery,
        Self::Other,
    ];
}

/// One request. Holds no secret: neither query, form nor token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Its place in the order of arrival, from 0.
    pub number: usize,
    /// Which endpoint, which grant.
    pub kind: CallKind,
    /// The path without its query.
    pub path: String,
    /// The client that asked, as far as it said.
    pub client_id: Option<String>,
    /// How the client said who it is: `none`, `client_secret_basic`, `client_secret_post`, `assertion`, `several`.
    pub authentication: &'static str,
    /// The scope that it asked for.
    pub scope: Option<String>,
    /// What its `resource` and `audience` named.
    pub audiences: Vec<String>,
    /// Its parameters that OAuth does not know, whose values are no secrets.
    pub extra_parameters: BTreeMap<String, String>,
    /// When it had arrived whole: time since boot (`CLOCK_BOOTTIME`).
    pub arrived_at: Duration,
    /// When its answer was handed to the connection, or the connection was ended instead; on the same clock.
    pub ended_at: Option<Duration>,
    /// Whether it took effect (or was refused on its merits); false where a fault stood in its way.
    pub carried_out: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// The session that it concerned; where it brought a refresh token, known from its arrival on.
    pub session: Option<String>,
    /// Which refresh token of that session was presented: 0 is the one of the login, 1 its successor, and so on.
    pub refresh_index: Option<usize>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Not answered yet.
    Pending,
    /// Answered (a body that goes on without end counts from its start).
    Answered {
        /// The HTTP status.
        status: u16,
        /// The OAuth `error` field.
        error: Option<String>,
    },
    /// The connection was reset.
    Reset,
    /// The connection was closed without an answer, or in the middle of one.
    Closed,
    /// Left without an answer for good.
    NeverAnswered,
}

impl Call {
    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The OAuth error of the answer, if there was one.
    pub fn error(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answered { error, .. } => error.as_deref(),
            _ => None,
        }
    }
}

/// Pairs of refreshes of one session that were under way at once: two uses of one refresh token, or a use of one that
/// was about to be replaced.
pub(crate) fn overlapping(calls: &[Call]) -> Vec<(Call, Call)> {
    let uses: Vec<&Call> = calls
        .iter()
        .filter(|call| call.kind == CallKind::Refresh && call.session.is_some())
        .collect();
    let mut pairs = Vec::new();
    for (at, first) in uses.iter().enumerate() {
        let ended_before = |later: &Call| first.ended_at.is_some_and(|end| end <= later.arrived_at);
        let later = uses[at + 1..].iter().filter(|it| it.session == first.session);
        pairs.extend(
            later.filter(|it| !ended_before(it)).map(|it| ((*first).clone(), (*it).clone())),
        );
    }
    pairs
}

/// All calls, and a way to wait for them.
#[derive(Debug)]
pub(crate) struct CallLog {
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Log {
    calls: Vec<Call>,
    /// Goes on counting when the log is cleared, so that a call still under way is not taken for a later one.
    next: usize,
}

/// Names one call of the log while it is under way; it may have been cleared away meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallNumber(usize);

impl CallLog {
    pub(crate) fn new() -> Self {
        Self { log: Mutex::default(), changed: watch::Sender::new(()) }
    }

    pub(crate) fn begin(
        &self,
        kind: CallKind,
        incoming: &Incoming,
        mark: Option<Mark>,
    ) -> CallNumber {
        let presented = incoming.presented();
        let (session, refresh_index) =
            mark.map_or((None, None), |mark| (Some(mark.session), mark.refresh_index));
        let mut log = self.lock();
        let number = log.next;
        log.next += 1;
        log.calls.push(Call {
            number,
            kind,
            path: incoming.path.clone(),
            client_id: presented.client_id,
            authentication: presented.proof.name(),
            scope: incoming.parameter("scope").map(Into::into),
            audiences: incoming.audiences(),
            extra_parameters: incoming.extra_parameters(),
            arrived_at: clock::since_boot(),
            ended_at: None,
            carried_out: false,
            outcome: Outcome::Pending,
            session,
            refresh_index,
        });
        drop(log);
        self.changed.send_replace(());
        CallNumber(number)
    }

    pub(crate) fn update(&self, number: CallNumber, change: impl FnOnce(&mut Call)) {
        if let Some(call) = self.lock().calls.iter_mut().find(|call| call.number == number.0) {
            change(call);
        }
        self.changed.send_replace(());
    }

    pub(crate) fn end(&self, number: CallNumber, outcome: Outcome) {
        self.update(number, |call| {
            call.ended_at = Some(clock::since_boot());
            call.outcome = outcome;
        });
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    pub(crate) fn count(&self, kind: CallKind) -> usize {
        self.lock().calls.iter().filter(|call| call.kind == kind).count()
    }

    pub(crate) fn counts(&self) -> BTreeMap<CallKind, usize> {
        let mut counts = BTreeMap::new();
        for call in self.lock().calls.iter() {
            *counts.entry(call.kind).or_default() += 1;
        }
        counts
    }

    pub(crate) fn clear(&self) {
        self.lock().calls.clear();
    }

    /// Waits until the log meets the condition.
    pub(crate) async fn until(&self, condition: impl Fn(&[Call]) -> bool) {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            if condition(&self.lock().calls) {
                return;
            }
            // The sender lives as long as `self`: this fails never.
            let _ = changes.changed().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no one panics while holding the call log")
    }
}
