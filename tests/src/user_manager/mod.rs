//! A real user manager of systemd (`systemd --user`) for a user who exists as long as the test does.
//!
//! It runs in mount, pid and cgroup namespaces of its own, so that a machine without systemd as process 1 will do, and
//! several don't see each other; the network is the machine's. [`hold.sh`](../../user-manager/hold.sh) makes all of it
//! and takes it away again when the test drops the manager, panics or is killed.

mod machine;
mod unavailable;

pub use unavailable::Unavailable;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A running user manager and its user. Everything is gone once it is dropped.
#[derive(Debug)]
pub struct UserManager {
    user: String,
    uid: u32,
    gid: u32,
    /// The process whose namespaces are those of the manager.
    namespaces: u32,
    holder: Child,
}

impl UserManager {
    /// Makes a user and brings their manager up; it runs when this returns.
    ///
    /// # Errors
    /// Where this machine can't: what it lacks, and what mends that.
    pub fn start() -> Result<Self, Unavailable> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let tree = machine::check()?;
        // Names of one process differ by the count, those of two by the pid; a user's name has 32 letters at most.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let user = format!("bearerd-{}-{count}", std::process::id());
        let cgroup = tree.join(&user);
        let mut holder = Command::new("sh")
            .args(["-euc", HOLD, "hold", &user])
            .arg(&cgroup)
            .arg(INSIDE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C is for the test alone: the script has to live on, to clean up.
            .process_group(0)
            .spawn()
            .map_err(Unavailable::NoShell)?;
        let said = holder.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        match said.and_then(Up::read) {
            Some(Up { namespaces, uid, gid }) => Ok(Self { user, uid, gid, namespaces, holder }),
            None => {
                end(&mut holder);
                Err(Unavailable::NotUp { user, cgroup })
            }
        }
    }

    /// The user's home, the same inside and outside.
    pub fn home(&self) -> PathBuf {
        Path::new("/home").join(&self.user)
    }

    /// The user's id.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// `XDG_RUNTIME_DIR`, which exists inside alone.
    pub fn runtime_folder(&self) -> PathBuf {
        PathBuf::from(format!("/run/user/{}", self.uid))
    }

