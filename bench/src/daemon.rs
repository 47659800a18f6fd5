//! The daemon as it is released, logged in at a test IdP behind TLS.

mod tls;

use bearerd_client::{Client, LoginAnswer, LoginRequest};
use bearerd_test_idp::{Settings, TestIdp};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The programs under test, in the release profile.
#[derive(Debug)]
pub(crate) struct Programs {
    bearerd: PathBuf,
    pub(crate) bearerctl: PathBuf,
}

impl Programs {
    /// Builds them as they are installed.
    pub(crate) fn build() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["xtask", "dist"])
            .current_dir(&root)
            .status()
            .unwrap();
        assert!(status.success(), "the programs under test could not be built");
        let folder = root.join("dist");
        Self { bearerd: folder.join("bearerd"), bearerctl: folder.join("bearerctl") }
    }
}

/// A running daemon with one profile.
#[derive(Debug)]
pub(crate) struct Daemon {
    home: TempDir,
    process: Child,
    idp: TestIdp,
    _tls: tls::Front,
    socket: PathBuf,
}

impl Daemon {
    pub(crate) fn start(programs: &Programs) -> Self {
        let settings = Settings {
            // Long enough that no refresh falls into a turn, but for those that the memory figure wants first.
            access_token_seconds: 3600,
            auto_approve: Some("jane".to_owned()),
            device_interval_seconds: Some(1),
            ..Settings::default()
        };
        let idp = TestIdp::start_blocking(settings);
        let home = tempfile::tempdir().unwrap();
        let front = tls::Front::start(&idp.base_url(), home.path());
        let socket = home.path().join("bearerd.sock");
        let config = home.path().join("config.toml");
        let text = format!(
            "[profile.bench]\nauth_type = \"sso\"\nkeycloak_addr = \"{}\"\nca_file = \"ca.pem\"\n",
            front.address()
        );
        std::fs::write(&config, text).unwrap();
        let process = Command::new(&programs.bearerd)
            .arg("--config")
            .arg(&config)
            .arg("--state")
            .arg(home.path().join("state"))
            .arg("--socket")
            .arg(&socket)
            .env_clear()
            .env("HOME", home.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(&socket);
        Self { home, process, idp, _tls: front, socket }
    }

    /// One login, then a few refreshes over TLS.
    pub(crate) fn log_in(&mut self) {
        let client = Client::at(&self.socket);
        let mut login = client.login(&LoginRequest::default()).unwrap();
        while let LoginAnswer::Pending(pending) = login {
            login = client.login_state(&pending.login_id, Duration::from_secs(30)).unwrap();
        }
        for _ in 0..3 {
            let before = self.idp.refreshes_sent();
            let token = client.token(&bearerd_client::TokenQuery::default()).unwrap();
            let request =
                bearerd_client::RejectRequest { profile: None, token: token.token.unwrap() };
            // The second reject in a row is refused without a call, by design: one refresh is enough then.
            if client.reject(&request).is_err() {
                break;
            }
            assert_eq!(self.idp.refreshes_sent(), before + 1);
        }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    /// `/proc/PID/status`.
    pub(crate) fn resident(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _already_gone = self.process.wait();
    }
}

/// Waits until a socket answers.
pub(crate) fn wait_for(socket: &Path) {
    let begin = Instant::now();
    while std::os::unix::net::UnixStream::connect(socket).is_err() {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "`{}` does not answer",
            socket.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
