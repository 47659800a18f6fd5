//! Ends a daemon that nobody calls any more: one that a client started is nobody's to stop.

use crate::clock::Clock;
use crate::server::Server;
use bearerd_session::time::Boot;
use std::time::Duration;

/// Looks whether somebody calls, now and then.
#[derive(Debug)]
pub struct Unused {
    server: Server,
    clock: Clock,
    /// Between two looks. Who comes and goes between them is seen all the same: what is looked at only grows.
    pause: Duration,
    /// So many looks without a caller end it.
    looks: u32,
    next_look: Boot,
    seen: u64,
    silent: u32,
}

impl Unused {
    /// Of a server that ends after `limit` without a caller; up to a quarter later.
    pub fn after(limit: Duration, server: Server, clock: Clock) -> Self {
        let pause = limit / LOOKS;
        let next_look = clock.boot() + pause;
        Self { server, clock, pause, looks: LOOKS, next_look, seen: 0, silent: 0 }
    }

    /// Resolves once, when nobody has called for so long. Cancel safe.
    pub async fn ended(&mut self) {
        while self.silent < self.looks {
            self.clock.sleep_until(self.next_look).await;
            self.next_look = self.clock.boot() + self.pause;
            let activity = self.server.counts().activity;
            let called = activity != self.seen || self.server.is_answering();
            self.seen = activity;
            self.silent = if called { 0 } else { self.silent + 1 };
            if self.silent == self.looks {
                tracing::info!(
                    "nobody has called for as long as this daemon stays without callers"
                );
                return;
            }
        }
        std::future::pending().await
    }
}

const LOOKS: u32 = 4;
