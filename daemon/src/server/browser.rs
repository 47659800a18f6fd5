//! Tells requests that a browser sends: whatever forwards the socket, no web page may reach the tokens.

use axum::http::HeaderMap;

/// Whether these headers are a browser's: `Origin` (RFC 6454 §7) or any `Sec-Fetch-…` (W3C Fetch Metadata), none of
/// which a page's script can leave out.
pub(crate) fn sent_by_browser(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name == "origin" || name.starts_with("sec-fetch-")
    })
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
}
