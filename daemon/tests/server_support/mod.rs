//! A server with a few routes on a socket of its own, and a client that shows the bytes.
#![allow(dead_code, reason = "each test binary uses its part")]

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bearerd::server::{Limits, Listener, Server};
use bearerd::tasks::Tasks;
use bearerd_proto::ErrorBody;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Real time that a step may take before the test is called hung; nothing is measured by it.
pub(crate) const HANG: Duration = Duration::from_secs(20);

pub(crate) struct TestServer {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) server: Server,
    pub(crate) tasks: Tasks,
    pub(crate) routes: Arc<Routes>,
    pub(crate) stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

/// What the routes of the test share with it.
pub(crate) struct Routes {
    /// Handlers that were called at all.
    pub(crate) calls: AtomicUsize,
    /// Handlers of `/gate` and `/stream` that have begun.
    pub(crate) entered: Semaphore,
    /// Lets one of them go on.
    pub(crate) gate: Semaphore,
}

/// Bytes of the answer of `/big`, more than the buffers of any socket.
pub(crate) const BIG: usize = 8 * 1024 * 1024;

impl TestServer {
    pub(crate) fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let listener = Listener::bind(&path).unwrap();
        let routes = Arc::new(Routes {
            calls: AtomicUsize::new(0),
            entered: Semaphore::new(0),
            gate: Semaphore::new(0),
        });
        let tasks = Tasks::new();
        let server = Server::new(limits, tasks.clone());
        let (stop, stopped) = watch::channel(false);
        let (serving, router) = (server.clone(), router(Arc::clone(&routes)));
        let served = tokio::spawn(async move {
            serving.serve(vec![listener], router, stopped).await.unwrap();
        });
        Self { folder, path, server, tasks, routes, stop, served }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(&self.path).await
    }

    /// Waits until a handler of `/gate` or `/stream` runs.
    pub(crate) async fn entered(&self) {
        soon(self.routes.entered.acquire()).await.unwrap().forget();
    }

    pub(crate) fn open_gate(&self, times: usize) {
        self.routes.gate.add_permits(times);
    }

    pub(crate) fn calls(&self) -> usize {
        self.routes.calls.load(Ordering::SeqCst)
    }

    /// Waits until this many connections are open.
    pub(crate) async fn open_connections(&self, expected: usize) {
        soon(async {
            while self.server.counts().open != expected {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    /// Waits until `serve` has returned.
    pub(crate) async fn ended(self) {
        soon(self.served).await.unwrap();
        soon(self.tasks.wait_all()).await;
    }
}

pub(crate) fn router(routes: Arc<Routes>) -> Router {
    Router::new()
        .route("/fast", get(|| async { "ok" }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/ignore", post(|| async { "ignored" }))
        .route("/big", get(|| async { vec![b'x'; BIG] }))
        .route("/gate", get(gate))
        .route("/stream", get(stream))
        .layer(axum::middleware::map_request_with_state(Arc::clone(&routes), count))
        .with_state(routes)
}

async fn count(
    State(routes): State<Arc<Routes>>,
    request: axum::extract::Request,
) -> axum::extract::Request {
    routes.calls.fetch_add(1, Ordering::SeqCst);
    request
}

async fn gate(State(routes): State<Arc<Routes>>) -> &'static str {
    routes.entered.add_permits(1);
    routes.gate.acquire().await.unwrap().forget();
    "passed"
}

/// One event at once, and one more each time the gate opens.
async fn stream(State(routes): State<Arc<Routes>>) -> Response {
    routes.entered.add_permits(1);
    let events = futures_util::stream::unfold(Some(routes), |routes| async move {
        let routes = routes?;
        routes.gate.acquire().await.unwrap().forget();
        Some((Ok::<_, io::Error>(Bytes::from_static(b"event\n")), Some(routes)))
    });
    Body::from_stream(events).into_response()
}

pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    unread: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(path: &Path) -> Self {
        Self { stream: UnixStream::connect(path).await.unwrap(), unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(get_request(path)).await;
        self.answer().await
    }

    /// The next answer; panics if the connection ends before it is whole.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("an answer before the connection ended")
    }

    /// The next answer, or none if the connection ends before its first byte.
    pub(crate) async fn try_answer(&mut self) -> Option<Answer> {
        let head = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let rest = self.unread.split_off(end + 4);
                break String::from_utf8(std::mem::replace(&mut self.unread, rest)).unwrap();
            }
            if !self.read_more().await {
                assert!(self.unread.is_empty(), "cut within a head: {:?}", self.unread);
                return None;
            }
        };
        let status = head[9..12].parse().unwrap();
        let length = header(&head, "content-length").map_or(0, |value| value.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.read_more().await, "cut within a body");
        }
        let rest = self.unread.split_off(length);
        Some(Answer { status, head, body: std::mem::replace(&mut self.unread, rest) })
    }

    /// Waits for the end of the connection, which must come without a further byte.
    pub(crate) async fn ends_silently(&mut self) {
        assert!(self.try_answer().await.is_none());
    }

    /// Reads until `text` has come.
    pub(crate) async fn reads(&mut self, text: &str) {
        while find(&self.unread, text.as_bytes()).is_none() {
            assert!(self.read_more().await, "the connection ended before {text:?}");
        }
    }

    async fn read_more(&mut self) -> bool {
        match soon(self.stream.read_buf(&mut self.unread)).await {
            Ok(count) => count > 0,
            // What a Unix socket says when its peer closed with bytes unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("reading failed: {error}"),
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The error code; panics if this is no whole error answer that closes the connection.
    pub(crate) fn refusal(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert_eq!(self.header("connection"), Some("close"), "{self:?}");
        let error: ErrorBody = serde_json::from_slice(&self.body).unwrap();
        assert!(!error.message.is_empty());
        error.code.as_str().to_owned()
    }
}

pub(crate) fn get_request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: bearerd\r\n\r\n")
}

pub(crate) fn post_head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: bearerd\r\n{headers}\r\n\r\n")
}

/// Fails the test instead of hanging it.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, future).await.expect("the step hung")
}

/// Whether tests that need root may run; in CI it is a failure when they may not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        let mend = "needs root to become another user: run it as root, e.g. `sudo -E cargo test -p bearerd`";
        assert!(std::env::var_os("CI").is_none(), "{mend}");
        eprintln!("not run: {mend}");
    }
    root
}

fn header<'head>(head: &'head str, name: &str) -> Option<&'head str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
