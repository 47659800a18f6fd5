//! The one module that spawns: every task has a name, is counted, and cannot die without a word.

use futures_util::FutureExt;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinHandle};

/// The daemon's tasks: spawns them, counts them, and tells when one broke. Clones speak of the same tasks.
///
/// A panic is never silent. Where the daemon cannot do without a task, its panic resolves [`Tasks::failed`], so that
/// the daemon ends and its supervisor starts it anew: going on half dead would be worse.
#[derive(Clone, Debug)]
pub struct Tasks {
    shared: Arc<Shared>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        let shared = Shared {
            live: AtomicUsize::new(0),
            idle: Notify::new(),
            failed: watch::Sender::new(None),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Runs a future to its end; [`Tasks::wait_all`] waits for it and its panic resolves [`Tasks::failed`].
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let live = self.shared.enter();
        let shared = Arc::clone(&self.shared);
        start(async move {
            let _live = live;
            if let Err(payload) = AssertUnwindSafe(future).catch_unwind().await {
                report(name, payload.as_ref());
                shared.fail(name);
            }
        });
    }

    /// As [`Tasks::spawn`], but a panic is only reported: for the tasks of one client each, such as connections, so
    /// that what breaks one of them harms no other.
    pub fn spawn_contained(
        &self,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        let live = self.shared.enter();
        start(async move {
            let _live = live;
            if let Err(payload) = AssertUnwindSafe(future).catch_unwind().await {
                report(name, payload.as_ref());
            }
        });
    }

