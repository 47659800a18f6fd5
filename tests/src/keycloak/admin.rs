//! The administrator's side of one realm, over Keycloak's REST API.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearerd_test_idp::PublicKey;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::oauth::{OAuth, claims};
use super::seed::{ADMIN, ADMIN_CLIENT, INTROSPECTOR};
use super::{Error, REALM};
use crate::plain_http::Reply;
use crate::web::{Call, url};

/// Events that one answer may hold; Keycloak gives 100 unless asked for more.
const MAX_EVENTS: usize = 100_000;

/// Blocking client of the administration of one realm. What it sets holds at once.
#[derive(Debug)]
pub struct Admin {
    address: String,
    realm: String,
    access_token: Mutex<Option<String>>,
}

/// One line of Keycloak's event log.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Unix milliseconds.
    pub time: u64,
    /// `REFRESH_TOKEN`, `REFRESH_TOKEN_ERROR`, `LOGIN`, `OAUTH2_DEVICE_CODE_TO_TOKEN`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// The client that asked.
    #[serde(default)]
    pub client_id: String,
    /// The person's id, the claim `sub`.
    #[serde(default)]
    pub user_id: String,
    /// The session's id, the claim `sid`.
    #[serde(default)]
    pub session_id: String,
    /// Keycloak's own word for what went wrong.
    #[serde(default)]
    pub error: Option<String>,
}

/// A person's session at the server.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The claim `sid` of its tokens.
    pub id: String,
    /// Unix milliseconds of the last login or refresh in it.
    pub last_access: u64,
}

