//! The way to a profile's task: what it is asked, and what it is to do.

use crate::config::Profile;
use crate::snapshot::Snapshot;
use bearerd_proto::Secret;
use bearerd_session::{Answer, Means, SlotKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// What a caller asks of a profile.
#[derive(Debug)]
pub enum Ask {
    /// A token, where the snapshot had none that fits.
    Read {
        /// For which scope and audience.
        slot: SlotKey,
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
        /// What it is made with.
        means: Means,
        /// After how long its session is to be forgotten.
        lifetime: Option<Duration>,
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

/// A question, and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub ask: Ask,
    /// Who waits.
    pub sender: oneshot::Sender<Reply>,
}

/// What the daemon wants of a profile now. A task that is busy meets the newest wish, not each one on the way to it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its configuration.
    pub profile: Arc<Profile>,
    /// Counts how often the configuration was read: each time forgives what was held against it.
    pub reading: u64,
    /// Counts the wishes themselves.
    pub turn: u64,
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
    pub asks: mpsc::Sender<Asked>,
    /// Readers that were served from a session that had gone idle. However many they are, they take no room from those
    /// who ask.
    pub woken: Arc<Notify>,
    /// The daemon.
    pub wanted: watch::Sender<Wanted>,
    /// The last wish for rest that is fulfilled, by its turn: nothing of the profile is under way any more.
    pub rested: watch::Receiver<u64>,
}

/// The task's end of it.
#[derive(Debug)]
pub struct LineEnd {
    pub(super) asks: mpsc::Receiver<Asked>,
    pub(super) woken: Arc<Notify>,
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) rested: watch::Sender<u64>,
}

/// Questions that may wait for one profile's task; more are `overloaded`.
const ASK_QUEUE: usize = 8192;

impl Line {
    /// A way to a task, and the end that goes to [`spawn`](super::spawn).
    pub fn new(profile: Arc<Profile>) -> (Self, LineEnd) {
        let (asks, asked) = mpsc::channel(ASK_QUEUE);
        let woken = Arc::new(Notify::new());
        let first = Wanted { profile, reading: 0, turn: 1, stage: Stage::Serve };
        let (wanted, wishes) = watch::channel(first);
        let (rests, rested) = watch::channel(0);
        let end = LineEnd { asks: asked, woken: Arc::clone(&woken), wanted: wishes, rested: rests };
        (Self { asks, woken, wanted, rested }, end)
    }
}
