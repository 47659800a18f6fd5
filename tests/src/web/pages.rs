//! A browser without a screen: a cookie jar, and the rules of following redirects and of sending forms.

use std::io;

use url::Url;

use super::{Call, Form, url};
use crate::plain_http::Reply;

/// Redirects in a row; a login of Keycloak has two or three.
const MAX_REDIRECTS: usize = 12;

/// The browser. Its cookies are kept as long as it is.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    cookies: Vec<(String, String)>,
}

/// Where it has come to.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Pages {
    /// Opens a link.
    pub(crate) fn open(&mut self, link: &str) -> io::Result<Page> {
        let at = url(link)?;
        self.go(Call::new("GET", at.clone()), at)
    }

    /// Sends a form of this page, with the button of this name pressed.
    pub(crate) fn submit(
        &mut self,
        page: &Page,
        form: Form,
        button: Option<&str>,
    ) -> io::Result<Page> {
        let mut fields = form.fields;
        if let Some(name) = button {
            // Its name must be sent, with or without a value: it is what tells yes from no.
            let pressed = form.buttons.into_iter().find(|(other, _)| other == name);
            let missing = || io::Error::other(format!("the page has no button `{name}`"));
            fields.push(pressed.ok_or_else(missing)?);
        }
        let to = page.url.join(&form.action).map_err(io::Error::other)?;
        self.go(Call::new("POST", to.clone()).form(&fields), to)
    }

    fn go(&mut self, first: Call, at: Url) -> io::Result<Page> {
        let (mut call, mut at) = (first, at);
        for _ in 0..MAX_REDIRECTS {
            // Without `Accept` Keycloak takes some of these for a device's requests.
            call = call.header("Accept", "text/html");
            if !self.cookies.is_empty() {
                let pairs: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
                call = call.header("Cookie", pairs.join("; "));
            }
            let reply = call.send()?;
            self.keep_cookies(&reply);
            match reply.headers.first("location").filter(|_| (300..400).contains(&reply.status)) {
                None => return Ok(Page { url: at, status: reply.status, text: reply.text() }),
                Some(location) => {
                    at = at.join(location).map_err(io::Error::other)?;
                    call = Call::new("GET", at.clone());
                }
            }
        }
        Err(io::Error::other("the redirects have no end"))
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
}

impl Page {
    /// The page's first form.
    pub(crate) fn form(&self) -> Option<Form> {
        Form::first(&self.text)
    }
}