/// Every call gives [`Error::Exchange`] where the server did not answer and [`Error::Refused`] where
/// it said no.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Admin {
    /// The same server's administration of another realm.
    pub(super) fn of(&self, realm: &str) -> Self {
        Self::new(&self.address, realm)
    }

    pub(super) fn new(address: &str, realm: &str) -> Self {
        Self {
            address: address.to_owned(),
            realm: realm.to_owned(),
            access_token: Mutex::new(None),
        }
    }

    /// The realm's access tokens live so long from now on, in whole seconds.
    pub fn set_access_token_lifespan(&self, lifespan: Duration) -> Result<(), Error> {
        self.set_realm(&json!({"accessTokenLifespan": lifespan.as_secs()}))
    }

    /// A session without a refresh for so long is over; its refresh tokens live as long.
    pub fn set_session_idle_timeout(&self, timeout: Duration) -> Result<(), Error> {
        self.set_realm(&json!({"ssoSessionIdleTimeout": timeout.as_secs()}))
    }

    /// A session is over so long after its login, whatever happens.
    pub fn set_session_max_lifespan(&self, lifespan: Duration) -> Result<(), Error> {
        self.set_realm(&json!({"ssoSessionMaxLifespan": lifespan.as_secs()}))
    }

    /// Any settings of the realm, by their names in the REST API; the others stay.
    pub fn set_realm(&self, settings: &Value) -> Result<(), Error> {
        // What an update leaves out stays, but for a few settings (the device flow's) that fall back to their defaults.
        let mut realm = self.call("GET", &self.path(""), None)?;
        merge(&mut realm, settings);
        self.call("PUT", &self.path(""), Some(&realm)).map(drop)
    }

    /// Seconds between two polls that this client's device logins are told.
    pub fn set_device_interval(&self, client_id: &str, interval: Duration) -> Result<(), Error> {
        let seconds = interval.as_secs().to_string();
        self.set_client_attribute(client_id, "oauth2.device.polling.interval", &seconds)
    }

    /// How long this client's device codes live.
    pub fn set_device_code_lifespan(
        &self,
        client_id: &str,
        lifespan: Duration,
    ) -> Result<(), Error> {
        let seconds = lifespan.as_secs().to_string();
        self.set_client_attribute(client_id, "oauth2.device.code.lifespan", &seconds)
    }

    /// Allows a client to ask for tokens, or refuses it all.
    pub fn enable_client(&self, client_id: &str, enabled: bool) -> Result<(), Error> {
        self.set_client(client_id, &json!({"enabled": enabled}))
    }

    /// One attribute of a client; empty means the realm's.
    pub fn set_client_attribute(
        &self,
        client_id: &str,
        name: &str,
        value: &str,
    ) -> Result<(), Error> {
        self.set_client(client_id, &json!({"attributes": {name: value}}))
    }

    /// Any settings of a client, by their names in the REST API; the others stay.
    pub fn set_client(&self, client_id: &str, settings: &Value) -> Result<(), Error> {
        let mut client = self.client(client_id)?;
        merge(&mut client, settings);
        let path = self.path(&format!("clients/{}", text(&client, "id")));
        self.call("PUT", &path, Some(&client)).map(drop)
    }

    /// The key that a client signs its assertions with, and its algorithm alone.
    pub fn set_key(&self, client_id: &str, key: &PublicKey) -> Result<(), Error> {
        let keys = json!({"keys": [key.jwk()]}).to_string();
        let attributes = json!({
            "use.jwks.string": "true", "jwks.string": keys,
            "token.endpoint.auth.signing.alg": key.algorithm().name(),
        });
        self.set_client(client_id, &json!({"attributes": attributes}))
    }

    /// Lets a client ask for a scope of the realm that it does not get unasked.
    pub(super) fn add_optional_scope(&self, client_id: &str, scope: &str) -> Result<(), Error> {
        let scopes = self.list("client-scopes")?;
        let found = scopes.into_iter().filter(|it| text(it, "name") == scope).collect();
        let scope = self.only(found, "client scope", scope)?;
        let (client, scope) = (self.client(client_id)?, text(&scope, "id").to_owned());
        let client = text(&client, "id");
        let path = self.path(&format!("clients/{client}/optional-client-scopes/{scope}"));
        self.call("PUT", &path, Some(&json!({}))).map(drop)
    }

    /// A person's password from now on.
    pub fn set_password(&self, username: &str, password: &str) -> Result<(), Error> {
        let path = self.path(&format!("users/{}/reset-password", self.user_id(username)?));
        let credential = json!({"type": "password", "value": password, "temporary": false});
        self.call("PUT", &path, Some(&credential)).map(drop)
    }

    /// Lets a person in again, or refuses them.
    pub fn enable_user(&self, username: &str, enabled: bool) -> Result<(), Error> {
        let path = self.path(&format!("users/{}", self.user_id(username)?));
        self.call("PUT", &path, Some(&json!({"enabled": enabled}))).map(drop)
    }

    /// The person's id, the claim `sub` of their tokens.
    pub fn user_id(&self, username: &str) -> Result<String, Error> {
        let found = self.list(&format!("users?exact=true&username={username}"))?;
        self.only(found, "user", username).map(|user| text(&user, "id").to_owned())
    }

    /// Ends all sessions of a person; tokens made before are refused.
    pub fn logout_user(&self, username: &str) -> Result<(), Error> {
        let path = self.path(&format!("users/{}/logout", self.user_id(username)?));
        self.call("POST", &path, None).map(drop)
    }

    /// The sessions of a person.
    pub fn sessions(&self, username: &str) -> Result<Vec<Session>, Error> {
        let path = format!("users/{}/sessions", self.user_id(username)?);
        Ok(self.list(&path)?.into_iter().filter_map(|s| serde_json::from_value(s).ok()).collect())
    }

    /// Ends one session, by the claim `sid` of its tokens.
    pub fn delete_session(&self, session_id: &str) -> Result<(), Error> {
        self.call("DELETE", &self.path(&format!("sessions/{session_id}")), None).map(drop)
    }

    /// The event log of one kind and client, the oldest first. An answer's event is in it before the
    /// answer leaves the server.
    pub fn events(&self, kind: &str, client_id: &str) -> Result<Vec<Event>, Error> {
        let path = format!("events?max={MAX_EVENTS}&type={kind}&client={client_id}");
        let mut events: Vec<Event> =
            self.list(&path)?.into_iter().filter_map(|e| serde_json::from_value(e).ok()).collect();
        events.sort_by_key(|event| event.time);
        Ok(events)
    }

    /// How many [`Admin::events`] there are.
    pub fn count_events(&self, kind: &str, client_id: &str) -> Result<usize, Error> {
        self.events(kind, client_id).map(|events| events.len())
    }

    /// Empties the realm's event log.
    pub fn clear_events(&self) -> Result<(), Error> {
        self.call("DELETE", &self.path("events"), None).map(drop)
    }

    /// What the server says of a token (RFC 7662), asked at the token's own issuer address, so that
    /// a token that came through a gate proxy is as good as another.
    pub fn introspect(&self, token: &str) -> Result<Value, Error> {
        let doing = || "introspect a token".to_owned();
        let failed = |source| Error::Exchange { doing: doing(), source };
        let issuer = claims(token).map(|claims| text(&claims, "iss").to_owned());
        let issuer = url(&issuer.unwrap_or_default()).map_err(failed)?;
        let path = format!("{}/protocol/openid-connect/token/introspect", issuer.path());
        // The scheme is a part of the issuer as well, and a `Host` can't say it.
        let at = match issuer.scheme() {
            "https" => issuer.origin().ascii_serialization(),
            _ => self.address.clone(),
        };
        let to = url(&format!("{at}{path}")).map_err(failed)?;
        let (id, secret) = INTROSPECTOR;
        let pair = STANDARD.encode(format!("{id}:{secret}"));
        let reply = Call::new("POST", to)
            .header("Host", issuer.authority())
            .header("Authorization", format!("Basic {pair}"))
            .form(&[("token", token)])
            .send()
            .map_err(failed)?;
        answer(&reply, &doing())
    }

    /// Whether the server takes this access or refresh token now.
    pub fn is_active(&self, token: &str) -> Result<bool, Error> {
        self.introspect(token).map(|answer| answer["active"] == json!(true))
    }

    /// Makes something new: `path` counts from `/auth`.
    pub(super) fn create(&self, path: &str, what: &Value) -> Result<(), Error> {
        self.call("POST", path, Some(what)).map(drop)
    }

    fn client(&self, client_id: &str) -> Result<Value, Error> {
        let id: String = byte_serialize(client_id.as_bytes()).collect();
        let found = self.list(&format!("clients?clientId={id}"))?;
        self.only(found, "client", client_id)
    }

    fn list(&self, path: &str) -> Result<Vec<Value>, Error> {
        match self.call("GET", &self.path(path), None)? {
            Value::Array(found) => Ok(found),
            _ => Ok(Vec::new()),
        }
    }

    fn only(&self, found: Vec<Value>, kind: &str, name: &str) -> Result<Value, Error> {
        found.into_iter().next().ok_or_else(|| Error::Refused {
            doing: format!("find the {kind} {name} of realm {}", self.realm),
            status: 404,
            code: String::new(),
        })
    }

    fn path(&self, tail: &str) -> String {
        let path = format!("admin/realms/{}/{tail}", self.realm);
        path.trim_end_matches('/').to_owned()
    }

    fn call(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let mut held = self.access_token.lock().unwrap_or_else(PoisonError::into_inner);
        let doing = format!("{method} {path}");
        if let Some(token) = held.as_deref() {
            let reply = self.send(method, path, body, token)?;
            // The token's session may have ended with a test's setting or a restart: once more.
            if reply.status != 401 {
                return answer(&reply, &doing);
            }
        }
        let token = self.log_in()?;
        let reply = self.send(method, path, body, &token)?;
        *held = Some(token);
        answer(&reply, &doing)
    }

    fn send(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
        token: &str,
    ) -> Result<Reply, Error> {
        let failed = |source| Error::Exchange { doing: format!("{method} {path}"), source };
        let to = url(&format!("{}/auth/{path}", self.address)).map_err(failed)?;
        let call = Call::new(method, to).header("Authorization", format!("Bearer {token}"));
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        call.send().map_err(failed)
    }

    fn log_in(&self) -> Result<String, Error> {
        let doing = "log in as the administrator";
        let failed = |source| Error::Exchange { doing: doing.to_owned(), source };
        let client = OAuth::new(&self.address, REALM, ADMIN_CLIENT);
        let answer = client.password(ADMIN).map_err(failed)?.accepted(doing)?;
        answer.tokens().map(|tokens| tokens.access_token)
    }
}

fn answer(reply: &Reply, doing: &str) -> Result<Value, Error> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if (200..300).contains(&reply.status) {
        return Ok(body);
    }
    let code = text(&body, "error").to_owned();
    Err(Error::Refused { doing: doing.to_owned(), status: reply.status, code })
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Keycloak replaces a client whole, so what is set goes into what is there.
fn merge(into: &mut Value, settings: &Value) {
    match (into, settings) {
        (Value::Object(into), Value::Object(settings)) => {
            for (name, value) in settings {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, settings) => *into = settings.clone(),
    }
}
