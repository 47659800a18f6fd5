//! The parser of an answer: heads and bodies from bytes as they come, with a bound on each. No I/O.

use bearerd_proto::Secret;

/// Most bytes of a head: four times what the server takes from us.
pub(crate) const HEAD_MAX: usize = 64 * 1024;
/// Most bytes of a body: a status of some thousand profiles fits.
pub(crate) const BODY_MAX: usize = 4 * 1024 * 1024;
/// Most header fields of a head.
const FIELDS_MAX: usize = 64;
/// Most bytes of a chunk's size line, or of a trailer line.
const LINE_MAX: usize = 256;

/// An answer as a whole. Its body may hold a token.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Secret,
}

/// What is wrong with an answer; never a part of it, which could be a token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    /// Whether the connection can carry another request.
    pub(crate) keep_alive: bool,
}

/// Where a body ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// Takes a head from the front of `unread`; `None` while more bytes are needed. Interim answers (1xx) are skipped.
pub(crate) fn take_head(unread: &mut Vec<u8>) -> Result<Option<Head>, Malformed> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(unread);
        match parsed.map_err(|_error| Malformed("it does not begin with a head of HTTP/1.1"))? {
            httparse::Status::Partial if unread.len() > HEAD_MAX => {
                return Err(Malformed("its head is too long"));
            }
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(length) => {
                let head = head_of(&response)?;
                unread.drain(..length);
                if head.status >= 200 {
                    return Ok(Some(head));
                }
            }
        }
    }
}

