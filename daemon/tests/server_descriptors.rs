//! Running out of file descriptors is survived. A process of its own, for the limit is the whole process's.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test harness"
)]

mod server_support;

use bearerd::server::{Limits, raise_descriptor_limit};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server_support::{TestServer, get_request};
use std::fs::File;

/// One test, because two would take the descriptors from each other.
#[tokio::test]
async fn without_descriptors_an_idle_connection_makes_room_and_the_limit_can_be_raised() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum }).unwrap();
    let server = TestServer::start(Limits::default());
    let mut idle = server.connect().await;
    assert_eq!(idle.get("/fast").await.status, 200);
    let mut busy = server.connect().await;
    busy.send(get_request("/gate")).await;
    server.entered().await;

    let mut hoard = hoard();
    hoard.pop();
    // The client takes the last descriptor, so there is none to accept it with.
    let mut first = server.connect().await;
    assert_eq!(first.get("/fast").await.status, 200);
    idle.ends_silently().await;

    // Again, and now nothing is idle: it waits until something is.
    first.send(get_request("/gate")).await;
    server.entered().await;
    drop(idle);
    let mut second = server.connect().await;
    second.send(get_request("/fast")).await;
    server.open_gate(2);
    assert_eq!(busy.answer().await.body, b"passed");
    assert_eq!(first.answer().await.body, b"passed");
    assert_eq!(second.answer().await.status, 200);

    assert_eq!(raise_descriptor_limit().unwrap(), maximum);
    let raised = getrlimit(Resource::Nofile);
    assert_eq!(raised.current, raised.maximum);
    assert!(File::open("/dev/null").is_ok());
}

/// Takes every descriptor that is left.
fn hoard() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}
