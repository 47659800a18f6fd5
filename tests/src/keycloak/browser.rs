//! The person's side of a device login, over HTTP alone: open the link, log in, press a button.

use super::Error;
use super::seed::Person;
use crate::web::{Form, Page, Pages};

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

/// Kept, it stays logged in: its next login asks for no password
/// and belongs to the same session at Keycloak, as for a person who comes back with the browser still open.
#[derive(Debug, Default)]
pub struct Browser {
    pages: Pages,
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
        let mut page = self.pages.open(link).map_err(failed)?;
        let mut form = form(&page, "a form to log in or to consent")?;
        if form.has_field("password") {
            form.fill("username", person.username);
            form.fill("password", person.password);
            page = self.pages.submit(&page, form, None).map_err(failed)?;
            form = self::form(&page, "a consent form")?;
        }
        if form.has_field("password") {
            return Err(without(&page, "a consent form: the password was refused"));
        }
        let page = self.pages.submit(&page, form, Some(button)).map_err(failed)?;
        if page.url.path().ends_with("/device/status") {
            Ok(())
        } else {
            Err(without(&page, "the end of the device login"))
        }
    }
}

fn form(page: &Page, missing: &'static str) -> Result<Form, Error> {
    page.form().ok_or(without(page, missing))
}

fn without(page: &Page, missing: &'static str) -> Error {
    Error::Page { missing, status: page.status }
}

fn failed(source: std::io::Error) -> Error {
    Error::Exchange { doing: "answer a device login".to_owned(), source }
}
