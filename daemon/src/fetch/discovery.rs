//! A provider's own description of itself: OpenID Connect Discovery §4, else RFC 8414 §3.

use super::answer::{Asked, HttpAnswer, Mends};
use super::members::Members;
use super::provider::{Absence, Endpoints, Routes, Service, is_this_machine};
use bearerd_session::{Cause, Failure};
use url::Url;

/// Fetches the document of one issuer.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// As it is configured, to the letter.
    issuer: String,
    allow_http: bool,
}

impl Discovery {
    /// For `issuer`; nothing is sent yet.
    pub(crate) fn new(issuer: &str, allow_http: bool) -> Self {
        Self { issuer: issuer.to_owned(), allow_http }
    }

    /// Fetches the document and reads it.
    ///
    /// # Errors
    /// There is none, or one of no use. Nothing is ever [`Cause::Lost`]: what was to be sent after it was not.
    pub(crate) async fn fetch(&self, routes: &Routes) -> Result<Endpoints, Failure> {
        let places = self.places()?;
        let mut nothing_there = None;
        for place in places {
            let endpoint = routes.endpoint(place);
            let host = endpoint.host();
            let answer = match endpoint.get(None).await {
                Ok(answer) => answer,
                Err(failure) => return Err(unsent(failure)),
            };
            tracing::debug!(host, status = answer.status, "the issuer answered");
            match self.read(&answer, host) {
                Err(failure) if answer.status == NOT_FOUND => nothing_there = Some(failure),
                read => return read,
            }
        }
        Err(nothing_there.unwrap_or_else(|| wrong(String::new())))
    }

    /// What the document says.
    fn read(&self, answer: &HttpAnswer, host: &str) -> Result<Endpoints, Failure> {
        let asked = Asked { host, secrets: &[], mends: MENDS };
        let document = answer.object(asked).map_err(unsent)?;
        let issuer = document.text("issuer").unwrap_or_default();
        if issuer != self.issuer {
            let other = match plain_url(issuer) {
                Some(url) => format!("of another issuer, `{url}`: write that one as `issuer`"),
                None => "of no issuer that can be shown: check `issuer`".to_owned(),
            };
            return Err(answer.rejected(
                asked,
                Cause::WrongPlace,
                &format!("with the discovery document {other}, if you trust it"),
            ));
        }
        Ok(Endpoints {
            issuer: Some(issuer.to_owned()),
            host: host.to_owned(),
            addresses: Service::ALL.map(|service| self.address(&document, service)),
        })
    }

    fn address(&self, document: &Members, service: Service) -> Result<Url, Absence> {
        let text = document.text(service.member()).ok_or(Absence::Missing)?;
        let url = Url::parse(text).map_err(|_unreadable| Absence::NoAddress)?;
        match url.scheme() {
            "https" if url.has_host() => Ok(url),
            "http" if self.allow_http || is_this_machine(&url) => Ok(url),
            "http" => Err(Absence::PlainHttp),
            _ => Err(Absence::NoAddress),
        }
    }

    /// Where the document may be, the likelier place first.
    fn places(&self) -> Result<[Url; 2], Failure> {
        let issuer = Url::parse(&self.issuer).map_err(|error| wrong(error.to_string()))?;
        let path = issuer.path().trim_end_matches('/').to_owned();
        let at = |path: String| {
            let mut place = issuer.clone();
            place.set_path(&path);
            place
        };
        Ok([
            at(format!("{path}/.well-known/openid-configuration")),
            at(format!("/.well-known/oauth-authorization-server{path}")),
        ])
    }
}

/// The failure of what comes before a request: that one was not sent, so that nothing is lost with it.
fn unsent(failure: Failure) -> Failure {
    let cause = match failure.cause {
        Cause::Lost => Cause::Later,
        cause => cause,
    };
    let message = format!("no discovery document: {}", failure.message);
    Failure { cause, message, ..failure }
}

fn wrong(reason: String) -> Failure {
    let message = format!("`issuer` leads to no discovery document: {reason}");
    Failure { cause: Cause::WrongPlace, message, retry_after: None }
}

/// An address that is all plain characters and has no secret's place in it.
fn plain_url(text: &str) -> Option<&str> {
    let url = Url::parse(text).ok()?;
    let is_plain = text.len() <= SHOWN_MAX
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'`')
        && matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_plain.then_some(text)
}

const MENDS: Mends<'static> = Mends { place: "`issuer`", client: "", scope: "", grant: "" };
const NOT_FOUND: u16 = 404;
/// Characters; longer than any issuer.
const SHOWN_MAX: usize = 200;

#[cfg(test)]
mod tests;