    /// A command inside, as the user and in the environment of a fresh login; its working directory is `/`.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let home = self.home();
        let runtime_folder = self.runtime_folder();
        let mut command = self.enter();
        command
            .args(["setpriv", "--init-groups", "--reuid", &self.user, "--regid"])
            .arg(self.gid.to_string())
            .args([
                "env",
                "-i",
                "PATH=/usr/local/bin:/usr/bin:/bin",
                "SHELL=/bin/sh",
                "LANG=C.UTF-8",
            ])
            .args([format!("USER={}", self.user), format!("LOGNAME={}", self.user)])
            .args([variable("HOME", &home), variable("XDG_RUNTIME_DIR", &runtime_folder)])
            .arg(variable(
                "DBUS_SESSION_BUS_ADDRESS",
                format!("unix:path={}/bus", runtime_folder.display()),
            ))
            .args(["SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"])
            .args(words);
        command
    }

    /// A command inside, as root.
    pub fn root_command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.enter();
        command.args(words);
        command
    }

    /// Runs a command inside, as the user.
    ///
    /// # Panics
    /// Where it can't be started.
    pub fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(words))
    }

    /// `systemctl --user` with these words; what it prints.
    ///
    /// # Panics
    /// Where it fails.
    pub fn systemctl(&self, words: &[&str]) -> String {
        self.run(["systemctl", "--user"].iter().chain(words)).succeeded()
    }

    /// One property of a unit, as `systemctl show` gives it.
    ///
    /// # Panics
    /// Where systemctl fails.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.systemctl(&["show", "--value", "--property", name, unit])
    }

    /// Writes a file of the user's, 0600, at a path inside the home; folders on the way are made.
    ///
    /// # Panics
    /// Where it can't be written.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.made_folder_of(path);
        fs::write(&path, text).expect("the home can be written");
        self.give(&path, 0o600);
    }

    /// Installs a program of the machine's at a path inside the home.
    ///
    /// # Panics
    /// Where it can't be copied.
    pub fn install(&self, program: &Path, path: &str) {
        let path = self.made_folder_of(path);
        fs::copy(program, &path).expect("a program can be copied into the home");
        self.give(&path, 0o755);
    }

    /// Installs a unit, or a drop-in (`bearerd.service.d/test.conf`), and has the manager read it.
    ///
    /// # Panics
    /// Where it can't be written, or the manager refuses.
    pub fn install_unit(&self, name: &str, text: &str) {
        self.write(&format!("{UNITS}/{name}"), text);
        self.systemctl(&["daemon-reload"]);
    }

    /// Takes a unit or drop-in away again.
    ///
    /// # Panics
    /// Where there is none, or the manager refuses.
    pub fn remove_unit(&self, name: &str) {
        fs::remove_file(self.home().join(UNITS).join(name)).expect("the unit is there");
        self.systemctl(&["daemon-reload"]);
    }

    /// Everything that this machine in the machine logged until now, of all units and with all fields.
    ///
    /// # Panics
    /// Where the journal can't be read.
    pub fn journal(&self) -> String {
        // What units wrote before this moment is on its way to the journal; this waits until it is there.
        Ran::of(self.root_command(["journalctl", "--sync"])).succeeded();
        let read = ["journalctl", "--directory=/run/log/journal", "--all", "--output=export"];
        Ran::of(self.root_command(read)).succeeded()
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        // The process that made the namespaces is itself not in the pid namespace; its children are.
        command
            .args(["--target", &self.namespaces.to_string(), "--mount", "--cgroup"])
            .arg(format!("--pid=/proc/{}/ns/pid_for_children", self.namespaces))
            .stdin(Stdio::null());
        command
    }

    fn made_folder_of(&self, path: &str) -> PathBuf {
        let mut at = self.home();
        let path = at.join(path);
        let folder = path.parent().expect("a file is in a folder");
        for part in folder.strip_prefix(&at).expect("a path inside the home").components() {
            at.push(part);
            if !at.exists() {
                fs::create_dir(&at).expect("the home can be written");
                self.give(&at, 0o700);
            }
        }
        path
    }

    fn give(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("root may do this");
        chown(path, Some(self.uid), Some(self.gid)).expect("root may do this");
    }
}

impl Drop for UserManager {
    fn drop(&mut self) {
        end(&mut self.holder);
    }
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Its output, without white space at the end.
    pub stdout: String,
    /// Its words, without white space at the end.
    pub stderr: String,
    /// The command, for messages.
    command: String,
}

impl Ran {
    /// Its output, where all went well.
    ///
    /// # Panics
    /// Where it exited with another code than 0.
    pub fn succeeded(self) -> String {
        let Self { code, stdout, stderr, command } = self;
        assert_eq!(code, Some(0), "{command}\n{stdout}\n{stderr}");
        stdout
    }

    /// Runs a command to its end.
    fn of(mut command: Command) -> Self {
        let output = command.output().expect("nsenter is there");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            command: format!("{command:?}"),
        }
    }
}

const HOLD: &str = include_str!("../../user-manager/hold.sh");
const INSIDE: &str = include_str!("../../user-manager/inside.sh");
/// Where a user's own units are, inside the home.
const UNITS: &str = ".config/systemd/user";

/// What the script says while the manager comes up.
struct Up {
    namespaces: u32,
    uid: u32,
    gid: u32,
}

impl Up {
    /// `None` where it ends before the manager is ready.
    fn read(mut lines: Lines<BufReader<ChildStdout>>) -> Option<Self> {
        let mut line = || lines.next()?.ok();
        let ids = line()?;
        let mut ids = ids.split(' ').map_while(|id| id.parse().ok());
        let up = Self { namespaces: ids.next()?, uid: ids.next()?, gid: ids.next()? };
        (line()? == "ready").then_some(up)
    }
}

/// The script ends by the end of its input, and cleans up before.
fn end(holder: &mut Child) {
    drop(holder.stdin.take());
    // It can't fail: the child is ours, and nobody else waits for it.
    _ = holder.wait();
}

fn variable(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut variable = OsString::from(format!("{name}="));
    variable.push(value);
    variable
}
