//! Another user gets nothing: neither a stranger from a socket that stands open, nor root from a user's daemon.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test harness"
)]

mod server_support;

use bearerd::server::Limits;
use server_support::{Client, TestServer, get_request, is_root, post_head, soon};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The user `nobody`, which owns nothing.
const STRANGER: &str = "65534";

#[tokio::test]
async fn a_stranger_is_refused_where_the_socket_stands_open() {
    if !is_root() {
        return;
    }
    let server = TestServer::start(Limits::default());
    // By its mode alone the socket keeps others out.
    open_up(server.folder.path(), 0o755);
    let closed = stranger_asks(&server.path).await;
    assert_eq!(closed, "000", "curl could connect");

    open_up(&server.path, 0o666);
    let body = stranger_asks(&server.path).await;
    let (json, status) = body.rsplit_once('\n').unwrap();
    assert_eq!(status, "403");
    let error: bearerd_proto::ErrorBody = serde_json::from_str(json).unwrap();
    assert_eq!(error.code.as_str(), "forbidden");
    assert_eq!(server.calls(), 0, "no handler hears of it");
    assert_eq!(server.server.counts().forbidden, 1);
    assert_eq!(server.connect().await.get("/fast").await.status, 200);
}

/// Plays both parts: run again as a child under another user, it serves there.
#[tokio::test]
async fn root_is_refused_by_the_daemon_of_a_user() {
    if let Some(path) = std::env::var_os("SERVE_AS_STRANGER") {
        return serve_as_stranger(Path::new(&path)).await;
    }
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    open_up(folder.path(), 0o755);
    // A copy, because a stranger may not enter the folders that a build of root's lies in.
    let program = folder.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    chown(&home, Some(65534), Some(65534)).unwrap();
    let path = home.join("s.sock");
    let mut daemon = stranger(program.to_str().unwrap())
        .args(["--exact", "root_is_refused_by_the_daemon_of_a_user", "--nocapture"])
        .env("SERVE_AS_STRANGER", &path)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    while !soon(lines.next_line()).await.unwrap().expect("the daemon ended").contains("serving") {}

    let mut root = Client::connect(&path).await;
    let answer = root.get("/fast").await;
    assert_eq!((answer.status, answer.refusal().as_str()), (403, "forbidden"));
    root.ends_silently().await;
    // Whatever else is sent along changes nothing, nor does silence keep the connection for long.
    let mut loud = Client::connect(&path).await;
    loud.send(post_head("/echo", "content-length: 5") + "hello" + &get_request("/fast")).await;
    assert_eq!(loud.answer().await.refusal(), "forbidden");
    loud.ends_silently().await;
    let mut silent = Client::connect(&path).await;
    silent.ends_silently().await;

    drop(daemon.stdin.take());
    assert!(soon(daemon.wait()).await.unwrap().success());
}

/// Serves until its standard input ends, then checks that no handler was called.
async fn serve_as_stranger(path: &Path) {
    let limits = Limits { head_time: Duration::from_millis(100), ..Limits::default() };
    let server = TestServer::start(limits);
    // Rights to connect are not the question here, only who does.
    std::fs::rename(&server.path, path).unwrap();
    println!("serving");
    let input = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin()));
    assert_eq!(input.await.unwrap().unwrap(), "");
    assert_eq!((server.calls(), server.server.counts().forbidden), (0, 3));
}

/// What curl as a stranger gets: the body, then the status on a line of its own.
async fn stranger_asks(path: &Path) -> String {
    let output = stranger("curl")
        .args(["--silent", "--write-out", "\n%{http_code}", "--unix-socket"])
        .arg(path)
        .arg("http://bearerd/fast")
        .output();
    String::from_utf8(soon(output).await.unwrap().stdout).unwrap().trim().to_owned()
}

fn stranger(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", STRANGER, "--regid", STRANGER, "--clear-groups", program]);
    command
}

fn open_up(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
