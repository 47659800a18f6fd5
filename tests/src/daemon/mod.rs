//! The real daemon as a process: started, asked, killed, and searched for secrets at its end.
#![allow(clippy::print_stdout, reason = "a failing test shows what the daemon said")]

mod home;
mod http;
mod rig;
mod wait;
mod watch;

pub use home::Home;
pub use http::Reply;
pub use rig::Rig;
pub use wait::eventually;
pub use watch::Watch;

use bearerd_client::{
    Client, ClientError, LoggedIn, LoginAnswer, LoginRequest, ProfileName, ProfileStatus,
    RejectRequest, Secret, TokenAnswer, TokenQuery,
};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A daemon of a [`Home`]. Dropped, it is killed, and the test fails if a secret is in its log, its arguments, its
/// environment or any file of its home.
#[derive(Debug)]
pub struct Daemon {
    home: Arc<Home>,
    child: Child,
}

impl Daemon {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// Where it ends instead.
    pub fn start(home: &Arc<Home>) -> Self {
        Self::start_as(home, home.command(&crate::binaries::bearerd()))
    }

    /// The same by a command that is [`Home::command`]'s but for a few things.
    ///
    /// # Panics
    /// As there.
    pub fn start_as(home: &Arc<Home>, mut command: Command) -> Self {
        let child = command.stdout(log_of(home)).stderr(log_of(home)).spawn().unwrap();
        let mut daemon = Self { home: Arc::clone(home), child };
        eventually("the daemon answers", || {
            let ended = daemon.child.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended ({ended:?}): {}", daemon.log());
            http::request(&home.socket(), "GET", "/v1/health", &[], "").ok()
        });
        daemon
    }

