//! The HTTP clients: one for each distinct set of trusted certificates and proxy, built when first needed.

use super::source::Sources;
use crate::clock::Clock;
use crate::config::open_regular;
use crate::tasks::{TaskError, Tasks};
use reqwest::{Certificate, Client, Proxy, redirect, retry};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Mutex as Turn;
use url::Url;

/// Makes the HTTP clients, and lets profiles that reach their IdP the same way share one.
///
/// Where a profile has no `proxy`, the usual variables of the environment count (`HTTPS_PROXY`, `ALL_PROXY`,
/// `HTTP_PROXY`, but for the hosts in `NO_PROXY`); the HTTP library reads them when it builds a client.
#[derive(Debug)]
pub struct HttpClients {
    tasks: Tasks,
    clock: Clock,
    timeouts: Timeouts,
    sources: Sources,
    shared: Mutex<BTreeMap<Route, Weak<SharedClient>>>,
    readings: Readings,
}

/// Counts how often the configuration was read: what was fetched under another count is to be fetched again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readings(Arc<AtomicU64>);

/// How long a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// DNS, connect, TLS.
    pub connect: Duration,
    /// A request that spends something, from its start to the last byte: an answer that is given up is lost.
    pub spending: Duration,
    /// A request that spends nothing.
    pub sparing: Duration,
}

/// How an IdP is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// Certificates to trust besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// What stands in between.
    pub(crate) via: Via,
}

/// What stands between this machine and an IdP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Via {
    /// Nothing, whatever the environment says.
    Nothing,
    /// The environment's proxy, if it has one for this host.
    Environment,
    /// The profile's proxy.
    Proxy(Url),
}

/// The client of one route.
#[derive(Debug)]
pub(crate) struct SharedClient {
    tasks: Tasks,
    timeouts: Timeouts,
    route: Route,
    built: Mutex<Built>,
}

