//! The client: one method for each route of the protocol.

use crate::call::Caller;
use crate::environment::Environment;
use crate::error::ClientError;
use crate::events::Events;
use crate::request::{Request, percent_encoded, token_target};
use crate::response::Answer;
use bearerd_proto::{
    ErrorBody, Health, ImportRequest, LoggedOut, LoginAnswer, LoginRequest, LogoutAnswer,
    LogoutRequest, ProfileInfo, ProfileName, ProfileSettings, Profiles, RejectRequest, Status,
    TokenAnswer, TokenQuery,
};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest time for which [`Client::login_state`] waits.
pub const LONG_POLL_MAX: Duration = Duration::from_secs(60);

/// A client of the daemon of this user.
///
/// It connects at its first call, keeps a few connections for the next ones, and may be shared by threads. A request is
/// sent again on a new connection, within 12 s, where the daemon closed before an answer began, is going down, or has
/// just been there and restarts. Every call ends: an answer is waited for 15 s, a long poll its time longer.
#[derive(Debug)]
pub struct Client {
    caller: Caller,
}

impl Client {
    /// The daemon where the environment says that it is: `BEARERD_SOCKET` and no other; else the first that answers of
    /// `$XDG_RUNTIME_DIR/bearerd.sock`, `/run/user/$UID/bearerd.sock` where that folder is the user's own, and
    /// `bearerd-HOST.sock` in the state folder. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ClientError::NoPlace`] where the environment gives no place at all.
    pub fn from_environment() -> Result<Self, ClientError> {
        let places = Environment::read().socket_places();
        if places.is_empty() {
            return Err(ClientError::NoPlace);
        }
        Ok(Self { caller: Caller::new(places) })
    }

