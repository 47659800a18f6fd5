//! Starts the daemon that was installed beside this program, where none answers.

use crate::environment;
use crate::exit::CommandError;
use crate::sys;
use bearerd_client::{Client, ClientError, PATIENCE_SECONDS, state_folder};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Has a daemon answer at the place that `client` looks at; `socket` is that place, where the command line names it.
pub(crate) fn ensure(client: &Client, socket: Option<&Path>) -> Result<(), CommandError> {
    match client.health() {
        Err(ClientError::Unreachable { .. }) => {}
        // Whatever else is wrong, a daemon is there: the command itself says it.
        _ => return Ok(()),
    }
    let program = beside().map_err(CommandError::NoDaemonBeside)?;
    let log = log_file();
    let from = log.as_deref().map_or(0, length);
    let mut daemon = start(&program, socket, log.as_deref())
        .map_err(|source| CommandError::NotStarted { program: program.clone(), source })?;
    let mut looks = LOOKS;
    while looks > 0 {
        looks -= 1;
        std::thread::sleep(PAUSE);
        match client.health() {
            Err(ClientError::Unreachable { .. }) => {}
            // Where two start one at once, the second ends, and the first answers.
            _ => return Ok(()),
        }
        if !matches!(daemon.try_wait(), Ok(None)) {
            looks = looks.min(LOOKS_AT_OTHER);
        }
    }
    let words = log.as_deref().and_then(|log| last_words(log, from));
    Err(CommandError::NoAnswerFromStarted { program, log, words })
}

/// The daemon of this very installation: another one on the `PATH` may be of another version, or somebody else's.
fn beside() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("bearerd");
    if program.is_file() {
        return Ok(program);
    }
    let text = format!("there is no `{}`", program.display());
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}

fn start(program: &Path, socket: Option<&Path>, log: Option<&Path>) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(["--idle-timeout", IDLE_SECONDS]);
    if let Some(socket) = socket {
        command.arg("--socket").arg(environment::absolute(socket));
    }
    command.env_clear().envs(environment::of_daemon());
    // Of its starter's it keeps nothing in use for a day: no folder, no lock, no end of a pipe.
    command.current_dir("/");
    sys::hand_on_no_descriptors();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let words = log.map(open_log).transpose()?;
    command.stderr(words.map_or_else(Stdio::null, Stdio::from));
    command.spawn()
}

/// Where its words go: nobody sees its terminal.
fn log_file() -> Option<PathBuf> {
    Some(state_folder()?.join("bearerd.log"))
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        // As the daemon makes it.
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let is_long = path.metadata().is_ok_and(|log| log.len() > LOG_BYTES);
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    if is_long {
        options.write(true).truncate(true)
    } else {
        options.append(true)
    };
    options.open(path)
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

/// The last line that it got since it was `from` bytes long, or since it was begun anew.
fn last_words(log: &Path, from: u64) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let long = length(log);
    let from = if long < from { 0 } else { from }.max(long.saturating_sub(LOG_BYTES));
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut words = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut words).ok()?;
    let words = String::from_utf8_lossy(&words);
    let line = words.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.replace(char::is_control, " "))
}

/// Whether a value of `BEARERD_AUTOSTART` asks for it.
pub(crate) fn is_yes(value: &OsStr) -> bool {
    value == "1"
}

/// A day: a notebook that is left over night finds its session in the morning.
const IDLE_SECONDS: &str = "86400";
/// Between two looks whether it answers.
const PAUSE: Duration = Duration::from_millis(20);
/// As long as the protocol's patience.
const LOOKS: u64 = PATIENCE_SECONDS * 50;
/// Where it has ended, another that was started at the same time is about to answer.
const LOOKS_AT_OTHER: u64 = 100;
/// A log is begun anew when it is longer than this.
const LOG_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_until_it_is_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/bearerd.log");
        let write =
            |text: &str| io::Write::write_all(&mut open_log(&path).unwrap(), text.as_bytes());
        write("a").unwrap();
        write("b").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "ab");
        let long = "x".repeat(usize::try_from(LOG_BYTES).unwrap());
        write(&long).unwrap();
        write("c").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "c");
    }

    #[test]
    fn the_last_words_are_those_of_the_daemon_just_started() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let words = |text: &str, from| {
            std::fs::write(log.path(), text).unwrap();
            last_words(log.path(), from)
        };
        assert_eq!(words("before\n", 7), None);
        assert_eq!(words("before\nat first\nat last\n\n", 7).as_deref(), Some("at last"));
        assert_eq!(words("anew\n", 7).as_deref(), Some("anew"));
        assert_eq!(words("\u{1b}[2Jred\n", 0).as_deref(), Some(" [2Jred"));
        let long = format!("{}at last\n", "x\n".repeat(usize::try_from(LOG_BYTES).unwrap()));
        assert_eq!(words(&long, 0).as_deref(), Some("at last"));
        assert_eq!(last_words(Path::new("/nowhere"), 0), None);
    }
}
