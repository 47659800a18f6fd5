//! Plain HTTP/1.1, one exchange a connection: what the Keycloak client and the gate proxy both speak.
//!
//! Every message leaves with a `Content-Length` and `Connection: close`, so that neither side ever
//! reuses a connection and a reset always belongs to exactly one request.

use std::io::{self, Read, Write};

/// Bytes of a message's head; Keycloak's cookies and session links stay well below.
const MAX_HEAD: usize = 64 * 1024;
/// Bytes of a message's body; Keycloak's largest pages and event lists stay well below.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Header fields that one message may have.
const MAX_FIELDS: usize = 100;
/// The fields that describe the connection or the framing, written anew for each hop (RFC 9110 §7.6.1).
const PER_HOP: [&str; 6] =
    ["connection", "keep-alive", "transfer-encoding", "content-length", "expect", "upgrade"];

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one request; `None` where the peer closed before its first byte.
    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Option<Self>> {
        let Some((head, rest)) = read_head(stream)? else { return Ok(None) };
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        parsed.parse(&head).map_err(malformed)?;
        let method = parsed.method.unwrap_or_default().to_owned();
        let target = parsed.path.unwrap_or_default().to_owned();
        let headers = Headers::of(parsed.headers);
        let body = match headers.framing()? {
            Framing::Length(length) => read_exactly(stream, rest, length)?,
            Framing::Chunked => read_chunked(stream, rest)?,
            Framing::UntilClose => Vec::new(),
        };
        Ok(Some(Self { method, target, headers, body }))
    }

    pub(crate) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let start = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        write_message(stream, start, &self.headers, &self.body)
    }

    /// Sends this request and reads the answer to it.
    pub(crate) fn exchange(&self, stream: &mut (impl Read + Write)) -> io::Result<Reply> {
        self.write(stream)?;
        Reply::read(stream)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn read(stream: &mut impl Read) -> io::Result<Self> {
        let Some((head, rest)) = read_head(stream)? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(&head).map_err(malformed)?;
        let status = parsed.code.unwrap_or_default();
        let headers = Headers::of(parsed.headers);
        let body = match headers.framing()? {
            _ if status == 204 || status == 304 => Vec::new(),
            Framing::Length(length) => read_exactly(stream, rest, length)?,
            Framing::Chunked => read_chunked(stream, rest)?,
            Framing::UntilClose => read_to_close(stream, rest)?,
        };
        Ok(Self { status, headers, body })
    }

    pub(crate) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        // The reason phrase carries nothing (RFC 9112 §4) and is left empty.
        write_message(stream, format!("HTTP/1.1 {} \r\n", self.status), &self.headers, &self.body)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Header fields in their order of arrival; names compare without case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    pub(crate) fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    fn of(parsed: &[httparse::Header<'_>]) -> Self {
        let field = |h: &httparse::Header<'_>| {
            (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned())
        };
        Self(parsed.iter().map(field).collect())
    }

    fn framing(&self) -> io::Result<Framing> {
        if self.first("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunked);
        }
        match self.first("content-length") {
            None => Ok(Framing::UntilClose),
            Some(length) => length.trim().parse().map(Framing::Length).map_err(malformed),
        }
    }
}

/// How a body ends (RFC 9112 §6.3). A request without either field has no body.
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

fn write_message(
    stream: &mut impl Write,
    mut head: String,
    headers: &Headers,
    body: &[u8],
) -> io::Result<()> {
    for (name, value) in &headers.0 {
        if !PER_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()));
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    stream.write_all(&message)?;
    stream.flush()
}

/// Splits the bytes that arrive into the head and what came of the body with it.
fn read_head(stream: &mut impl Read) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(Some((bytes, rest)));
        }
        if bytes.len() > MAX_HEAD {
            return Err(malformed("a head beyond the limit"));
        }
        if read_more(stream, &mut bytes)? == 0 {
            return if bytes.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    }
}

fn read_exactly(stream: &mut impl Read, mut body: Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(malformed("a body beyond the limit"));
    }
    while body.len() < length {
        if read_more(stream, &mut body)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    body.truncate(length);
    Ok(body)
}

fn read_to_close(stream: &mut impl Read, mut body: Vec<u8>) -> io::Result<Vec<u8>> {
    while read_more(stream, &mut body)? > 0 {
        if body.len() > MAX_BODY {
            return Err(malformed("a body beyond the limit"));
        }
    }
    Ok(body)
}

fn read_chunked(stream: &mut impl Read, mut raw: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        match httparse::parse_chunk_size(&raw[at..]).map_err(|bad| malformed(bad.to_string()))? {
            // What follows the last chunk is trailers, which nobody here reads.
            httparse::Status::Complete((_, 0)) => return Ok(body),
            httparse::Status::Complete((start, size)) => {
                let size = usize::try_from(size).map_err(malformed)?;
                if body.len().saturating_add(size) > MAX_BODY {
                    return Err(malformed("a body beyond the limit"));
                }
                let (from, to) = (at + start, at + start + size);
                while raw.len() < to + 2 {
                    if read_more(stream, &mut raw)? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                body.extend_from_slice(&raw[from..to]);
                at = to + 2;
            }
            httparse::Status::Partial => {
                if read_more(stream, &mut raw)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
}

fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut block = [0; 16 * 1024];
    loop {
        match stream.read(&mut block) {
            Ok(count) => {
                bytes.extend_from_slice(&block[..count]);
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn malformed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_framing_of_an_answer_gives_the_same_body() {
        let cases = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and bytes of nobody",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nhello",
        ];
        for case in cases {
            let reply = Reply::read(&mut case.as_bytes()).unwrap();
            assert_eq!((reply.status, reply.text().as_str()), (200, "hello"), "{case}");
        }
    }

    #[test]
    fn an_answer_cut_short_is_an_error() {
        let cases = [
            "",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        ];
        for case in cases {
            let error = Reply::read(&mut case.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{case}");
        }
    }

    #[test]
    fn a_request_is_passed_on_with_its_host_and_a_framing_of_our_own() {
        let arrived = "POST /a HTTP/1.1\r\nhost: gate:1\r\nconnection: keep-alive\r\n\
                       content-length: 2\r\n\r\nx=";
        let request = Request::read(&mut arrived.as_bytes()).unwrap().unwrap();
        let mut passed = Vec::new();
        request.write(&mut passed).unwrap();
        assert_eq!(
            String::from_utf8(passed).unwrap(),
            "POST /a HTTP/1.1\r\nhost: gate:1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nx="
        );
        assert!(Request::read(&mut "".as_bytes()).unwrap().is_none());
    }
}
