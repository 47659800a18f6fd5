//! The listening side: takes connections from Unix sockets, holds them to limits and hands whole requests to a router.
//!
//! The way of a connection reads downwards: `listener` gives the socket, `accept` takes connections from it, `peer`
//! tells whose they are, `connections` counts them, `connection` drives each, over a `stream` that keeps the deadlines.
//! What the server turns away by itself it answers with a `refusal`.

mod accept;
mod body;
mod browser;
mod connection;
mod connections;
mod deadline;
mod limits;
mod listener;
mod peer;
mod places;
mod refusal;
mod seat;
mod socket_file;
mod stream;

pub use connections::Counts;
pub use limits::{Limits, raise_descriptor_limit};
pub use listener::{ListenError, Listener, SOCKET_PATH_MAX};
pub use places::{SocketEnvironment, folder_owner, socket_candidates};

use crate::tasks::Tasks;
use axum::Router;
use connections::Connections;
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Serves requests from any number of listeners. Clones speak of the same connections.
#[derive(Clone, Debug)]
pub struct Server {
    limits: Arc<Limits>,
    tasks: Tasks,
    connections: Arc<Connections>,
    refusals: Arc<Semaphore>,
}

impl Server {
    /// A server without connections; it runs each of them as one of `tasks`.
    pub fn new(limits: Limits, tasks: Tasks) -> Self {
        let refusals = Arc::new(Semaphore::new(limits.refusals));
        Self { limits: Arc::new(limits), tasks, connections: Arc::default(), refusals }
    }

    /// Serves until `stop` turns true or its sender is gone, then drains.
    ///
    /// On stop the listeners are closed first (what waits in the backlog of a socket that systemd holds is left to the
    /// next daemon). Idle connections are closed without a byte, requests under way get their answers, and what is
    /// still not done after [`Limits::drain`] is cut. It returns when no connection is left.
    ///
    /// # Errors
    /// When a listener cannot be registered with the runtime; nothing has been served then.
    pub async fn serve(
        &self,
        listeners: Vec<Listener>,
        router: Router,
        stop: watch::Receiver<bool>,
    ) -> Result<(), ListenError> {
        // With the state given once, the router's routes are made here and not at each request.
        let router = router.with_state(());
        let open = listeners.into_iter().map(Listener::open).collect::<Result<Vec<_>, _>>()?;
        join_all(open.into_iter().map(|listener| self.accept(listener, &router, stop.clone())))
            .await;
        self.connections.finish();
        if tokio::time::timeout(self.limits.drain, self.connections.all_closed()).await.is_err() {
            tracing::warn!(
                connections = self.counts().open,
                "cutting the connections that did not end in time"
            );
            self.connections.cut();
            self.connections.all_closed().await;
        }
        Ok(())
    }

    /// Whether a request is being answered now; a stream of events is one until it ends.
    pub fn is_answering(&self) -> bool {
        self.connections.has_busy_one()
    }

    /// What the server has seen so far.
    pub fn counts(&self) -> Counts {
        self.connections.counts()
    }
}
