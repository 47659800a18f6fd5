//! The person's side of a device login, over HTTP alone: open the link, log in, press a button.

use url::Url;

use super::Error;
use super::form::Form;
use super::http::{Call, url};
use super::seed::Person;
use crate::plain_http::Reply;

/// Redirects in a row; a login of Keycloak has two or three.
const MAX_REDIRECTS: usize = 12;

/// Opens `verification_uri_complete` in a new browser, logs in as `person`, and consents.
///
/// # Errors
/// [`Error::Page`] where a page is not the expected one, a refused password among them.
pub fn approve(verification_uri_complete: &str, person: Person) -> Result<(), Error> {
    Browser::default().approve(verification_uri_complete, person)
}

/// The same, but presses the other button: the poll gets `access_denied`.
///
/// # Errors
/// As [`approve`].
pub fn deny(verification_uri_complete: &str, person: Person) -> Result<(), Error> {
    Browser::default().answer(verification_uri_complete, person, "cancel")
}

/// A cookie jar and the rules of following redirects. Kept, it stays logged in: its next login asks for no password
/// and belongs to the same session at Keycloak, as for a person who comes back with the browser still open.
#[derive(Debug, Default)]
pub struct Browser {
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// As the function [`approve`], with this browser.
    ///
    /// # Errors
    /// As there.
    pub fn approve(
        &mut self,
        verification_uri_complete: &str,
        person: Person,
    ) -> Result<(), Error> {
        self.answer(verification_uri_complete, person, "accept")
    }

    fn answer(&mut self, link: &str, person: Person, button: &'static str) -> Result<(), Error> {
        let start = url(link).map_err(Self::failed)?;
        let mut page = self.open(Call::new("GET", start.clone()), start)?;
        let mut form = page.form("a form to log in or to consent")?;
        if form.has_field("password") {
            form.fill("username", person.username);
            form.fill("password", person.password);
            page = self.submit(&page, form, None)?;
            form = page.form("a consent form")?;
        }
        if form.has_field("password") {
            return Err(page.without("a consent form: the password was refused"));
        }
        let page = self.submit(&page, form, Some(button))?;
        if page.url.path().ends_with("/device/status") {
            Ok(())
        } else {
            Err(page.without("the end of the device login"))
        }
    }

    fn submit(
        &mut self,
        page: &Page,
        form: Form,
        button: Option<&'static str>,
    ) -> Result<Page, Error> {
        let mut fields = form.fields;
        if let Some(name) = button {
            // Its name must be sent, with or without a value: it is what tells yes from no.
            let pressed = form.buttons.into_iter().find(|(other, _)| other == name);
            fields.push(pressed.ok_or(page.without("its yes and no buttons"))?);
        }
        let to = page
            .url
            .join(&form.action)
            .map_err(|error| Self::failed(std::io::Error::other(error)))?;
        self.open(Call::new("POST", to.clone()).form(&fields), to)
    }

    fn open(&mut self, first: Call, at: Url) -> Result<Page, Error> {
        let (mut call, mut at) = (first, at);
        for _ in 0..MAX_REDIRECTS {
            // Without `Accept` Keycloak takes some of these for a device's requests.
            call = call.header("Accept", "text/html");
            if !self.cookies.is_empty() {
                let pairs: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
                call = call.header("Cookie", pairs.join("; "));
            }
            let reply = call.send().map_err(Self::failed)?;
            self.keep_cookies(&reply);
            match reply.headers.first("location").filter(|_| (300..400).contains(&reply.status)) {
                None => {
                    return Ok(Page { url: at, status: reply.status, text: reply.text() });
                }
                Some(location) => {
                    at = at
                        .join(location)
                        .map_err(|error| Self::failed(std::io::Error::other(error)))?;
                    call = Call::new("GET", at.clone());
                }
            }
        }
        Err(Error::Page { missing: "an end of its redirects", status: 302 })
    }

    /// Keeps every cookie, `Secure` ones too: a browser counts loopback as secure, and so do we.
    fn keep_cookies(&mut self, reply: &Reply) {
        for line in reply.headers.all("set-cookie") {
            let mut parts = line.split(';');
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let over =
                value.is_empty() || parts.any(|part| part.trim().eq_ignore_ascii_case("max-age=0"));
            self.cookies.retain(|(other, _)| other != name);
            if !over {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn failed(source: std::io::Error) -> Error {
        Error::Exchange { doing: "answer a device login".to_owned(), source }
    }
}

#[derive(Debug)]
struct Page {
    url: Url,
    status: u16,
    text: String,
}

impl Page {
    fn form(&self, missing: &'static str) -> Result<Form, Error> {
        Form::first(&self.text).ok_or(self.without(missing))
    }

    fn without(&self, missing: &'static str) -> Error {
        Error::Page { missing, status: self.status }
    }
}
