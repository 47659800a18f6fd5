//! A history as data: what happens when.

use super::Policy;
use serde::{Deserialize, Serialize};

/// One history. Whatever it leaves to chance follows from its seed, by keys that do not depend on its other happenings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// What it once showed, for one that is kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Where its chances come from.
    pub seed: u64,
    /// The mix that it was drawn from.
    pub mix: String,
    /// The rules of its providers and its profile.
    pub policy: Policy,
    /// When the weather is calmed and the session has to find its way back, in milliseconds from the start.
    pub ends: u64,
    /// In the order of time.
    pub happenings: Vec<Scheduled>,
}

/// Something that happens at its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scheduled {
    /// Milliseconds from the start.
    pub at: u64,
    /// Names its own chances.
    pub key: u64,
    /// At that time, or at the first such moment from then on.
    #[serde(default, skip_serializing_if = "When::is_now")]
    pub when: When,
    /// What.
    pub what: Happening,
}

/// The moment that a happening waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// None: its time is enough.
    #[default]
    Now,
    /// A refresh or a poll has left the daemon.
    Sent,
    /// The provider has carried a refresh or a granted poll out, and the answer is on its way.
    Acted,
    /// The daemon has the answer, and nothing of it is on disk.
    Answered,
    /// So many steps of a save are done.
    SaveStep(u8),
    /// A save is done, and the daemon knows it.
    Saved,
}

impl When {
    /// Whether its time is enough.
    pub fn is_now(&self) -> bool {
        *self == When::Now
    }
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// A caller reads, with a wish for so many seconds.
    Read {
        /// How long the token should live on.
        min_ttl: Option<u64>,
        /// Whether that is a condition.
        strict: bool,
        /// Of which scope or audience; 0: the profile's own.
        #[serde(default, skip_serializing_if = "is_own")]
        slot: u64,
    },
    /// Callers read one after the other.
    Readers {
        /// Milliseconds from one to the next.
        every: u64,
        /// Milliseconds that they come.
        lasts: u64,
        /// Of which scope or audience; 0: the profile's own.
        #[serde(default, skip_serializing_if = "is_own")]
        slot: u64,
    },
    /// One reads the tokens of so many scopes and audiences, one after the other.
    Scopes {
        /// How many.
        count: u64,
    },
    /// So many read at once.
    Burst {
        /// How many.
        callers: u64,
    },
    /// A caller says that its token was refused.
    Reject(Which),
    /// The same of a token for another scope or audience.
    RejectOf {
        /// Of which.
        slot: u64,
        /// Which of its tokens.
        which: Which,
    },
    /// One that waits goes away.
    CallerGone,
    /// A person is to log in.
    Login {
        /// Another person may take over.
        replace: bool,
        /// What the person does.
        person: Person,
        /// Seconds after which the session is to be forgotten.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lifetime: Option<u64>,
    },
    /// Somebody logs in with a password.
    Password {
        /// It is the right one.
        right: bool,
        /// Another person may take over.
        replace: bool,
    },
    /// Somebody brings a refresh token along.
    Import {
        /// Which.
        which: Imported,
        /// It may take the place of a live session.
        replace: bool,
    },
    /// The file that the profile's tokens or its password come from is written.
    Source(Content),
    /// The provider has another password now, and nobody has told the profile.
    PasswordChanged,
    /// A caller waits for the end of the last login.
    Follow {
        /// Seconds.
        wait: u64,
    },
    /// The last login is not wanted any more.
    CancelLogin,
    /// The tokens are to be forgotten.
    Logout {
        /// And revoked.
        revoke: bool,
    },
    /// The configuration is read again.
    Reload {
        /// Which of the two providers it names.
        place: usize,
    },
    /// The way to the providers, or what they answer, changes.
    Provider {
        /// How.
        condition: Condition,
        /// Milliseconds that it lasts.
        lasts: u64,
        /// How many of a thousand requests it meets.
        share: u64,
    },
    /// An administrator ends all sessions at both providers.
    AdminLogout,
    /// The provider refuses the person meanwhile.
    UserDisabled {
        /// Milliseconds that it lasts.
        lasts: u64,
    },
    /// The disk's weather changes.
    Disk {
        /// How.
        weather: DiskWeather,
        /// Milliseconds that it lasts.
        lasts: u64,
    },
    /// The machine sleeps, its callers too.
    Suspend {
        /// Milliseconds.
        lasts: u64,
    },
    /// The daemon alone stands still (SIGSTOP, a stalled machine), and callers come all the same.
    Stall {
        /// Milliseconds.
        lasts: u64,
    },
    /// The wall clock is set.
    WallStep {
        /// By so many seconds.
        seconds: i64,
    },
    /// The daemon is killed.
    Kill {
        /// Milliseconds until it is started again.
        down: u64,
    },
    /// The daemon is told to stop.
    Terminate {
        /// Milliseconds until it is started again.
        down: u64,
    },
    /// The machine starts anew.
    Reboot {
        /// Without warning: what is not durable may be gone.
        power_lost: bool,
        /// Milliseconds until the daemon is started again.
        down: u64,
    },
}

