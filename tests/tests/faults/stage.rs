//! Where one cell of the matrix is played: a home, a daemon and a provider of its own, and the fault that strikes there.

use crate::rows::{Lasts, Row, Strike};
use crate::tls_door::TlsDoor;
use bearerd_client::{ClientError, ProfileStatus, TokenAnswer};
use bearerd_test_idp::{CallKind, Settings, TestIdp, Times};
use bearerd_tests::binaries;
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually};
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The shortened pauses: the daemon's own are 60 s, 600 s, 600 s, and 60 s for a fetch. The caller's patience (12 s), the
/// 2 s between two pulls and the 2 s of a save are its own.
pub(crate) const PAUSES: &str = "backoff=1 retry-after=5 hold=6 fetch=20";
/// Those under which one failure that says "come again in an hour" leaves a session alone.
pub(crate) const LONG_PAUSES: &str = "backoff=60 retry-after=600 hold=600 fetch=20";
/// How long a fault goes on after its first failure: shorter than the pauses of [`PAUSES`] that must be kept, longer than
/// several of its backoffs.
const GOES_ON: Duration = Duration::from_secs(4);
/// A caller's patience, and a second for two busy cores.
const PROMISE: Duration = Duration::from_secs(13);
/// Nobody is answered that late but one whose patience has ended.
const PATIENCE: Duration = Duration::from_millis(11_900);

pub(crate) struct Stage {
    pub(crate) daemon: Daemon,
    pub(crate) idp: Arc<TestIdp>,
    row: Row,
    kind: CallKind,
    door: Option<TlsDoor>,
    marks: Mutex<Marks>,
}

/// What is noted of a fault's beginning and end.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    /// Attempts that had ended when it struck.
    ended_before: usize,
    /// What the daemon sent until it ended.
    sent: usize,
    /// When it ended, since boot.
    healed_at: Duration,
}

impl Stage {
    pub(crate) fn new(row: &Row, kind: CallKind, settings: Settings, pauses: &str) -> Self {
        if cfg!(not(debug_assertions)) {
            panic!("a release does not look at the shortened pauses");
        }
        let home = Arc::new(Home::new());
        let window = if row.window { 20 } else { 0 };
        let settings = Settings { reuse_window_seconds: window, ..settings };
        let idp = Arc::new(TestIdp::start_blocking(settings));
        let mut profile = home.sso(Rig::PROFILE, &idp);
        let door = matches!(row.strike, Strike::BadCertificate).then(|| {
            let ca_file = home.path().join("ca.pem");
            let door = TlsDoor::open(&idp.base_url(), &ca_file);
            profile = profile.replace(&idp.base_url(), &door.base_url());
            profile.push_str(&format!("ca_file = \"{}\"\n", ca_file.display()));
            door
        });
        if row.window {
            profile.push_str("reuse_window = \"20s\"\n");
        }
        home.configure(&profile);
        let mut command = home.command(&binaries::bearerd());
        command.env("BEARERD_TEST_PAUSES", pauses);
        let daemon = Daemon::start_as(&home, command);
        Self { daemon, idp, row: row.clone(), kind, door, marks: Mutex::default() }
    }

    pub(crate) fn is_seen(&self) -> bool {
        self.row.is_seen()
    }

    pub(crate) fn strike(&self) {
        self.marks.lock().unwrap().ended_before = self.ended();
        match &self.row.strike {
            Strike::Away => self.idp.stop_listening(),
            Strike::BadCertificate => self.door.as_ref().unwrap().distrust(true),
            Strike::Answer(fault) => self.idp.fault(self.kind, fault.clone(), Times::UntilCleared),
        }
    }

    /// Lets the fault go on for a while after its first failure.
    pub(crate) fn goes_on(&self) {
        std::thread::sleep(GOES_ON);
    }

    /// Ends the fault. What still hangs is cut off, as by a load balancer that comes back.
    pub(crate) fn heal(&self) {
        let at = since_boot();
        let sent = if self.is_seen() {
            self.idp.calls_of(self.kind).iter().filter(|call| call.arrived_at < at).count()
        } else {
            self.ended() - self.marks().ended_before
        };
        let marks = Marks { sent, healed_at: at, ..self.marks() };
        *self.marks.lock().unwrap() = marks;
        match &self.row.strike {
            Strike::Away => self.idp.start_listening(),
            Strike::BadCertificate => self.door.as_ref().unwrap().distrust(false),
            Strike::Answer(_) => self.idp.clear_faults(self.kind),
        }
        if self.row.lasts == Lasts::Silent {
            self.idp.stop_listening();
            self.idp.start_listening();
        }
    }

