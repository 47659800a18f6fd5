//! Sixty-four programs are started at once, each in an interpreter of its own, and the access token has expired.

use bearerd_tests::gate_proxy::Kind;
use bearerd_tests::sdk::{PROFILE, Program, Stage};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Programs at once.
const PROGRAMS: usize = 64;
/// As many for the contrast, where time is short.
const FEW_ALONE: usize = 16;
/// Seconds; half of it is longer than a busy machine takes for all the programs, so that none sees the next refresh.
const LIFESPAN: u64 = 60;
/// Seconds. The SDK by itself takes a token with less than 10 s for one that has expired.
const LIFESPAN_ALONE: u64 = 12;

#[test]
fn sixty_four_programs_on_an_expired_token_share_one_refresh_and_no_login() {
    let stage = Stage::new(LIFESPAN).logged_in();
    on_the_daemon(&stage);
    // The contrast in the same run, on the same Keycloak.
    by_themselves(&stage);
}

fn on_the_daemon(stage: &Stage) {
    let run = ["-m", "bearerd", "run"];
    let mut crowd = Crowd::start(PROGRAMS, || stage.python(), &run, &stage.platform.address());
    stage.proxy.hold(Kind::Refresh);
    stage.proxy.waiting(Kind::Refresh, 1);
    stage.daemon.until(PROFILE, "half a minute has gone", |status| {
        status.expires_in.is_none_or(|left| left < 20)
    });
    stage.daemon.until_expired(PROFILE);
    stage.admin.clear_events().unwrap();
    let began = Instant::now();
    crowd.go();
    stage.daemon.until_connections(PROGRAMS);
    assert_eq!(stage.events("REFRESH_TOKEN"), 0);
    stage.proxy.open(Kind::Refresh);
    crowd.wait();
    let (succeeded, refreshes) = (crowd.count("ENDED OK"), stage.events("REFRESH_TOKEN"));
    println!(
        "on the daemon: {succeeded} of {PROGRAMS} programs succeeded, {refreshes} refreshes, after {:?}",
        began.elapsed()
    );
    assert_eq!(succeeded, PROGRAMS, "{:#?}", crowd.endings());
    stage.assert_no_login();
    assert_eq!(refreshes, 1);
    assert!(!stage.cache_file().exists(), "the SDK's own cache file was written");
}

/// The SDK by itself, logged in, and its token has expired.
fn by_themselves(stage: &Stage) {
    let programs = if crate::is_long() { PROGRAMS } else { FEW_ALONE };
    let address = stage.platform.address();
    stage.admin.set_access_token_lifespan(Duration::from_secs(LIFESPAN_ALONE)).unwrap();
    let first = Program::start(stage.python_alone(), &[], "program.py", &[&address, "0", "0"]);
    Stage::approve_alone(&first);
    assert_eq!(first.told().failed, Vec::<String>::new());
    let since = Instant::now();
    let mut crowd = Crowd::start(programs, || stage.python_alone(), &[], &address);
    sleep(Duration::from_secs(LIFESPAN_ALONE).saturating_sub(since.elapsed()));
    stage.admin.clear_events().unwrap();
    let before = stage.proxy.count(Kind::DeviceStart);
    let logins = || stage.proxy.count(Kind::DeviceStart) - before;
    crowd.go();
    // Until each has been refused and has begun a login that nobody approves, or was served.
    let looks = (0..120).find(|_| {
        sleep(Duration::from_secs(1));
        logins() + crowd.count("ENDED ") >= programs
    });
    let succeeded = crowd.count("ENDED OK");
    let (refreshes, refused) = (stage.events("REFRESH_TOKEN"), stage.events("REFRESH_TOKEN_ERROR"));
    let logins = logins();
    println!(
        "by itself: {succeeded} of {programs} programs succeeded, {refreshes} refreshes and {refused} refused, \
         {logins} logins began, after {looks:?} s"
    );
    assert!(refused > 0 && logins > programs / 2, "{refused} refused, {logins} logins");
    assert!(succeeded < programs / 2, "{succeeded}");
}

/// So many processes, none of them a fork of another.
struct Crowd(Vec<Program>);

impl Crowd {
    /// Starts all of them at once, and waits until each has the SDK and is about to make its client.
    fn start(
        programs: usize,
        python: impl Fn() -> Command,
        options: &[&str],
        address: &str,
    ) -> Self {
        let one = |_| Program::start(python(), options, "crowd.py", &[address]);
        let crowd = Self((0..programs).map(one).collect());
        crowd.until("READY");
        crowd
    }

    fn go(&mut self) {
        for program in &mut self.0 {
            program.say("go");
        }
    }

    fn wait(&self) {
        self.until("ENDED ");
    }

    fn until(&self, text: &str) {
        for program in &self.0 {
            program.line_with(text);
        }
    }

    fn count(&self, start: &str) -> usize {
        self.0.iter().map(|program| program.count(start)).sum()
    }

    fn endings(&self) -> Vec<String> {
        self.0.iter().flat_map(Program::lines).filter(|line| line.starts_with("ENDED ")).collect()
    }
}
