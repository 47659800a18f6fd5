//! What becomes of a request when the network or the server misbehaves: sent once, bounded, and told apart.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd::fetch::Timeouts;
use bearerd_proto::Secret;
use bearerd_session::{Failure, Request};
use fetch_support::{
    GOOD, HASTY, PATIENT, RawServer, SECRET, answer, cause, failure, fetcher, granted, hold,
    refresh, reset, send,
};
use rustix::net::{AddressFamily, SocketType};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What a person is told to look at where a host is not reached.
const CHECK: &str =
    "(check the address in the profile, the network, and the proxy if there is one)";

/// The failure of one refresh at a server; it must have been sent exactly once.
async fn failed(server: &RawServer, timeouts: Timeouts) -> Failure {
    let failure = failure(server.fetcher("", timeouts).fetch(refresh()).await);
    assert_eq!(server.connections(), 1, "one request, whatever happens: {failure:?}");
    failure
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fetcher = fetcher(&format!("http://{address}"), "", PATIENT);
    let failure = failure(fetcher.fetch(refresh()).await);
    assert_eq!(cause(&failure), "NotSent");
    assert_eq!(failure.message, format!("`{address}` was not reached: connection refused {CHECK}"));
}

#[tokio::test]
async fn a_name_that_nobody_knows_sent_nothing() {
    let fetcher = fetcher("http://idp.invalid", "", PATIENT);
    let failure = failure(fetcher.fetch(refresh()).await);
    assert_eq!(cause(&failure), "NotSent");
    assert!(failure.message.starts_with("`idp.invalid` was not reached: "), "{}", failure.message);
    assert!(failure.message.ends_with(CHECK), "{}", failure.message);
}

#[tokio::test]
async fn a_host_that_does_not_answer_a_connect_sent_nothing() {
    let (listener, address) = full_listener();
    let timeouts = Timeouts { connect: HASTY.connect, ..PATIENT };
    let fetcher = fetcher(&format!("http://{address}"), "", timeouts);
    let failure = failure(fetcher.fetch(refresh()).await);
    drop(listener);
    assert_eq!(cause(&failure), "NotSent");
    assert_eq!(
        failure.message,
        format!("`{address}` was not reached: no connection in time {CHECK}")
    );
}

