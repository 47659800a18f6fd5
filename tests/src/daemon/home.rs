//! A folder that daemon and commands take for their user's home, with the configuration in it.

use crate::secrets::Secrets;
use bearerd_client::Client;
use bearerd_test_idp::TestIdp;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// The home. It outlives its daemons: what they keep, the next one finds.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    secrets: Secrets,
}

impl Home {
    /// An empty one, with a short path: a socket's address has room for 107 bytes.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("bd").tempdir_in("/tmp").unwrap();
        let home = Self { folder, secrets: Secrets::default() };
        for below in [home.config_folder(), home.runtime_folder()] {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(below).unwrap();
        }
        home
    }

    /// The home itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `config.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.config_folder().join("config.toml")
    }

    /// The state folder; a daemon makes it.
    pub fn state(&self) -> PathBuf {
        self.path().join("state/bearerd")
    }

    /// The sealed session of a profile.
    pub fn session_file(&self, profile: &str) -> PathBuf {
        self.state().join(format!("{profile}.session"))
    }

    /// Where the daemon listens.
    pub fn socket(&self) -> PathBuf {
        self.runtime_folder().join("bearerd.sock")
    }

    /// `$XDG_RUNTIME_DIR`.
    pub fn runtime_folder(&self) -> PathBuf {
        self.path().join("run")
    }

    /// What this home's daemons and commands say on stderr goes here.
    pub fn log_file(&self) -> PathBuf {
        self.path().join("log")
    }

    /// The secrets that no log, error, argument or file of this home may show.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Writes the configuration anew.
    pub fn configure(&self, text: &str) {
        let new = self.config_folder().join("config.new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.config_file()).unwrap();
    }

    /// The lines of a profile that logs in at `idp`, whose secrets are watched from now on.
    pub fn sso(&self, profile: &str, idp: &Arc<TestIdp>) -> String {
        self.secrets.watch(idp);
        let address = idp.base_url();
        format!("[profile.{profile}]\nauth_type = \"sso\"\nkeycloak_addr = \"{address}\"\n")
    }

    /// A program of this home: its environment is this home's and nothing else.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path())
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_RUNTIME_DIR", self.runtime_folder())
            .env("BEARERD_LOG", "debug")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// `bearerctl` with these arguments, to its end.
    pub fn bearerctl(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(&crate::binaries::bearerctl());
        let output = command.args(arguments).output().unwrap();
        self.check_output(arguments, &output);
        output
    }

    /// Only a token's stdout may show a token.
    pub fn check_output(&self, arguments: &[&str], output: &Output) {
        let said = format!("`bearerctl {}`", arguments.join(" "));
        self.secrets.must_not_be_in(&format!("the stderr of {said}"), &output.stderr);
        if arguments.first() != Some(&"token") {
            self.secrets.must_not_be_in(&format!("the stdout of {said}"), &output.stdout);
        }
    }

    /// A client of this home's daemon.
    pub fn client(&self) -> Client {
        Client::at(self.socket())
    }

    /// Lets every user into the folders up to the socket.
    pub fn let_everybody_in(&self) {
        for folder in [self.path().to_owned(), self.runtime_folder()] {
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
        }
    }

    fn config_folder(&self) -> PathBuf {
        self.path().join("config/bearerd")
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}
