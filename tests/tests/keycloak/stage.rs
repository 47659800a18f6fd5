//! What every test starts from: a Keycloak, a gate proxy before it, and a daemon whose one profile logs in there.

use bearerd_client::{ClientError, LoggedIn, LoginAnswer, LoginRequest, PendingLogin, TokenAnswer};
use bearerd_tests::daemon::{Daemon, Home, name, text_of};
use bearerd_tests::gate_proxy::{GateProxy, Kind};
use bearerd_tests::keycloak::{Admin, Browser, CLIENT, JANE, Server, Turn};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// The name of the one profile.
pub(crate) const PROFILE: &str = "wallaroo";

/// A Keycloak, a proxy, a home, and its daemon while there is one.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Dropped first: its end looks for secrets in the home.
    daemon: Option<Daemon>,
    pub(crate) home: Arc<Home>,
    pub(crate) proxy: GateProxy,
    pub(crate) admin: Admin,
    pub(crate) server: Place,
}

/// Whose server it is.
#[derive(Debug)]
pub(crate) enum Place {
    /// One of the test's own, which runs beside the others.
    Own(Box<Server>),
    /// The shared one, in turn.
    Shared(Turn),
}

impl Stage {
    /// At the shared server. Access tokens live so many seconds.
    pub(crate) fn in_turn(lifespan: u64) -> Self {
        Self::at(Place::Shared(Server::turn()), lifespan)
    }

    /// At a server of its own.
    pub(crate) fn alone(lifespan: u64) -> Self {
        Self::at(Place::Own(Box::new(Server::start().unwrap())), lifespan)
    }

    /// The same, logged in; Keycloak's event log begins after that.
    pub(crate) fn logged_in(self) -> Self {
        let who = self.log_in();
        assert_eq!(who.user_email.as_deref(), Some(JANE.email));
        self.admin.clear_events().unwrap();
        self
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// SIGKILL; until [`Stage::start`] there is no daemon.
    pub(crate) fn kill9(&mut self) {
        self.daemon.take().unwrap().kill9();
    }

    /// Another daemon of the same home.
    pub(crate) fn start(&mut self) {
        self.daemon = Some(Daemon::start(&self.home));
    }

    pub(crate) fn token(&self) -> Result<TokenAnswer, ClientError> {
        self.daemon().token(PROFILE)
    }

    pub(crate) fn token_text(&self) -> String {
        text_of(&self.token().unwrap())
    }

    pub(crate) fn reject(&self, token: &str) -> Result<TokenAnswer, ClientError> {
        self.daemon().reject(PROFILE, token)
    }

    /// Has the token renewed now; the new one is good at Keycloak.
    pub(crate) fn renew(&self) -> String {
        let newer = self.daemon().renew(PROFILE);
        assert!(self.admin.is_active(&newer).unwrap());
        newer
    }

    /// A whole device login of Jane's, in a browser of its own.
    pub(crate) fn log_in(&self) -> LoggedIn {
        self.log_in_with(&mut Browser::default())
    }

    pub(crate) fn log_in_with(&self, browser: &mut Browser) -> LoggedIn {
        let pending = self.start_login();
        browser.approve(link(&pending), JANE).unwrap();
        self.outcome(&pending).unwrap()
    }

    /// Starts a login, or joins the one under way.
    pub(crate) fn start_login(&self) -> PendingLogin {
        match self.log_in_or_join() {
            LoginAnswer::Pending(pending) => pending,
            LoginAnswer::Done(who) => panic!("no person was needed: {who:?}"),
        }
    }

    pub(crate) fn log_in_or_join(&self) -> LoginAnswer {
        let request = LoginRequest { profile: Some(name(PROFILE)), ..LoginRequest::default() };
        self.daemon().client().login(&request).unwrap()
    }

    /// Waits for the end of a login.
    pub(crate) fn outcome(&self, login: &PendingLogin) -> Result<LoggedIn, ClientError> {
        match self.daemon().client().login_state(&login.login_id, LOGIN_WAIT)? {
            LoginAnswer::Done(who) => Ok(who),
            LoginAnswer::Pending(_) => panic!("the login has no end"),
        }
    }

    /// How many lines of this kind Keycloak's event log has.
    pub(crate) fn events(&self, kind: &str) -> usize {
        self.admin.count_events(kind, CLIENT).unwrap()
    }

    /// Since [`Stage::logged_in`] nobody has logged in again, nor begun to.
    pub(crate) fn assert_no_login(&self) {
        for kind in ["LOGIN", "OAUTH2_DEVICE_AUTH", "OAUTH2_DEVICE_CODE_TO_TOKEN"] {
            assert_eq!(self.events(kind), 0, "{kind}");
        }
        assert_eq!(self.proxy.count(Kind::DeviceStart), 1);
    }

    /// The id of the session at Keycloak that an access token belongs to.
    pub(crate) fn session_of(&self, token: &str) -> String {
        self.admin.introspect(token).unwrap()["sid"].as_str().unwrap().to_owned()
    }

    /// Whether Keycloak has this session of Jane's.
    pub(crate) fn has_session(&self, id: &str) -> bool {
        self.admin.sessions(JANE.username).unwrap().iter().any(|session| session.id == id)
    }

    fn at(server: Place, lifespan: u64) -> Self {
        let admin = server.admin();
        admin.set_access_token_lifespan(Duration::from_secs(lifespan)).unwrap();
        let proxy = GateProxy::start(server.address()).unwrap();
        let home = Arc::new(Home::new());
        home.secrets().add(JANE.password);
        let address = proxy.keycloak_addr();
        home.configure(&format!(
            "[profile.{PROFILE}]\nauth_type = \"sso\"\nkeycloak_addr = \"{address}\"\n"
        ));
        let daemon = Some(Daemon::start(&home));
        Self { daemon, home, proxy, admin, server }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for secret in self.proxy.secrets_given() {
            self.home.secrets().add(&secret);
        }
    }
}

impl Deref for Place {
    type Target = Server;

    fn deref(&self) -> &Server {
        match self {
            Self::Own(server) => server,
            Self::Shared(turn) => turn,
        }
    }
}

/// Where the person goes.
pub(crate) fn link(login: &PendingLogin) -> &str {
    login.verification_uri_complete.as_deref().unwrap()
}

/// The end of a login that its person has answered comes sooner, `slow_down` included.
const LOGIN_WAIT: Duration = Duration::from_secs(30);