#[derive(Debug, Default)]
struct Built {
    client: Option<Client>,
    /// Counts how often it was forgotten: what was begun before that is not kept.
    forgotten: u64,
    /// Whose turn it is to build it: a disk that hangs holds one thread, however often it is asked, until it is forgotten.
    turn: Arc<Turn<()>>,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    #[error("failed to read `ca_file` `{}`", path.display())]
    ReadCa { path: PathBuf, source: io::Error },
    #[error("`ca_file` `{}` holds no certificate that can be read", path.display())]
    NoCertificate { path: PathBuf },
    #[error("failed to load the trusted certificates of the system and of `ca_file`")]
    Build(#[source] reqwest::Error),
    #[error("failed to load the trusted certificates")]
    Task(#[from] TaskError),
}

impl HttpClients {
    /// With the daemon's own timeouts. No client is built before the first request; the files that it needs are read
    /// on a thread of `tasks`.
    pub fn new(tasks: Tasks, clock: Clock) -> Self {
        Self::with_timeouts(tasks, clock, Timeouts::default())
    }

    /// With other timeouts: tests are not as patient.
    pub fn with_timeouts(tasks: Tasks, clock: Clock, timeouts: Timeouts) -> Self {
        // Fails where one is installed already, and then that one is used.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let sources = Sources::new(tasks.clone(), timeouts.connect);
        let (shared, readings) = (Mutex::default(), Readings::default());
        Self { tasks, clock, timeouts, sources, shared, readings }
    }

    /// The clock of the assertions, and of what says until when it holds.
    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// What reads the files of the profiles.
    pub(crate) fn sources(&self) -> Sources {
        self.sources.clone()
    }

    /// The count of the readings of the configuration.
    pub(crate) fn readings(&self) -> Readings {
        self.readings.clone()
    }

    /// The client for `route`.
    pub(crate) fn client(&self, route: Route) -> Arc<SharedClient> {
        let mut shared = lock(&self.shared);
        if let Some(client) = shared.get(&route).and_then(Weak::upgrade) {
            return client;
        }
        shared.retain(|_, client| client.strong_count() > 0);
        let client = Arc::new(SharedClient {
            tasks: self.tasks.clone(),
            timeouts: self.timeouts,
            route: route.clone(),
            built: Mutex::default(),
        });
        shared.insert(route, Arc::downgrade(&client));
        client
    }

    /// Forgets every client and every discovery document, so that the next requests read certificates and documents
    /// anew. Those under way go on.
    pub(super) fn forget_built(&self) {
        self.readings.0.fetch_add(1, Ordering::AcqRel);
        self.sources.begin_anew();
        for client in lock(&self.shared).values().filter_map(Weak::upgrade) {
            client.forget();
        }
    }
}

impl Readings {
    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl SharedClient {
    /// How long its requests may take.
    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// What its requests go through.
    #[cfg(test)]
    pub(crate) fn via(&self) -> &Via {
        &self.route.via
    }

    /// The configured proxy's host.
    pub(crate) fn proxy_host(&self) -> Option<&str> {
        match &self.route.via {
            Via::Proxy(proxy) => proxy.host_str(),
            Via::Nothing | Via::Environment => None,
        }
    }

    /// The client, built if it is not yet.
    pub(crate) async fn ready(&self) -> Result<Client, ClientError> {
        let turn = {
            let built = lock(&self.built);
            if let Some(client) = &built.client {
                return Ok(client.clone());
            }
            Arc::clone(&built.turn)
        };
        let turn = turn.lock_owned().await;
        let forgotten = {
            let built = lock(&self.built);
            if let Some(client) = &built.client {
                return Ok(client.clone());
            }
            built.forgotten
        };
        let (route, timeouts) = (self.route.clone(), self.timeouts);
        let building = move || {
            // Until the thread is through, whoever waits for it.
            let _turn = turn;
            build(&route, timeouts)
        };
        let client = self.tasks.spawn_blocking("tls-roots", building).await??;
        let mut built = lock(&self.built);
        if built.forgotten == forgotten {
            built.client = Some(client.clone());
        }
        Ok(client)
    }

    /// Forgets the client, so that the next request reads the trusted certificates anew: they may have been mended.
    pub(crate) fn forget(&self) {
        let mut built = lock(&self.built);
        built.client = None;
        built.forgotten += 1;
        built.turn = Arc::default();
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            spending: Duration::from_secs(60),
            sparing: Duration::from_secs(10),
        }
    }
}

fn build(route: &Route, timeouts: Timeouts) -> Result<Client, ClientError> {
    let mut builder = Client::builder()
        .user_agent(concat!("bearerd/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(redirect::Policy::none())
        .referer(false)
        // Without this, the library sends again by itself what it takes for unsent.
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(timeouts.connect)
        .tcp_keepalive(KEEPALIVE)
        .tcp_keepalive_interval(KEEPALIVE)
        .tcp_keepalive_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(DEAD_PEER);
    if let Some(path) = &route.ca_file {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    let builder = match &route.via {
        Via::Nothing => builder.no_proxy(),
        Via::Environment => builder,
        Via::Proxy(proxy) => builder.proxy(Proxy::all(proxy.clone()).map_err(ClientError::Build)?),
    };
    builder.build().map_err(ClientError::Build)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let mut pem = Vec::new();
    open_regular(path)
        .and_then(|file| file.take(CA_FILE_MAX).read_to_end(&mut pem))
        .map_err(|source| ClientError::ReadCa { path: path.to_owned(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ClientError::NoCertificate { path: path.to_owned() }),
    }
}

/// What is under the lock is whole at every moment, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A peer that acknowledges nothing for so long is dead.
const DEAD_PEER: Duration = Duration::from_secs(15);
/// Two unanswered probes after the first silence come to [`DEAD_PEER`].
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 2;
/// Bytes; Debian's whole bundle has under 300 KB.
const CA_FILE_MAX: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_client_that_was_begun_before_it_was_forgotten_is_not_kept() {
        let clients = HttpClients::new(Tasks::new(), TestClock::default().clock());
        let client = clients.client(Route { ca_file: None, via: Via::Nothing });
        let mut building = Box::pin(client.ready());
        // The build has begun on its thread, and holds the certificates of this moment.
        let begun = (&mut building).now_or_never();
        clients.forget_built();
        if begun.is_none() {
            building.await.unwrap();
        }
        assert!(lock(&client.built).client.is_none());
        client.ready().await.unwrap();
        assert!(lock(&client.built).client.is_some());
    }

    #[tokio::test]
    async fn while_one_is_being_built_no_other_thread_begins() {
        let clients = HttpClients::new(Tasks::new(), TestClock::default().clock());
        let client = clients.client(Route { ca_file: None, via: Via::Nothing });
        let turn = Arc::clone(&lock(&client.built).turn);
        let _hung = turn.lock_owned().await;
        assert!(client.ready().now_or_never().is_none());
        assert_eq!(clients.tasks.live(), 0);
        // A reload tries anew: the disk may be another one by now.
        clients.forget_built();
        client.ready().await.unwrap();
    }
}
