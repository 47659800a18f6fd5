//! Follows the signals from the start to the end: no disk, however long it holds up what is read, holds them up too.

use crate::clock::Clock;
use crate::config::Config;
use crate::registry::Registry;
use crate::signals::Signal;
use crate::systemd;
use crate::tasks::Tasks;
use bearerd_session::time::Boot;
use futures_util::future::BoxFuture;
use std::fmt;
use std::time::Duration;
use tokio::sync::watch;

/// A stop waits this long for requests to IdPs under way.
pub const DRAIN: Duration = Duration::from_secs(60);
/// What a disk has not given by then is told in the log; the configuration is then waited for while serving.
pub const SLOW: Duration = Duration::from_secs(5);

/// What a reading of the configuration gives: a sentence, where it can't be used.
pub type Loaded = Result<Config, String>;

/// The task of this name has ended, without which the daemon cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken(pub &'static str);

/// Waits for `work` on a disk, and says so where it is slow; `None` where the daemon is told to stop meanwhile.
pub async fn unless_stopped<T>(
    what: &'static str,
    work: impl Future<Output = T>,
    mut next_signal: impl AsyncFnMut() -> Signal,
    clock: &Clock,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let slow_at = clock.boot() + SLOW;
    let mut said = false;
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            signal = next_signal() => if signal == Signal::Stop {
                tracing::info!("stopping: told so while waiting for {what}");
                return None;
            },
            () = clock.sleep_until(slow_at), if !said => {
                said = true;
                say_slow(what);
            }
        }
    }
}

/// The readings of the configuration, one at a time, whenever it is asked for.
pub struct Readings {
    load: Box<dyn Fn() -> BoxFuture<'static, Loaded>>,
    clock: Clock,
    under_way: Option<BoxFuture<'static, Loaded>>,
    slow_at: Boot,
    said: bool,
    /// What is under way may have begun before the last change of the file.
    again: bool,
}

impl Readings {
    /// Those that `load` makes. Nothing is read yet.
    pub fn new(load: impl Fn() -> BoxFuture<'static, Loaded> + 'static, clock: Clock) -> Self {
        let slow_at = clock.boot();
        Self { load: Box::new(load), clock, under_way: None, slow_at, said: false, again: false }
    }

    /// Reads the file; where that is being done, once more after it.
    pub fn begin(&mut self) {
        self.again = self.under_way.is_some();
        if !self.again {
            self.under_way = Some((self.load)());
            self.slow_at = self.clock.boot() + SLOW;
            self.said = false;
        }
    }

    /// The first reading, which clients wait for on their connections; `None` once that takes long.
    pub async fn first(&mut self) -> Option<Loaded> {
        self.begin();
        let (clock, slow_at) = (self.clock.clone(), self.slow_at);
        tokio::select! {
            biased;
            loaded = self.next() => Some(loaded),
            () = clock.sleep_until(slow_at) => None,
        }
    }

    /// What the next reading that is under way gives; while none is, never anything. Cancel safe.
    pub async fn next(&mut self) -> Loaded {
        let Some(under_way) = &mut self.under_way else { return std::future::pending().await };
        if !self.said {
            tokio::select! {
                biased;
                loaded = &mut *under_way => return self.ended(loaded),
                () = self.clock.sleep_until(self.slow_at) => {
                    self.said = true;
                    say_slow("the configuration");
                }
            }
        }
        let loaded = under_way.await;
        self.ended(loaded)
    }

    fn ended(&mut self, loaded: Loaded) -> Loaded {
        self.under_way = None;
        if self.again {
            self.begin();
        }
        loaded
    }
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.under_way.is_some();
        f.debug_struct("Readings").field("under_way", &under_way).finish_non_exhaustive()
    }
}

/// Follows the signals: reload on SIGHUP; on SIGTERM drain, then stop. A second SIGTERM drains no longer.
///
/// # Errors
/// A task has ended that the daemon cannot do without.
pub async fn steer(
    mut next_signal: impl AsyncFnMut() -> Signal,
    mut readings: Readings,
    registry: &Registry,
    tasks: &Tasks,
    clock: &Clock,
    stop: &watch::Sender<bool>,
) -> Result<(), Broken> {
    let outcome = loop {
        tokio::select! {
            signal = next_signal() => match signal {
                Signal::Reload => {
                    systemd::reloading();
                    readings.begin();
                }
                Signal::Stop => break Ok(()),
            },
            loaded = readings.next() => take(registry, loaded),
            broken = tasks.failed() => break Err(Broken(broken)),
        }
    };
    systemd::stopping("finishing the requests under way");
    tracing::info!("stopping: no new requests to identity providers");
    tokio::select! {
        () = registry.drain() => {}
        () = clock.sleep_until(clock.boot() + DRAIN) => tracing::warn!("not all requests were answered in time"),
        () = told_again(&mut next_signal), if outcome.is_ok() => {
            tracing::warn!("told twice to stop: stopping at once");
        }
        broken = tasks.failed(), if outcome.is_ok() => tracing::error!(task = broken, "broke while stopping"),
    }
    // No connection is taken any more before those who wait are told to come again on a new one.
    stop.send_replace(true);
    registry.end();
    outcome
}

/// A reload has no meaning any more while the daemon stops.
async fn told_again(next_signal: &mut impl AsyncFnMut() -> Signal) {
    while next_signal().await != Signal::Stop {}
}

/// One line for people about what is served.
pub fn summary(registry: &Registry) -> String {
    let served = registry.served();
    let count = served.entries.len();
    match (&served.error, served.config.run_time_error()) {
        (Some(_), Some(reason)) => format!("serving {count} profile(s); {reason}"),
        (Some(error), None) => format!("configuration not taken: {error}"),
        (None, _) => format!("serving {count} profile(s)"),
    }
}

fn take(registry: &Registry, loaded: Loaded) {
    match loaded {
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

fn say_slow(what: &str) {
    tracing::warn!("still waiting for {what}: its disk does not answer");
    systemd::status(&format!("waiting for {what}: its disk does not answer"));
}
