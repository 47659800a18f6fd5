//! What the database of every server starts from: people, clients, lifetimes, events.

use bearerd_test_idp::SigningAlgorithm;
use serde_json::{Value, json};

use super::{Admin, Error};

/// The realm that the SDK's users live in.
pub const REALM: &str = "master";
/// The realm with clients of every kind.
pub const TEST_REALM: &str = "test";
/// The SDK's public client, with the device grant and the password grant, in both realms.
pub const CLIENT: &str = "sdk-client";

/// A client like it in realm [`TEST_REALM`] that demands no PKCE, has [`SCOPES`], and whose tokens `exchanger` may
/// exchange. [`CLIENT`] there demands PKCE of a device login, and has [`SCOPES`] too.
pub const CLIENT_OF_OLD: &str = "sdk-no-pkce";
/// A service with a secret, by header or by form, in realm [`TEST_REALM`]; it has [`SCOPES`].
pub const ROBOT: (&str, &str) = ("robot", "robot-secret");
/// The same with an id and a secret that have to be form-encoded in the header (RFC 6749 §2.3.1).
pub const ROBOT_ODD: (&str, &str) = ("robot odd:id", "p%20a:s+s w&=\u{e9}");
/// A client of realm [`TEST_REALM`] with a secret that may exchange its people's tokens for such of [`TARGET`].
pub const EXCHANGER: (&str, &str) = ("exchanger", "exchanger-secret");
/// The audience that [`EXCHANGER`] may ask for.
pub const TARGET: &str = "target";
/// A service that signs with its secret (`client_secret_jwt`).
pub const ROBOT_SIGNING: (&str, &str) =
    ("robot-signing", "robot-signing-secret-of-more-than-32-bytes");
/// Services that sign with a key (`private_key_jwt`), which [`Admin::set_key`] gives them.
pub const ROBOTS_WITH_KEYS: [(SigningAlgorithm, &str); 4] = [
    (SigningAlgorithm::Rs256, "robot-rs256"),
    (SigningAlgorithm::Ps256, "robot-ps256"),
    (SigningAlgorithm::Es256, "robot-es256"),
    (SigningAlgorithm::EdDsa, "robot-eddsa"),
];
/// Optional scopes of realm [`TEST_REALM`], each with the audience that its mapper puts into a token.
pub const SCOPES: [(&str, &str); 8] = [
    ("files:read", "https://files.example.test"),
    ("mail:read", "https://mail.example.test"),
    ("jobs:run", "https://jobs.example.test"),
    ("models:read", "https://models.example.test"),
    ("models:write", "https://models.example.test"),
    ("logs:read", "https://logs.example.test"),
    ("users:read", "https://users.example.test"),
    ("bills:read", "https://bills.example.test"),
];

/// Someone who can log in.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// What they type into the form's first field.
    pub username: &'static str,
    /// Their password, which is no secret.
    pub password: &'static str,
    /// The claim `email` of their tokens.
    pub email: &'static str,
}

/// A person of both realms.
pub const JANE: Person =
    Person { username: "jane", password: "jane-pw", email: "jane@example.test" };
/// Another person of both realms.
pub const BOB: Person = Person { username: "bob", password: "bob-pw", email: "bob@example.test" };
/// The administrator, of realm `master` alone.
pub(super) const ADMIN: Person = Person { username: "admin", password: "admin-pw", email: "" };

/// The confidential client of both realms that may introspect tokens.
pub(super) const INTROSPECTOR: (&str, &str) = ("introspector", "introspector-secret");
/// The client that the administrator's own tokens are of.
pub(super) const ADMIN_CLIENT: &str = "admin-cli";

const TEST_REALM_FILE: &str = include_str!("../../keycloak/realm-test.json");
/// This file and the realm's: a database seeded from others is not taken.
pub(super) const RECIPE: [&str; 2] = [TEST_REALM_FILE, include_str!("seed.rs")];

