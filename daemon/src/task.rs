//! The one writer of a profile: gives its session what happens, does what it says, decides nothing.

use crate::config::{Auth, Profile};
use crate::fetch::{self, TokenFetcher};
use crate::registry::{Entry, Parts};
use crate::snapshot::Snapshot;
use crate::store::{Aside as StoreAside, Store, StoreError};
use bearerd_proto::{Event as Told, EventKind, ProfileName, Secret};
use bearerd_session::time::Now;
use bearerd_session::{
    Action, Answer, Aside, Cause, Constant, Event, Failure, FetchId, Jitter, Kind, Outcome, Record,
    Request, Restored, Session, Settings, StoreOp, WaiterId,
};
use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

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
    /// The configuration was read again.
    Reload(Arc<Profile>),
    /// The profile has left the configuration: no more requests to its IdP.
    Rest,
    /// No more requests to the IdP; the sender hears when those under way are answered and saved.
    Drain(oneshot::Sender<()>),
    /// Tell whoever waits, and end.
    End,
}

/// Starts the task of a profile.
pub fn spawn(parts: Parts, entry: Arc<Entry>, commands: mpsc::Receiver<Command>) {
    let tasks = parts.tasks.clone();
    tasks.spawn("profile", async move {
        let profile = entry.profile.load_full();
        let restored = load(&parts, &profile).await;
        let mut task = ProfileTask::new(parts, entry, &profile, restored);
        task.run(commands).await;
    });
}

/// Requests and saves under way: the heart wants one of each at a time, and a few that nobody waits for.
const DONE_QUEUE: usize = 64;
/// Waiters are looked through for callers that have gone when there are twice as many as the last time, and more.
const PURGE_FROM: usize = 256;

struct ProfileTask {
    parts: Parts,
    entry: Arc<Entry>,
    session: Session,
    fetcher: Result<Arc<dyn TokenFetcher>, String>,
    waiters: HashMap<WaiterId, oneshot::Sender<Reply>>,
    next_waiter: u64,
    purge_at: usize,
    drained: Option<oneshot::Sender<()>>,
    done: mpsc::Sender<Event>,
    finished: mpsc::Receiver<Event>,
}

impl ProfileTask {
    fn new(parts: Parts, entry: Arc<Entry>, profile: &Profile, restored: Restored) -> Self {
        let (done, finished) = mpsc::channel(DONE_QUEUE);
        let fetcher = fetcher_of(profile, &parts);
        let now = parts.clock.now();
        let session =
            Session::new(settings_of(profile), parts.boot_id.clone(), restored, now, jitter());
        Self {
            parts,
            entry,
            session,
            fetcher,
            waiters: HashMap::new(),
            next_waiter: 0,
            purge_at: PURGE_FROM,
            drained: None,
            done,
            finished,
        }
    }

