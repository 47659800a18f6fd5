//! The header `Authorization`: what of it is secret is wiped as far as it is ours.

use super::form::push_encoded;
use crate::wiped::Wiped;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearerd_proto::Secret;
use bytes::Bytes;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// A value of the header `Authorization`.
#[derive(Debug)]
pub(crate) struct Authorization(Wiped);

impl Authorization {
    /// A client's id and secret, each encoded as in a form first (RFC 6749 §2.3.1).
    pub(crate) fn basic(client_id: &str, secret: &Secret) -> Self {
        let mut pair = Wiped::default();
        push_encoded(&mut pair, client_id);
        pair.push(b":");
        push_encoded(&mut pair, secret.expose());
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_ref()));
        Self::of("Basic ", &encoded)
    }

    /// An access token (RFC 6750 §2.1).
    pub(crate) fn bearer(access_token: &Secret) -> Self {
        Self::of("Bearer ", access_token.expose())
    }

    /// The header, or why there can be none.
    pub(crate) fn header(self) -> Result<HeaderValue, &'static str> {
        // What is thrown away holds the value, so it is not told.
        let value = HeaderValue::from_maybe_shared(Bytes::from_owner(self.0));
        let mut value = value.map_err(|_holds_the_value| "what it would carry fits no header")?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn of(scheme: &str, credentials: &str) -> Self {
        let mut value = Wiped::default();
        value.push(scheme.as_bytes());
        value.push(credentials.as_bytes());
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_encodes_both_parts_before_it_joins_them() {
        // The colon and the space of a name would else part it in the wrong place.
        let basic = Authorization::basic("a:b c", &Secret::new("s%1/ü+"));
        let header = basic.header().unwrap();
        let encoded = STANDARD.encode("a%3Ab+c:s%251%2F%C3%BC%2B");
        assert_eq!(header.as_bytes(), format!("Basic {encoded}").as_bytes());
        assert_eq!(format!("{header:?}"), "Sensitive");
    }

    #[test]
    fn a_bearer_is_the_token_and_shows_nowhere() {
        let bearer = Authorization::bearer(&Secret::new("token-1"));
        assert!(!format!("{bearer:?}").contains("token-1"));
        assert_eq!(bearer.header().unwrap().as_bytes(), b"Bearer token-1");
        assert!(Authorization::bearer(&Secret::new("line\nbreak")).header().is_err());
    }
}
