//! Takes connections from a listener, and sends away at the door whom the server does not serve.

use super::Server;
use super::connection::drive;
use super::limits::Limits;
use super::listener::OpenListener;
use super::peer::is_own_user;
use super::refusal::Refusal;
use axum::Router;
use rustix::net::SendFlags;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

impl Server {
    /// Accepts until the stop; the listener is closed when this returns.
    pub(super) async fn accept(
        &self,
        listener: OpenListener,
        router: &Router,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut pause = PAUSE_LEAST;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(stream) => {
                    pause = PAUSE_LEAST;
                    self.take_in(stream, router, &stop);
                }
                // The client changed its mind while it waited.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if pause == PAUSE_LEAST {
                        tracing::warn!(%error, "failed to accept a connection; closing an idle one and going on");
                    }
                    tokio::select! {
                        () = stopped(&mut stop) => return,
                        () = self.make_room(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MOST);
                }
            }
        }
    }

    fn take_in(&self, stream: UnixStream, router: &Router, stop: &watch::Receiver<bool>) {
        let refusal = match is_own_user(&stream) {
            Ok(true) => match self.connections.admit(self.limits.connections) {
                Some(admitted) => {
                    let connection =
                        drive(stream, admitted, router.clone(), Arc::clone(&self.limits));
                    self.tasks.spawn_contained("connection", connection);
                    return;
                }
                None => Refusal::Overloaded,
            },
            Ok(false) => Refusal::OtherUser,
            Err(error) => {
                tracing::warn!(%error, "failed to read who connected, so it is not served");
                Refusal::OtherUser
            }
        };
        let count = match refusal {
            Refusal::Overloaded => &self.connections.overloaded,
            _ => &self.connections.forbidden,
        };
        count.fetch_add(1, Ordering::Relaxed);
        match Arc::clone(&self.refusals).try_acquire_owned() {
            Ok(permit) => {
                let limits = Arc::clone(&self.limits);
                let mut stop = stop.clone();
                self.tasks.spawn_contained("refusal", async move {
                    let _permit = permit;
                    tokio::select! {
                        () = stopped(&mut stop) => {}
                        result = refuse(stream, refusal, &limits) => {
                            if let Err(error) = result {
                                tracing::debug!(%error, "failed to say why a connection is refused");
                            }
                        }
                    }
                });
            }
            // So many are being told already that this one only gets what fits without waiting.
            Err(_) => drop(rustix::net::send(&stream, &refusal.bytes(), SendFlags::NOSIGNAL)),
        }
    }

    /// Gives the system a descriptor back and waits until it has it, or for `pause`.
    async fn make_room(&self, pause: Duration) {
        let closed = self.connections.one_closed();
        self.connections.close_longest_idle();
        // Where nothing could be closed, the pause keeps this from spinning.
        drop(tokio::time::timeout(pause, closed).await);
    }
}

/// Waits for one request's head, answers it with the refusal and closes. Nothing after that head is read.
async fn refuse(mut stream: UnixStream, refusal: Refusal, limits: &Limits) -> io::Result<()> {
    let talk = async {
        if head_arrives(&mut stream, limits.head_bytes).await? {
            stream.write_all(&refusal.bytes()).await?;
            stream.shutdown().await?;
        }
        Ok(())
    };
    match tokio::time::timeout(limits.head_time, talk).await {
        Ok(result) => result,
        Err(_) => Ok(()),
    }
}

/// Reads up to the empty line that ends a head, or up to `limit`; false if the client went away before.
async fn head_arrives(stream: &mut UnixStream, limit: usize) -> io::Result<bool> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while head.len() < limit {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(false);
        }
        let searched_from = head.len().saturating_sub(3);
        head.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let fresh = head.get(searched_from..).unwrap_or_default();
        if fresh.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    Ok(true)
}

/// Resolves when the stop was asked for, or when nobody is left who could ask.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

const PAUSE_LEAST: Duration = Duration::from_millis(10);
const PAUSE_MOST: Duration = Duration::from_millis(500);
