//! What every test starts from: a Keycloak behind a gate proxy behind a platform, a daemon with a profile for it, and a
//! Python environment with the SDK.

use super::{Environment, Platform, Program};
use crate::daemon::{Daemon, Home, name};
use crate::gate_proxy::{GateProxy, Kind};
use crate::keycloak::{Admin, CLIENT, JANE, Server, approve};
use bearerd_client::{LoginAnswer, LoginRequest};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The name of the one profile of a [`Stage`].
pub const PROFILE: &str = "wallaroo";

/// All of it, in the order in which it is dropped.
#[derive(Debug)]
pub struct Stage {
    /// The daemon of the home.
    pub daemon: Daemon,
    /// The home.
    pub home: Arc<Home>,
    /// What the programs call.
    pub platform: Platform,
    /// What they run in.
    pub environment: Environment,
    /// Between platform and Keycloak.
    pub proxy: GateProxy,
    /// Of Keycloak.
    pub admin: Admin,
    /// Keycloak.
    pub server: Server,
    /// The home of the SDK that is left to itself.
    alone: TempDir,
}

impl Stage {
    /// Access tokens live so many seconds. Nobody is logged in yet.
    pub fn new(lifespan: u64) -> Self {
        let home = Arc::new(Home::new());
        let environment = Environment::new(home.path().join("python"));
        let server = Server::start().unwrap();
        let admin = server.admin();
        admin.set_access_token_lifespan(Duration::from_secs(lifespan)).unwrap();
        let proxy = GateProxy::start(server.address()).unwrap();
        let platform = Platform::start(&environment, proxy.address(), &server);
        home.secrets().add(JANE.password);
        let address = platform.address();
        home.configure(&format!(
            "[profile.{PROFILE}]\nauth_type = \"sso\"\nkeycloak_addr = \"{address}\"\n"
        ));
        let daemon = Daemon::start(&home);
        let alone = tempfile::tempdir().unwrap();
        Self { daemon, home, platform, environment, proxy, admin, server, alone }
    }

    /// The same, with Jane logged in at the daemon; Keycloak's event log begins after that.
    #[must_use]
    pub fn logged_in(self) -> Self {
        let request = LoginRequest { profile: Some(name(PROFILE)), ..LoginRequest::default() };
        let LoginAnswer::Pending(login) = self.daemon.client().login(&request).unwrap() else {
            panic!("a person is needed")
        };
        approve(login.verification_uri_complete.as_deref().unwrap(), JANE).unwrap();
        self.daemon.client().login_state(&login.login_id, Duration::from_secs(30)).unwrap();
        self.admin.clear_events().unwrap();
        self
    }

    /// This environment's Python in the daemon's home.
    pub fn python(&self) -> Command {
        self.home.command(&self.environment.python())
    }

    /// The same in a home without a daemon, where the SDK is by itself.
    pub fn python_alone(&self) -> Command {
        let mut command = self.python();
        command
            .env("HOME", self.alone.path())
            .env("XDG_RUNTIME_DIR", self.alone.path())
            .env("XDG_STATE_HOME", self.alone.path().join("state"));
        command
    }

    /// Has Jane approve the login that the SDK by itself asks for.
    pub fn approve_alone(program: &Program) {
        approve(program.line_with("/device?user_code=").trim(), JANE).unwrap();
    }

    /// The SDK's own cache file in the daemon's home, which nobody is to write.
    pub fn cache_file(&self) -> PathBuf {
        self.home.path().join(CACHE_FILE)
    }

    /// The same where the SDK is by itself.
    pub fn cache_file_alone(&self) -> PathBuf {
        self.alone.path().join(CACHE_FILE)
    }

    /// Since then nobody has logged in again, nor begun to; the stage was [`Stage::logged_in`].
    ///
    /// # Panics
    /// Where somebody has.
    pub fn assert_no_login(&self) {
        for kind in ["REFRESH_TOKEN_ERROR", "LOGIN", "OAUTH2_DEVICE_CODE_TO_TOKEN"] {
            assert_eq!(self.events(kind), 0, "{kind}");
        }
        assert_eq!(self.proxy.count(Kind::DeviceStart), 1);
    }

    /// How many lines of this kind Keycloak's event log has.
    pub fn events(&self, kind: &str) -> usize {
        self.admin.count_events(kind, CLIENT).unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for secret in self.proxy.secrets_given() {
            self.home.secrets().add(&secret);
        }
    }
}

const CACHE_FILE: &str = ".cache/wallaroo_sdk/auth/keycloak.json";