    /// Runs a future that has to go on as long as the daemon does, as the clock's driver: [`Tasks::wait_all`] does
    /// not wait for it, and its end resolves [`Tasks::failed`] as a panic does.
    pub fn spawn_background(
        &self,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        let shared = Arc::clone(&self.shared);
        start(async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(()) => tracing::error!(task = name, "a task that the daemon needs has ended"),
                Err(payload) => report(name, payload.as_ref()),
            }
            shared.fail(name);
        });
    }

    /// Runs a closure that blocks, as a save does, on a thread of its own.
    ///
    /// It starts at once and runs to its end, whether or not its future is polled or dropped; [`Tasks::wait_all`]
    /// waits for it. Its panic is reported and comes back as an error, so the one who asked decides what follows.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Blocking<T> {
        let live = self.shared.enter();
        let handle = tokio::task::spawn_blocking(move || {
            let _live = live;
            catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
                report(name, payload.as_ref());
                TaskError::Panicked { name }
            })
        });
        Blocking { name, handle }
    }

    /// Resolves when a task that the daemon needs has panicked or ended, with that task's name; until then, never.
    ///
    /// Cancel safe: a failure is remembered, and the first one is the one that is told.
    pub async fn failed(&self) -> &'static str {
        let mut receiver = self.shared.failed.subscribe();
        match receiver.wait_for(Option::is_some).await.map(|failed| *failed) {
            Ok(Some(name)) => name,
            // The sender lives in `self`, so the channel cannot close under this call.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Waits until no counted task is left, those included that are spawned meanwhile. Cancel safe.
    pub async fn wait_all(&self) {
        loop {
            // Listening starts before the count is read, so that the last task's end cannot fall in between.
            let mut idle = std::pin::pin!(self.shared.idle.notified());
            idle.as_mut().enable();
            if self.live() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// How many counted tasks run now; those in the background are not counted.
    pub fn live(&self) -> usize {
        self.shared.live.load(Ordering::Acquire)
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

/// The result of a closure that [`Tasks::spawn_blocking`] runs.
#[derive(Debug)]
pub struct Blocking<T> {
    name: &'static str,
    handle: JoinHandle<Result<T, TaskError>>,
}

impl<T> Future for Blocking<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let name = self.name;
        Pin::new(&mut self.handle)
            .poll(context)
            .map(|joined| joined.unwrap_or_else(|source| Err(TaskError::Stopped { name, source })))
    }
}

/// Why a blocking task gave no value.
#[derive(Debug, Error)]
pub enum TaskError {
    /// A fault of ours; the log has the panic's own words.
    #[error("the task `{name}` panicked; the log says where")]
    Panicked {
        /// The task's name.
        name: &'static str,
    },
    /// The runtime went down before the closure could start.
    #[error("the task `{name}` was stopped before it began")]
    Stopped {
        /// The task's name.
        name: &'static str,
        /// What the runtime says.
        source: JoinError,
    },
}

#[derive(Debug)]
struct Shared {
    live: AtomicUsize,
    idle: Notify,
    failed: watch::Sender<Option<&'static str>>,
}

impl Shared {
    fn enter(self: &Arc<Self>) -> Live {
        self.live.fetch_add(1, Ordering::Relaxed);
        Live { shared: Arc::clone(self) }
    }

    fn fail(&self, name: &'static str) {
        self.failed.send_if_modified(|failed| {
            let first = failed.is_none();
            failed.get_or_insert(name);
            first
        });
    }
}

/// Counts one task for as long as it lives, so also where the runtime drops it unfinished.
#[derive(Debug)]
struct Live {
    shared: Arc<Shared>,
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.shared.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one place that spawns")]
fn start(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

fn report(name: &'static str, payload: &(dyn Any + Send)) {
    let message = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    tracing::error!(task = name, message, "a task panicked");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    /// Fails the test where `future` hangs: nothing here has to wait for anything slow.
    async fn soon<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(30), future).await.expect("hangs")
    }

    #[tokio::test]
    async fn wait_all_waits_for_the_last_one_and_for_blocking_work() {
        let tasks = Tasks::new();
        let (open, gate) = oneshot::channel::<()>();
        let (release, held) = std::sync::mpsc::channel::<()>();
        tasks.spawn("gated", async move {
            gate.await.unwrap();
        });
        drop(tasks.spawn_blocking("save", move || held.recv().unwrap()));
        assert_eq!(tasks.live(), 2);
        let mut all = std::pin::pin!(tasks.wait_all());
        assert!(all.as_mut().now_or_never().is_none());
        open.send(()).unwrap();
        while tasks.live() > 1 {
            tokio::task::yield_now().await;
        }
        for waits in [all.as_mut().now_or_never(), tasks.wait_all().now_or_never()] {
            assert!(waits.is_none(), "the blocking work still runs");
        }
        release.send(()).unwrap();
        soon(all).await;
        assert_eq!(tasks.live(), 0);
    }

    #[tokio::test]
    async fn a_panic_is_told_with_its_name_and_the_first_one_stays() {
        let tasks = Tasks::new();
        assert!(tasks.failed().now_or_never().is_none());
        tasks.spawn("first", async { panic!("on purpose") });
        assert_eq!(soon(tasks.failed()).await, "first");
        tasks.spawn("second", async { panic!("on purpose, {}", 2) });
        soon(tasks.wait_all()).await;
        assert_eq!(soon(tasks.failed()).await, "first");
    }

    #[tokio::test]
    async fn a_contained_panic_and_a_blocking_one_leave_the_daemon_alone() {
        let tasks = Tasks::new();
        tasks.spawn_contained("connection", async { panic!("on purpose") });
        let outcome = tasks.spawn_blocking("save", || -> u8 { panic!("on purpose") }).await;
        assert!(matches!(outcome, Err(TaskError::Panicked { name: "save" })));
        assert_eq!(tasks.spawn_blocking("save", || 7).await.unwrap(), 7);
        soon(tasks.wait_all()).await;
        assert!(tasks.failed().now_or_never().is_none());
    }

    #[tokio::test]
    async fn the_end_of_a_background_task_is_a_failure_and_wait_all_does_not_wait_for_it() {
        let tasks = Tasks::new();
        tasks.spawn_background("driver", std::future::pending());
        soon(tasks.wait_all()).await;
        assert!(tasks.failed().now_or_never().is_none());
        tasks.spawn_background("watchdog", async {});
        assert_eq!(soon(tasks.failed()).await, "watchdog");
    }

    #[test]
    fn a_task_that_the_runtime_drops_is_no_longer_counted() {
        let tasks = Tasks::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { tasks.spawn("never polled", std::future::pending()) });
        assert_eq!(tasks.live(), 1);
        drop(runtime);
        assert_eq!(tasks.live(), 0);
    }
}
