//! What goes into the heart, and what it wants done.

use crate::outcome::{Outcome, RequestKind};
use crate::record::{Aside, Record, Restored};
use crate::settings::Settings;
use crate::slot::SlotKey;
use crate::time::Boot;
use bearerd_proto::{ErrorBody, EventKind, LoginAnswer, Revocation, Secret};
use std::time::Duration;

/// Names a caller that waits, as the daemon chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WaiterId(pub u64);

/// Names a request to the IdP, as the heart chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FetchId(pub u64);

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A reader that the snapshot could not answer.
    Read {
        /// Who waits.
        waiter: WaiterId,
        /// For which scope and audience.
        slot: SlotKey,
        /// How long the token should live on.
        min_ttl: Option<Duration>,
        /// Whether that is a condition.
        strict: bool,
    },
    /// A reader was served from a session, or from a slot of it, that had gone idle.
    Woke(Reads),
    /// A resource server refused this very token.
    Reject {
        /// Who waits.
        waiter: WaiterId,
        /// The refused token.
        token: Secret,
    },
    /// A login is asked for.
    Login {
        /// Who waits for its start.
        waiter: WaiterId,
        /// Its id, if it is a new one: unguessable.
        login_id: String,
        /// Another `sub` may take over.
        replace: bool,
        /// What it is made with.
        means: Means,
        /// After how long the session is to be forgotten, where the one who asks says so.
        lifetime: Option<Duration>,
    },
    /// Somebody waits for a login's end.
    FollowLogin {
        /// Who waits.
        waiter: WaiterId,
        /// Which login.
        login_id: String,
        /// How long, at most.
        wait: Duration,
    },
    /// A login is not wanted any more.
    CancelLogin {
        /// Who waits.
        waiter: WaiterId,
        /// Which login.
        login_id: String,
    },
    /// The tokens are to be forgotten.
    Logout {
        /// Who waits.
        waiter: WaiterId,
        /// Whether the IdP is told.
        revoke: bool,
    },
    /// A caller went away; that cancels nothing.
    Gone(WaiterId),
    /// A request to the IdP ended.
    Answered {
        /// Which.
        fetch: FetchId,
        /// How.
        outcome: Outcome,
    },
    /// The store did what it was told, or could not: a sentence says why.
    Stored(Result<(), StoreFailure>),
    /// The moment of [`crate::Session::deadline`] has come.
    Timer(Reads),
    /// A file that the profile's tokens or secrets come from has changed.
    SourceChanged,
    /// The wall clock was set.
    WallStepped,
    /// The configuration was read again.
    Reload(Settings),
    /// The saved session was read again, after it had been unreadable.
    Restored(Restored),
    /// The daemon is going down: no new requests to the IdP.
    Drain,
    /// The daemon ends now: whoever waits is told.
    End,
}

/// When readers were last served from the snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Of whatever slot.
    pub last: Boot,
    /// Of each slot but the profile's own.
    pub slots: Vec<(SlotKey, Boot)>,
}

/// What a login is made with.
#[derive(Debug, Clone)]
pub enum Means {
    /// What the profile says: a person in a browser, or its own grant.
    Own,
    /// A password that the caller gives.
    Given(Given),
    /// A refresh token that the caller has already.
    Import {
        /// It.
        refresh_token: Secret,
    },
}

/// What a person gave with a login: kept in memory alone.
#[derive(Debug, Clone)]
pub struct Given {
    /// Whose password it is; absent: the profile's own user.
    pub username: Option<String>,
    /// The password.
    pub password: Secret,
}

/// Why the store could not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFailure {
    /// What happened and what mends it, for a person.
    pub message: String,
    /// What stands there can't be opened, so it was not replaced. A login that a person asked for moves it aside.
    pub unopenable: bool,
}

/// Something is to be done, in the order given.
#[derive(Debug)]
pub enum Action {
    /// Send a request to the IdP and come back with [`Event::Answered`].
    Fetch {
        /// Its name.
        fetch: FetchId,
        /// What to send.
        request: Request,
    },
    /// Change the saved session and come back with [`Event::Stored`]. Never two at once.
    Store(StoreOp),
    /// What readers see has changed: [`crate::Session::view`].
    Publish,
    /// Tell those who watch.
    Tell(EventKind, Option<String>),
    /// Answer a caller that waits.
    Answer(WaiterId, Answer),
}

/// A request to the IdP.
#[derive(Debug, Clone)]
pub enum Request {
    /// Grant `refresh_token`: spends a rotating token.
    Refresh {
        /// The token to spend.
        refresh_token: Secret,
        /// The scope and the audience to ask for.
        slot: SlotKey,
    },
    /// The profile's own means, for which nobody is needed: client credentials, a password, a file.
    Grant {
        /// The scope and the audience to ask for.
        slot: SlotKey,
        /// What a login gave.
        given: Option<Given>,
    },
    /// Token exchange (RFC 8693) of the profile's own access token.
    Exchange {
        /// That token.
        subject_token: Secret,
        /// The scope and the audience to ask for.
        slot: SlotKey,
    },
    /// Start a device login.
    DeviceStart,
    /// Poll a device login.
    DevicePoll {
        /// From the start's answer.
        device_code: Secret,
        /// What the start's challenge was made of (RFC 7636), where it had one.
        code_verifier: Option<Secret>,
    },
    /// Revoke (RFC 7009).
    Revoke {
        /// The token to revoke.
        refresh_token: Secret,
    },
}

impl Request {
    /// The row of the outcome table that it belongs to.
    pub fn kind(&self) -> RequestKind {
        match self {
            Request::Refresh { .. } => RequestKind::Refresh,
            Request::Grant { .. } => RequestKind::Grant,
            Request::Exchange { .. } => RequestKind::Exchange,
            Request::DeviceStart => RequestKind::DeviceStart,
            Request::DevicePoll { .. } => RequestKind::DevicePoll,
            Request::Revoke { .. } => RequestKind::Revoke,
        }
    }
}

/// A change of the saved session.
#[derive(Debug, Clone)]
pub enum StoreOp {
    /// Write this; what stands there is first moved aside where `aside` says so.
    Save {
        /// What to write.
        record: Box<Record>,
        /// Why what stands there must be kept under another name.
        aside: Option<Aside>,
    },
    /// Remove it.
    Forget,
}

/// What a caller gets.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The current token, as last published.
    Token {
        /// Of which scope and audience.
        slot: SlotKey,
        /// Marks it degraded whatever the snapshot says: a wish went unmet.
        degraded: bool,
    },
    /// A login, started, under way or done.
    Login(LoginAnswer),
    /// The login was cancelled.
    Cancelled,
    /// The tokens are forgotten.
    LoggedOut {
        /// What became of the refresh token.
        revocation: Revocation,
        /// Why the IdP or the disk could not be told, where it could not.
        message: Option<String>,
    },
    /// An error.
    Refused(ErrorBody),
}
