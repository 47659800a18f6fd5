//! The one writer of a profile: gives its session what happens, does what it says, decides nothing.

mod line;
mod loading;
mod random;
mod saved;
mod settings;
mod waiters;

pub(crate) use bearerd_saved::chain;
pub use line::{Ask, Asked, Line, LineEnd, Reply, Stage, Wanted};
pub use random::profile_of_login;

use crate::config::Profile;
use crate::fetch::TokenFetcher;
use crate::registry::{Entry, Parts};
use crate::snapshot::Snapshot;
use crate::watch::Watch;
use bearerd_proto::{Event as Told, EventKind};
use bearerd_session::time::{Boot, Now};
use bearerd_session::{
    Action, Cause, Event, Failure, FetchId, Kind, Outcome, Own, Reads, Request, Restored, Session,
    StoreFailure, StoreOp,
};
use loading::Loading;
use random::{jitter, login_id};
use saved::{Saver, load, not_read_yet};
use settings::{is_constant, settings_of};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use waiters::Waiters;

/// Starts the task of a profile.
pub fn spawn(parts: Parts, entry: Arc<Entry>, mut line: LineEnd) {
    let tasks = parts.tasks.clone();
    tasks.spawn("profile", async move {
        if let Some(mut task) = ProfileTask::begin(parts, entry, &mut line).await {
            task.run(line).await;
        }
    });
}

/// Requests, saves and loads under way: the heart wants one of each at a time, and a few that nobody waits for.
const DONE_QUEUE: usize = 64;
/// How long callers wait for the saved session to be read, so that the first one has an answer within its patience.
const LOAD_PATIENCE: Duration = Duration::from_secs(10);

struct ProfileTask {
    parts: Parts,
    entry: Arc<Entry>,
    session: Session,
    fetcher: Result<Arc<dyn TokenFetcher>, String>,
    waiters: Waiters,
    saver: Arc<Saver>,
    loading: Loading,
    /// The files that its tokens and secrets come from.
    sources: Option<Watch>,
    /// What the daemon wanted last.
    wanted: Wanted,
    /// Which reading of the configuration is in force: while the profile rests, an older one than is wanted.
    reading: u64,
    done: mpsc::Sender<Event>,
    finished: mpsc::Receiver<Event>,
}

impl ProfileTask {
    /// Reads the saved session. Where that takes long, or the profile's tokens are constants, it goes on without until
    /// it is there. `None` where the task is to end before.
    async fn begin(parts: Parts, entry: Arc<Entry>, line: &mut LineEnd) -> Option<Self> {
        let (done, mut finished) = mpsc::channel(DONE_QUEUE);
        let began = parts.clock.boot();
        load(&parts, entry.name(), done.clone());
        let (restored, under_way, wanted) = loop {
            let wanted = line.wanted.borrow_and_update().clone();
            match wanted.stage {
                Stage::Serve => {}
                Stage::Rest => drop(line.rested.send_replace(wanted.turn)),
                Stage::End => return None,
            }
            let patience =
                if is_constant(&wanted.profile) { Duration::ZERO } else { LOAD_PATIENCE };
            tokio::select! {
                biased;
                changed = line.wanted.changed() => changed.ok()?,
                Some(Event::Restored(restored)) = finished.recv() => {
                    break (restored, false, wanted);
                }
                () = parts.clock.sleep_until(began + patience) => {
                    break (not_read_yet(), true, wanted);
                }
            }
        };
        let fetcher = fetcher_of(&wanted.profile, &parts);
        let settings = settings_of(&wanted.profile, parts.pauses);
        let loading = Loading::new(under_way, &restored);
        // Constants never wait for the disk, and miss nothing.
        if !is_constant(&wanted.profile) {
            log_unreadable(&entry, &restored);
        }
        let now = parts.clock.now();
        let session = Session::new(settings, parts.boot_id.clone(), restored, now, jitter());
        let saver = Arc::new(Saver::new(Arc::clone(&parts.store), entry.name().clone()));
        let sources = watch(&wanted.profile, &parts, &done);
        Some(Self {
            parts,
            entry,
            session,
            fetcher,
            waiters: Waiters::new(),
            saver,
            loading,
            sources,
            reading: wanted.reading,
            wanted,
            done,
            finished,
        })
    }

