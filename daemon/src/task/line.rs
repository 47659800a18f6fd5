//! The way to a profile's task: what it is asked and told, and what it is to do.

use crate::config::Profile;
use crate::snapshot::Snapshot;
use bearerd_proto::Secret;
use bearerd_session::Answer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// What a caller asks of a profile.
#[derive(Debug)]
pub enum Ask {
    /// A token, where the snapshot had none that fits.
    Read {
        /// How long it should live on.
        min_ttl: Option<Duration>,
        /// Whether that is a condition.
        strict: bool,
    },
    /// Another token than this one.
    Reject {
        /// The refused token.
        token: Secret,
    },
    /// A login.
    Login {
        /// Another person may take the profile over.
        replace: bool,
    },
    /// A login's end.
    FollowLogin {
        /// Which login.
        login_id: String,
        /// How long to wait for it.
        wait: Duration,
    },
    /// The end of a login that is not wanted any more.
    CancelLogin {
        /// Which login.
        login_id: String,
    },
    /// Forget the tokens.
    Logout {
        /// Whether the IdP is told.
        revoke: bool,
    },
}

/// What it gets, with the snapshot that the answer speaks of.
#[derive(Debug)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// What readers see at that moment.
    pub snapshot: Option<Arc<Snapshot>>,
}

/// What a profile's task is told.
#[derive(Debug)]
pub enum Command {
    /// A caller waits.
    Ask(Ask, oneshot::Sender<Reply>),
    /// A reader was served from a session that had gone idle.
    Woke,
}

/// What the daemon wants of a profile now. A task that is busy meets the newest wish, not each one on the way to it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its configuration.
    pub profile: Arc<Profile>,
    /// Counts how often the configuration was read: each time forgives what was held against it.
    pub reading: u64,
    /// What it is to do.
    pub stage: Stage,
}

/// What a profile is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Serve, and renew.
    Serve,
    /// Start no more requests to the IdP: it has left the configuration, or the daemon goes down.
    Rest,
    /// Tell whoever waits, and end.
    End,
}

/// The way to a profile's task.
#[derive(Debug)]
pub struct Line {
    /// Callers.
    pub commands: mpsc::Sender<Command>,
    /// The daemon.
    pub wanted: watch::Sender<Wanted>,
    /// Whether it rests, and nothing of it is under way any more.
    pub resting: watch::Receiver<bool>,
}

/// The task's end of it.
#[derive(Debug)]
pub struct LineEnd {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) resting: watch::Sender<bool>,
}

/// Commands that may wait for one profile's task; more are `overloaded`.
const COMMAND_QUEUE: usize = 8192;

impl Line {
    /// A way to a task, and the end that goes to [`spawn`](super::spawn).
    pub fn new(profile: Arc<Profile>) -> (Self, LineEnd) {
        let (commands, asked) = mpsc::channel(COMMAND_QUEUE);
        let (wanted, wishes) = watch::channel(Wanted { profile, reading: 0, stage: Stage::Serve });
        let (rests, resting) = watch::channel(false);
        (
            Self { commands, wanted, resting },
            LineEnd { commands: asked, wanted: wishes, resting: rests },
        )
    }
}
