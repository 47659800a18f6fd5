//! Connections are capped, an unread answer pins nothing for long, and a stop drops no request that has begun.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test harness"
)]

mod server_support;

use bearerd::server::Limits;
use server_support::{BIG, TestServer, get_request};
use std::time::Duration;
use tokio::net::UnixStream;

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn at_the_cap_the_longest_idle_connection_makes_room() {
    let server = TestServer::start(Limits { connections: 3, ..Limits::default() });
    let mut first = server.connect().await;
    assert_eq!(first.get("/fast").await.status, 200);
    let mut silent = server.connect().await;
    server.open_connections(2).await;
    let mut third = server.connect().await;
    assert_eq!(third.get("/fast").await.status, 200);
    // The first is used again: now the one that never sent a byte has been idle the longest.
    assert_eq!(first.get("/fast").await.status, 200);

    let mut fourth = server.connect().await;
    assert_eq!(fourth.get("/fast").await.status, 200);
    silent.ends_silently().await;
    assert_eq!(first.get("/fast").await.status, 200);
    assert_eq!(third.get("/fast").await.status, 200);

    let mut fifth = server.connect().await;
    assert_eq!(fifth.get("/fast").await.status, 200);
    fourth.ends_silently().await;
    let counts = server.server.counts();
    assert_eq!((counts.open, counts.made_room, counts.overloaded), (3, 2, 0));
}

#[tokio::test]
async fn with_all_in_use_a_new_one_is_told_and_those_in_use_go_on() {
    let server = TestServer::start(Limits { connections: 2, ..Limits::default() });
    let mut busy = [server.connect().await, server.connect().await];
    for client in &mut busy {
        client.send(get_request("/gate")).await;
        server.entered().await;
    }
    let mut late = server.connect().await;
    let answer = late.get("/fast").await;
    assert_eq!((answer.status, answer.refusal().as_str()), (503, "overloaded"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    late.ends_silently().await;
    assert_eq!(server.server.counts().overloaded, 1);

    server.open_gate(2);
    for client in &mut busy {
        assert_eq!(client.answer().await.body, b"passed");
    }
    assert_eq!(server.connect().await.get("/fast").await.status, 200);
}

#[tokio::test]
async fn beyond_the_refusals_that_wait_a_new_one_is_told_at_once() {
    let server = TestServer::start(Limits { connections: 1, refusals: 1, ..Limits::default() });
    let mut busy = server.connect().await;
    busy.send(get_request("/gate")).await;
    server.entered().await;
    let _mute = server.connect().await;
    let mut late = server.connect().await;
    assert_eq!(late.answer().await.refusal(), "overloaded");
}

#[tokio::test]
async fn connections_that_dawdle_over_their_headers_keep_nobody_out() {
    let server = TestServer::start(Limits { connections: 2, ..Limits::default() });
    let mut slow = [server.connect().await, server.connect().await];
    for client in &mut slow {
        client.send("GET /fast HTTP/1.1\r\n").await;
    }
    // Whether or not the server has seen those bytes yet, both are to go before a new one is turned away.
    for _ in 0..3 {
        assert_eq!(server.connect().await.get("/fast").await.status, 200);
    }
    assert_eq!(server.server.counts().overloaded, 0);
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_given_up() {
    let server = TestServer::start(Limits { write_stall: SHORT, ..Limits::default() });
    let mut client = server.connect().await;
    client.send(get_request("/big")).await;
    server.open_connections(1).await;
    server.open_connections(0).await;
    // One that is read is sent whole, however large.
    let answer = server.connect().await.get("/big").await;
    assert_eq!(answer.body.len(), BIG);
}

#[tokio::test]
async fn a_stream_that_is_merely_quiet_goes_on() {
    let limits =
        Limits { write_stall: SHORT, head_time: SHORT, body_time: SHORT, ..Limits::default() };
    let server = TestServer::start(limits);
    let mut listening = server.connect().await;
    listening.send(get_request("/stream")).await;
    server.entered().await;
    server.open_gate(1);
    listening.reads("event\n").await;
    for _ in 0..3 {
        // Each of these lasts as long as the deadlines.
        let mut slow = server.connect().await;
        slow.send("GET").await;
        slow.ends_silently().await;
    }
    server.open_gate(1);
    listening.reads("event\n\r\n6\r\nevent\n").await;
}

#[tokio::test]
async fn a_stop_answers_what_has_begun_and_closes_the_rest_without_a_byte() {
    let server = TestServer::start(Limits::default());
    let mut kept = server.connect().await;
    assert_eq!(kept.get("/fast").await.status, 200);
    let mut fresh = server.connect().await;
    let mut busy = server.connect().await;
    busy.send(get_request("/gate")).await;
    server.entered().await;
    server.open_connections(3).await;

    server.stop.send(true).unwrap();
    kept.ends_silently().await;
    fresh.ends_silently().await;
    assert!(!server.path.exists(), "the socket that we bound is gone");
    assert!(UnixStream::connect(&server.path).await.is_err());

    server.open_gate(1);
    let answer = busy.answer().await;
    assert_eq!(
        (answer.body.as_slice(), answer.header("connection")),
        (&b"passed"[..], Some("close"))
    );
    busy.ends_silently().await;
    server.ended().await;
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_and_a_lost_stop_is_a_stop() {
    let mut server = TestServer::start(Limits { drain: SHORT, ..Limits::default() });
    let mut busy = server.connect().await;
    busy.send(get_request("/gate")).await;
    server.entered().await;
    let mut unread = server.connect().await;
    unread.send(get_request("/big")).await;
    server.open_connections(2).await;
    server.stop = tokio::sync::watch::channel(false).0;
    busy.ends_silently().await;
    server.ended().await;
}

#[tokio::test]
async fn activity_stands_still_while_nobody_asks() {
    let server = TestServer::start(Limits::default());
    let before = server.server.counts().activity;
    let mut client = server.connect().await;
    client.get("/fast").await;
    let after = server.server.counts().activity;
    assert!(after > before);
    assert_eq!(server.server.counts().activity, after);
    client.get("/fast").await;
    assert!(server.server.counts().activity > after);
}
