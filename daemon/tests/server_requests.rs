//! Requests that are too large, too slow, malformed or a browser's are refused, and harm nobody else.
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
use server_support::{TestServer, get_request, post_head};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn headers_up_to_16_kb_are_taken_and_longer_ones_are_told() {
    let server = TestServer::start(Limits::default());
    let request = |length: usize| {
        let head = "GET /fast HTTP/1.1\r\nhost: bearerd\r\nx: ";
        format!("{head}{}\r\n\r\n", "x".repeat(length - head.len() - 4))
    };
    let mut client = server.connect().await;
    client.send(request(16 * 1024 - 1)).await;
    assert_eq!(client.answer().await.status, 200);

    for length in [16 * 1024 + 1, 20_000, 1_000_000] {
        let mut client = server.connect().await;
        client.send(request(length)).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.refusal().as_str()), (431, "bad-request"));
        client.ends_silently().await;
    }
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn too_many_headers_and_a_long_request_line_are_told() {
    let server = TestServer::start(Limits::default());
    let many = format!("GET /fast HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long = get_request(&format!("/fast?{}", "x".repeat(70_000)));
    for request in [many, long] {
        let mut client = server.connect().await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.refusal().as_str()), (431, "bad-request"));
    }
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn what_is_no_http_is_told_and_the_others_are_served_on() {
    let server = TestServer::start(Limits::default());
    let mut other = server.connect().await;
    assert_eq!(other.get("/fast").await.status, 200);
    let requests: &[&[u8]] = &[
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS\r\n\r\n",
        b"GET /fast HTTP/3.9\r\n\r\n",
        b"GET /fa st HTTP/1.1\r\n\r\n",
        b"{\"request\":\"access_token\"}\r\n\r\n",
        b"POST /echo HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST /echo HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for request in requests {
        let mut client = server.connect().await;
        client.send(request).await;
        match client.try_answer().await {
            Some(answer) => {
                assert_eq!((answer.status, answer.refusal().as_str()), (400, "bad-request"));
                client.ends_silently().await;
            }
            None => assert!(request.starts_with(b"PRI"), "{request:?} got no answer"),
        }
        assert_eq!(other.get("/fast").await.status, 200);
    }
    assert_eq!(server.calls(), 1 + requests.len());
}

#[tokio::test]
async fn bodies_up_to_64_kb_are_taken_and_longer_ones_are_told() {
    let server = TestServer::start(Limits::default());
    let whole = "x".repeat(64 * 1024);
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.send(post_head("/echo", "content-length: 65536")).await;
        client.send(&whole).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.body.len()), (200, whole.len()));
    }
    // Announced: refused by the head alone. The client that sends on regardless still gets to read why.
    for length in [64 * 1024 + 1, 4_000_000] {
        let mut client = server.connect().await;
        client.send(post_head("/echo", &format!("content-length: {length}"))).await;
        client.send("x".repeat(length)).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.refusal().as_str()), (400, "bad-request"));
        client.ends_silently().await;
    }
    assert_eq!(server.calls(), 2);

    // Not announced: the handler's own words about a broken body are replaced.
    let mut client = server.connect().await;
    client.send(post_head("/echo", "transfer-encoding: chunked")).await;
    for _ in 0..5 {
        client.send(format!("4000\r\n{}\r\n", "x".repeat(0x4000))).await;
    }
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.refusal().as_str()), (400, "bad-request"));
    client.ends_silently().await;
}

#[tokio::test]
async fn a_body_that_its_handler_does_not_read_leaves_the_answer_readable() {
    let server = TestServer::start(Limits::default());
    let mut client = server.connect().await;
    client.send(post_head("/ignore", "content-length: 60000")).await;
    client.send("x".repeat(60_000)).await;
    assert_eq!(client.answer().await.body, b"ignored");
}

#[tokio::test]
async fn a_body_that_dawdles_is_told_whether_silent_or_trickling() {
    let server = TestServer::start(Limits { body_time: SHORT, ..Limits::default() });
    let mut silent = server.connect().await;
    silent.send(post_head("/echo", "content-length: 10")).await;
    let answer = silent.answer().await;
    assert_eq!((answer.status, answer.refusal().as_str()), (400, "bad-request"));
    silent.ends_silently().await;

    let mut trickling = server.connect().await;
    trickling.send(post_head("/echo", "content-length: 60000")).await;
    let answer = loop {
        tokio::select! {
            answer = trickling.answer() => break answer,
            () = tokio::time::sleep(SHORT / 10) => {}
        }
        trickling.send("x").await;
    };
    assert_eq!((answer.status, answer.refusal().as_str()), (400, "bad-request"));
}