    async fn run(&mut self, mut line: LineEnd) {
        match self.wanted.stage {
            Stage::Rest => self.handle(Event::Drain),
            _ => {
                let now = self.parts.clock.now();
                let first = self.session.begin(now);
                self.act(first, now);
            }
        }
        let clock = self.parts.clock.clone();
        let mut steps = clock.steps();
        loop {
            let deadline = self.session.deadline(clock.now());
            let load_due = self.load_due(clock.boot());
            let until = async |moment: Option<Boot>| match moment {
                Some(moment) => clock.sleep_until(moment).await,
                None => std::future::pending().await,
            };
            // Whoever asks is answered by what is wanted and known by then, so that comes first and the question last.
            tokio::select! {
                biased;
                changed = line.wanted.changed() => {
                    let wanted = line.wanted.borrow_and_update().clone();
                    if changed.is_err() || wanted.stage == Stage::End {
                        return self.finish(line).await;
                    }
                    self.meet(wanted);
                }
                Some(finished) = self.finished.recv() => match finished {
                    Event::Restored(restored) => self.loaded(restored),
                    event => self.handle(event),
                },
                () = until(deadline) => self.look_at_the_clock(),
                () = until(load_due) => {
                    self.loading.came_due();
                    self.load();
                }
                () = steps.next() => {
                    // After a suspend both come at once, and what is due has to hear of its readers first.
                    self.look_at_the_clock();
                    self.handle(Event::WallStepped);
                }
                () = line.woken.notified() => {
                    let reads = self.reads();
                    self.handle(Event::Woke(reads));
                }
                Some(asked) = line.asks.recv() => self.admit(asked),
            }
            if self.wanted.stage == Stage::Rest && self.session.is_drained() {
                let turn = self.wanted.turn;
                line.rested.send_if_modified(|rested| std::mem::replace(rested, turn) != turn);
            }
        }
    }

    /// Nobody is served any more; what is under way may still be answered and saved, as long as the process lives.
    async fn finish(&mut self, mut line: LineEnd) {
        self.handle(Event::End);
        line.asks.close();
        while line.asks.try_recv().is_ok() {}
        while !self.session.is_drained() {
            match self.finished.recv().await {
                Some(Event::Restored(_)) => {}
                Some(event) => self.handle(event),
                None => return,
            }
        }
    }

    /// Does what the daemon wants now.
    fn meet(&mut self, wanted: Wanted) {
        self.wanted = wanted;
        if self.wanted.stage == Stage::Rest {
            // A configuration read on the way here waits until the profile serves again: it would start requests.
            return self.handle(Event::Drain);
        }
        if self.wanted.reading != self.reading {
            self.reading = self.wanted.reading;
            self.fetcher = fetcher_of(&self.wanted.profile, &self.parts);
            self.sources = watch(&self.wanted.profile, &self.parts, &self.done);
            let settings = settings_of(&self.wanted.profile, self.parts.pauses);
            self.handle(Event::Reload(settings));
            // A saved session that could not be opened may have been mended.
            if self.session.is_unreadable() {
                self.load();
            }
        }
    }

    fn load(&mut self) {
        if self.loading.begin() {
            load(&self.parts, self.entry.name(), self.done.clone());
        }
    }

    fn loaded(&mut self, restored: Restored) {
        if self.loading.ended(&restored) {
            log_unreadable(&self.entry, &restored);
            self.handle(Event::Restored(restored));
        }
        if self.loading.take_again() && self.session.is_unreadable() {
            self.load();
        }
    }

