//! A deadline that costs nothing until somebody has to wait.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;
use tokio::time::Sleep;

/// Starts with the first wait. What needs no waiting, as nearly every request, never makes a timer.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Whether `limit` has passed since the first call; until then the task will be woken when it does.
    pub(crate) fn passed(&mut self, limit: Duration, context: &mut Context<'_>) -> bool {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        sleep.as_mut().poll(context).is_ready()
    }

    /// Takes the deadline away; the next wait starts a new one.
    pub(crate) fn lift(&mut self) {
        self.sleep = None;
    }
}
