//! Wires the parts; starts them in order, and stops them in order.

use crate::changes::Changes;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::environment::{Environment, EnvironmentError, TestPauses};
use crate::fetch::{HttpClients, Timeouts};
use crate::handlers::{self, Shared};
use crate::registry::{Parts, Registry};
use crate::server::{
    self, Limits, ListenError, Listener, Server, SocketEnvironment, folder_owner, socket_candidates,
};
use crate::signals::{Signal, Signals};
use crate::steering::{Broken, Loaded, Readings, steer, summary, unless_stopped};
use crate::store::lock::{self, Holder, LockError, Locked, Place};
use crate::store::{FileStore, ProfilesFile};
use crate::systemd::{self, Watchdog};
use crate::task::chain;
use crate::tasks::{TaskError, Tasks};
use crate::unused::Unused;
use bearerd_session::Pauses;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{broadcast, watch};

/// What is answered when no new request is taken any more has this long to reach its reader.
const LAST_ANSWERS: Duration = Duration::from_secs(7);
/// What is left when the last connection is closed, a last save above all, has this long.
const LAST_TASKS: Duration = Duration::from_secs(5);
/// Events that a slow watcher may be behind before it loses the oldest.
const EVENT_BACKLOG: usize = 256;

/// Why the daemon cannot start, or had to end.
#[derive(Debug, Error)]
pub enum AppError {
    /// The environment does not say where things are.
    #[error("failed to find the daemon's places")]
    Environment(#[from] EnvironmentError),
    /// Another daemon is there, or systemd holds the socket for one.
    #[error(
        "`{}` is served already, by another bearerd or by systemd for one: use that one, or end it first; a second one \
         beside it needs a socket and a state folder of its own (`bearerd --socket PATH --state FOLDER`; this one's \
         state is `{}`)",
        socket.display(),
        state.display()
    )]
    SecondDaemon {
        /// The socket that answers.
        socket: PathBuf,
        /// The state folder, which that daemon most likely has as well.
        state: PathBuf,
    },
    /// There is no socket to listen on.
    #[error("failed to open the socket")]
    Listen(#[from] ListenError),
    /// Another daemon has the state folder.
    #[error("failed to take the state folder")]
    Lock(#[from] LockError),
    /// The kernel gives no timer, signal handler or boot id.
    #[error("failed to set up {what}")]
    System {
        /// What was being set up.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A fault of ours, while the state folder was being taken.
    #[error("failed to take the state folder")]
    State(#[from] TaskError),
    /// A task that the daemon cannot do without has ended.
    #[error("the task `{0}` broke; the log says how, and the supervisor starts the daemon anew")]
    Broken(&'static str),
}

/// The daemon's places, found once.
#[derive(Debug, Clone)]
pub struct Places {
    /// The configuration file.
    pub config: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// Where the socket may be, best first.
    pub sockets: Vec<PathBuf>,
}

impl Places {
    /// What the environment says.
    ///
    /// # Errors
    /// It does not say where a file belongs.
    pub fn find(environment: &Environment) -> Result<Self, EnvironmentError> {
        let state = environment.state_folder()?;
        let sockets = SocketEnvironment {
            bearerd_socket: environment.socket.clone(),
            xdg_runtime_dir: environment.runtime_dir.clone(),
        };
        let uid = rustix::process::geteuid().as_raw();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let sockets = socket_candidates(&sockets, uid, &host, &state, folder_owner);
        Ok(Self { config: environment.config_file()?, state, sockets })
    }
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// [`AppError`]; a bad configuration or an unwritable state is none: the daemon starts degraded rather than not at all.
pub async fn run(
    places: Places,
    passed: Vec<Listener>,
    pauses: Option<TestPauses>,
    idle_timeout: Option<Duration>,
) -> Result<(), AppError> {
    let mut signals =
        Signals::install().map_err(|source| AppError::System { what: "signals", source })?;
    match server::raise_descriptor_limit() {
        Ok(limit) => tracing::debug!(?limit, "descriptor limit"),
        Err(error) => tracing::warn!(%error, "failed to raise the limit on descriptors"),
    }
    let listeners = if passed.is_empty() { vec![bind(&places)?] } else { passed };
    let socket = listeners.iter().find_map(Listener::path).map(Path::to_owned).unwrap_or_default();
    let tasks = Tasks::new();
    let system = |what| move |source| AppError::System { what, source };
    let (clock, driver) = Clock::system().map_err(system("the clock's timers"))?;
    tasks.spawn_background("clock", driver.run());
    if let Some(watchdog) = Watchdog::wanted() {
        tasks.spawn_background("watchdog", watchdog.run());
    }
    // Nothing is served before the state folder is this daemon's; its disk may take its time.
    let holder = Holder::here(std::process::id(), &socket);
    let taking = tasks.spawn_blocking("state", move || take_state(&places.state, &holder));
    let next = async || signals.next().await;
    let Some(taken) = unless_stopped("the state folder", taking, next, &clock).await else {
        return Ok(());
    };
    let (locked, store) = taken??;
    let (events, _) = broadcast::channel(EVENT_BACKLOG);
    let timeouts = Timeouts::default();
    let timeouts =
        pauses.map_or(timeouts, |pauses| Timeouts { spending: pauses.fetch, ..timeouts });
    let profiles_file = Arc::new(ProfilesFile::new(store.folder()));
    let parts = Parts {
        clock: clock.clone(),
        store: Arc::new(store),
        fetchers: Arc::new(HttpClients::with_timeouts(tasks.clone(), clock.clone(), timeouts)),
        events: events.clone(),
        tasks: tasks.clone(),
        boot_id: clock::boot_id().map_err(system("the boot id"))?,
        pauses: pauses.map_or(Pauses::DEFAULT, |pauses| pauses.session),
        profiles_file: Arc::clone(&profiles_file),
    };
    let mut readings =
        Readings::new(load_config(&tasks, &places.config, &profiles_file), clock.clone());
    let mut changed = false;
    let next = async || {
        let signal = signals.next().await;
        changed |= signal == Signal::Reload;
        signal
    };
    let first = unless_stopped("the configuration", readings.first(), next, &clock).await;
    let Some(first) = first else { return Ok(()) };
    if changed {
        readings.begin();
    }
    let registry = Arc::new(first_registry(parts, first, &places.config));

    let (stop, stopped) = watch::channel(false);
    let started = clock.boot();
    let shared = Shared {
        registry: Arc::clone(&registry),
        changes: Changes::start(Arc::clone(&registry), profiles_file, &tasks, clock.clone()),
        clock: clock.clone(),
        events,
        started,
        stop: stopped.clone(),
    };
    let limits = Limits { drain: LAST_ANSWERS, ..Limits::default() };
    let server = Server::new(limits, tasks.clone());
    let serving = server.serve(listeners, handlers::router(shared), stopped);
    tracing::info!(socket = %socket.display(), version = env!("CARGO_PKG_VERSION"), "serving");
    systemd::ready(&summary(&registry));

    let mut unused = idle_timeout.map(|limit| Unused::after(limit, server.clone(), clock.clone()));
    let next = async || {
        tokio::select! {
            signal = signals.next() => signal,
            () = ended(&mut unused) => Signal::Stop,
        }
    };
    let steering = steer(next, readings, &registry, &tasks, &clock, &stop);
    let (served, steered) = tokio::join!(serving, steering);
    served?;
    steered.map_err(|Broken(task)| AppError::Broken(task))?;
    // What hangs in the kernel, a save on a dead disk, is left behind: it was waited for.
    if tokio::time::timeout(LAST_TASKS, tasks.wait_all()).await.is_err() {
        tracing::warn!(tasks = tasks.live(), "ending although not all is done");
    }
    drop(locked);
    Ok(())
}

/// When nobody calls any more; never, where that does not end it.
async fn ended(unused: &mut Option<Unused>) {
    match unused {
        Some(unused) => unused.ended().await,
        None => std::future::pending().await,
    }
}

fn bind(places: &Places) -> Result<Listener, AppError> {
    Listener::bind_first(&places.sockets).map_err(|error| match error {
        ListenError::AlreadyServed { path: socket } => {
            AppError::SecondDaemon { socket, state: places.state.clone() }
        }
        error => error.into(),
    })
}

/// A bad configuration at the start does not end the daemon: it serves, and every request says what to mend.
fn first_registry(parts: Parts, first: Option<Loaded>, path: &Path) -> Registry {
    match first {
        Some(Ok(config)) => Registry::new(parts, config, None),
        Some(Err(error)) => {
            tracing::error!("the configuration can't be used: {error}");
            Registry::new(parts, Config::empty(path), Some(error))
        }
        None => Registry::unread(parts, path),
    }
}

/// Reads the configuration, and the profiles made at run time with it.
fn load_config(
    tasks: &Tasks,
    path: &Path,
    profiles_file: &Arc<ProfilesFile>,
) -> impl Fn() -> BoxFuture<'static, Loaded> + use<> {
    let (tasks, path, profiles_file) = (tasks.clone(), path.to_owned(), Arc::clone(profiles_file));
    move || {
        let (path, profiles_file) = (path.clone(), Arc::clone(&profiles_file));
        let loading = tasks.spawn_blocking("configuration", move || {
            Config::load(&path).map(|config| profiles_file.join(&config))
        });
        loading
            .map(|loaded| match loaded {
                Ok(loaded) => loaded.map_err(|error| error.sentence()),
                Err(error) => Err(chain(&error)),
            })
            .boxed()
    }
}

fn take_state(folder: &Path, holder: &Holder) -> Result<(Locked, FileStore), LockError> {
    let locked = lock::acquire(folder, holder)?;
    let store = prepare_store(&locked);
    Ok((locked, store))
}

fn prepare_store(locked: &Locked) -> FileStore {
    if let Place::HostFolder { other } = locked.place() {
        tracing::warn!(
            other_host = %other.host,
            folder = %locked.folder().display(),
            "the state folder belongs to a daemon of another host: this one has a folder and logins of its own"
        );
    }
    if let Some(trouble) = locked.trouble() {
        tracing::warn!(%trouble, "the state folder can't be locked: a second daemon would not notice this one");
    }
    let store = FileStore::new(locked.folder());
    if let Err(error) = store.prepare() {
        tracing::warn!("sessions can't be saved now: {}", chain(&error));
    }
    store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_stop_ends_before_the_unit_kills() {
        let unit = include_str!("../../systemd/bearerd.service");
        let allowed = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
        let allowed = Duration::from_secs(allowed.parse().unwrap());
        let longest = crate::steering::DRAIN + LAST_ANSWERS + LAST_TASKS;
        assert!(longest + Duration::from_secs(2) < allowed, "{longest:?} of {allowed:?}");
    }
}