/// What is written to the event log; `REFRESH_TOKEN` is not by default.
const EVENTS: [&str; 18] = [
    "LOGIN",
    "LOGIN_ERROR",
    "LOGOUT",
    "CLIENT_LOGIN",
    "CLIENT_LOGIN_ERROR",
    "CODE_TO_TOKEN",
    "CODE_TO_TOKEN_ERROR",
    "REFRESH_TOKEN",
    "REFRESH_TOKEN_ERROR",
    "REVOKE_GRANT",
    "REVOKE_GRANT_ERROR",
    "TOKEN_EXCHANGE",
    "TOKEN_EXCHANGE_ERROR",
    "OAUTH2_DEVICE_AUTH",
    "OAUTH2_DEVICE_AUTH_ERROR",
    "OAUTH2_DEVICE_VERIFY_USER_CODE",
    "OAUTH2_DEVICE_CODE_TO_TOKEN",
    "OAUTH2_DEVICE_CODE_TO_TOKEN_ERROR",
];

/// Fills an empty server.
pub(super) fn sow(admin: &Admin) -> Result<(), Error> {
    admin.create("admin/realms", &serde_json::from_str(TEST_REALM_FILE).unwrap_or_default())?;
    let test_realm = admin.of(TEST_REALM);
    // Not by the file: with scopes in it a realm gets none of the usual ones.
    for (name, audience) in SCOPES {
        test_realm.create("admin/realms/test/client-scopes", &scope(name, audience))?;
        for client in [CLIENT, CLIENT_OF_OLD, ROBOT.0] {
            test_realm.add_optional_scope(client, name)?;
        }
    }
    for person in [JANE, BOB] {
        admin.create("admin/realms/master/users", &user(person))?;
    }
    admin.create("admin/realms/master/clients", &sdk_client())?;
    let (client_id, secret) = INTROSPECTOR;
    let introspector =
        json!({"clientId": client_id, "secret": secret, "standardFlowEnabled": false});
    admin.create("admin/realms/master/clients", &introspector)?;
    // Long-lived whatever a test does to the realm: the administrator must not run dry in a test.
    admin.set_client_attribute(ADMIN_CLIENT, "access.token.lifespan", "3600")?;
    put_back(admin)
}

/// Undoes what a test may have set in realm `master`; sessions stay.
pub(super) fn put_back(admin: &Admin) -> Result<(), Error> {
    admin.set_realm(&realm_settings())?;
    admin.set_client(CLIENT, &sdk_client())?;
    for person in [JANE, BOB] {
        admin.enable_user(person.username, true)?;
    }
    admin.clear_events()
}

/// The same for realm `test`, whose clients and people no test changes without undoing it.
pub(super) fn put_back_test_realm(admin: &Admin) -> Result<(), Error> {
    admin.set_realm(&realm_settings())?;
    admin.clear_events()
}

fn scope(name: &str, audience: &str) -> Value {
    json!({
        "name": name, "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true"},
        "protocolMappers": [{
            "name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": {
                "included.custom.audience": audience,
                "access.token.claim": "true", "introspection.token.claim": "true",
            },
        }],
    })
}

fn realm_settings() -> Value {
    json!({
        "revokeRefreshToken": true, "refreshTokenMaxReuse": 0,
        // Seconds; Keycloak's defaults of realm `master`.
        "accessTokenLifespan": 60, "ssoSessionIdleTimeout": 1800, "ssoSessionMaxLifespan": 36000,
        // Seconds; RFC 8628's 5 would only make tests slow.
        "oauth2DevicePollingInterval": 1, "oauth2DeviceCodeLifespan": 600,
        "eventsEnabled": true, "enabledEventTypes": EVENTS,
    })
}

fn sdk_client() -> Value {
    json!({
        "clientId": CLIENT, "enabled": true, "publicClient": true,
        "directAccessGrantsEnabled": true, "redirectUris": ["http://127.0.0.1/*"],
        "attributes": {
            "oauth2.device.authorization.grant.enabled": "true",
            // Empty: the realm's.
            "oauth2.device.polling.interval": "", "oauth2.device.code.lifespan": "",
            "access.token.lifespan": "", "client.session.idle.timeout": "", "client.session.max.lifespan": "",
        },
    })
}

/// Without all of email and names a login ends at "Account is not fully set up".
fn user(person: Person) -> Value {
    json!({
        "username": person.username, "enabled": true, "email": person.email, "emailVerified": true,
        "firstName": person.username, "lastName": "Test",
        "credentials": [{"type": "password", "value": person.password, "temporary": false}],
    })
}