    async fn run(&mut self, mut commands: mpsc::Receiver<Command>) {
        let now = self.parts.clock.now();
        let first = self.session.begin(now);
        self.act(first, now);
        let clock = self.parts.clock.clone();
        let mut steps = clock.steps();
        loop {
            let deadline = self.session.deadline(clock.now());
            let timer = async {
                match deadline {
                    Some(deadline) => clock.sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                Some(finished) = self.finished.recv() => finished,
                command = commands.recv() => match command {
                    Some(Command::Ask(ask, sender)) => self.admit(ask, sender),
                    Some(Command::Woke) => Event::Woke,
                    Some(Command::Reload(profile)) => {
                        self.look_again(&profile).await;
                        self.fetcher = fetcher_of(&profile, &self.parts);
                        Event::Reload(settings_of(&profile))
                    }
                    Some(Command::Rest) => Event::Drain,
                    Some(Command::Drain(sender)) => {
                        self.drained = Some(sender);
                        Event::Drain
                    }
                    Some(Command::End) | None => {
                        self.handle(Event::End);
                        return;
                    }
                },
                () = timer => Event::Timer { last_read: self.entry.last_read() },
                () = steps.next() => Event::WallStepped,
            };
            self.handle(event);
            if self.session.is_drained()
                && let Some(drained) = self.drained.take()
            {
                let _app_is_gone = drained.send(());
            }
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.parts.clock.now();
        let actions = self.session.handle(event, now, jitter());
        self.act(actions, now);
    }

    /// Gives a caller a name, and its question to the session.
    fn admit(&mut self, ask: Ask, sender: oneshot::Sender<Reply>) -> Event {
        self.purge_gone();
        let waiter = WaiterId(self.next_waiter);
        self.next_waiter += 1;
        self.waiters.insert(waiter, sender);
        match ask {
            Ask::Read { min_ttl, strict } => Event::Read { waiter, min_ttl, strict },
            Ask::Reject { token } => Event::Reject { waiter, token },
            Ask::Login { replace } => {
                Event::Login { waiter, login_id: login_id(self.entry.name()), replace }
            }
            Ask::FollowLogin { login_id, wait } => Event::FollowLogin { waiter, login_id, wait },
            Ask::CancelLogin { login_id } => Event::CancelLogin { waiter, login_id },
            Ask::Logout { revoke } => Event::Logout { waiter, revoke },
        }
    }

    /// Callers that went away cancel nothing, but many of them should not be remembered.
    fn purge_gone(&mut self) {
        if self.waiters.len() < self.purge_at {
            return;
        }
        let gone: Vec<_> = self
            .waiters
            .iter()
            .filter(|(_, sender)| sender.is_closed())
            .map(|(waiter, _)| *waiter)
            .collect();
        for waiter in gone {
            self.waiters.remove(&waiter);
            self.handle(Event::Gone(waiter));
        }
        self.purge_at = PURGE_FROM.max(2 * self.waiters.len());
    }

    fn act(&mut self, actions: Vec<Action>, now: Now) {
        for action in actions {
            match action {
                Action::Fetch { fetch, request } => self.fetch(fetch, request),
                Action::Store(op) => self.store(op, now),
                Action::Publish => {
                    let snapshot = Snapshot::of(&self.session, self.entry.name(), now);
                    self.entry.snapshot.store(Some(Arc::new(snapshot)));
                }
                Action::Tell(kind, message) => self.tell(kind, message, now),
                Action::Answer(waiter, answer) => {
                    if let Some(sender) = self.waiters.remove(&waiter) {
                        let snapshot = self.entry.snapshot.load_full();
                        let _caller_is_gone = sender.send(Reply { answer, snapshot });
                    }
                }
            }
        }
    }

    fn fetch(&self, fetch: FetchId, request: Request) {
        let fetcher = self.fetcher.clone();
        let done = self.done.clone();
        self.parts.tasks.spawn("fetch", async move {
            let outcome = match fetcher {
                Ok(fetcher) => fetcher.fetch(request).await,
                Err(message) => Outcome::Failed(Failure {
                    cause: Cause::WrongPlace,
                    message,
                    retry_after: None,
                }),
            };
            let _task_has_ended = done.send(Event::Answered { fetch, outcome }).await;
        });
    }

    fn store(&self, op: StoreOp, now: Now) {
        let store = Arc::clone(&self.parts.store);
        let profile = self.entry.name().clone();
        let tasks = self.parts.tasks.clone();
        let done = self.done.clone();
        let work = tasks.spawn_blocking("save", move || perform(store.as_ref(), &profile, op, now));
        tasks.spawn("saved", async move {
            let result = match work.await {
                Ok(result) => result.map_err(|error| chain(&error)),
                Err(error) => Err(chain(&error)),
            };
            let _task_has_ended = done.send(Event::Stored(result)).await;
        });
    }

    fn tell(&self, kind: EventKind, message: Option<String>, now: Now) {
        let profile = self.entry.name().clone();
        let reason = message.as_deref().unwrap_or_default();
        match kind {
            EventKind::Degraded | EventKind::NotSaved | EventKind::LoginRequired => {
                tracing::warn!(%profile, event = kind.as_str(), "{reason}");
            }
            _ => tracing::info!(%profile, event = kind.as_str(), "{reason}"),
        }
        let told = Told { kind, profile, at: now.wall.as_secs(), message };
        let _nobody_watches = self.parts.events.send(told);
    }

    /// A saved session that could not be opened may have been mended: it is read again on reload.
    async fn look_again(&mut self, profile: &Profile) {
        if self.session.is_unreadable() {
            let restored = load(&self.parts, profile).await;
            self.handle(Event::Restored(restored));
        }
    }
}

async fn load(parts: &Parts, profile: &Profile) -> Restored {
    if matches!(profile.auth(), Auth::None | Auth::TestAuth) {
        return Restored::Nothing;
    }
    let store = Arc::clone(&parts.store);
    let name = profile.name().clone();
    match parts.tasks.spawn_blocking("load", move || store.load(&name)).await {
        Ok(Ok(None)) => Restored::Nothing,
        Ok(Ok(Some(saved))) => match serde_json::from_slice::<Record>(saved.expose()) {
            Ok(record) => Restored::Session(Box::new(record)),
            Err(error) => {
                let place = (error.line(), error.column());
                Restored::Unreadable(format!(
                    "what is inside its seal is not a session of this version (at {}:{}); log in again, which moves \
                     it aside",
                    place.0, place.1
                ))
            }
        },
        Ok(Err(error)) => Restored::Unreadable(chain(&error)),
        Err(error) => Restored::Unreadable(chain(&error)),
    }
}

fn perform(
    store: &dyn Store,
    profile: &ProfileName,
    op: StoreOp,
    now: Now,
) -> Result<(), StoreError> {
    match op {
        StoreOp::Forget => store.forget(profile),
        StoreOp::Save { record, aside } => {
            let aside = aside.map(|aside| match aside {
                Aside::Unreadable => StoreAside::Unreadable,
                Aside::Parked => StoreAside::Parked,
            });
            if let Some(aside) = aside {
                let seconds = u64::try_from(now.wall.as_secs()).unwrap_or(0);
                store.set_aside(profile, aside, seconds)?;
            }
            // A record is made of strings and numbers: writing it cannot fail.
            let bytes = Zeroizing::new(serde_json::to_vec(&record).unwrap_or_default());
            store.save(profile, &bytes)
        }
    }
}

fn fetcher_of(profile: &Profile, parts: &Parts) -> Result<Arc<dyn TokenFetcher>, String> {
    fetch::fetcher_for(profile, &parts.clients).map_err(|error| chain(&error))
}

fn settings_of(profile: &Profile) -> Settings {
    let (kind, reuse_window) = match profile.auth() {
        Auth::None => (Kind::Constant(no_auth()), None),
        Auth::TestAuth => (Kind::Constant(test_auth()), None),
        Auth::Sso(sso) => (Kind::Device, sso.reuse_window()),
    };
    Settings { profile: profile.name().clone(), binding: profile.binding(), kind, reuse_window }
}

/// As `wallaroo.auth`'s `NoAuth`.
fn no_auth() -> Constant {
    Constant { token: None, user_id: None, user_email: Some("default@ex.co".to_owned()) }
}

/// As `wallaroo.auth`'s `test_auth`.
fn test_auth() -> Constant {
    Constant {
        token: Some(Secret::new("definitely_a_bearer_token_str")),
        user_id: Some("99cace15-e0d4-4bb6-bf14-35efee181b90".to_owned()),
        user_email: Some("jane@ex.co".to_owned()),
    }
}

/// `RANDOM-PROFILE`: unguessable, and it says whose login it is.
fn login_id(profile: &ProfileName) -> String {
    let mut id = String::with_capacity(33 + profile.as_str().len());
    for byte in random::<16>() {
        let _never_fails = write!(id, "{byte:02x}");
    }
    let _never_fails = write!(id, "-{profile}");
    id
}

/// The profile that a login's id names.
pub fn profile_of_login(login_id: &str) -> Option<ProfileName> {
    login_id.split_once('-')?.1.parse().ok()
}

fn jitter() -> Jitter {
    Jitter(u16::from_le_bytes(random::<2>()))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    // The kernel's source cannot fail once the machine has booted; a constant jitter would do no harm, and a login's
    // id protects nothing that the socket does not.
    let _never_fails = getrandom::fill(&mut bytes);
    bytes
}

/// An error and all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _never_fails = write!(line, ": {error}");
        cause = error.source();
    }
    line
}
