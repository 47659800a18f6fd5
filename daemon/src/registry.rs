//! Profile name → what serves it. Readers look here without a lock; a reload swaps the whole.

mod served;

pub use served::Served;

use crate::clock::Clock;
use crate::config::{Config, Profile, RunTimeProfiles};
use crate::fetch::Fetchers;
use crate::snapshot::Snapshot;
use crate::store::{ProfilesFile, Store};
use crate::task::{self, Ask, Asked, Line, Reply, Stage, Wanted};
use crate::tasks::Tasks;
use arc_swap::{ArcSwap, ArcSwapOption};
use bearerd_proto::{ErrorBody, ErrorCode, Event, ProfileName};
use bearerd_session::Pauses;
use bearerd_session::time::Boot;
use futures_util::future::join_all;
use served::SinceStart;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};

/// One profile: the last snapshot for readers, and the way to its task for whatever that cannot answer.
#[derive(Debug)]
pub struct Entry {
    name: ProfileName,
    /// Its configuration as it is in force.
    pub profile: ArcSwap<Profile>,
    /// What readers see; absent until the saved session was read.
    pub snapshot: ArcSwapOption<Snapshot>,
    last_read: AtomicU64,
    line: Line,
}

impl Entry {
    /// Its name.
    pub fn name(&self) -> &ProfileName {
        &self.name
    }

    /// A reader was served. Written once a second at most, so that readers do not fight for the cache line.
    pub fn note_read(&self, now: Boot) {
        let last = Boot::from_millis(self.last_read.load(Ordering::Relaxed));
        if now.since(last) >= Duration::from_secs(1) {
            self.last_read.store(now.as_millis(), Ordering::Relaxed);
        }
    }

    /// When a reader was last served.
    pub fn last_read(&self) -> Boot {
        Boot::from_millis(self.last_read.load(Ordering::Relaxed))
    }

    /// Wakes the task of a session that has gone idle.
    pub fn wake(&self) {
        self.line.woken.notify_one();
    }

    /// Asks the task, and waits for its answer.
    ///
    /// # Errors
    /// `overloaded` where its queue is full, `shutting-down` where it has ended.
    pub async fn ask(&self, ask: Ask) -> Result<Reply, ErrorBody> {
        let (sender, receiver) = oneshot::channel();
        self.line.asks.try_send(Asked { ask, sender }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                let message =
                    format!("profile `{}` has too many callers waiting: try again", self.name);
                let body = ErrorBody::new(ErrorCode::Overloaded, message).of(&self.name);
                ErrorBody { retry_after: Some(1), ..body }
            }
            mpsc::error::TrySendError::Closed(_) => self.shutting_down(),
        })?;
        receiver.await.map_err(|_ended| self.shutting_down())
    }

    fn shutting_down(&self) -> ErrorBody {
        let message = "bearerd is going down: try again on a new connection";
        let body = ErrorBody::new(ErrorCode::ShuttingDown, message).of(&self.name);
        ErrorBody { retry_after: Some(1), ..body }
    }

    /// Puts a configuration in force, read again.
    fn reload(&self, profile: &Arc<Profile>) {
        self.profile.store(Arc::clone(profile));
        self.wish(|wanted| {
            wanted.profile = Arc::clone(profile);
            wanted.reading += 1;
            wanted.stage = Stage::Serve;
        });
    }

    fn want(&self, stage: Stage) {
        self.wish(|wanted| wanted.stage = stage);
    }

    fn wish(&self, wish: impl FnOnce(&mut Wanted)) {
        self.line.wanted.send_modify(|wanted| {
            wanted.turn += 1;
            wish(wanted);
        });
    }

    /// Tells it to rest, and waits until nothing of it is under way.
    async fn rest(&self) {
        self.want(Stage::Rest);
        let turn = self.line.wanted.borrow().turn;
        let mut rested = self.line.rested.clone();
        let _or_its_task_has_ended = rested.wait_for(|rested| *rested >= turn).await;
    }
}

