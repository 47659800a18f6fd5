//! The yardstick: a bare axum handler on a Unix socket that returns a constant of the same size.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Its server, in a process of its own as the daemon is.
#[derive(Debug)]
pub(crate) struct Yardstick {
    process: Child,
    socket: PathBuf,
}

impl Yardstick {
    pub(crate) fn start(folder: &Path, bytes: usize) -> Self {
        let socket = folder.join("yardstick.sock");
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["yardstick", "--bytes", &bytes.to_string(), "--socket"])
            .arg(&socket)
            .spawn()
            .unwrap();
        crate::daemon::wait_for(&socket);
        Self { process, socket }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Yardstick {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _already_gone = self.process.wait();
    }
}

/// Serves a constant until killed.
pub(crate) async fn serve(socket: &Path, bytes: usize) {
    let constant: &'static str = Box::leak("x".repeat(bytes).into_boxed_str());
    let json = [(header::CONTENT_TYPE, "application/json")];
    let router = Router::new().route("/v1/token", get(move || async move { (json, constant) }));
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    axum::serve(listener, router).await.unwrap();
}
