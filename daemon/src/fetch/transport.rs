//! What went wrong below HTTP, in words: host, what happened, the innermost cause.

use super::shown::words;
use bearerd_session::{Cause, Failure};
use rustls::CertificateError;
use std::error::Error;
use std::io::{self, ErrorKind};

/// Where a request was going.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Towards<'a> {
    /// The IdP's host, and port where it is written.
    pub(crate) host: &'a str,
    /// The configured proxy's.
    pub(crate) proxy: Option<&'a str>,
}

impl Towards<'_> {
    /// Nothing was sent; `reason` says what to mend.
    pub(crate) fn not_sent(self, reason: &str) -> Failure {
        let proxy = self.proxy.map(|proxy| format!(" through the proxy `{proxy}`"));
        let message =
            format!("`{}` was not reached{}: {reason}", self.host, proxy.unwrap_or_default());
        Failure { cause: Cause::NotSent, message, retry_after: None }
    }

    /// The request went out, and nothing came back.
    pub(crate) fn lost(self, reason: &str) -> Failure {
        let message = format!("`{}` gave no answer: {reason}", self.host);
        Failure { cause: Cause::Lost, message, retry_after: None }
    }

    /// Sorts an error of the HTTP client before the answer's head had come.
    pub(crate) fn failed(self, error: &reqwest::Error) -> Failure {
        let reason = reason(error);
        if is_certificate(error) {
            // Its words say what to mend.
            self.not_sent(&reason)
        } else if error.is_connect() || error.is_builder() || was_handed_back(error) {
            self.not_sent(&format!("{reason} ({CHECK})"))
        } else {
            self.lost(&reason)
        }
    }
}

/// What a person looks at where a host is not reached.
const CHECK: &str = "check the address in the profile, the network, and the proxy if there is one";

/// Whether the server's certificate is the matter.
pub(crate) fn is_certificate(error: &reqwest::Error) -> bool {
    chain(error)
        .any(|error| matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))))
}

/// The innermost cause, in words.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    if error.is_connect() && error.is_timeout() {
        return "no connection in time".to_owned();
    }
    let unknown = || {
        let innermost = chain(error).last().map(ToString::to_string).unwrap_or_default();
        Some(words(&innermost, &[])).filter(|words| !words.is_empty())
    };
    let known = chain(error).filter_map(known).last();
    known.or_else(unknown).unwrap_or_else(|| "the connection failed".to_owned())
}

/// Errors that have better words than their own.
fn known(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref() {
        return Some(tls(error));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return http(error).map(str::to_owned);
    }
    let words = match error.downcast_ref::<io::Error>()?.kind() {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset => "connection reset",
        ErrorKind::UnexpectedEof => "connection closed",
        ErrorKind::TimedOut => "connection timed out",
        ErrorKind::HostUnreachable => "no route to the host",
        ErrorKind::NetworkUnreachable => "the network is unreachable",
        _ => return None,
    };
    Some(words.to_owned())
}

fn tls(error: &rustls::Error) -> String {
    let reason = match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => {
                "its issuer is unknown; add its CA as `ca_file`, or to the system's".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it has expired; renew it, or set this machine's clock".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet; is this machine's clock right?".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another host".to_owned()
            }
            other => words(&other.to_string(), &[]),
        },
        other => return format!("TLS failed: {}", words(&other.to_string(), &[])),
    };
    format!("certificate not trusted: {reason}")
}

fn http(error: &hyper::Error) -> Option<&'static str> {
    if error.is_parse_too_large() {
        Some("the answer's header is too large")
    } else if error.is_parse() {
        Some("what came is no HTTP/1.1")
    } else if error.is_incomplete_message() {
        Some("connection closed")
    } else if error.is_canceled() {
        Some("connection closed before anything was sent")
    } else {
        None
    }
}

/// Whether the connection ended before it took the request: the HTTP library then gives it back, unsent.
fn was_handed_back(error: &reqwest::Error) -> bool {
    chain(error).any(|error| error.downcast_ref().is_some_and(hyper::Error::is_canceled))
}

/// The error and its causes, outermost first. `io::Error` passes over the error that it wraps; here it counts.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => {
                let wrapped: &(dyn Error + 'static) = wrapped;
                Some(wrapped)
            }
            None => error.source(),
        }
    })
}
