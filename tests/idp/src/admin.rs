//! What an administrator of the provider can do: as methods of [`TestIdp`], and for the control API.

use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;

use crate::clients::Client;
use crate::idp::TestIdp;
use crate::provider::Provider;
use crate::session::Standing;
use crate::settings::Settings;

/// A session as an administrator sees it; no token in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// The `sid` of its access tokens.
    pub id: String,
    /// The realm that it belongs to.
    pub realm: String,
    /// Who uses it.
    pub client_id: String,
    /// Who logged in.
    pub username: String,
    /// Whether it has not been ended.
    pub active: bool,
    /// The index of its newest refresh token: how often it was rotated.
    pub refresh_index: usize,
}

/// The tokens of a session that was made without a login, for imports.
#[derive(Clone)]
pub struct IssuedTokens {
    /// The session's id.
    pub session: String,
    /// An access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
}

impl fmt::Debug for IssuedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedTokens").field("session", &self.session).finish_non_exhaustive()
    }
}

impl TestIdp {
    /// Changes how the provider behaves from now on; what was given out keeps its lifetime.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared().provider().settings);
    }

    /// How the provider behaves now.
    pub fn settings(&self) -> Settings {
        self.shared().provider().settings.clone()
    }

    /// Moves this provider's time ahead, as if so much had passed: codes and tokens grow old at once.
    pub fn advance(&self, time: Duration) {
        self.shared().provider().ahead += time;
    }

    /// Opens a session in realm `master` for `sdk-client` without any login, and gives its tokens.
    pub fn issue(&self, username: &str) -> IssuedTokens {
        let scope = self.settings().scope;
        self.issue_for("sdk-client", username, &scope)
    }

    /// The same for another client and another scope; `offline_access` in it gives an offline session.
    pub fn issue_for(&self, client_id: &str, username: &str, scope: &str) -> IssuedTokens {
        let base_url = self.base_url();
        let mut provider = self.shared().provider();
        let now = provider.now();
        let session = provider.open_session("master", client_id, username, scope);
        let answer = provider.login_answer(session, &base_url, now);
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        IssuedTokens {
            session: text("session_state"),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
        }
    }

    /// Whether this token, access or refresh, is good at this moment.
    pub fn is_active(&self, token: &str) -> bool {
        let provider = self.shared().provider();
        provider.is_active(token, provider.now())
    }

    /// This provider's time: since boot (`CLOCK_BOOTTIME`), moved ahead by [`advance`](Self::advance).
    pub fn now(&self) -> Duration {
        self.shared().provider().now().boot
    }

    /// When an access token ends by its lifetime, in [`now`](Self::now)'s terms; `None` for what is none of this
    /// provider's.
    pub fn ends_at(&self, access_token: &str) -> Option<Duration> {
        self.shared().provider().access_tokens.get(access_token).map(|token| token.expires_at)
    }

    /// Which refresh token of its session this is: 0 is the one of the login, 1 its successor, and so on. `None` where it
    /// was not given out here.
    pub fn refresh_index(&self, refresh_token: &str) -> Option<usize> {
        self.shared().provider().mark(refresh_token)?.refresh_index
    }

    /// All sessions, the oldest first; ended ones too.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        sessions(&self.shared().provider())
    }

    /// Ends one session; whether it was alive.
    pub fn end_session(&self, id: &str) -> bool {
        self.shared().provider().end_sessions(|session| session.id == id) > 0
    }

    /// Ends every session of this user; how many there were.
    pub fn log_out(&self, username: &str) -> usize {
        self.shared().provider().end_sessions(|session| session.username == username)
    }

    /// From now on this user is refused; the sessions stay, and are good again once the user is enabled.
    pub fn disable_user(&self, username: &str) {
        self.shared().provider().disabled_users.insert(username.into());
    }

    /// Takes [`disable_user`](Self::disable_user) back.
    pub fn enable_user(&self, username: &str) {
        self.shared().provider().disabled_users.remove(username);
    }

    /// From now on this client gets 401 `invalid_client`.
    pub fn disable_client(&self, client_id: &str) {
        self.shared().provider().disabled_clients.insert(client_id.into());
    }

    /// Takes [`disable_client`](Self::disable_client) back.
    pub fn enable_client(&self, client_id: &str) {
        self.shared().provider().disabled_clients.remove(client_id);
    }

    /// From now on this client is known, or known in this way: registered anew, it has another secret or key.
    pub fn register(&self, client: Client) {
        let clients = &mut self.shared().provider().settings.clients;
        clients.retain(|known| known.client_id != client.client_id);
        clients.push(client);
    }

    /// From now on this user has this password; sessions stay.
    ///
    /// # Panics
    /// Where there is no such user.
    pub fn set_password(&self, username: &str, password: &str) {
        let users = &mut self.shared().provider().settings.users;
        let user = users.iter_mut().find(|user| user.username == username);
        user.expect("the user is known").password = password.into();
    }

    /// Every access token, refresh token, id token and device code that was ever given out, every PKCE verifier and
    /// client assertion that was received, and the passwords and secrets of users and clients as they are now: what
    /// must not be found in logs, errors and `Debug` output.
    pub fn issued_secrets(&self) -> Vec<String> {
        let provider = self.shared().provider();
        let settings = &provider.settings;
        let passwords = settings.users.iter().map(|user| user.password.clone());
        let secrets = settings.clients.iter().filter_map(|client| client.authentication.secret());
        let own = provider.secrets.iter().cloned();
        own.chain(passwords).chain(secrets.map(String::from)).collect()
    }
}

/// All sessions, the oldest first.
pub(crate) fn sessions(provider: &Provider) -> Vec<SessionInfo> {
    let info = |session: &crate::session::Session| SessionInfo {
        id: session.id.clone(),
        realm: session.realm.clone(),
        client_id: session.client_id.clone(),
        username: session.username.clone(),
        active: session.standing == Standing::Live,
        refresh_index: session.newest(),
    };
    provider.sessions.iter().map(info).collect()
}

/// The settings with these fields replaced.
pub(crate) fn changed(
    settings: &Settings,
    changes: Map<String, Value>,
) -> Result<Settings, serde_json::Error> {
    let mut document = serde_json::to_value(settings)?;
    for (field, value) in changes {
        document[field] = value;
    }
    Ok(Settings {
        listen: settings.listen,
        control_port: settings.control_port,
        users: settings.users.clone(),
        clients: settings.clients.clone(),
        ..serde_json::from_value(document)?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn named_fields_change_and_unknown_ones_are_refused() {
        let settings = Settings { listen: ([127, 0, 0, 1], 5).into(), ..Settings::default() };
        let change = |json: Value| changed(&settings, json.as_object().unwrap().clone());
        let expected = Settings {
            access_token_seconds: 7,
            rotation: crate::Rotation::Same,
            ..settings.clone()
        };
        let json = json!({"access_token_seconds": 7, "rotation": "same"});
        assert_eq!(change(json).unwrap(), expected);
        assert!(change(json!({"acess_token_seconds": 7})).is_err());
    }
}
