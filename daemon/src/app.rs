//! Wires the parts; starts them in order, and stops them in order.

use crate::clock::{self, Clock};
use crate::config::{Config, ConfigError};
use crate::environment::{Environment, EnvironmentError};
use crate::fetch::HttpClients;
use crate::handlers::{self, Shared};
use crate::registry::{Parts, Registry};
use crate::server::{
    self, Limits, ListenError, Listener, Server, SocketEnvironment, folder_owner, socket_candidates,
};
use crate::signals::{Signal, Signals};
use crate::store::FileStore;
use crate::store::lock::{self, Holder, LockError, Locked, Place};
use crate::systemd::{self, Watchdog};
use crate::task::chain;
use crate::tasks::Tasks;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{broadcast, watch};

/// A stop waits this long for requests to IdPs under way; the unit allows 75 s.
const DRAIN: Duration = Duration::from_secs(60);
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
pub async fn run(places: Places, passed: Vec<Listener>) -> Result<(), AppError> {
    let mut signals =
        Signals::install().map_err(|source| AppError::System { what: "signals", source })?;
    match server::raise_descriptor_limit() {
        Ok(limit) => tracing::debug!(?limit, "descriptor limit"),
        Err(error) => tracing::warn!(%error, "failed to raise the limit on descriptors"),
    }
    let listeners =
        if passed.is_empty() { vec![Listener::bind_first(&places.sockets)?] } else { passed };
    let socket = listeners.iter().find_map(Listener::path).map(Path::to_owned).unwrap_or_default();
    let locked = lock::acquire(&places.state, &Holder::here(std::process::id(), &socket))?;
    let store = prepare_store(&locked);

    let tasks = Tasks::new();
    let system = |what| move |source| AppError::System { what, source };
    let (clock, driver) = Clock::system().map_err(system("the clock's timers"))?;
    tasks.spawn_background("clock", driver.run());
    if let Some(watchdog) = Watchdog::wanted() {
        tasks.spawn_background("watchdog", watchdog.run());
    }
    let (events, _) = broadcast::channel(EVENT_BACKLOG);
    let parts = Parts {
        clock: clock.clone(),
        store: Arc::new(store),
        fetchers: Arc::new(HttpClients::new(tasks.clone())),
        events: events.clone(),
        tasks: tasks.clone(),
        boot_id: clock::boot_id().map_err(system("the boot id"))?,
    };
    let (config, error) = first_config(&tasks, &places.config).await;
    let registry = Arc::new(Registry::new(parts, config, error));

    let (stop, stopped) = watch::channel(false);
    let started = clock.boot();
    let shared = Shared {
        registry: Arc::clone(&registry),
        clock: clock.clone(),
        events,
        started,
        stop: stopped.clone(),
    };
    let server = Server::new(Limits::default(), tasks.clone());
    let serving = server.serve(listeners, handlers::router(shared), stopped);
    tracing::info!(socket = %socket.display(), version = env!("CARGO_PKG_VERSION"), "serving");
    systemd::ready(&summary(&registry));

    let steering = steer(&mut signals, &registry, &tasks, &clock, &places.config, &stop);
    let (served, steered) = tokio::join!(serving, steering);
    served?;
    steered?;
    // What hangs in the kernel, a save on a dead disk, is left behind: it was waited for.
    if tokio::time::timeout(LAST_TASKS, tasks.wait_all()).await.is_err() {
        tracing::warn!(tasks = tasks.live(), "ending although not all is done");
    }
    drop(locked);
    Ok(())
}

/// Follows the signals: reload on SIGHUP; on SIGTERM drain, then stop.
async fn steer(
    signals: &mut Signals,
    registry: &Registry,
    tasks: &Tasks,
    clock: &Clock,
    config: &Path,
    stop: &watch::Sender<bool>,
) -> Result<(), AppError> {
    let outcome = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Reload => reload(registry, tasks, config).await,
                Signal::Stop => break Ok(()),
            },
            broken = tasks.failed() => break Err(AppError::Broken(broken)),
        }
    };
    systemd::stopping("finishing the requests under way");
    tracing::info!("stopping: no new requests to identity providers");
    tokio::select! {
        () = registry.drain() => {}
        () = clock.sleep_until(clock.boot() + DRAIN) => tracing::warn!("not all requests were answered in time"),
        _ = signals.next(), if outcome.is_ok() => tracing::warn!("told twice to stop: stopping at once"),
        broken = tasks.failed(), if outcome.is_ok() => tracing::error!(task = broken, "broke while stopping"),
    }
    // No connection is taken any more before those who wait are told to come again on a new one.
    stop.send_replace(true);
    registry.end();
    outcome
}

async fn reload(registry: &Registry, tasks: &Tasks, path: &Path) {
    systemd::reloading();
    match load_config(tasks, path).await {
        Ok(config) => {
            tracing::info!(profiles = config.profiles().len(), "configuration read again");
            registry.install(config);
        }
        Err(error) => {
            tracing::error!("the configuration is not taken, the one in force stays: {error}");
            registry.reject(error);
        }
    }
    systemd::ready(&summary(registry));
}

/// A bad configuration at the start does not end the daemon: it serves, and every request says what to mend.
async fn first_config(tasks: &Tasks, path: &Path) -> (Config, Option<String>) {
    match load_config(tasks, path).await {
        Ok(config) => (config, None),
        Err(error) => {
            tracing::error!("the configuration can't be used: {error}");
            (Config::empty(path), Some(error))
        }
    }
}

async fn load_config(tasks: &Tasks, path: &Path) -> Result<Config, String> {
    let path = path.to_owned();
    match tasks.spawn_blocking("configuration", move || Config::load(&path)).await {
        Ok(loaded) => loaded.map_err(|error: ConfigError| error.sentence()),
        Err(error) => Err(chain(&error)),
    }
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

fn summary(registry: &Registry) -> String {
    let served = registry.served();
    match &served.error {
        Some(error) => format!("configuration not taken: {error}"),
        None => format!("serving {} profile(s)", served.entries.len()),
    }
}