    /// The daemon that listens at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { caller: Caller::new(vec![path.into()]) }
    }

    /// The same client, which tries again for `patience` instead of 12 s, and waits for an answer a quarter longer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { caller: self.caller.with_patience(patience) }
    }

    /// `GET /v1/token`: the current token. It never starts a login.
    ///
    /// # Errors
    /// As every call: the daemon can't be reached, or its answer is an error of the protocol.
    pub fn token(&self, query: &TokenQuery) -> Result<TokenAnswer, ClientError> {
        self.answer(&Request::get(&token_target(query)))
    }

    /// `POST /v1/token/reject`: a resource server answered 401 for this very token; gives a newer one.
    ///
    /// # Errors
    /// As every call; `idp-rejected` where a newer one would be no better.
    pub fn reject(&self, request: &RejectRequest) -> Result<TokenAnswer, ClientError> {
        self.answer(&Request::post("/v1/token/reject", request))
    }

    /// `POST /v1/login`: starts a login or joins the one under way. A password is sent to a process of our own user
    /// alone.
    ///
    /// # Errors
    /// As every call; [`ClientError::ForeignListener`] where another user listens and a password would be sent.
    pub fn login(&self, request: &LoginRequest) -> Result<LoginAnswer, ClientError> {
        let post = Request::post("/v1/login", request);
        let post = if request.password.is_some() { post.with_secret() } else { post };
        self.answer(&post)
    }

    /// `GET /v1/login/{id}`: how a login is doing, as soon as it is over or `wait` ends (whole seconds, up to 60).
    ///
    /// # Errors
    /// As every call; `login-expired` and `login-denied` where the login failed, `not-found` for an unknown id.
    pub fn login_state(&self, login_id: &str, wait: Duration) -> Result<LoginAnswer, ClientError> {
        let wait = wait.min(LONG_POLL_MAX);
        let login_id = percent_encoded(login_id);
        let request = Request::get(&format!("/v1/login/{login_id}?wait={}", wait.as_secs()));
        self.answer_after(&request, wait)
    }

    /// `DELETE /v1/login/{id}`: gives a login up.
    ///
    /// # Errors
    /// As every call; `not-found` for an unknown id.
    pub fn cancel_login(&self, login_id: &str) -> Result<(), ClientError> {
        let request = Request::delete(&format!("/v1/login/{}", percent_encoded(login_id)));
        let (answer, path) = self.caller.call(&request, Duration::ZERO)?;
        accepted(&answer, &path)
    }

    /// `POST /v1/import`: has the daemon take a refresh token over, which is sent to a process of our own user alone, and
    /// once: where no answer comes, the token may be in use or not.
    ///
    /// # Errors
    /// As every call; [`ClientError::ForeignListener`] where another user listens, `login-denied` where the IdP refuses
    /// the token, `bad-request` where the profile can't use one or has a live session that is not to be replaced.
    pub fn import(&self, request: &ImportRequest) -> Result<LoginAnswer, ClientError> {
        self.answer(&Request::post("/v1/import", request).with_secret().spent_when_sent())
    }

    /// `POST /v1/logout`: forgets the tokens of one profile; of all profiles where the request names none.
    ///
    /// # Errors
    /// As every call.
    pub fn logout(&self, request: &LogoutRequest) -> Result<LogoutAnswer, ClientError> {
        self.answer(&Request::post("/v1/logout", request))
    }

    /// `GET /v1/profiles`: what is configured.
    ///
    /// # Errors
    /// As every call.
    pub fn profiles(&self) -> Result<Profiles, ClientError> {
        self.answer(&Request::get("/v1/profiles"))
    }

    /// `PUT /v1/profiles/{name}`: adds a profile at run time, or changes one that was made so; gives it as it is in force.
    ///
    /// # Errors
    /// As every call; `bad-request` where the settings are no good or the name is one of the configuration file.
    pub fn put_profile(
        &self,
        name: &ProfileName,
        settings: &ProfileSettings,
    ) -> Result<ProfileInfo, ClientError> {
        self.answer(&Request::put(&format!("/v1/profiles/{name}"), settings))
    }

    /// `DELETE /v1/profiles/{name}`: removes a profile that was made at run time, with its session.
    ///
    /// # Errors
    /// As every call; `unknown-profile` where there is none, `bad-request` where it stands in the configuration file.
    pub fn remove_profile(&self, name: &ProfileName) -> Result<LoggedOut, ClientError> {
        self.answer(&Request::delete(&format!("/v1/profiles/{name}")))
    }

    /// `GET /v1/status`: how the daemon and its profiles are.
    ///
    /// # Errors
    /// As every call.
    pub fn status(&self) -> Result<Status, ClientError> {
        self.answer(&Request::get("/v1/status"))
    }

    /// `GET /v1/health`: whether requests are served, in a word.
    ///
    /// # Errors
    /// As every call.
    pub fn health(&self) -> Result<Health, ClientError> {
        self.answer(&Request::get("/v1/health"))
    }

    /// `GET /v1/events`: what happens from now on, event by event.
    ///
    /// # Errors
    /// As every call; what goes wrong later comes out of the iterator.
    pub fn events(&self) -> Result<Events, ClientError> {
        let (head, connection) = self.caller.open_stream(&Request::get("/v1/events"))?;
        if head.status == 200 {
            return Ok(Events::over(connection, head.framing));
        }
        // An error has a body with an end: the ordinary call reads it.
        drop(connection);
        let (answer, path) = self.caller.call(&Request::get("/v1/events"), Duration::ZERO)?;
        accepted(&answer, &path)?;
        Err(foreign(&path, "its events have no beginning".to_owned()))
    }

    fn answer<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ClientError> {
        self.answer_after(request, Duration::ZERO)
    }

    fn answer_after<T: DeserializeOwned>(
        &self,
        request: &Request,
        wait: Duration,
    ) -> Result<T, ClientError> {
        let (answer, path) = self.caller.call(request, wait)?;
        accepted(&answer, &path)?;
        serde_json::from_str(answer.body.expose()).map_err(|error| {
            // The text of a JSON error can quote the answer, where a token may stand: the place alone is said.
            let column = error.column();
            foreign(&path, format!("its JSON is not what this route gives (column {column})"))
        })
    }
}

/// An answer of 2xx, or the daemon's error.
fn accepted(answer: &Answer, path: &Path) -> Result<(), ClientError> {
    let status = answer.status;
    if (200..300).contains(&status) {
        return Ok(());
    }
    match serde_json::from_str::<ErrorBody>(answer.body.expose()) {
        Ok(body) => Err(body.into()),
        Err(_) => Err(foreign(path, format!("status {status} without an error of the protocol"))),
    }
}

fn foreign(path: &Path, reason: String) -> ClientError {
    ClientError::Protocol { path: path.to_owned(), reason }
}
