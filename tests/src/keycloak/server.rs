//! A running Keycloak of a test's own, or one that the tests of a binary share.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::{error, fs};

use super::port::Port;
use super::process::Run;
use super::{Admin, Error, OAuth, REALM, TEST_REALM, install, seed};

/// One server on a port and a database of its own; dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Server {
    run: Mutex<Run>,
    port: Port,
    https_port: Port,
}

impl Server {
    /// Installs Keycloak where needed, and starts a server from the seed: 5 to 6 s.
    ///
    /// # Errors
    /// What the machine lacks, or why the server did not start.
    pub fn start() -> Result<Self, Error> {
        let installation = install()?;
        let port = Port::reserve(&installation.cache)?;
        let https_port = Port::reserve(&installation.cache)?;
        let (home, cache) = (&installation.home, &installation.cache);
        let (http, https) = (port.number, Some(https_port.number));
        let mut run = Run::new(home, cache, http, https, Some(&installation.database))?;
        run.start()?;
        Ok(Self { run: Mutex::new(run), port, https_port })
    }

    /// The one server of this test binary, ended with it. Tests side by side use it as long as none
    /// changes what another relies on; one that does takes [`Server::turn`].
    ///
    /// # Panics
    /// Where it could not be started: every test that needs it fails with the reason.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Server, String>> = OnceLock::new();
        let server = SHARED.get_or_init(|| Self::start().map_err(|error| chain(&error)));
        match server {
            Ok(server) => server,
            Err(reason) => panic!("there is no Keycloak to test against: {reason}"),
        }
    }

    /// The shared server, for one test at a time: running, with the seed's settings in both realms
    /// and empty event logs. Sessions of former turns are still there.
    ///
    /// # Panics
    /// As [`Server::shared`], and where the settings could not be put back.
    #[must_use]
    pub fn turn() -> Turn {
        static TURN: Mutex<()> = Mutex::new(());
        let server = Self::shared();
        // A test that failed in its turn has nothing that the next one needs.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = server
            .start_again()
            .and_then(|()| seed::put_back(&server.admin()))
            .and_then(|()| seed::put_back_test_realm(&server.admin_of(TEST_REALM)));
        if let Err(error) = ready {
            panic!("the shared Keycloak is not as it was: {}", chain(&error));
        }
        Turn { server, _turn: turn }
    }

    /// What a profile has as `keycloak_addr` to reach this server without a proxy between.
    #[must_use]
    pub fn keycloak_addr(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The same over https, with a certificate of the authority in [`Server::ca_file`].
    #[must_use]
    pub fn https_addr(&self) -> String {
        format!("https://{}:{}", Ipv4Addr::LOCALHOST, self.https_port.number)
    }

    /// The private authority that has signed the certificate, in PEM; nobody else trusts it.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.run().authority().map(PathBuf::from).unwrap_or_default()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number).into()
    }

    /// The administration of realm `master`.
    #[must_use]
    pub fn admin(&self) -> Admin {
        self.admin_of(REALM)
    }

    /// The administration of another realm.
    #[must_use]
    pub fn admin_of(&self, realm: &str) -> Admin {
        Admin::new(&self.keycloak_addr(), realm)
    }

    /// Raw calls of the client of realm `master`, past any proxy.
    #[must_use]
    pub fn oauth(&self) -> OAuth {
        OAuth::new(&self.keycloak_addr(), REALM, seed::CLIENT)
    }

    /// Ends the server in good order (SIGTERM) and waits until its process is gone.
    pub fn stop(&self) {
        self.run().stop();
    }

    /// Ends the server as a crash does (SIGKILL) and waits until its process is gone.
    pub fn kill(&self) {
        self.run().kill();
    }

    /// Starts it on the same port and database; one that runs stays as it is.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn start_again(&self) -> Result<(), Error> {
        let mut run = self.run();
        if !run.is_running() {
            run.kill();
        }
        run.start()
    }

    /// Whether its process lives.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.run().is_running()
    }

    /// Everything it logged so far; empty where that can't be read.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.run().log()).unwrap_or_default()
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shared server while it is one test's alone.
#[derive(Debug)]
pub struct Turn {
    server: &'static Server,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.server
    }
}

fn chain(error: &dyn error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
