//! The socket: private from its first moment, never taken from one that answers, gone after us and only if it is ours.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test harness"
)]

mod server_support;

use axum::Router;
use axum::routing::get;
use bearerd::server::{Limits, ListenError, Listener, SOCKET_PATH_MAX, Server};
use bearerd::tasks::Tasks;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use server_support::{Client, soon};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use tokio::sync::watch;

#[test]
fn only_our_own_user_can_connect_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/for/it/s.sock");
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    let listener = Listener::bind(&path);
    rustix::process::umask(umask);
    let listener = listener.unwrap();
    assert_eq!(listener.path(), Some(path.as_path()));
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&folder.path().join("made")), 0o700);
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    drop(UnixListener::bind(&path).unwrap());
    let _listener = Listener::bind(&path).unwrap();
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_socket_that_answers_is_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let other = UnixListener::bind(&path).unwrap();
    let inode = inode(&path);
    let error = Listener::bind(&path).unwrap_err();
    assert!(matches!(&error, ListenError::AlreadyServed { path: named } if *named == path));
    assert!(error.to_string().contains(path.to_str().unwrap()));
    assert_eq!(self::inode(&path), inode);
    UnixStream::connect(&path).unwrap();
    drop(other);
}

#[test]
fn a_full_backlog_counts_as_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let new =
        || rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    let address = SocketAddrUnix::new(&path).unwrap();
    let other = new();
    rustix::net::bind(&other, &address).unwrap();
    rustix::net::listen(&other, 1).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = new();
        if rustix::net::connect(&client, &address).is_err() {
            break;
        }
        waiting.push(client);
    }
    assert!(matches!(Listener::bind(&path), Err(ListenError::AlreadyServed { .. })));
    assert!(path.exists());
}

#[test]
fn what_is_no_socket_is_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    let [file, nested, link] = ["file", "folder", "link"].map(|name| folder.path().join(name));
    std::fs::write(&file, "precious").unwrap();
    std::fs::create_dir(&nested).unwrap();
    let socket = folder.path().join("stale.sock");
    drop(UnixListener::bind(&socket).unwrap());
    symlink(&socket, &link).unwrap();
    for path in [&file, &nested, &link] {
        let error = Listener::bind(path).unwrap_err();
        assert!(matches!(error, ListenError::NotASocket { .. }), "{error:?}");
        assert!(path.symlink_metadata().is_ok());
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert!(socket.symlink_metadata().is_ok());
}

#[test]
fn a_path_too_long_names_the_limit_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let room = SOCKET_PATH_MAX - folder.path().as_os_str().len() - 1;
    let fits = folder.path().join("s".repeat(room));
    let _listener = Listener::bind(&fits).unwrap();
    UnixStream::connect(&fits).unwrap();
    let error = Listener::bind(&folder.path().join("s".repeat(room + 1))).unwrap_err();
    assert!(matches!(error, ListenError::PathTooLong { length: 108, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("107") && text.contains("BEARERD_SOCKET"), "{text}");
}

#[test]
fn the_socket_goes_with_its_listener_but_only_if_it_is_still_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    drop(Listener::bind(&path).unwrap());
    assert!(!path.exists());

    let listener = Listener::bind(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let newer = Listener::bind(&path).unwrap();
    drop(listener);
    UnixStream::connect(&path).unwrap();
    drop(newer);
    assert!(!path.exists());
}

#[test]
fn the_first_place_that_can_be_had_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let [impossible, good, never] =
        [file.join("s.sock"), folder.path().join("good.sock"), folder.path().join("never.sock")];
    let listener =
        Listener::bind_first(&[impossible.clone(), good.clone(), never.clone()]).unwrap();
    assert_eq!(listener.path(), Some(good.as_path()));
    // A daemon that answers at one of the places ends the search.
    let error =
        Listener::bind_first(&[impossible.clone(), good.clone(), never.clone()]).unwrap_err();
    assert!(matches!(error, ListenError::AlreadyServed { .. }), "{error:?}");
    assert!(!never.exists());
    let error = Listener::bind_first(&[impossible.clone(), file]).unwrap_err();
    assert!(matches!(&error, ListenError::Folder { path, .. } if *path == impossible), "{error:?}");
    assert!(matches!(Listener::bind_first(&[]), Err(ListenError::NoPlace)));
}

#[test]
fn of_many_that_start_at_once_on_a_stale_socket_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    for _ in 0..50 {
        drop(UnixListener::bind(&path).unwrap());
        let start = Barrier::new(8);
        let results: Vec<_> = std::thread::scope(|scope| {
            let bind = || {
                start.wait();
                Listener::bind(&path)
            };
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(bind)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            assert!(matches!(error, ListenError::AlreadyServed { .. }), "{error:?}");
        }
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        UnixStream::connect(&path).unwrap();
    }
}

/// Plays both parts: run again as a child with a socket as descriptor 3, as systemd starts a daemon, it serves.
#[tokio::test]
async fn a_passed_socket_is_served_and_left_in_its_place() {
    if std::env::var_os("LISTEN_FDS").is_some() {
        return serve_what_was_passed().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let systemd = UnixListener::bind(&path).unwrap();
    let stdin: OwnedFd = systemd.try_clone().unwrap().into();
    let mut child = Command::new("sh")
        .args([
            "-c",
            "exec \"$0\" --exact a_passed_socket_is_served_and_left_in_its_place 3<&0 </dev/null",
        ])
        .arg(std::env::current_exe().unwrap())
        .env("LISTEN_FDS", "1")
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut client = Client::connect(&path).await;
    assert_eq!(client.get("/stop").await.body, path.to_str().unwrap().as_bytes());
    assert!(
        soon(tokio::task::spawn_blocking(move || child.wait())).await.unwrap().unwrap().success()
    );
    // The socket goes on to wait for the next daemon.
    UnixStream::connect(&path).unwrap();
    drop(systemd);
}

async fn serve_what_was_passed() {
    let listeners = Listener::passed().unwrap();
    assert_eq!(listeners.len(), 1);
    assert!(Listener::passed().unwrap().is_empty(), "what was taken is not taken again");
    let path = listeners[0].path().unwrap().to_str().unwrap().to_owned();
    let (stop, stopped) = watch::channel(false);
    let router = Router::new().route(
        "/stop",
        get(|| async move {
            stop.send(true).unwrap();
            path
        }),
    );
    Server::new(Limits::default(), Tasks::new()).serve(listeners, router, stopped).await.unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn inode(path: &Path) -> u64 {
    path.metadata().unwrap().ino()
}
