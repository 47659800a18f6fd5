//! Tells requests that a browser sends: whatever forwards the socket, no web page may reach the tokens.

use axum::http::HeaderMap;
use axum::http::header::HOST;
use std::net::Ipv4Addr;

/// Whether these headers are a browser's: `Origin` (RFC 6454 §7), any `Sec-Fetch-…` (W3C Fetch Metadata), none of
/// which a page's script can leave out, or a `Host` from the public name space. A browser that reads plain HTTP from its
/// page's own host sends neither of the first; the name of that host it cannot hide (DNS rebinding).
pub(crate) fn sent_by_browser(headers: &HeaderMap) -> bool {
    let marked = headers.keys().any(|name| {
        let name = name.as_str();
        name == "origin" || name.starts_with("sec-fetch-")
    });
    marked || headers.get_all(HOST).iter().any(|host| !is_ours(host.as_bytes()))
}

/// Names that no public name server gives out: a single word (`bearerd`, `localhost`), or an address.
fn is_ours(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    if host.starts_with('[') {
        return true;
    }
    let name = host.split_once(':').map_or(host, |(name, _port)| name);
    !name.contains('.') || name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn by_the_names_of_headers() {
        let cases = [
            ("Origin", true),
            ("ORIGIN", true),
            ("Sec-Fetch-Site", true),
            ("sec-fetch-mode", true),
            ("Sec-Fetch-Anything-New", true),
            ("Host", false),
            ("X-Origin", false),
            ("Original", false),
            ("Sec-Fetch", false),
        ];
        for (name, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_static("null"),
            );
            assert_eq!(sent_by_browser(&headers), expected, "{name}");
        }
        assert!(!sent_by_browser(&HeaderMap::new()));
    }

    #[test]
    fn by_a_host_that_public_name_servers_could_give_out() {
        let cases = [
            ("bearerd", false),
            ("localhost:8080", false),
            ("127.0.0.1:8080", false),
            ("[::1]:8080", false),
            ("", false),
            ("rebound.example.com", true),
            ("rebound.example.com:8080", true),
            ("127.0.0.1.example.com", true),
        ];
        for (host, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            assert_eq!(sent_by_browser(&headers), expected, "{host}");
        }
    }
}
