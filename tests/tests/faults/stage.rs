//! Where one cell of the matrix is played: a home, a daemon and a provider of its own, and the fault that strikes there.

use crate::rows::{Lasts, Row, Strike};
use crate::tls_door::TlsDoor;
use bearerd_client::{ClientError, ProfileStatus, TokenAnswer};
use bearerd_test_idp::{CallKind, Gate, Settings, TestIdp, Times};
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
/// Attempts after which a fault ends that is met again and again.
const MANY: usize = 4;
/// The least time between two attempts: the backoff's floor, and the interval of polls (RFC 8628 §3.5), less a millisecond
/// that clocks are cut to.
const BACKOFF_FLOOR: Duration = Duration::from_millis(499);
const POLL_INTERVAL: Duration = Duration::from_millis(999);
/// A caller's patience.
const PATIENCE: Duration = Duration::from_secs(12);
/// How much later an answer may be here on busy cores.
const MARGIN: Duration = Duration::from_secs(8);
/// What the daemon says to a caller whose patience has ended, and to nobody else.
const OUT_OF_PATIENCE: &str = "has not given a valid token in 12 s";

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
    /// Requests that the provider had seen by then.
    seen_before: usize,
    /// When a request that was kept from its end was let go on, since boot.
    let_go_at: Duration,
    /// Requests until it ended.
    healed_after: usize,
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
        let (ended_before, seen_before) = (self.ended(), self.idp.calls_of(self.kind).len());
        *self.marks.lock().unwrap() = Marks { ended_before, seen_before, ..Marks::default() };
        match &self.row.strike {
            Strike::Away => self.idp.stop_listening(),
            Strike::BadCertificate => self.door.as_ref().unwrap().distrust(true),
            Strike::Answer(fault) => self.idp.fault(self.kind, fault.clone(), Times::UntilCleared),
        }
    }

    /// Keeps the attempt that comes next from its end; absent where nothing can.
    pub(crate) fn hold(&self) -> Option<Hold<'_>> {
        match (&self.row.strike, &self.door) {
            (Strike::Answer(_), _) => Some(Hold::Provider(self, self.idp.hold(self.kind))),
            (_, Some(door)) => {
                door.keep_shut(true);
                Some(Hold::Door(door, door.knocks()))
            }
            _ => None,
        }
    }

    /// Lets the fault be met several times.
    pub(crate) fn is_met_often(&self) {
        self.until_attempts(MANY);
    }

    /// Ends the fault. What still hangs is cut off, as by a load balancer that comes back.
    pub(crate) fn heal(&self) {
        let marks = Marks { healed_after: self.attempts().len(), ..self.marks() };
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

    /// The requests that met the fault, in a word: their number, or that they were many and kept their distance.
    pub(crate) fn pace(&self) -> String {
        let attempts = self.attempts();
        let met = &attempts[..self.marks().healed_after];
        if met.len() < MANY {
            return met.len().to_string();
        }
        let least = match self.kind {
            CallKind::DevicePoll => POLL_INTERVAL,
            _ => BACKOFF_FLOOR,
        };
        let gaps: Vec<_> = met.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let too_soon: Vec<_> = (0..gaps.len()).filter(|at| gaps[*at] < least).collect();
        match too_soon.as_slice() {
            [] => "paced".to_owned(),
            [0] => "2 at once, then paced".to_owned(),
            _ => format!("a storm: {gaps:?}"),
        }
    }

    /// The first request after the fault: how long after the last one that met it, and when.
    pub(crate) fn first_after(&self) -> (Duration, Duration) {
        let (attempts, healed_after) = (self.attempts(), self.marks().healed_after);
        let at = attempts[healed_after];
        (at - attempts[healed_after - 1], at)
    }

    /// [`pace`](Self::pace) of a request after which the daemon has to keep still for so many seconds.
    pub(crate) fn pace_and_pause(&self, seconds: u64) -> String {
        let (pause, _) = self.first_after();
        match pause + Duration::from_millis(1) >= Duration::from_secs(seconds) {
            true => format!("{}, then {seconds} s none", self.pace()),
            false => format!("{}, then {pause:?} none", self.pace()),
        }
    }

    /// When each request was there since the fault struck, since boot: by the provider's record, by the door's, and where
    /// nobody sees them by what the daemon says of their ends.
    fn attempts(&self) -> Vec<Duration> {
        if self.is_seen() {
            let calls = self.idp.calls_of(self.kind);
            let since = calls.iter().skip(self.marks().seen_before);
            // One that was kept counts from its release, as the pause behind it begins with its end.
            let let_go_at = self.marks().let_go_at;
            return since.map(|call| call.arrived_at.max(let_go_at)).collect();
        }
        let log = self.daemon.log();
        let ends = log.lines().filter(|line| ENDS.iter().any(|end| line.contains(end)));
        ends.skip(self.marks().ended_before).map(time_of_day).collect()
    }

    /// How many the provider has seen since it ended.
    pub(crate) fn sent_since(&self) -> usize {
        let marks = self.marks();
        let met = if self.is_seen() { marks.healed_after } else { 0 };
        self.idp.calls_of(self.kind).len() - marks.seen_before - met
    }

    /// What has come to an end up to here came before the fault was met.
    pub(crate) fn is_met_from_here_on(&self) {
        self.marks.lock().unwrap().ended_before = self.ended();
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
    pub(crate) fn timed<T>(
        &self,
        ask: impl FnOnce() -> Result<T, ClientError>,
    ) -> (Result<T, ClientError>, How, Duration) {
        let before = self.ended();
        let asked = Instant::now();
        let answer = ask();
        let waited = asked.elapsed();
        let promised = PATIENCE + MARGIN;
        assert!(waited < promised, "answered within 12 s, and not after {waited:?}");
        let how = if answer.as_ref().is_err_and(|error| error.to_string().contains(OUT_OF_PATIENCE))
        {
            // The daemon heard of it later than it was asked, so that no load makes this less.
            assert!(waited + Duration::from_millis(1) >= PATIENCE, "patience, and not {waited:?}");
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
        ENDS.iter().map(|end| log.matches(end).count()).sum()
    }
}

const ENDS: [&str; 2] = ["the identity provider answered", "the identity provider did not answer"];

/// An attempt that can't come to an end.
pub(crate) enum Hold<'a> {
    Provider(&'a Stage, Gate),
    Door(&'a TlsDoor, usize),
}

impl Hold<'_> {
    /// Waits until it stands there.
    pub(crate) fn waiting(&self) {
        match self {
            Hold::Provider(stage, gate) => stage.idp.block_on(gate.waiting(1)),
            Hold::Door(door, before) => {
                eventually("it comes to the door", || (door.knocks() > *before).then_some(()));
            }
        }
    }

    /// Lets it go on.
    pub(crate) fn release(self) {
        match self {
            Hold::Provider(stage, gate) => {
                stage.marks.lock().unwrap().let_go_at = since_boot();
                gate.release();
            }
            Hold::Door(door, _) => door.keep_shut(false),
        }
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

/// When the daemon said this, since midnight (UTC): `2026-01-31T12:34:56.789012Z`.
fn time_of_day(line: &str) -> Duration {
    let time = line.split_once('T').and_then(|(_, rest)| rest.split_once('Z')).unwrap().0;
    let parts = time.split(':').map(|part| part.parse::<f64>().unwrap());
    Duration::from_secs_f64(parts.fold(0.0, |sum, part| sum * 60.0 + part))
}

fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