#[tokio::test]
async fn a_request_without_an_answer_is_lost_and_not_sent_again() {
    for (server, words) in [
        (RawServer::start(reset), "connection reset"),
        (RawServer::start(drop), "connection closed"),
    ] {
        let failure = failed(&server, PATIENT).await;
        assert_eq!(cause(&failure), "Lost");
        assert_eq!(failure.message, format!("`{}` gave no answer: {words}", server.address));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_at_once_is_not_tried_again() {
    let server = RawServer::start_raw(reset);
    let failure = failed(&server, PATIENT).await;
    assert!(["Lost", "NotSent"].contains(&cause(&failure).as_str()), "{failure:?}");
}

#[tokio::test]
async fn silence_is_lost_when_time_runs_out() {
    let server = RawServer::start(hold);
    let failure = failed(&server, HASTY).await;
    assert_eq!(cause(&failure), "Lost");
    assert_eq!(failure.message, format!("`{}` gave no answer: none within 0.4 s", server.address));
}

#[tokio::test]
async fn what_spends_nothing_has_a_time_of_its_own() {
    let server = RawServer::start(hold);
    let timeouts = Timeouts { spending: PATIENT.spending, ..HASTY };
    let fetcher = server.fetcher("", timeouts);
    let revoke = Request::Revoke { refresh_token: Secret::new(SECRET) };
    for request in [Request::DeviceStart, revoke] {
        let failure = failure(fetcher.fetch(request).await);
        assert!(failure.message.ends_with("none within 0.4 s"), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_whole_is_lost_only_of_a_success() {
    let trickle = |status| {
        move |mut stream: TcpStream| {
            send(&mut stream, format!("HTTP/1.1 {status} X\r\nContent-Length: 1000\r\n\r\n{{"));
            hold(stream);
        }
    };
    let truncated = |status| {
        move |mut stream: TcpStream| {
            send(&mut stream, format!("HTTP/1.1 {status} X\r\nContent-Length: 1000\r\n\r\n{{"));
        }
    };
    let late = "its body did not come whole within 0.4 s";
    let short = "its body broke off: connection closed";
    for (server, timeouts, status, expected, words) in [
        (RawServer::start(trickle(200)), HASTY, 200, "Lost", late),
        (RawServer::start(trickle(503)), HASTY, 503, "Later", late),
        (RawServer::start(truncated(200)), PATIENT, 200, "Lost", short),
        (RawServer::start(truncated(400)), PATIENT, 400, "Later", short),
    ] {
        let failure = failed(&server, timeouts).await;
        assert_eq!(cause(&failure), expected, "{failure:?}");
        let message = format!("`{}` answered HTTP {status}, but {words}", server.address);
        assert_eq!(failure.message, message);
    }
}

#[tokio::test]
async fn an_endless_answer_is_given_up_at_its_bound() {
    let endless = |head: &'static str, piece: &'static str| {
        move |mut stream: TcpStream| {
            send(&mut stream, head);
            let piece = piece.repeat(4096);
            // 100 MB at least, unless the client goes away before.
            for _ in 0..(100_000_000 / piece.len()) {
                send(&mut stream, &piece);
            }
        }
    };
    let body = "Transfer-Encoding: chunked\r\n\r\n10\r\n{\"access_token\":\r\n";
    for (status, expected) in [(200, "Lost"), (503, "Later")] {
        let head: &'static str = format!("HTTP/1.1 {status} X\r\n{body}").leak();
        let server = RawServer::start(endless(head, "10\r\n                \r\n"));
        let failure = failed(&server, PATIENT).await;
        assert_eq!(cause(&failure), expected, "{failure:?}");
        assert!(failure.message.ends_with("its body is larger than 1 MiB"), "{}", failure.message);
    }
    for piece in ["X-Header: x\r\n", "x"] {
        let server = RawServer::start(endless("HTTP/1.1 200 X\r\nX-Header: ", piece));
        let failure = failed(&server, PATIENT).await;
        assert_eq!(cause(&failure), "Lost", "{failure:?}");
        assert!(
            failure.message.ends_with("the answer's header is too large"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn what_is_no_http_is_lost() {
    let server = RawServer::start(|mut stream| send(&mut stream, "SSH-2.0-OpenSSH_9.2\r\n\r\n"));
    let failure = failed(&server, PATIENT).await;
    assert_eq!(cause(&failure), "Lost");
    assert!(failure.message.ends_with("what came is no HTTP/1.1"), "{}", failure.message);
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let target = RawServer::start(|mut stream| send(&mut stream, answer(200, "", GOOD)));
        let location = format!("Location: {}/x?{SECRET}\r\n", target.url());
        // A body that does not come must not hold it up.
        let server = RawServer::start(move |mut stream| {
            send(
                &mut stream,
                format!("HTTP/1.1 {status} X\r\n{location}Content-Length: 9\r\n\r\n"),
            );
            hold(stream);
        });
        let failure = failed(&server, PATIENT).await;
        assert_eq!(cause(&failure), "Unusable", "{status}");
        assert!(failure.message.contains("a redirect to `127.0.0.1`"), "{}", failure.message);
        assert_eq!(target.connections(), 0, "{status}");
    }
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own() {
    // It would keep them open: that none is used again is the client's doing.
    let server = RawServer::start(|mut stream| {
        send(&mut stream, answer(200, "Connection: keep-alive\r\n", GOOD));
        hold(stream);
    });
    let fetcher = server.fetcher("", PATIENT);
    for connections in 1..=3 {
        let granted = granted(fetcher.fetch(refresh()).await);
        assert_eq!(granted.access_token.expose(), "access-token-1");
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn the_proxy_of_the_profile_is_used_and_named_where_it_fails() {
    let proxy = RawServer::start(|mut stream| send(&mut stream, answer(200, "", GOOD)));
    let line = format!("proxy = \"{}\"", proxy.url());
    granted(fetcher("http://idp.example.com", &line, PATIENT).fetch(refresh()).await);
    let request = proxy.requests().remove(0);
    let expected = "POST http://idp.example.com/auth/realms/master/protocol/openid-connect/token ";
    assert!(request.starts_with(expected), "{request}");

    let refusing = RawServer::start(|mut stream| send(&mut stream, answer(403, "", "")));
    let line = format!("proxy = \"{}\"", refusing.url());
    let failure =
        failure(fetcher("https://idp.example.com", &line, PATIENT).fetch(refresh()).await);
    assert_eq!(cause(&failure), "NotSent");
    let expected = "`idp.example.com` was not reached through the proxy `127.0.0.1`: ";
    assert!(failure.message.starts_with(expected), "{}", failure.message);
    assert!(failure.message.ends_with(CHECK), "{}", failure.message);
    let requests = refusing.requests();
    assert!(requests[0].starts_with("CONNECT idp.example.com:443 "), "{requests:?}");
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].contains(SECRET));
}

/// A dead peer is noticed by the kernel, which must have been told how; nothing else in a test can show it.
#[tokio::test]
async fn sockets_notice_a_dead_peer_within_15_seconds() {
    let server = RawServer::start(|mut stream| {
        let port = stream.peer_addr().unwrap().port();
        send(&mut stream, answer(200, "", &socket_options(port)));
    });
    let failure = failure(server.fetcher("", PATIENT).fetch(refresh()).await);
    assert!(failure.message.contains("`keepalive 5 5 2 user 15000`"), "{}", failure.message);
}

/// The options of the socket in this process that has this local port, as an OAuth error.
fn socket_options(port: u16) -> String {
    use rustix::io::Errno;
    use rustix::net::{getsockname, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let number = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        let fd = match pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) {
            Ok(fd) => fd,
            // The folder's own descriptor is closed again.
            Err(Errno::BADF) => continue,
            Err(error) => panic!("a process may duplicate its own descriptors: {error}"),
        };
        let Ok(name) = getsockname(&fd) else { continue };
        match SocketAddr::try_from(name) {
            Ok(address) if address.port() == port => {}
            _ => continue,
        }
        return format!(
            "{{\"error\": \"keepalive {} {} {} user {}\"}}",
            sockopt::tcp_keepidle(&fd).unwrap().as_secs(),
            sockopt::tcp_keepintvl(&fd).unwrap().as_secs(),
            sockopt::tcp_keepcnt(&fd).unwrap(),
            sockopt::tcp_user_timeout(&fd).unwrap(),
        );
    }
    panic!("the client's socket is in this process");
}

/// A listener whose backlog is full: it neither refuses nor accepts.
fn full_listener() -> (Vec<Box<dyn Send>>, SocketAddr) {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let address = SocketAddr::try_from(rustix::net::getsockname(&socket).unwrap()).unwrap();
    let mut kept: Vec<Box<dyn Send>> = vec![Box::new(socket)];
    for _ in 0..16 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => kept.push(Box::new(stream)),
            Err(_full) => return (kept, address),
        }
        thread::yield_now();
    }
    panic!("the backlog of 0 takes connections without end");
}