    /// When a saved session that can't be opened is read again by itself. Constants need none.
    fn load_due(&mut self, now: Boot) -> Option<Boot> {
        let wanted = self.session.is_unreadable()
            && self.wanted.stage == Stage::Serve
            && !is_constant(&self.wanted.profile);
        self.loading.due(wanted, now)
    }

    fn look_at_the_clock(&mut self) {
        let reads = self.reads();
        self.handle(Event::Timer(reads));
    }

    fn reads(&self) -> Reads {
        let slots = self.entry.snapshot.load().as_ref().map(|snapshot| snapshot.slot_reads());
        Reads { last: self.entry.last_read(), slots: slots.unwrap_or_default() }
    }

    fn handle(&mut self, event: Event) {
        let now = self.parts.clock.now();
        let actions = self.session.handle(event, now, jitter());
        self.act(actions, now);
    }

    /// Gives a caller a number, and its question to the session.
    fn admit(&mut self, Asked { ask, sender }: Asked) {
        for gone in self.waiters.gone() {
            self.handle(Event::Gone(gone));
        }
        let waiter = self.waiters.add(sender);
        let event = match ask {
            Ask::Read { slot, min_ttl, strict } => Event::Read { waiter, slot, min_ttl, strict },
            Ask::Reject { token } => Event::Reject { waiter, token },
            Ask::Login { replace, means, lifetime } => {
                let login_id = login_id(self.entry.name());
                Event::Login { waiter, login_id, replace, means, lifetime }
            }
            Ask::FollowLogin { login_id, wait } => Event::FollowLogin { waiter, login_id, wait },
            Ask::CancelLogin { login_id } => Event::CancelLogin { waiter, login_id },
            Ask::Logout { revoke } => Event::Logout { waiter, revoke },
        };
        self.handle(event);
    }

    fn act(&mut self, actions: Vec<Action>, now: Now) {
        for action in actions {
            match action {
                Action::Fetch { fetch, request } => self.fetch(fetch, request),
                Action::Store(op) => self.store(op, now),
                Action::Publish => {
                    let before = self.entry.snapshot.load_full();
                    let name = self.entry.name();
                    let snapshot = Snapshot::of(&self.session, name, before.as_deref(), now);
                    self.entry.snapshot.store(Some(Arc::new(snapshot)));
                }
                Action::Tell(kind, message) => self.tell(kind, message, now),
                Action::Answer(waiter, answer) => {
                    let snapshot = self.entry.snapshot.load_full();
                    self.waiters.answer(waiter, Reply { answer, snapshot });
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
        let saver = Arc::clone(&self.saver);
        let tasks = self.parts.tasks.clone();
        let done = self.done.clone();
        let work = tasks.spawn_blocking("save", move || saver.perform(op, now));
        tasks.spawn("saved", async move {
            let result = match work.await {
                Ok(result) => result.map_err(StoreFailure::from),
                Err(error) => Err(StoreFailure { message: chain(&error), unopenable: false }),
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
}

/// The log is where a person is sent who finds a profile without its session.
fn log_unreadable(entry: &Entry, restored: &Restored) {
    if let Restored::Unreadable(reason) = restored {
        tracing::warn!(profile = %entry.name(), "the saved session can't be opened: {reason}");
    }
}

fn watch(profile: &Profile, parts: &Parts, done: &mpsc::Sender<Event>) -> Option<Watch> {
    let paths: Vec<_> = profile.sources().into_iter().map(Path::to_owned).collect();
    // Reading a file twice harms nothing; a password is not sent twice.
    let is_file = matches!(profile.session_kind(), Kind::Own(Own::TokenFile | Own::GrantFile));
    let start = |paths| {
        let (tasks, clock) = (&parts.tasks, &parts.clock);
        Watch::start(paths, is_file, tasks, clock, done.clone(), || Event::SourceChanged)
    };
    (!paths.is_empty()).then_some(paths).map(start)
}

fn fetcher_of(profile: &Profile, parts: &Parts) -> Result<Arc<dyn TokenFetcher>, String> {
    parts.fetchers.fetcher_for(profile).map_err(|error| chain(&error))
}
