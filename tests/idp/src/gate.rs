//! Gates: requests stand still at a chosen point until the test lets them go on.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use tokio::sync::Notify;

use crate::calls::CallKind;
use crate::patience;

/// Where on its way a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before it is carried out: nothing has happened yet.
    Before,
    /// After it was carried out, before its answer: a refresh token is spent already.
    After,
}

/// Holds every request of one kind until it is released or dropped.
///
/// A request whose caller has gone away stands there all the same, and is carried out once the gate opens: an identity
/// provider does not notice either.
#[must_use = "a gate opens when it is dropped"]
pub struct Gate(Arc<Bar>);

impl Gate {
    /// Waits until `count` requests stand at this gate.
    ///
    /// # Panics
    /// Where that has not come true within 30 seconds.
    pub async fn waiting(&self, count: usize) {
        patience::within(self.reached(count), || {
            let (kind, standing) = (self.0.kind, self.standing());
            format!("{count} {kind:?} requests at the gate; {standing} stand there")
        })
        .await;
    }

    /// The same without end.
    pub(crate) async fn reached(&self, count: usize) {
        self.0.until(|position| position.standing >= count).await;
    }

    /// How many requests stand at this gate now.
    pub fn standing(&self) -> usize {
        self.0.lock().standing
    }

    /// Lets one request pass: one that stands here, or else the next to come.
    pub fn release_one(&self) {
        self.0.lock().passes += 1;
        self.0.moved.notify_waiters();
    }

    /// Opens the gate for good. Dropping it does the same.
    pub fn release(&self) {
        self.0.lock().open = true;
        self.0.moved.notify_waiters();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("kind", &self.0.kind)
            .field("when", &self.0.when)
            .field("standing", &self.standing())
            .finish()
    }
}

/// All gates that are closed now.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<Vec<Weak<Bar>>>);

impl Gates {
    pub(crate) fn close(&self, kind: CallKind, when: When) -> Gate {
        let bar = Arc::new(Bar { kind, when, position: Mutex::default(), moved: Notify::new() });
        let mut bars = self.0.lock().expect("no one panics while holding the gates");
        bars.retain(|bar| bar.strong_count() > 0);
        bars.push(Arc::downgrade(&bar));
        Gate(bar)
    }

    /// Where a request passes: stands at every gate that is closed to its kind, one after the other.
    pub(crate) async fn pass(&self, kind: CallKind, when: When) {
        let bars: Vec<_> = {
            let bars = self.0.lock().expect("no one panics while holding the gates");
            bars.iter().filter_map(Weak::upgrade).collect()
        };
        for bar in bars.into_iter().filter(|bar| bar.kind == kind && bar.when == when) {
            bar.pass().await;
        }
    }
}

#[derive(Debug)]
struct Bar {
    kind: CallKind,
    when: When,
    position: Mutex<Position>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Position {
    standing: usize,
    passes: usize,
    open: bool,
}

impl Bar {
    async fn pass(&self) {
        self.lock().standing += 1;
        self.moved.notify_waiters();
        self.until(|position| {
            let passes = position.open || position.passes > 0;
            if passes {
                position.passes = position.passes.saturating_sub(1);
                position.standing -= 1;
            }
            passes
        })
        .await;
        self.moved.notify_waiters();
    }

    async fn until(&self, mut condition: impl FnMut(&mut Position) -> bool) {
        loop {
            // Made before the look: `notify_waiters` reaches every future that exists.
            let moved = self.moved.notified();
            if condition(&mut self.lock()) {
                return;
            }
            moved.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Position> {
        self.position.lock().expect("no one panics while holding a gate")
    }
}
