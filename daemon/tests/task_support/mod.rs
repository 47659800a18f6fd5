//! Profiles, their tasks and the routes without a socket: a scripted IdP, a scripted disk, a clock that the test moves.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

mod disk;
mod idp;
mod wire;

pub(crate) use disk::{Disk, Op};
pub(crate) use idp::Call;
use idp::{Idp, Idps};

use axum::Router;
use bearerd::changes::Changes;
use bearerd::clock::TestClock;
use bearerd::config::Config;
use bearerd::handlers::{self, Shared};
use bearerd::registry::{Entry, Parts, Registry};
use bearerd::store::ProfilesFile;
use bearerd::tasks::Tasks;
use bearerd_proto::Event;
use bearerd_session::Pauses;
use bearerd_session::time::Boot;
use futures_util::FutureExt;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{broadcast, watch};

/// Which boot of the machine the tests play in.
pub(crate) const BOOT_ID: &str = "boot-of-the-test";

/// What a saved session's access token has left when a test starts: its renewal is due after about half of that.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// The daemon but for its sockets and signals.
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) disk: Disk,
    pub(crate) registry: Arc<Registry>,
    pub(crate) tasks: Tasks,
    pub(crate) events: broadcast::Receiver<Event>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) idps: Arc<Idps>,
    /// Goes with the world: the file of the profiles made at run time stands in it.
    pub(crate) folder: TempDir,
    pub(crate) profiles_file: Arc<ProfilesFile>,
    router: Router,
}

impl World {
    /// These profiles, each with a saved session, its saved session read.
    pub(crate) async fn logged_in(names: &[&str]) -> Self {
        let world = Self::new(&sso(names));
        settle().await;
        world
    }

    /// The profiles of `config`, each with a saved session that is yet to be read.
    pub(crate) fn new(config: &str) -> Self {
        Self::on(config, |_| {})
    }

    /// The same, on a disk that `prepare` has had in its hands.
    pub(crate) fn on(config: &str, prepare: impl FnOnce(&Disk)) -> Self {
        let now = TestClock::default().clock().now();
        let disk = Disk::with_sessions_of(&parsed(config), now, LIFETIME);
        prepare(&disk);
        Self::over(config, disk)
    }

    /// The profiles of `config` over what stands on `disk` already.
    pub(crate) fn over(config: &str, disk: Disk) -> Self {
        Self::with(disk, |parts| Registry::new(parts, parsed(config), None))
    }

    /// No profile yet, as the configuration is still being read.
    pub(crate) fn unread() -> Self {
        let path = Path::new("/nowhere/config.toml");
        Self::with(Disk::default(), |parts| Registry::unread(parts, path))
    }

    fn with(disk: Disk, registry: impl FnOnce(Parts) -> Registry) -> Self {
        let clock = TestClock::default();
        let tasks = Tasks::new();
        let idps = Arc::new(Idps::default());
        let (told, events) = broadcast::channel(1024);
        let folder = tempfile::tempdir().unwrap();
        let profiles_file = Arc::new(ProfilesFile::new(folder.path().join("state")));
        let parts = Parts {
            clock: clock.clock(),
            store: Arc::new(disk.clone()),
            fetchers: idps.clone(),
            events: told.clone(),
            tasks: tasks.clone(),
            boot_id: BOOT_ID.to_owned(),
            pauses: Pauses::default(),
            profiles_file: Arc::clone(&profiles_file),
        };
        let registry = Arc::new(registry(parts));
        let (stop, stopped) = watch::channel(false);
        let shared = Shared {
            registry: Arc::clone(&registry),
            changes: Changes::start(
                Arc::clone(&registry),
                Arc::clone(&profiles_file),
                &tasks,
                clock.clock(),
            ),
            clock: clock.clock(),
            events: told,
            started: clock.clock().boot(),
            stop: stopped,
        };
        let router = handlers::router(shared);
        Self { clock, disk, registry, tasks, events, stop, idps, folder, profiles_file, router }
    }

    pub(crate) fn idp(&self, name: &str) -> Arc<Idp> {
        self.idps.of(&name.parse().unwrap())
    }

    pub(crate) fn entry(&self, name: &str) -> Arc<Entry> {
        self.registry.entry(Some(&name.parse().unwrap())).unwrap()
    }

    /// What the boot-time clock shows.
    pub(crate) fn boot(&self) -> Boot {
        self.clock.clock().boot()
    }

    /// As SIGHUP with this text in the file.
    pub(crate) fn reload(&self, config: &str) {
        self.registry.install(parsed(config));
    }

    /// The same, with what stands in the file of the profiles made at run time.
    pub(crate) fn reload_both(&self, config: &str) {
        self.registry.install(self.profiles_file.join(&parsed(config)));
    }

    /// Whether the profile's task has published anything.
    pub(crate) fn is_published(&self, name: &str) -> bool {
        self.entry(name).snapshot.load().is_some()
    }

    /// The kinds of events since the last call, oldest first, as on the wire.
    pub(crate) fn told(&mut self) -> Vec<&'static str> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .map(|event| event.kind.as_str())
            .collect()
    }
}

/// The configuration of profiles that a person logs in to.
pub(crate) fn sso(names: &[&str]) -> String {
    names.iter().map(|name| sso_as(name, "sdk-client")).collect()
}

/// One of them, with a client of its own.
pub(crate) fn sso_as(name: &str, client_id: &str) -> String {
    format!(
        "[profile.{name}]\nauth_type = 'sso'\nkeycloak_addr = 'https://idp.test'\nclient_id = '{client_id}'\n"
    )
}

pub(crate) fn parsed(config: &str) -> Config {
    Config::parse(config, Path::new("/nowhere/config.toml")).unwrap()
}

/// Returns when nothing is left to do: a paused clock goes on by itself only when every task waits and no closure
/// blocks, so this sleep is no pause but that very moment. With a call held at the disk's gate it would never come:
/// use [`until`] there.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Lets the other tasks run until `condition` holds, without the clock moving.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let holds = std::future::poll_fn(|_| match condition() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    });
    at_this_moment(what, holds).await;
}

/// Lets the other tasks run until `future` comes, and fails the test where that needs the clock to move.
pub(crate) async fn at_this_moment<T>(what: &str, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..MANY_TURNS {
        if let Some(output) = future.as_mut().now_or_never() {
            return output;
        }
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
    panic!("it does not come: {what}");
}

/// Fails the test where `future` does not come in an hour of the paused clock.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(3600), future).await {
        Ok(output) => output,
        Err(_) => panic!("it does not come: {what}"),
    }
}

/// Far more than any step needs, and seconds of real time at most.
const MANY_TURNS: usize = 3_000_000;
