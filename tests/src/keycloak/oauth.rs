//! Raw calls of a device or a service to Keycloak's OAuth endpoints, to set a stage or to compare with.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::{Error, Person, browser};
use crate::web::{Call, url};

/// One client of one realm, as seen from one address of the server (its own, or a gate proxy's).
#[derive(Clone, Debug)]
pub struct OAuth {
    realm_address: String,
    client_id: String,
    client_secret: Option<String>,
}

/// Status and JSON of an answer; `Value::Null` where the body was empty or no JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// What a successful login or refresh gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token, a JWT.
    pub access_token: String,
    /// The refresh token, a JWT; empty where there was none.
    pub refresh_token: String,
}

impl OAuth {
    /// `keycloak_addr` is an address without path, as a profile has it.
    #[must_use]
    pub fn new(keycloak_addr: &str, realm: &str, client_id: &str) -> Self {
        Self {
            realm_address: format!("{keycloak_addr}/auth/realms/{realm}"),
            client_id: client_id.to_owned(),
            client_secret: None,
        }
    }

    /// The same client, which authenticates by `client_secret_basic`.
    #[must_use]
    pub fn with_secret(mut self, client_secret: &str) -> Self {
        self.client_secret = Some(client_secret.to_owned());
        self
    }

    /// Starts a device login (RFC 8628 §3.1).
    ///
    /// # Errors
    /// Where the connection gave no answer. A refusal is an [`Answer`], here and below.
    pub fn device_start(&self, scope: Option<&str>) -> io::Result<Answer> {
        let scope: Vec<_> = scope.map(|scope| ("scope", scope)).into_iter().collect();
        self.post("auth/device", &scope)
    }

    /// Asks once for the outcome of a device login (RFC 8628 §3.4).
    ///
    /// # Errors
    /// As [`OAuth::device_start`].
    pub fn poll(&self, device_code: &str) -> io::Result<Answer> {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        self.token(&[("grant_type", grant), ("device_code", device_code)])
    }

    /// Refreshes once (RFC 6749 §6).
    ///
    /// # Errors
    /// As [`OAuth::device_start`].
    pub fn refresh(&self, refresh_token: &str) -> io::Result<Answer> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
    }

    /// Logs in by password (RFC 6749 §4.3).
    ///
    /// # Errors
    /// As [`OAuth::device_start`].
    pub fn password(&self, person: Person) -> io::Result<Answer> {
        let (username, password) = (person.username, person.password);
        self.token(&[("grant_type", "password"), ("username", username), ("password", password)])
    }

    /// The same for this scope.
    ///
    /// # Errors
    /// As [`OAuth::device_start`].
    pub fn password_for(&self, person: Person, scope: &str) -> io::Result<Answer> {
        let (username, password) = (person.username, person.password);
        let who = [("grant_type", "password"), ("username", username), ("password", password)];
        self.token(&[&who[..], &[("scope", scope)]].concat())
    }

    /// Who the person of this access token is; it needs the scope `openid`.
    ///
    /// # Errors
    /// As [`OAuth::device_start`].
    pub fn userinfo(&self, access_token: &str) -> io::Result<Answer> {
        let to = url(&format!("{}/protocol/openid-connect/userinfo", self.realm_address))?;
        let bearer = format!("Bearer {access_token}");
        let reply = Call::new("GET", to).header("Authorization", bearer).send()?;
        let body = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(Answer { status: reply.status, body })
    }

    /// Any other token request.
    ///
    /// # Errors
    /// As [`OAuth::device_start`].
    pub fn token(&self, fields: &[(&str, &str)]) -> io::Result<Answer> {
        self.post("token", fields)
    }

    /// Revokes a token (RFC 7009).
    ///
    /// # Errors
    /// As [`OAuth::device_start`].
    pub fn revoke(&self, token: &str) -> io::Result<Answer> {
        self.post("revoke", &[("token", token)])
    }

    /// A whole device login: start, approval by `person`, one poll.
    ///
    /// # Errors
    /// Where any of the three did not go as it should.
    pub fn device_login(&self, scope: Option<&str>, person: Person) -> Result<Tokens, Error> {
        let failed =
            |doing: &'static str| move |source| Error::Exchange { doing: doing.to_owned(), source };
        let start = self.device_start(scope).map_err(failed("start a device login"))?;
        let start = start.accepted("start a device login")?;
        browser::approve(start.text("verification_uri_complete"), person)?;
        let poll = self.poll(start.text("device_code")).map_err(failed("poll"))?;
        poll.accepted("poll for the token")?.tokens()
    }

    fn post(&self, endpoint: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
        let to = url(&format!("{}/protocol/openid-connect/{endpoint}", self.realm_address))?;
        let mut form = fields.to_vec();
        let call = match &self.client_secret {
            None => {
                form.push(("client_id", self.client_id.as_str()));
                Call::new("POST", to)
            }
            Some(secret) => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(&self.client_id), encoded(secret));
                let pair = STANDARD.encode(pair);
                Call::new("POST", to).header("Authorization", format!("Basic {pair}"))
            }
        };
        let reply = call.form(&form).send()?;
        let body = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(Answer { status: reply.status, body })
    }
}

impl Answer {
    /// A field that is a string; empty where it is not there.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    /// The OAuth `error`; empty where it went well.
    #[must_use]
    pub fn error(&self) -> &str {
        self.text("error")
    }

    /// This answer, where its status is 200.
    ///
    /// # Errors
    /// [`Error::Refused`] for any other status; `doing` is a verb and its object.
    pub fn accepted(self, doing: &str) -> Result<Self, Error> {
        match self.status {
            200 => Ok(self),
            status => {
                let code = self.error().to_owned();
                Err(Error::Refused { doing: doing.to_owned(), status, code })
            }
        }
    }

    /// The tokens of an answer that has some.
    ///
    /// # Errors
    /// [`Error::Refused`] where there is no access token in it.
    pub fn tokens(&self) -> Result<Tokens, Error> {
        let (access_token, refresh_token) = (self.text("access_token"), self.text("refresh_token"));
        if access_token.is_empty() {
            let code = self.error().to_owned();
            let doing = "get a token".to_owned();
            return Err(Error::Refused { doing, status: self.status, code });
        }
        Ok(Tokens {
            access_token: access_token.to_owned(),
            refresh_token: refresh_token.to_owned(),
        })
    }
}

/// The claims of a JWT, unverified: what is compared with here came from the server directly.
pub(super) fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
