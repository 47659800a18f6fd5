//! A second real provider for tests: npm's oidc-provider on node, which shares no line with Keycloak.
//!
//! Its access tokens are opaque unless a resource is named, its id tokens have no address in them, its device answer
//! no interval, its endpoints are where discovery says (`tests/second_provider/provider.mjs`).

mod clients;
mod install;
mod person;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearerd_test_idp::KeyPair;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use crate::keeper::Keeper;
use crate::web::{Call, url};
use clients::INTROSPECTOR;
pub use clients::{BASIC, DEVICE, POST, SIGNING, WITH_KEYS};
pub use person::approve;

const PROGRAM: &str = include_str!("../../second_provider/provider.mjs");

/// A running one; what it knows is in memory and ends with it.
#[derive(Debug)]
pub struct SecondProvider {
    issuer: String,
    keys: Vec<KeyPair>,
    node: Child,
    /// Dropped after the process is ended: it removes the folder.
    _keeper: Keeper,
}

impl SecondProvider {
    /// Installs it where needed and starts it; access tokens live so many seconds.
    ///
    /// # Panics
    /// Where node or npm is not there, or it does not start: every test that needs it fails with the reason.
    #[must_use]
    pub fn start(access_token_seconds: u64) -> Self {
        let modules = install::install();
        let folder =
            tempfile::Builder::new().prefix("bearerd-second-provider-").tempdir().unwrap().keep();
        let mut keeper = Keeper::new(&folder).unwrap();
        symlink(modules, folder.join("node_modules")).unwrap();
        fs::write(folder.join("provider.mjs"), PROGRAM).unwrap();
        let keys: Vec<_> = WITH_KEYS.map(|(algorithm, _)| KeyPair::generate(algorithm)).into();
        let settings = json!({
            "access_token_seconds": access_token_seconds, "clients": clients::metadata(&keys),
        });
        fs::write(folder.join("settings.json"), settings.to_string()).unwrap();
        let log = folder.join("log");
        let mut node = Command::new("node")
            .args(["provider.mjs", "settings.json"])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            // A Ctrl-C at the terminal is for the test process; the keeper ends node then.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("node does not start ({error}): `apt-get install -y nodejs npm`")
            });
        keeper.mind(&node);
        let mut line = String::new();
        BufReader::new(node.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let issuer = line.trim().to_owned();
        let said = || fs::read_to_string(&log).unwrap_or_default();
        assert!(!issuer.is_empty(), "oidc-provider ended at its start: {}", said());
        Self { issuer, keys, node, _keeper: keeper }
    }

    /// What a profile has as `issuer`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys of [`WITH_KEYS`], in that order.
    #[must_use]
    pub fn keys(&self) -> &[KeyPair] {
        &self.keys
    }

    /// What it says of a token (RFC 7662).
    ///
    /// # Panics
    /// Where it does not answer.
    #[must_use]
    pub fn introspect(&self, token: &str) -> Value {
        let (id, secret) = INTROSPECTOR;
        let (status, answer) =
            self.post("token/introspection", Some((id, secret)), &[("token", token)]);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Who the person of this access token is: status and claims.
    ///
    /// # Panics
    /// Where it does not answer.
    #[must_use]
    pub fn userinfo(&self, access_token: &str) -> (u16, Value) {
        let to = url(&format!("{}/me", self.issuer)).unwrap();
        let bearer = format!("Bearer {access_token}");
        let reply = Call::new("GET", to).header("Authorization", bearer).send().unwrap();
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
    }

    /// A form to one of its paths, by a client with a secret in the header or by none: status and answer.
    ///
    /// # Panics
    /// Where it does not answer.
    #[must_use]
    pub fn post(
        &self,
        path: &str,
        client: Option<(&str, &str)>,
        fields: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut call = Call::new("POST", url(&format!("{}/{path}", self.issuer)).unwrap());
        if let Some((id, secret)) = client {
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
            call = call.header("Authorization", format!("Basic {pair}"));
        }
        let reply = call.form(fields).send().unwrap();
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
    }
}

impl Drop for SecondProvider {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