/// What tasks of profiles are made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The time.
    pub clock: Clock,
    /// Where sessions are saved.
    pub store: Arc<dyn Store>,
    /// The ways to the IdPs.
    pub fetchers: Arc<dyn Fetchers>,
    /// Who watches.
    pub events: broadcast::Sender<Event>,
    /// Where tasks run.
    pub tasks: Tasks,
    /// Which boot of the machine this is.
    pub boot_id: String,
    /// How long sessions pause between attempts.
    pub pauses: Pauses,
    /// Where profiles made at run time stand.
    pub profiles_file: Arc<ProfilesFile>,
}

/// All profiles, as they are in force.
#[derive(Debug)]
pub struct Registry {
    parts: Parts,
    served: ArcSwap<Served>,
    /// Entries whose profile has left the configuration: they come back with their task if it does.
    retired: Mutex<BTreeMap<ProfileName, Arc<Entry>>>,
}

impl Registry {
    /// A registry in which nothing is configured, and every request is answered with `error` if there is one.
    pub fn new(parts: Parts, config: Config, error: Option<String>) -> Self {
        let path = config.path().to_owned();
        match error {
            Some(error) => Self::without(parts, &path, error, SinceStart::Bad),
            None => {
                let registry = Self::unread(parts, &path);
                registry.install(config);
                registry
            }
        }
    }

    /// A registry whose configuration is still being read: every request is told so until it is there.
    pub fn unread(parts: Parts, path: &Path) -> Self {
        let error = format!("`{}` is still being read: its disk does not answer", path.display());
        Self::without(parts, path, error, SinceStart::Unread)
    }

    fn without(parts: Parts, path: &Path, error: String, since_start: SinceStart) -> Self {
        let served = Served {
            config: Arc::new(Config::empty(path)),
            entries: BTreeMap::new(),
            error: Some(error),
            since_start,
        };
        Self { parts, served: ArcSwap::from_pointee(served), retired: Mutex::default() }
    }

    /// What is in force now.
    pub fn served(&self) -> arc_swap::Guard<Arc<Served>> {
        self.served.load()
    }

    /// The entry that a request means.
    ///
    /// # Errors
    /// `unknown-profile`, `bad-request` where none is named and several are there, `misconfigured` where the
    /// configuration has not been good since the start.
    pub fn entry(&self, name: Option<&ProfileName>) -> Result<Arc<Entry>, ErrorBody> {
        self.served.load().entry(name)
    }

    /// The entry of the one profile of this issuer, which is `name` where one is named.
    ///
    /// # Errors
    /// `unknown-profile` where there is none, `bad-request` where there are several or the named one is of another,
    /// `misconfigured` as [`Registry::entry`].
    pub fn entry_of_issuer(
        &self,
        issuer: &str,
        name: Option<&ProfileName>,
    ) -> Result<Arc<Entry>, ErrorBody> {
        let served = self.served.load();
        served.usable()?;
        served.entry(Some(served.config.profile_of_issuer(issuer, name)?.name()))
    }

    /// A configuration that can't be used: the one in force stays, and `status` says why.
    pub fn reject(&self, error: String) {
        let served = self.served.load();
        self.served.store(Arc::new(Served {
            config: Arc::clone(&served.config),
            entries: served.entries.clone(),
            error: Some(error),
            since_start: match served.since_start {
                SinceStart::Good => SinceStart::Good,
                SinceStart::Unread | SinceStart::Bad => SinceStart::Bad,
            },
        }));
    }

    /// Puts a configuration in force: new profiles start, those that left rest, all others are told.
    pub fn install(&self, config: Config) {
        self.parts.fetchers.read_again();
        let mut retired = self.retired();
        let before = self.served.load_full();
        let config = self.with_run_time(config, &before.config);
        let mut entries = BTreeMap::new();
        for (name, profile) in config.profiles() {
            let known = before.entries.get(name).cloned().or_else(|| retired.remove(name));
            let entry = match known {
                Some(entry) => {
                    entry.reload(profile);
                    entry
                }
                None => self.start(profile),
            };
            entries.insert(name.clone(), entry);
        }
        for (name, entry) in &before.entries {
            if !entries.contains_key(name) {
                entry.want(Stage::Rest);
                retired.insert(name.clone(), Arc::clone(entry));
            }
        }
        self.served.store(Arc::new(Served {
            error: config.run_time_error().map(str::to_owned),
            config: Arc::new(config),
            entries,
            since_start: SinceStart::Good,
        }));
    }

