//! One POST or GET: it goes out once, and a bounded answer comes back within its time.

use super::answer::HttpAnswer;
use super::authorization::Authorization;
use super::client::{ClientError, SharedClient, Timeouts};
use super::form::Form;
use super::transport::{self, Towards};
use crate::wiped::Wiped;
use bearerd_session::Failure;
use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, LOCATION, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Response};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use url::{Position, Url};

/// One address of an IdP.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: Url,
    client: Arc<SharedClient>,
}

/// What is at stake when the answer to a request does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stake {
    /// What the request carries may be spent: it is waited for long.
    Spends,
    /// Nothing.
    SpendsNothing,
}

impl Endpoint {
    /// The endpoint at `url`; nothing is sent yet.
    pub(crate) fn new(url: Url, client: Arc<SharedClient>) -> Self {
        Self { url, client }
    }

    /// The address.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The host, with the port where it is written.
    pub(crate) fn host(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Sends `form` once.
    ///
    /// The answer's head has at most 100 headers and 408 KiB, hyper's bounds; its body [`BODY_MAX`].
    ///
    /// # Errors
    /// No answer came; the failure says whether anything was sent.
    pub(crate) async fn post(
        &self,
        form: Form,
        authorization: Option<Authorization>,
        stake: Stake,
    ) -> Result<HttpAnswer, Failure> {
        let body = Bytes::from_owner(form.into_bytes());
        let request = |client: reqwest::Client| {
            client
                .post(self.url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body)
        };
        self.send(request, authorization, stake).await
    }

    /// Asks once for what stands there. That spends nothing.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub(crate) async fn get(
        &self,
        authorization: Option<Authorization>,
    ) -> Result<HttpAnswer, Failure> {
        let request = |client: reqwest::Client| client.get(self.url.clone());
        self.send(request, authorization, Stake::SpendsNothing).await
    }

    async fn send(
        &self,
        request: impl FnOnce(reqwest::Client) -> RequestBuilder,
        authorization: Option<Authorization>,
        stake: Stake,
    ) -> Result<HttpAnswer, Failure> {
        let within = stake.timeout(self.client.timeouts());
        let mut head = None;
        let exchanged = timeout(within, self.exchange(request, authorization, &mut head)).await;
        let body = match exchanged {
            Ok(exchanged) => exchanged?,
            Err(_elapsed) => Err(format!("its body did not come whole within {}", seconds(within))),
        };
        match head {
            Some(head) => Ok(HttpAnswer { body, ..head }),
            None => Err(self.towards().lost(&format!("none within {}", seconds(within)))),
        }
    }

    /// The two halves of an exchange: what is in `head` when time runs out has come, whatever the body does.
    async fn exchange(
        &self,
        request: impl FnOnce(reqwest::Client) -> RequestBuilder,
        authorization: Option<Authorization>,
        head: &mut Option<HttpAnswer>,
    ) -> Result<Result<Wiped, String>, Failure> {
        let client = self.client().await?;
        let mut request = request(client).header(ACCEPT, "application/json");
        if let Some(authorization) = authorization {
            let header =
                authorization.header().map_err(|reason| self.towards().not_sent(reason))?;
            request = request.header(AUTHORIZATION, header);
        }
        let response = request.send().await.map_err(|error| {
            if transport::is_certificate(&error) {
                self.client.forget();
            }
            self.towards().failed(&error)
        })?;
        let is_redirect = response.status().is_redirection();
        *head = Some(head_of(&response));
        // Whatever a redirect says in its body, it is not followed.
        Ok(if is_redirect {
            Err("its body was not read".to_owned())
        } else {
            body_of(response).await
        })
    }

    async fn client(&self) -> Result<reqwest::Client, Failure> {
        let patience = self.client.timeouts().connect;
        match timeout(patience, self.client.ready()).await {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(error)) => Err(self.towards().not_sent(&told(&error))),
            Err(_elapsed) => {
                let reason =
                    "the trusted certificates can't be read: is a network file system away?";
                Err(self.towards().not_sent(reason))
            }
        }
    }

    fn towards(&self) -> Towards<'_> {
        Towards { host: self.host(), proxy: self.client.proxy_host() }
    }
}

impl Stake {
    fn timeout(self, timeouts: Timeouts) -> Duration {
        match self {
            Stake::Spends => timeouts.spending,
            Stake::SpendsNothing => timeouts.sparing,
        }
    }
}

/// Status and headers, the body still out.
fn head_of(response: &Response) -> HttpAnswer {
    let header = |name: HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    HttpAnswer {
        status: response.status().as_u16(),
        date: header(DATE),
        retry_after: header(RETRY_AFTER),
        location: header(LOCATION),
        body: Err("its body is still out".to_owned()),
    }
}

/// The body, or why it can't be read.
async fn body_of(mut response: Response) -> Result<Wiped, String> {
    let mut body = Wiped::default();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= BODY_MAX => body.push(&chunk),
            Ok(Some(_)) => return Err("its body is larger than 1 MiB".to_owned()),
            Ok(None) => return Ok(body),
            Err(error) => return Err(format!("its body broke off: {}", transport::reason(&error))),
        }
    }
}

/// An error of our own and its causes.
fn told(error: &ClientError) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// Bytes; a large Keycloak token with many roles has 30 KB.
const BODY_MAX: usize = 1024 * 1024;
