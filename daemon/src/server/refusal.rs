//! What the server itself says no to, before any handler is asked: code, status and words.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bearerd_proto::{ErrorBody, ErrorCode};

/// A reason of the server itself. Each ends the connection.
///
/// The status is the one that PROTOCOL.md gives the code, but for a head too large, where it names 431.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    OtherUser,
    Browser,
    Overloaded,
    HeadMalformed,
    HeadTooLarge,
    BodyTooLarge,
    BodyTooSlow,
}

impl Refusal {
    /// The answer to a request that came through the HTTP layer.
    pub(crate) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The same answer, as bytes for a connection that the HTTP layer never sees.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let status = self.status();
        let body = self.body();
        let retry_after = self
            .retry_after()
            .map(|seconds| format!("retry-after: {seconds}\r\n"))
            .unwrap_or_default();
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{retry_after}connection: \
             close\r\n\r\n",
            status.as_str(),
            status.canonical_reason().unwrap_or_default(),
            body.len(),
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    }

    fn body(self) -> Vec<u8> {
        let mut error = ErrorBody::new(self.code(), self.message());
        error.retry_after = self.retry_after();
        serde_json::to_vec(&error).unwrap_or_default()
    }

    fn code(self) -> ErrorCode {
        match self {
            Refusal::OtherUser | Refusal::Browser => ErrorCode::Forbidden,
            Refusal::Overloaded => ErrorCode::Overloaded,
            Refusal::HeadMalformed
            | Refusal::HeadTooLarge
            | Refusal::BodyTooLarge
            | Refusal::BodyTooSlow => ErrorCode::BadRequest,
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Refusal::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::from_u16(self.code().status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Seconds; connections come and go within milliseconds.
    fn retry_after(self) -> Option<u64> {
        (self == Refusal::Overloaded).then_some(1)
    }

    fn message(self) -> &'static str {
        match self {
            Refusal::OtherUser => {
                "this daemon serves only the user it runs as, not even root; run the client as that user, or start a \
                 daemon of your own"
            }
            Refusal::Browser => {
                "requests that look like a web browser's are not served: leave Origin and Sec-Fetch headers out, and \
                 name the host `bearerd`, not by a dotted name"
            }
            Refusal::Overloaded => {
                "the daemon has as many connections as it may and all are in use; try again, and use connections anew"
            }
            Refusal::HeadMalformed => "the request is not well-formed HTTP/1.1",
            Refusal::HeadTooLarge => {
                "the request line and headers are longer than the daemon takes; send fewer or shorter ones"
            }
            Refusal::BodyTooLarge => {
                "the request's body is longer than the daemon takes; send a shorter one"
            }
            Refusal::BodyTooSlow => "the request's body did not arrive in time; send it at once",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_whole_http_answers() {
        for (refusal, status, code) in [
            (Refusal::OtherUser, "403 Forbidden", "forbidden"),
            (Refusal::Browser, "403 Forbidden", "forbidden"),
            (Refusal::Overloaded, "503 Service Unavailable", "overloaded"),
            (Refusal::HeadMalformed, "400 Bad Request", "bad-request"),
            (Refusal::HeadTooLarge, "431 Request Header Fields Too Large", "bad-request"),
            (Refusal::BodyTooLarge, "400 Bad Request", "bad-request"),
            (Refusal::BodyTooSlow, "400 Bad Request", "bad-request"),
        ] {
            let bytes = String::from_utf8(refusal.bytes()).unwrap();
            let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
            assert!(head.ends_with("connection: close"), "{head}");
            assert_eq!(
                head.contains("retry-after: 1\r\n"),
                refusal == Refusal::Overloaded,
                "{head}"
            );
            let error: ErrorBody = serde_json::from_str(body).unwrap();
            assert_eq!(error.code.as_str(), code);
            assert_eq!(refusal.response().status().as_str(), &status[..3]);
        }
    }
}
