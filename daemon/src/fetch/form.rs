//! The form that a request carries (`application/x-www-form-urlencoded`, RFC 6749 appendix B).

use crate::wiped::Wiped;
use url::form_urlencoded::byte_serialize;

/// Parameters in the order in which they were added, encoded.
#[derive(Debug, Default)]
pub(crate) struct Form(Wiped);

impl Form {
    /// The form with one more parameter.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push(b"&");
        }
        push_encoded(&mut self.0, name);
        self.0.push(b"=");
        push_encoded(&mut self.0, value);
        self
    }

    /// The form with each of `parameters`.
    pub(crate) fn with_all<'p>(
        self,
        parameters: impl IntoIterator<Item = (&'p String, &'p String)>,
    ) -> Self {
        parameters.into_iter().fold(self, |form, (name, value)| form.with(name, value))
    }

    /// The encoded bytes, wiped when they are dropped.
    pub(crate) fn into_bytes(self) -> Wiped {
        self.0
    }
}

/// Appends `text`, encoded as in a form.
pub(crate) fn push_encoded(bytes: &mut Wiped, text: &str) {
    for piece in byte_serialize(text.as_bytes()) {
        bytes.push(piece.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_and_never_shown() {
        let more = [("kc hint".to_owned(), "ü".to_owned())];
        let form = Form::default()
            .with("client_id", "a&b")
            .with("refresh_token", "x+/=y")
            .with_all(more.iter().map(|(name, value)| (name, value)));
        assert_eq!(format!("{form:?}"), "Form(56 bytes, REDACTED)");
        let bytes = form.into_bytes();
        assert_eq!(bytes.as_ref(), b"client_id=a%26b&refresh_token=x%2B%2F%3Dy&kc+hint=%C3%BC");
    }
}