    /// Its home.
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A file of its process in `/proc`.
    pub fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid()))
    }

    /// All that daemons of this home have said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.log_file()).unwrap()
    }

    /// A client of its own: no other one's connections.
    pub fn client(&self) -> Client {
        self.home.client()
    }

    /// As [`Home::bearerctl`].
    pub fn bearerctl(&self, arguments: &[&str]) -> Output {
        self.home.bearerctl(arguments)
    }

    /// A request as it stands, on a connection of its own.
    pub fn request(&self, method: &str, target: &str, headers: &[&str], body: &str) -> Reply {
        http::request(&self.home.socket(), method, target, headers, body).unwrap()
    }

    /// The same where the daemon may be gone before it has answered; then the status is 0.
    pub fn try_request(&self, method: &str, target: &str, body: &str) -> io::Result<Reply> {
        http::request(&self.home.socket(), method, target, &[], body)
    }

    /// Watches what happens from now on.
    pub fn watch(&self) -> Watch {
        Watch::of(&self.client())
    }

    /// The current token of a profile.
    pub fn token(&self, profile: &str) -> Result<TokenAnswer, ClientError> {
        self.client().token(&query(profile))
    }

    /// The text of the current token of a profile.
    pub fn token_text(&self, profile: &str) -> String {
        text_of(&self.token(profile).unwrap())
    }

    /// Rejects this token; the text of the newer one.
    pub fn reject(&self, profile: &str, token: &str) -> Result<TokenAnswer, ClientError> {
        self.client()
            .reject(&RejectRequest { profile: Some(name(profile)), token: Secret::new(token) })
    }

    /// Has the current token renewed now; the text of the newer one.
    pub fn renew(&self, profile: &str) -> String {
        let current = self.token_text(profile);
        text_of(&self.reject(profile, &current).unwrap())
    }

    /// Logs in, where the identity provider approves by itself.
    ///
    /// # Panics
    /// Where the login fails.
    pub fn log_in(&self, profile: &str) -> LoggedIn {
        let client = self.client();
        let request = LoginRequest { profile: Some(name(profile)), ..LoginRequest::default() };
        let mut answer = client.login(&request).unwrap();
        while let LoginAnswer::Pending(login) = &answer {
            answer = client.login_state(&login.login_id, LOGIN_WAIT).unwrap();
        }
        match answer {
            LoginAnswer::Done(who) => who,
            LoginAnswer::Pending(_) => unreachable!(),
        }
    }

    /// How a profile is.
    ///
    /// # Panics
    /// Where there is none of that name.
    pub fn status(&self, profile: &str) -> ProfileStatus {
        let status = self.client().status().unwrap();
        let found = status.profiles.into_iter().find(|one| one.profile.as_str() == profile);
        found.unwrap_or_else(|| panic!("no profile `{profile}`"))
    }

    /// Waits until the status of a profile is as wished.
    pub fn until(
        &self,
        profile: &str,
        what: &str,
        wish: impl Fn(&ProfileStatus) -> bool,
    ) -> ProfileStatus {
        let mut last = None;
        eventually(&format!("`{profile}`: {what}"), || {
            let status = self.status(profile);
            if last.as_ref() != Some(&status) {
                println!("{status:?}");
            }
            last = Some(status.clone());
            Some(status).filter(&wish)
        })
    }

    /// Waits until no valid token is in hand.
    pub fn until_expired(&self, profile: &str) {
        self.until(profile, "its token expires", |status| status.expires_in.is_none());
    }

    /// Waits until its socket has so many connections that it has accepted and not closed: so many callers stand there.
    pub fn until_connections(&self, count: usize) {
        eventually(&format!("{count} callers stand at the daemon"), || {
            (http::accepted_connections(&self.home.socket()) == count).then_some(())
        });
    }

    /// Waits until so many callers stand before its socket that it has not let in.
    pub fn until_queued(&self, count: usize) {
        eventually(&format!("{count} callers stand before the daemon"), || {
            (http::queued_connections(&self.home.socket()) == count).then_some(())
        });
    }

    /// Reads the configuration again (SIGHUP), and waits until it has been looked at.
    pub fn reload(&self) {
        let before = self.reloads();
        self.signal(Signal::HUP);
        eventually("the configuration is read again", || (self.reloads() > before).then_some(()));
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, and nothing of it is left.
    pub fn kill9(self) {
        self.signal(Signal::KILL);
        let mut daemon = self;
        assert_eq!(daemon.child.wait().unwrap().signal(), Some(9));
    }

    /// SIGTERM; it ends by itself, well.
    pub fn terminate(self) {
        self.signal(Signal::TERM);
        let status = self.ended();
        assert!(status.success(), "{status:?}");
    }

    /// Waits until it ends by itself.
    pub fn ended(mut self) -> ExitStatus {
        eventually("the daemon ends", || self.child.try_wait().unwrap())
    }

    fn reloads(&self) -> usize {
        let log = self.log();
        ["configuration read again", "the configuration is not taken"]
            .map(|line| log.matches(line).count())
            .iter()
            .sum()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let secrets = self.home.secrets();
        // Gone already where the process has ended; closed to all but root while it runs.
        for file in ["cmdline", "environ"] {
            if let Ok(bytes) = std::fs::read(self.proc(file)) {
                secrets.must_not_be_in(&format!("the daemon's {file}"), &bytes);
            }
        }
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            println!("── the daemon's last lines, the newest first ──\n{}", tail.join("\n"));
        }
        secrets.must_not_be_below(self.home.path());
    }
}

/// Whose current token.
pub fn query(profile: &str) -> TokenQuery {
    TokenQuery { profile: Some(name(profile)), ..TokenQuery::default() }
}

/// A profile's name.
pub fn name(profile: &str) -> ProfileName {
    profile.parse().unwrap()
}

/// The text of the token in an answer.
pub fn text_of(answer: &TokenAnswer) -> String {
    answer.token.as_ref().unwrap().expose().to_owned()
}

fn log_of(home: &Home) -> Stdio {
    let file: File = OpenOptions::new().create(true).append(true).open(home.log_file()).unwrap();
    file.into()
}

/// The outcome of a login that nobody holds up comes sooner.
const LOGIN_WAIT: Duration = Duration::from_secs(20);
