//! What the proofs against real providers stand on: a daemon whose profiles have their secrets in files, and the way that
//! each proof goes, through two renewals and a restart.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bearerd_client::{
    ClientError, LoggedIn, LoginAnswer, LoginRequest, PendingLogin, TokenAnswer, TokenQuery,
};
use tempfile::TempDir;

use crate::daemon::{Daemon, Home, eventually, name, query, text_of};

/// A home with profiles, a folder beside it for their secrets, and the daemon while there is one.
#[derive(Debug)]
pub struct Ground {
    /// Dropped first: its end looks for secrets in the home.
    daemon: Option<Daemon>,
    home: Arc<Home>,
    files: TempDir,
    configuration: String,
}

impl Ground {
    /// Without profiles and without a daemon yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            daemon: None,
            home: Arc::new(Home::new()),
            files: tempfile::tempdir().unwrap(),
            configuration: String::new(),
        }
    }

    /// The home.
    #[must_use]
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Adds a profile with these lines.
    #[must_use]
    pub fn with(mut self, profile: &str, lines: &str) -> Self {
        self.configuration.push_str(&format!("[profile.{profile}]\n{}\n", lines.trim()));
        self
    }

    /// Starts the daemon.
    #[must_use]
    pub fn started(mut self) -> Self {
        self.home.configure(&self.configuration);
        self.daemon = Some(Daemon::start(&self.home));
        self
    }

    /// Ends the daemon well and starts another of the same home.
    pub fn restart(&mut self) {
        self.daemon.take().unwrap().terminate();
        self.daemon = Some(Daemon::start(&self.home));
    }

    /// The daemon.
    #[must_use]
    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// Writes a file with a secret that nobody else can read, by rename where it is there already; gives its path.
    ///
    /// No log and no file of the home may show what is in it.
    pub fn file(&self, name: &str, secret: &str) -> PathBuf {
        self.home.secrets().add(secret);
        self.plain_file(name, secret)
    }

    /// The same for a key in PEM, whose first and last lines are no secret.
    pub fn key_file(&self, name: &str, pem: &str) -> PathBuf {
        for line in pem.lines().filter(|line| !line.starts_with('-')) {
            self.home.secrets().add(line);
        }
        self.plain_file(name, pem)
    }

    /// The same for content that is not one secret as a whole.
    pub fn plain_file(&self, name: &str, content: &str) -> PathBuf {
        let (path, new) = (self.files.path().join(name), self.files.path().join("new"));
        let mut file = fs::OpenOptions::new();
        let file = file.write(true).create(true).truncate(true).mode(0o600).open(&new);
        file.unwrap().write_all(content.as_bytes()).unwrap();
        fs::rename(new, &path).unwrap();
        path
    }

    /// The current token of a profile.
    pub fn token(&self, profile: &str) -> Result<TokenAnswer, ClientError> {
        self.daemon().token(profile)
    }

    /// A token of a profile for another audience.
    pub fn token_for(&self, profile: &str, audience: &str) -> Result<TokenAnswer, ClientError> {
        let audience = Some(audience.to_owned());
        self.daemon().client().token(&TokenQuery { audience, ..query(profile) })
    }

    /// A token of a profile with other scopes.
    pub fn token_with(&self, profile: &str, scope: &str) -> Result<TokenAnswer, ClientError> {
        let scope = Some(scope.to_owned());
        self.daemon().client().token(&TokenQuery { scope, ..query(profile) })
    }

    /// Starts a login that a person has to go on with.
    #[must_use]
    pub fn start_login(&self, profile: &str) -> PendingLogin {
        let request = LoginRequest { profile: Some(name(profile)), ..LoginRequest::default() };
        match self.daemon().client().login(&request).unwrap() {
            LoginAnswer::Pending(pending) => pending,
            LoginAnswer::Done(who) => panic!("no person was needed: {who:?}"),
        }
    }

    /// Waits for the end of a login that its person has answered.
    #[must_use]
    pub fn logged_in(&self, login: &PendingLogin) -> LoggedIn {
        match self.daemon().client().login_state(&login.login_id, LOGIN_WAIT).unwrap() {
            LoginAnswer::Done(who) => who,
            LoginAnswer::Pending(_) => panic!("the login has no end"),
        }
    }

    /// Leads these profiles from their first token through two renewals and a restart between them. `accepted` asks the
    /// provider about each token that is served on the way.
    pub fn prove(&mut self, profiles: &[&str], accepted: impl Fn(&str, &str)) {
        let tokens = |ground: &Self| -> BTreeMap<String, String> {
            let served = |profile: &&str| {
                let token = text_of(&ground.token(profile).unwrap());
                accepted(profile, &token);
                ((*profile).to_owned(), token)
            };
            profiles.iter().map(served).collect()
        };
        let first = tokens(self);
        self.renewed(&first, &accepted);
        self.restart();
        let again = tokens(self);
        assert!(again.iter().all(|(profile, token)| first[profile] != *token), "an old one again");
        self.renewed(&again, &accepted);
        for profile in profiles {
            let status = self.daemon().status(profile);
            assert_eq!(status.last_error, None, "{profile}");
        }
    }

    /// Reads each profile until its token is another; all the while it gets one.
    fn renewed(&self, tokens: &BTreeMap<String, String>, accepted: &impl Fn(&str, &str)) {
        for (profile, old) in tokens {
            let newer = eventually(&format!("`{profile}` is renewed"), || {
                let answer = self.token(profile).unwrap();
                assert!(!answer.degraded, "{profile}");
                Some(text_of(&answer)).filter(|token| token != old)
            });
            accepted(profile, &newer);
        }
    }
}

impl Default for Ground {
    fn default() -> Self {
        Self::new()
    }
}

/// The end of a login that its person has answered comes sooner, `slow_down` included.
const LOGIN_WAIT: Duration = Duration::from_secs(30);
