//! Where the demo plays: a temporary home, the test IdP, the daemon; all of it gone at the end.

use super::idp::Idp;
use crate::cargo::Programs;
use crate::failure::{Failure, While};
use crate::keeper::Keeper;
use crate::terminal::Shade;
use bearerd_client::Client;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// What the demo runs, and where.
#[derive(Debug)]
pub(crate) struct Stage {
    programs: Programs,
    folder: PathBuf,
    keeper: Keeper,
    /// Leads the process group of everything on stage.
    idp_process: Child,
    pub(crate) idp: Idp,
    daemon: Option<Child>,
}

/// A socket's path holds 107 bytes (`sun_path`); the socket's name below the folder takes 18 of them.
const FOLDER_MAX: usize = 80;
/// A hundred times what the daemon needs.
const UP_WITHIN: Duration = Duration::from_secs(10);
/// One look at a socket that may not answer yet.
const PATIENCE: Duration = Duration::from_secs(2);

impl Stage {
    /// Makes the home, starts the IdP, writes the configuration.
    pub(crate) fn set(programs: Programs, lifetime: Duration) -> Result<Self, Failure> {
        let mut keeper = Keeper::new()?;
        let folder = make_folder()?;
        keeper.mind_folder(&folder);
        for name in ["home", "run", "state", "config", "config/bearerd"] {
            let path = folder.join(name);
            let made = fs::create_dir(&path)
                .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o700)));
            made.while_doing(|| format!("make `{}`", path.display()))?;
        }
        let mut idp_process = Command::new(&programs.test_idp)
            .args(["--access-token-lifetime", &lifetime.as_secs().to_string(), "--interval", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log(&folder, "idp.log")?)
            .process_group(0)
            .spawn()
            .while_doing(|| "start the test IdP".to_owned())?;
        keeper.mind_group(&idp_process);
        let idp = Idp::of(&mut idp_process)?;
        let stage = Self { programs, folder, keeper, idp_process, idp, daemon: None };
        let path = stage.folder.join("config/bearerd/config.toml");
        fs::write(&path, stage.config()).while_doing(|| format!("write `{}`", path.display()))?;
        Ok(stage)
    }

    /// The configuration, as a person would write it.
    pub(crate) fn config(&self) -> String {
        format!(
            "[profile.demo]\nauth_type = \"sso\"\nkeycloak_addr = \"{}\"\nrealm = \"master\"\nclient_id = \"sdk-client\"\n",
            self.idp.base_url()
        )
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The daemon's socket, at its usual place below the runtime folder.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("run/bearerd.sock")
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start_daemon(&mut self) -> Result<Duration, Failure> {
        let began = Instant::now();
        let mut command = self.command(&self.programs.bearerd);
        // Without colour, which would stand in the log as control sequences.
        command
            .env("NO_COLOR", "1")
            .stdout(Stdio::null())
            .stderr(log(&self.folder, "bearerd.log")?);
        let daemon =
            self.daemon.insert(command.spawn().while_doing(|| "start bearerd".to_owned())?);
        let client = Client::at(self.folder.join("run/bearerd.sock")).with_patience(PATIENCE);
        while let Err(error) = client.health() {
            if let Ok(Some(status)) = daemon.try_wait() {
                return Err(Failure::new(format!(
                    "expected bearerd to serve; seen: it ended with {status}"
                )));
            }
            if began.elapsed() > UP_WITHIN {
                return Err(Failure::new(format!(
                    "expected bearerd to answer on its socket; seen: {error}"
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(began.elapsed())
    }

    /// SIGKILL: the daemon has no moment left to save anything.
    pub(crate) fn kill_daemon(&mut self) -> Result<(), Failure> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        daemon
            .kill()
            .and_then(|()| daemon.wait().map(drop))
            .while_doing(|| "kill bearerd".to_owned())
    }

    /// `bearerctl`, as a person in this home would start it.
    pub(crate) fn bearerctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.programs.bearerctl);
        command.args(arguments);
        command
    }

    /// A program in this home and process group, with nothing of the caller's environment but the way to programs.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.join("home"))
            .env("XDG_RUNTIME_DIR", self.folder.join("run"))
            .env("XDG_STATE_HOME", self.folder.join("state"))
            .env("XDG_CONFIG_HOME", self.folder.join("config"))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .process_group(self.group());
        command
    }

    fn group(&self) -> i32 {
        // A process id is an `i32` to the system; 0 would only mean a group of its own.
        i32::try_from(self.idp_process.id()).unwrap_or(0)
    }

    /// Ends the processes and keeps the folder, for whoever looks into what failed.
    pub(crate) fn keep_logs(mut self) {
        self.keeper.forget_folder();
        let log = self.folder.join("bearerd.log");
        if let Ok(text) = fs::read_to_string(&log) {
            println!("\n  The last words of bearerd:");
            let lines: Vec<&str> = text.lines().collect();
            for line in lines.iter().skip(lines.len().saturating_sub(15)) {
                println!("  {} {line}", Shade::Dim.paint("│"));
            }
        }
        println!("\n  Logs and files are kept in {}", self.folder.display());
    }

    /// Leaves everything running, and says how to play with it.
    pub(crate) fn leave_running(mut self) -> Result<ExitCode, Failure> {
        let folder = self.folder.display();
        let programs = self.programs.bearerctl.parent().unwrap_or(Path::new(".")).display();
        let environment =
            format!("export BEARERD_SOCKET={folder}/run/bearerd.sock\nPATH={programs}:$PATH\n");
        let path = self.folder.join("env");
        fs::write(&path, environment).while_doing(|| format!("write `{}`", path.display()))?;
        let (base, control) = (self.idp.base_url(), self.idp.control_url());
        let group = self.group();
        println!(
            "
It goes on running. In this shell or another:

    . {folder}/env                      # where the socket and bearerctl are

    bearerctl status                    # how it is; `token`, `logout`, `login`, `profile show` as well
    bearerctl token --json
    curl -s --unix-socket $BEARERD_SOCKET http://bearerd/v1/token
    curl -sN --unix-socket $BEARERD_SOCKET http://bearerd/v1/events    # what happens, as it happens

The page where a person approves a device login (bearerctl login shows its link):
    {base}/auth/realms/master/device

The identity provider, steered:
    curl -s {control}/control/counts    # the calls that reached it
    curl -s {control}/control/approve -H 'content-type: application/json' -d '{{\"user\":\"jane\"}}'
    curl -s {control}/control/outage -H 'content-type: application/json' -d '{{\"mode\":\"refuse\",\"seconds\":20}}'
    curl -s {control}/control/users/jane/log-out -X POST

The daemon's log: {folder}/bearerd.log
To end it:

    kill -s KILL -- -{group}; rm -rf {folder}; unset BEARERD_SOCKET"
        );
        self.keeper.forget_group();
        self.keeper.forget_folder();
        Ok(ExitCode::SUCCESS)
    }
}

/// A folder that others can't enter, with a path short enough for a socket in it.
fn make_folder() -> Result<PathBuf, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("bearerd-demo-").permissions(Permissions::from_mode(0o700));
    let usual = builder.tempdir().while_doing(|| "make a temporary folder".to_owned())?;
    if usual.path().as_os_str().len() <= FOLDER_MAX {
        return Ok(usual.keep());
    }
    let short = builder.tempdir_in("/tmp").while_doing(|| "make a folder in `/tmp`".to_owned())?;
    Ok(short.keep())
}

fn log(folder: &Path, name: &str) -> Result<File, Failure> {
    let path = folder.join(name);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened.while_doing(|| format!("open `{}`", path.display()))
}
