//! bearerd as a user has it: programs in `~/.local/bin`, units and configuration in `~/.config`, the socket enabled.

use bearerd_tests::binaries;
use bearerd_tests::user_manager::{Ran, UserManager};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The service, and the socket beside it.
pub(crate) const SERVICE: &str = "bearerd.service";
pub(crate) const SOCKET: &str = "bearerd.socket";
/// A profile that needs no IdP.
pub(crate) const TEST_AUTH: &str = "[profile.jane]\nauth_type = \"test_auth\"\n";
/// Its token, as `wallaroo.auth` has it.
pub(crate) const TEST_TOKEN: &str = "definitely_a_bearer_token_str";

/// A user with bearerd installed.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) manager: UserManager,
}

impl Installed {
    /// With this configuration; the socket listens, the daemon has not started.
    pub(crate) fn with(config: &str) -> Self {
        let installed = Self::without_start(config);
        installed.manager.systemctl(&["enable", "--now", "--quiet", SOCKET]);
        installed
    }

    /// With this configuration; nothing is started.
    pub(crate) fn without_start(config: &str) -> Self {
        let manager = UserManager::start().unwrap_or_else(|lack| panic!("{lack}"));
        manager.install(&binaries::bearerd(), ".local/bin/bearerd");
        manager.install(&binaries::bearerctl(), ".local/bin/bearerctl");
        manager.write(CONFIG, config);
        for (name, text) in [(SERVICE, SERVICE_TEXT), (SOCKET, SOCKET_TEXT)] {
            manager.install_unit(name, text);
        }
        Self { manager }
    }

    /// Writes another configuration; nobody is told.
    pub(crate) fn configure(&self, config: &str) {
        self.manager.write(CONFIG, config);
    }

    /// `bearerctl` with these words.
    pub(crate) fn bearerctl(&self, words: &[&str]) -> Ran {
        let program = self.manager.home().join(".local/bin/bearerctl");
        self.manager.run([program.to_str().unwrap()].iter().chain(words))
    }

    /// The token that `bearerctl` prints.
    pub(crate) fn token(&self) -> String {
        self.bearerctl(&["token"]).succeeded()
    }

    /// The answer that curl gets for the current token: its status and its JSON.
    pub(crate) fn curl(&self) -> (u16, Value) {
        self.curl_later().answer()
    }

    /// The same request, under way: for callers who wait.
    pub(crate) fn curl_later(&self) -> Curl {
        let socket = self.manager.runtime_folder().join("bearerd.sock");
        let mut command = self.manager.command(["curl", "--silent", "--show-error"]);
        let patience = PATIENCE.as_secs().to_string();
        command.args(["--max-time", &patience, "--write-out", "\n%{http_code}", "--unix-socket"]);
        command.arg(socket).arg("http://bearerd/v1/token").stdout(Stdio::piped());
        Curl(command.spawn().unwrap())
    }

    /// Overrides some lines of the service.
    pub(crate) fn drop_in(&self, lines: &str) {
        self.manager.install_unit(DROP_IN, &format!("[Service]\n{lines}\n"));
    }

    /// Takes that back.
    pub(crate) fn remove_drop_in(&self) {
        self.manager.remove_unit(DROP_IN);
    }

    /// `ActiveState` and `SubState` of a unit.
    pub(crate) fn state(&self, unit: &str) -> String {
        let state = self.manager.property(unit, "ActiveState");
        format!("{state} {}", self.manager.property(unit, "SubState"))
    }

    /// The daemon's process; 0 where none runs.
    pub(crate) fn pid(&self) -> u32 {
        self.manager.property(SERVICE, "MainPID").parse().unwrap()
    }
}

/// A request of curl's that may still wait.
#[derive(Debug)]
pub(crate) struct Curl(Child);

impl Curl {
    /// Its answer.
    pub(crate) fn answer(self) -> (u16, Value) {
        let output = self.0.wait_with_output().unwrap();
        assert!(output.status.success(), "curl: {}", output.status);
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// Whether it still waits.
    pub(crate) fn waits(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

/// Waits until something has come true.
///
/// # Panics
/// Where it does not.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "in vain waited until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many lines a file has; none where it is missing.
pub(crate) fn lines_of(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

pub(crate) const SERVICE_TEXT: &str = include_str!("../../../systemd/bearerd.service");
pub(crate) const SOCKET_TEXT: &str = include_str!("../../../systemd/bearerd.socket");
const CONFIG: &str = ".config/bearerd/config.toml";
const DROP_IN: &str = "bearerd.service.d/test.conf";
/// How long a machine that is busy with other tests may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);
