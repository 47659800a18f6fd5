//! The one writer of a profile: gives its session what happens, does what it says, decides nothing.

mod line;
mod random;
mod saved;
mod settings;

pub use line::{Ask, Command, Line, LineEnd, Reply, Stage, Wanted};
pub use random::profile_of_login;

use crate::config::Profile;
use crate::fetch::TokenFetcher;
use crate::registry::{Entry, Parts};
use crate::snapshot::Snapshot;
use bearerd_proto::{Event as Told, EventKind};
use bearerd_session::time::Now;
use bearerd_session::{
    Action, Cause, Event, Failure, FetchId, Outcome, Request, Restored, Session, StoreOp, WaiterId,
};
use random::{jitter, login_id};
use saved::{load, perform};
use settings::settings_of;
use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Starts the task of a profile.
pub fn spawn(parts: Parts, entry: Arc<Entry>, mut line: LineEnd) {
    let tasks = parts.tasks.clone();
    tasks.spawn("profile", async move {
        let wanted = line.wanted.borrow_and_update().clone();
        let restored = load(&parts, &wanted.profile).await;
        let mut task = ProfileTask::new(parts, entry, &wanted, restored);
        if wanted.stage != Stage::Serve {
            line.wanted.mark_changed();
        }
        task.run(line).await;
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
    reading: u64,
    stage: Stage,
    done: mpsc::Sender<Event>,
    finished: mpsc::Receiver<Event>,
}

impl ProfileTask {
    fn new(parts: Parts, entry: Arc<Entry>, wanted: &Wanted, restored: Restored) -> Self {
        let (done, finished) = mpsc::channel(DONE_QUEUE);
        let profile = &wanted.profile;
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
            reading: wanted.reading,
            stage: Stage::Serve,
            done,
            finished,
        }
    }

    async fn run(&mut self, mut line: LineEnd) {
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
                Some(command) = line.commands.recv() => match command {
                    Command::Ask(ask, sender) => self.admit(ask, sender),
                    Command::Woke => Event::Woke,
                },
                changed = line.wanted.changed() => {
                    let wanted = line.wanted.borrow_and_update().clone();
                    if changed.is_err() || wanted.stage == Stage::End {
                        self.handle(Event::End);
                        return;
                    }
                    self.meet(wanted).await;
                    line.resting.send_replace(self.rests());
                    continue;
                }
                () = timer => Event::Timer { last_read: self.entry.last_read() },
                () = steps.next() => Event::WallStepped,
            };
            self.handle(event);
            let rests = self.rests();
            line.resting.send_if_modified(|resting| std::mem::replace(resting, rests) != rests);
        }
    }

    /// Does what the daemon wants now.
    async fn meet(&mut self, wanted: Wanted) {
        if wanted.reading != self.reading {
            self.reading = wanted.reading;
            self.look_again(&wanted.profile).await;
            self.fetcher = fetcher_of(&wanted.profile, &self.parts);
            self.handle(Event::Reload(settings_of(&wanted.profile)));
        }
        self.stage = wanted.stage;
        if self.stage == Stage::Rest {
            self.handle(Event::Drain);
        }
    }

    fn rests(&self) -> bool {
        self.stage == Stage::Rest && self.session.is_drained()
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

fn fetcher_of(profile: &Profile, parts: &Parts) -> Result<Arc<dyn TokenFetcher>, String> {
    parts.fetchers.fetcher_for(profile).map_err(|error| chain(&error))
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