/// Which token a caller rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The one that readers get.
    Current,
    /// One that they got before.
    Older,
    /// One that was never given out.
    Unknown,
}

/// Which refresh token somebody brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Imported {
    /// One of a login elsewhere.
    Fresh,
    /// One of another person's.
    Another,
    /// The one that the profile's session has already.
    Current,
    /// One whose session is over.
    Dead,
}

/// What is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// What the provider takes.
    Right,
    /// The same of another person, where it says whose it is.
    Another,
    /// What it refuses.
    Wrong,
    /// Half of it.
    Torn,
    /// The refresh token that it held before.
    Back,
}

fn is_own(slot: &u64) -> bool {
    *slot == 0
}

/// What the person does who sees a login's link; `after` counts in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Person {
    /// Says yes.
    Approves {
        /// How soon.
        after: u64,
        /// In the browser of the login before: the provider's session is the same.
        same_browser: bool,
    },
    /// Is another one, and says yes.
    Another {
        /// How soon.
        after: u64,
    },
    /// Says no.
    Denies {
        /// How soon.
        after: u64,
    },
    /// Does nothing.
    Ignores,
}

/// What is wrong at a provider, or on the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Connections are refused.
    Refused,
    /// Connections hang.
    ConnectHangs,
    /// No answer in 60 s.
    Silent {
        /// The request is carried out all the same.
        acts: bool,
    },
    /// The connection breaks.
    Reset {
        /// After the request was carried out.
        acts: bool,
    },
    /// 502 or 504.
    Gateway {
        /// The request is carried out all the same.
        acts: bool,
    },
    /// The request arrives so many milliseconds late: it may be given up by then.
    LateRequest(u64),
    /// The answer takes so many milliseconds.
    SlowAnswer(u64),
    /// 5xx, or 429 with the seconds of its `Retry-After`.
    Later(Option<u64>),
    /// It is carried out, and the answer can't be read.
    Garbage,
    /// `invalid_client`.
    ClientRefused,
    /// 404.
    NotFound,
    /// `invalid_scope`.
    ScopeRefused,
    /// An error that nobody knows.
    Unheard,
    /// Polls are told to slow down.
    SlowDown,
    /// It is carried out, and the answer has no access token.
    NoToken,
    /// `expires_in` of 0.
    NoLife,
    /// Tokens live so many seconds.
    Life(u64),
    /// Answers say no lifetime.
    LifeUnsaid,
    /// Each token lives another while.
    LivesChange,
    /// The refresh token comes back, whatever the policy is.
    SameRefresh,
    /// Answers have no refresh token, and the one that was used stays good.
    NoRefresh,
    /// The access token of before comes back while it is good.
    SameAccess,
    /// Its clock is so many seconds ahead.
    Skewed(i64),
}

/// How the disk behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskWeather {
    /// Syncs take seconds.
    Slow,
    /// A step takes minutes.
    Hanging,
    /// ENOSPC.
    Full,
    /// EROFS.
    ReadOnly,
    /// EACCES.
    Denied,
    /// EIO.
    Failing,
    /// So many steps of a thousand fail.
    Flaky(u16),
}
