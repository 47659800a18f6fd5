//! One HTTP request to a provider and its answer, blocking.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use url::Url;
use url::form_urlencoded::Serializer;

use super::trust;
use crate::plain_http::{Headers, Reply, Request};

/// Beyond any answer of a warm server; a test that waits longer has found a fault.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request under way to being sent; [`Call::send`] ends it.
#[derive(Debug)]
pub(crate) struct Call {
    method: &'static str,
    url: Url,
    headers: Headers,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: &'static str, url: Url) -> Self {
        Self { method, url, headers: Headers::default(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    pub(crate) fn form<N: AsRef<str>, V: AsRef<str>>(mut self, fields: &[(N, V)]) -> Self {
        let encoded = Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = encoded.into_bytes();
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn json(mut self, value: &serde_json::Value) -> Self {
        self.body = value.to_string().into_bytes();
        self.header("Content-Type", "application/json")
    }

    /// Sends it, straight to the address of its URL: no proxy of the environment, no redirect.
    ///
    /// A `Host` among the headers stays: Keycloak takes its issuer from there.
    pub(crate) fn send(self) -> io::Result<Reply> {
        let Self { method, url, mut headers, body } = self;
        let addresses = url.socket_addrs(|| None)?;
        if headers.first("host").is_none() {
            headers.push("Host", url.authority());
        }
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut stream = TcpStream::connect(addresses.as_slice())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = Request { method: method.to_owned(), target, headers, body };
        if url.scheme() == "https" {
            let host = url.host_str().unwrap_or_default();
            return request.exchange(&mut trust::connect(host, stream)?);
        }
        request.exchange(&mut stream)
    }
}

/// A URL of the harness's own making.
pub(crate) fn url(text: &str) -> io::Result<Url> {
    Url::parse(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