fn head_of(response: &httparse::Response<'_, '_>) -> Result<Head, Malformed> {
    let status = response.code.ok_or(Malformed("it has no status"))?;
    let mut keep_alive = response.version == Some(1);
    let mut length = None;
    let mut chunked = false;
    for field in response.headers.iter() {
        let value = str::from_utf8(field.value).unwrap_or_default().trim();
        if field.name.eq_ignore_ascii_case("content-length") {
            let this =
                value.parse().map_err(|_error| Malformed("its Content-Length is no number"))?;
            if length.replace(this).is_some_and(|other: usize| other != this) {
                return Err(Malformed("it has two lengths"));
            }
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
            if !chunked {
                return Err(Malformed("its Transfer-Encoding is not `chunked`"));
            }
        } else if field.name.eq_ignore_ascii_case("connection") {
            keep_alive &= !value.eq_ignore_ascii_case("close");
        }
    }
    let framing = match length {
        _ if status < 200 || status == 204 || status == 304 => Framing::Length(0),
        _ if chunked => Framing::Chunked,
        Some(length) if length > BODY_MAX => return Err(Malformed("its body is too long")),
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    Ok(Head { status, framing, keep_alive: keep_alive && framing != Framing::UntilClose })
}

/// The decoder of one body: moves its bytes from what was read, and knows when it has them all.
#[derive(Debug)]
pub(crate) enum Body {
    /// So many bytes are still to come.
    Bytes(usize),
    /// A chunk's size line is next (RFC 9112 §7.1).
    ChunkSize,
    /// So many bytes of this chunk are still to come.
    Chunk(usize),
    /// The line break after a chunk is next.
    ChunkEnd,
    /// Trailer lines up to an empty one are next.
    Trailers,
    /// Everything up to the connection's end.
    UntilClose,
    /// All of it is there.
    Complete,
}

impl Body {
    pub(crate) fn framed(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self::Complete,
            Framing::Length(length) => Self::Bytes(length),
            Framing::Chunked => Self::ChunkSize,
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }

    /// Moves what belongs to the body from the front of `unread` to the end of `decoded`.
    pub(crate) fn decode(
        &mut self,
        unread: &mut Vec<u8>,
        decoded: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        while let Some(next) = self.step(unread, decoded)? {
            *self = next;
        }
        if decoded.len() > BODY_MAX {
            return Err(Malformed("its body is too long"));
        }
        Ok(())
    }

    /// One step; `None` when it takes more bytes to go on.
    fn step(&self, unread: &mut Vec<u8>, decoded: &mut Vec<u8>) -> Result<Option<Self>, Malformed> {
        Ok(match *self {
            Self::Complete => None,
            _ if unread.is_empty() => None,
            Self::UntilClose => {
                decoded.append(unread);
                None
            }
            Self::Bytes(left) => match left - moved(left, unread, decoded) {
                0 => Some(Self::Complete),
                left => Some(Self::Bytes(left)),
            },
            Self::Chunk(left) => match left - moved(left, unread, decoded) {
                0 => Some(Self::ChunkEnd),
                left => Some(Self::Chunk(left)),
            },
            Self::ChunkSize => match httparse::parse_chunk_size(unread) {
                Err(httparse::InvalidChunkSize) => return Err(Malformed("a chunk has no size")),
                Ok(httparse::Status::Partial) => short(unread)?,
                Ok(httparse::Status::Complete((line, size))) => {
                    unread.drain(..line);
                    match usize::try_from(size) {
                        Ok(0) => Some(Self::Trailers),
                        Ok(size) if size <= BODY_MAX => Some(Self::Chunk(size)),
                        _ => return Err(Malformed("a chunk is too long")),
                    }
                }
            },
            Self::ChunkEnd if unread.starts_with(b"\r\n") => {
                unread.drain(..2);
                Some(Self::ChunkSize)
            }
            Self::ChunkEnd if unread == b"\r" => None,
            Self::ChunkEnd => return Err(Malformed("a chunk is longer than its size")),
            Self::Trailers => match unread.iter().position(|byte| *byte == b'\n') {
                None => short(unread)?,
                Some(end) => {
                    let line: Vec<u8> = unread.drain(..=end).collect();
                    let empty = line == b"\r\n" || line == b"\n";
                    Some(if empty { Self::Complete } else { Self::Trailers })
                }
            },
        })
    }
}

/// A line that is not complete yet may not be long either.
fn short(unread: &[u8]) -> Result<Option<Body>, Malformed> {
    if unread.len() > LINE_MAX {
        return Err(Malformed("a line of its chunks is too long"));
    }
    Ok(None)
}

fn moved(left: usize, unread: &mut Vec<u8>, decoded: &mut Vec<u8>) -> usize {
    let count = left.min(unread.len());
    decoded.extend(unread.drain(..count));
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\n";

    #[test]
    fn heads_are_read_or_refused() {
        let head = |framing, keep_alive| Ok(Some(Head { status: 200, framing, keep_alive }));
        let cases = [
            ("content-length: 5\r\n\r\n", head(Framing::Length(5), true)),
            ("Content-Length: 5\r\nContent-Length: 5\r\n\r\n", head(Framing::Length(5), true)),
            ("Content-Length: 5\r\nConnection: Close\r\n\r\n", head(Framing::Length(5), false)),
            ("Transfer-Encoding: Chunked\r\n\r\n", head(Framing::Chunked, true)),
            ("\r\n", head(Framing::UntilClose, false)),
            ("Content-Length: 5\r\n", Ok(None)),
            ("Content-Length: x\r\n\r\n", Err(Malformed("its Content-Length is no number"))),
            (
                "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
                Err(Malformed("it has two lengths")),
            ),
            ("Content-Length: 4194305\r\n\r\n", Err(Malformed("its body is too long"))),
            (
                "Transfer-Encoding: gzip\r\n\r\n",
                Err(Malformed("its Transfer-Encoding is not `chunked`")),
            ),
        ];
        for (fields, expected) in cases {
            let mut unread = format!("{OK}{fields}").into_bytes();
            assert_eq!(take_head(&mut unread), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_head_without_end_and_what_is_no_head_are_refused() {
        let mut endless = format!("{OK}X: {}", "y".repeat(HEAD_MAX)).into_bytes();
        assert_eq!(take_head(&mut endless), Err(Malformed("its head is too long")));
        let mut other = b"SSH-2.0-OpenSSH_9.2\r\n".to_vec();
        assert!(take_head(&mut other).is_err());
    }

    #[test]
    fn an_interim_answer_is_skipped_and_the_body_stays() {
        let mut unread =
            format!("HTTP/1.1 100 Continue\r\n\r\n{OK}Content-Length: 2\r\n\r\n{{}}").into_bytes();
        let head = take_head(&mut unread).unwrap().unwrap();
        assert_eq!((head.status, unread.as_slice()), (200, b"{}".as_slice()));
    }

    /// Feeds `wire` in pieces of `size` bytes; gives the body, whether it is complete, and what is left over.
    fn fed(
        framing: Framing,
        wire: &[u8],
        size: usize,
    ) -> Result<(Vec<u8>, bool, usize), Malformed> {
        let (mut unread, mut decoded, mut body) = (Vec::new(), Vec::new(), Body::framed(framing));
        for piece in wire.chunks(size) {
            unread.extend_from_slice(piece);
            body.decode(&mut unread, &mut decoded)?;
        }
        Ok((decoded, body.is_complete(), unread.len()))
    }

    #[test]
    fn bodies_are_the_same_however_they_are_cut() {
        let chunked = b"4\r\nWiki\r\n5;name=value\r\npedia\r\n0\r\nTrailer: x\r\n\r\n";
        for size in 1..=chunked.len() {
            assert_eq!(
                fed(Framing::Chunked, chunked, size),
                Ok((b"Wikipedia".to_vec(), true, 0)),
                "{size}"
            );
            assert_eq!(
                fed(Framing::Length(4), b"Wiki+", size),
                Ok((b"Wiki".to_vec(), true, 1)),
                "{size}"
            );
        }
        assert_eq!(fed(Framing::Chunked, b"4\r\nWi", 9), Ok((b"Wi".to_vec(), false, 0)));
        assert_eq!(fed(Framing::UntilClose, b"Wi", 9), Ok((b"Wi".to_vec(), false, 0)));
    }

    #[test]
    fn chunks_that_break_the_rules_are_refused() {
        let cases: [(Vec<u8>, &str); 5] = [
            (b"zz\r\n".to_vec(), "a chunk has no size"),
            (b"1\r\nab\r\n".to_vec(), "a chunk is longer than its size"),
            (b"fffffff\r\n".to_vec(), "a chunk is too long"),
            ([b"0\r\n".to_vec(), vec![b'x'; 300]].concat(), "a line of its chunks is too long"),
            (
                [b"400000\r\n".to_vec(), vec![b'x'; BODY_MAX], b"\r\n1\r\ny\r\n".to_vec()].concat(),
                "its body is too long",
            ),
        ];
        for (wire, reason) in cases {
            assert_eq!(fed(Framing::Chunked, &wire, wire.len()), Err(Malformed(reason)));
        }
    }
}