    /// The profiles made at run time that a configuration comes with, but for those in force where they were changed
    /// since that was read, or where it could not be.
    fn with_run_time(&self, config: Config, before: &Config) -> Config {
        let writes = self.parts.profiles_file.writes();
        if config.run_time_writes() != writes {
            return config.joined(before.run_time(), writes);
        }
        match config.run_time_error().map(str::to_owned) {
            Some(reason) => config.joined(before.run_time(), writes).with_run_time_error(reason),
            None => config,
        }
    }

    /// Puts the profiles made at run time in force, of which `name` alone is another than before, or gone. Gives what
    /// is in force now, and the entry of one that is gone: it is to be logged out, and then to [`Registry::rest`].
    pub fn change(
        &self,
        name: &ProfileName,
        made: &RunTimeProfiles,
    ) -> (Arc<Config>, Option<Arc<Entry>>) {
        let mut retired = self.retired();
        let before = self.served.load_full();
        let config = Arc::new(before.config.joined(made, self.parts.profiles_file.writes()));
        let mut entries = before.entries.clone();
        let mut removed = None;
        match config.profiles().get(name) {
            Some(profile) => {
                let known = entries.remove(name).or_else(|| retired.remove(name));
                let entry = match known {
                    Some(entry) => {
                        if before.config.profiles().get(name) != Some(profile) {
                            entry.reload(profile);
                        }
                        entry
                    }
                    None => self.start(profile),
                };
                entries.insert(name.clone(), entry);
            }
            None => {
                removed = entries.remove(name);
                retired.extend(removed.iter().map(|entry| (name.clone(), Arc::clone(entry))));
            }
        }
        self.served.store(Arc::new(Served {
            config: Arc::clone(&config),
            entries,
            error: before.error.clone(),
            since_start: before.since_start,
        }));
        (config, removed)
    }

    /// A profile that is gone starts no request any more, unless it has come back.
    pub fn rest(&self, name: &ProfileName) {
        if let Some(entry) = self.retired().get(name) {
            entry.want(Stage::Rest);
        }
    }

    /// No profile starts a request to its IdP any more; returns when those under way are answered and saved.
    pub async fn drain(&self) {
        let all = self.all();
        join_all(all.iter().map(|entry| entry.rest())).await;
    }

    /// Ends all tasks; whoever waits is told `shutting-down`.
    pub fn end(&self) {
        for entry in self.all() {
            entry.want(Stage::End);
        }
    }

    fn start(&self, profile: &Arc<Profile>) -> Arc<Entry> {
        let (line, end) = Line::new(Arc::clone(profile));
        let entry = Arc::new(Entry {
            name: profile.name().clone(),
            profile: ArcSwap::from(Arc::clone(profile)),
            snapshot: ArcSwapOption::empty(),
            last_read: AtomicU64::new(self.parts.clock.boot().as_millis()),
            line,
        });
        task::spawn(self.parts.clone(), Arc::clone(&entry), end);
        entry
    }

    /// Every profile whose session this daemon holds, those included that have left the configuration.
    ///
    /// # Errors
    /// `misconfigured` where the configuration has not been good since the start: nothing is known of any session.
    pub fn everyone(&self) -> Result<Vec<Arc<Entry>>, ErrorBody> {
        self.served.load().usable()?;
        Ok(self.all())
    }

    fn all(&self) -> Vec<Arc<Entry>> {
        self.served.load().entries.values().chain(self.retired().values()).cloned().collect()
    }

    fn retired(&self) -> MutexGuard<'_, BTreeMap<ProfileName, Arc<Entry>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
