//! Realm `test` of the shared server in one test's turn, as the proofs of the auth types see it.

use bearerd_client::{ClientError, ErrorCode};
use bearerd_tests::ground::Ground;
use bearerd_tests::keycloak::{Admin, JANE, OAuth, Server, TEST_REALM, Turn};
use serde_json::Value;
use std::time::Duration;

/// The realm.
#[derive(Debug)]
pub(crate) struct Realm {
    pub(crate) admin: Admin,
    pub(crate) server: Turn,
}

impl Realm {
    /// Access tokens live so many seconds.
    pub(crate) fn in_turn(lifespan: u64) -> Self {
        let server = Server::turn();
        let admin = server.admin_of(TEST_REALM);
        admin.set_access_token_lifespan(Duration::from_secs(lifespan)).unwrap();
        Self { admin, server }
    }

    /// The lines of a profile of this client.
    pub(crate) fn client(&self, auth_type: &str, client_id: &str) -> String {
        Self::client_at(&self.server.keycloak_addr(), auth_type, client_id)
    }

    /// The same at another address.
    pub(crate) fn client_at(address: &str, auth_type: &str, client_id: &str) -> String {
        format!(
            "auth_type = \"{auth_type}\"\nkeycloak_addr = \"{address}\"\nrealm = \"{TEST_REALM}\"\n\
             client_id = \"{client_id}\"\n"
        )
    }

    /// Where this client's requests go, past the daemon.
    pub(crate) fn oauth(&self, client_id: &str) -> OAuth {
        OAuth::new(&self.server.keycloak_addr(), TEST_REALM, client_id)
    }

    /// Fails where Keycloak does not take this token.
    pub(crate) fn accepts(&self, token: &str) {
        assert!(self.admin.is_active(token).unwrap());
    }

    /// The audiences of a token, by Keycloak's own word.
    pub(crate) fn audiences(&self, token: &str) -> Vec<String> {
        match &self.admin.introspect(token).unwrap()["aud"] {
            Value::Array(several) => {
                several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            one => one.as_str().map(str::to_owned).into_iter().collect(),
        }
    }
}

/// A ground whose secrets Jane's password is one of.
pub(crate) fn ground() -> Ground {
    let ground = Ground::new();
    ground.home().secrets().add(JANE.password);
    ground
}

/// Asserts code and words of a refusal.
#[track_caller]
pub(crate) fn assert_refused(refused: &ClientError, code: ErrorCode, words: &[&str]) {
    let message = refused.to_string();
    println!("{message}");
    assert_eq!(refused.code(), Some(code), "{message}");
    for words in words {
        assert!(message.contains(words), "no `{words}` in: {message}");
    }
}