#[tokio::test]
async fn a_head_that_dawdles_is_cut_and_silence_between_requests_is_not() {
    let server = TestServer::start(Limits { head_time: SHORT, ..Limits::default() });
    let mut fresh = server.connect().await;
    let mut kept = server.connect().await;
    assert_eq!(kept.get("/fast").await.status, 200);

    // The two slow ones take longer than the deadline, so the two silent ones outlast it.
    let mut slow = server.connect().await;
    slow.send("GET /fast HTT").await;
    slow.ends_silently().await;

    let mut trickling = server.connect().await;
    trickling.send("GET /fast HTTP/1.1\r\nx: ").await;
    loop {
        tokio::select! {
            () = trickling.ends_silently() => break,
            () = tokio::time::sleep(SHORT / 10) => {}
        }
        // Fails once the server has closed, which the next turn sees.
        drop(trickling.stream.write_all(b"x").await);
    }

    assert_eq!(fresh.get("/fast").await.status, 200);
    assert_eq!(kept.get("/fast").await.status, 200);

    // The next request of a kept connection has its deadline too.
    kept.send("GET").await;
    kept.ends_silently().await;
    assert_eq!(server.calls(), 3);
}

#[tokio::test]
async fn a_head_that_begins_along_with_the_request_before_has_its_deadline_too() {
    let server = TestServer::start(Limits { head_time: SHORT, ..Limits::default() });
    let echo = post_head("/echo", "content-length: 5") + "hello";
    for together in [
        get_request("/fast") + "GET /fa",
        get_request("/fast") + &get_request("/fast") + "GET /fast HTTP/1.1\r\nhost: bearerd\r\n",
    ] {
        let mut client = server.connect().await;
        // A body before it changes nothing.
        client.send(&echo).await;
        assert_eq!(client.answer().await.body, b"hello");
        let whole = together.matches("\r\n\r\n").count();
        client.send(together).await;
        for _ in 0..whole {
            assert_eq!(client.answer().await.body, b"ok");
        }
        client.ends_silently().await;
    }

    // Silence behind whole requests is not cut, nor behind a body.
    let mut whole = server.connect().await;
    whole.send(get_request("/fast") + &get_request("/fast")).await;
    for _ in 0..2 {
        assert_eq!(whole.answer().await.body, b"ok");
    }
    let mut bodied = server.connect().await;
    bodied.send(&echo).await;
    assert_eq!(bodied.answer().await.body, b"hello");
    for _ in 0..2 {
        // Each of these lasts as long as the deadline.
        let mut slow = server.connect().await;
        slow.send(get_request("/fast") + "GET").await;
        assert_eq!(slow.answer().await.body, b"ok");
        slow.ends_silently().await;
    }
    assert_eq!(whole.get("/fast").await.body, b"ok");
    assert_eq!(bodied.get("/fast").await.body, b"ok");

    // With time left for its rest it is answered.
    let patient = TestServer::start(Limits::default());
    let mut client = patient.connect().await;
    client.send(get_request("/fast") + "GET /fa").await;
    assert_eq!(client.answer().await.body, b"ok");
    client.send("st HTTP/1.1\r\nhost: bearerd\r\n\r\n").await;
    assert_eq!(client.answer().await.body, b"ok");
}

#[tokio::test]
async fn a_browser_is_refused_before_any_route() {
    let server = TestServer::start(Limits::default());
    for header in [
        "Origin: http://localhost:8888",
        "origin: null",
        "Sec-Fetch-Site: same-origin",
        "SEC-FETCH-MODE: no-cors",
    ] {
        for path in ["/fast", "/no/such/route"] {
            let mut client = server.connect().await;
            client.send(format!("GET {path} HTTP/1.1\r\nhost: bearerd\r\n{header}\r\n\r\n")).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.refusal().as_str()), (403, "forbidden"));
        }
        let mut client = server.connect().await;
        client.send(post_head("/echo", &format!("{header}\r\ncontent-length: 2000000"))).await;
        client.send("x".repeat(2_000_000)).await;
        assert_eq!(client.answer().await.refusal(), "forbidden");
    }
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn requests_sent_together_are_answered_in_their_order() {
    let server = TestServer::start(Limits::default());
    let mut client = server.connect().await;
    let echo = post_head("/echo", "content-length: 5") + "hello";
    client.send([get_request("/fast"), echo, get_request("/fast")].concat()).await;
    assert_eq!(client.answer().await.body, b"ok");
    assert_eq!(client.answer().await.body, b"hello");
    assert_eq!(client.answer().await.body, b"ok");
    // The connection has gone back to rest: a whole new request is answered.
    assert_eq!(client.get("/fast").await.body, b"ok");
}

#[tokio::test]
async fn a_client_that_goes_away_gives_its_place_back() {
    let server = TestServer::start(Limits::default());
    let mut waiting = server.connect().await;
    waiting.send(get_request("/gate")).await;
    server.entered().await;
    let mut half_open = server.connect().await;
    half_open.send("GET /fa").await;
    half_open.stream.shutdown().await.unwrap();
    half_open.ends_silently().await;
    let silent = server.connect().await;
    server.open_connections(2).await;
    drop(waiting);
    drop(silent);
    server.open_connections(0).await;
}
