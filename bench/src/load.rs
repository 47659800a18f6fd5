//! Readers: 64 kept-alive ones, and ones that come over a new connection each.

use crate::statistics::Paired;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

const CLIENTS: usize = 64;
/// How long each turn lasts.
const TURN: Duration = Duration::from_millis(1500);
const REQUEST: &[u8] = b"GET /v1/token HTTP/1.1\r\nhost: bearerd\r\n\r\n";

/// Bytes of the body that one read answers.
pub(crate) async fn body_of_one_read(socket: &Path) -> usize {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let mut buffer = Vec::new();
    let (head, body) = read_once(&mut stream, &mut buffer).await;
    assert!(head > 0 && buffer.starts_with(b"HTTP/1.1 200"), "the daemon has no token to read");
    body
}

/// Reads a second, by 64 clients that keep their connection.
pub(crate) fn kept_alive(
    runtime: &Runtime,
    ours: &Path,
    yardstick: &Path,
    rounds: usize,
) -> Paired {
    Paired::measure(rounds, |is_ours| {
        let socket = if is_ours { ours } else { yardstick };
        runtime.block_on(async {
            let stop = Arc::new(AtomicBool::new(false));
            let reads = Arc::new(AtomicU64::new(0));
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                let mut stream = UnixStream::connect(socket).await.unwrap();
                let (stop, reads) = (Arc::clone(&stop), Arc::clone(&reads));
                clients.push(tokio::spawn(async move {
                    let mut buffer = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        read_once(&mut stream, &mut buffer).await;
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                }));
            }
            let begin = Instant::now();
            tokio::time::sleep(TURN).await;
            let counted = reads.load(Ordering::Relaxed);
            let taken = begin.elapsed();
            stop.store(true, Ordering::Relaxed);
            for client in clients {
                client.await.unwrap();
            }
            f64::from(u32::try_from(counted).unwrap()) / taken.as_secs_f64()
        })
    })
}

/// Microseconds of a read over a new connection, one after another.
pub(crate) fn new_connections(
    runtime: &Runtime,
    ours: &Path,
    yardstick: &Path,
    rounds: usize,
) -> Paired {
    Paired::measure(rounds, |is_ours| {
        let socket = if is_ours { ours } else { yardstick };
        runtime.block_on(async {
            let mut buffer = Vec::new();
            let begin = Instant::now();
            let mut reads = 0_u32;
            while begin.elapsed() < TURN {
                let mut stream = UnixStream::connect(socket).await.unwrap();
                read_once(&mut stream, &mut buffer).await;
                reads += 1;
            }
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(reads)
        })
    })
}

/// One request and its whole answer: bytes of head and body.
async fn read_once(stream: &mut UnixStream, buffer: &mut Vec<u8>) -> (usize, usize) {
    stream.write_all(REQUEST).await.unwrap();
    buffer.clear();
    loop {
        assert!(stream.read_buf(buffer).await.unwrap() > 0, "the connection was closed");
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(buffer).unwrap() else { continue };
        let length = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let body: usize = std::str::from_utf8(length.unwrap().value).unwrap().parse().unwrap();
        if buffer.len() >= head + body {
            return (head, body);
        }
    }
}