    /// How many requests were sent while the fault lasted, in a word.
    pub(crate) fn pace(&self) -> String {
        self.pace_after(0)
    }

    /// The same, but for those that the provider had seen `before`.
    pub(crate) fn pace_after(&self, before: usize) -> String {
        let sent = self.marks().sent - if self.is_seen() { before } else { 0 };
        match sent {
            few @ 0..=2 => few.to_string(),
            // With half a second between two at least, and a daemon that is late at times.
            3..=12 => "paced".to_owned(),
            many => format!("{many}: a storm"),
        }
    }

    /// How many were sent since it ended.
    pub(crate) fn sent_since(&self) -> usize {
        let at = self.marks().healed_at;
        self.idp.calls_of(self.kind).iter().filter(|call| call.arrived_at >= at).count()
    }

    /// The profile's state, with the reason that `status` gives.
    pub(crate) fn status(&self) -> String {
        state(&self.daemon.status(Rig::PROFILE))
    }

    pub(crate) fn until(&self, what: &str, wish: impl Fn(&ProfileStatus) -> bool) {
        self.daemon.until(Rig::PROFILE, what, wish);
    }

    /// What a plain read gets; it has to get it without an attempt that ends meanwhile.
    pub(crate) fn reader(&self) -> String {
        match self.daemon.token(Rig::PROFILE) {
            Ok(TokenAnswer { degraded: true, .. }) => "token, degraded".to_owned(),
            Ok(_) => "token".to_owned(),
            Err(error) => word(&error),
        }
    }

    /// Has `ask` asked, and says how its answer came.
    pub(crate) fn timed<T>(&self, ask: impl FnOnce() -> T) -> (T, How, Duration) {
        let before = self.ended();
        let asked = Instant::now();
        let answer = ask();
        let waited = asked.elapsed();
        assert!(waited < PROMISE, "answered within 12 s, not after {waited:?}");
        let how = if waited >= PATIENCE {
            How::OutOfPatience
        } else if self.ended() > before {
            How::WithTheAttempt
        } else {
            How::AtOnce
        };
        (answer, how, waited)
    }

    /// Logs in as a person who confirms at once, as often as it takes.
    pub(crate) fn log_in(&self) {
        self.idp.configure(|settings| settings.auto_approve = Some("jane".into()));
        self.daemon.log_in(Rig::PROFILE);
        self.until("ready", |status| state(status) == "ready");
        assert!(self.idp.is_active(&self.daemon.token_text(Rig::PROFILE)));
    }

    /// Waits until so many attempts have come to an end under the fault.
    pub(crate) fn until_attempts(&self, count: usize) {
        eventually("attempts fail", || {
            (self.ended() - self.marks().ended_before >= count).then_some(())
        });
    }

    fn marks(&self) -> Marks {
        *self.marks.lock().unwrap()
    }

    /// Attempts that have come to an end, by what the daemon says of each.
    fn ended(&self) -> usize {
        let log = self.daemon.log();
        let ends = ["the identity provider answered", "the identity provider did not answer"];
        ends.iter().map(|end| log.matches(end).count()).sum()
    }
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// No attempt was waited for.
    AtOnce,
    /// An attempt ended meanwhile.
    WithTheAttempt,
    /// The caller's patience ended.
    OutOfPatience,
}

impl How {
    /// In a word, where an attempt takes no time, so that nobody can tell whether it was waited for.
    pub(crate) fn word_of_no_time(self) -> &'static str {
        if self == How::WithTheAttempt { How::AtOnce.word() } else { self.word() }
    }

    /// In a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            How::AtOnce => "at once",
            How::WithTheAttempt => "with the attempt",
            How::OutOfPatience => "after 12 s",
        }
    }
}

/// The code of an error of the daemon's.
pub(crate) fn word(error: &ClientError) -> String {
    let code = error.code().unwrap_or_else(|| panic!("an answer of the daemon's: {error}"));
    code.as_str().to_owned()
}

fn state(status: &ProfileStatus) -> String {
    let state = serde_json::to_value(status.state).unwrap();
    let state = state.as_str().unwrap().to_owned();
    match &status.last_error {
        Some(error) if error.code.as_str() != state => format!("{state}: {}", error.code.as_str()),
        _ => state,
    }
}

fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
