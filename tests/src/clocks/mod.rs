//! The clocks of one daemon, set by a test while the machine's own stay as they are.
//!
//! A shim in front of the C library (`shim.c`) adds offsets to the wall clock and the boot-time clock of the process;
//! the monotonic clock stays. That is what a step and a suspend look like to whoever reads clocks. What the kernel does
//! besides is brought about separately, so that a test can also leave it out:
//!
//! - When the wall clock is set, or a suspend ends, the kernel cancels the timers that asked for it, of every process. It
//!   does the same when the clock is set to what it shows already ([`Word`]).
//! - Timers on the boot-time clock ring when a suspend has carried it past their moment. The kernel's clock did not
//!   move, so the daemon's timers are brought nearer by as much as it slept.
//!
//! Time namespaces give a boot-time clock of another boot for good, with the kernel's own timers on it.

mod boot;
mod shim;
mod word;

pub use boot::AnotherBoot;
pub use word::Word;

use crate::daemon::{Daemon, Home};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_gettime, timerfd_settime};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

/// What wakes the daemon after a suspend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WokenBy {
    /// All that does so on a real machine: its timer, and the word that the wall clock has moved.
    Everything,
    /// Its timer alone.
    Timer,
    /// Nothing, which no kernel does: a read has to be right without.
    Nothing,
}

/// The clocks of the daemons that [`Clocks::command`] starts, one after the other.
#[derive(Debug)]
pub struct Clocks {
    path: PathBuf,
    file: File,
    offsets: Mutex<Offsets>,
    word: Word,
}

/// How far the clocks are ahead of the machine's.
#[derive(Debug, Clone, Copy, Default)]
struct Offsets {
    /// Nanoseconds.
    wall: i64,
    /// Nanoseconds.
    boot: i64,
    /// Which of the two pairs in the file is in force.
    pair: u8,
}

impl Clocks {
    /// Clocks that show what the machine's show.
    pub fn of(home: &Home, word: Word) -> Self {
        let path = home.path().join("clocks");
        let file = File::options().write(true).create_new(true).open(&path).unwrap();
        file.write_all_at(&[0; FILE_LENGTH], 0).unwrap();
        Self { path, file, offsets: Mutex::default(), word }
    }

    /// Starts a daemon of `home` on these clocks.
    pub fn command(&self, home: &Home) -> Command {
        self.put_before(home.command(&crate::binaries::bearerd()))
    }

    /// The same in another boot of the machine.
    pub fn command_in(&self, boot: &AnotherBoot, home: &Home) -> Command {
        self.put_before(boot.command(home, &crate::binaries::bearerd()))
    }

    /// How far the wall clock is ahead of the machine's.
    pub fn wall_ahead(&self) -> i64 {
        self.offsets.lock().unwrap().wall / SECOND
    }

    /// The wall clock shows another time from now on, and nobody is told.
    pub fn move_wall(&self, seconds: i64) {
        self.shift(seconds, 0);
    }

    /// Time passes on both clocks while no daemon runs.
    pub fn pass(&self, seconds: u32) {
        self.shift(seconds.into(), seconds.into());
    }

    /// Somebody sets the wall clock.
    pub fn step_wall(&self, seconds: i64) {
        self.move_wall(seconds);
        self.word.say();
    }

    /// Whether the kernel says that the wall clock was set.
    pub fn word(&self) -> &Word {
        &self.word
    }

    /// The machine of this daemon sleeps.
    pub fn suspend(&self, daemon: &Daemon, seconds: u32, woken_by: WokenBy) {
        self.pass(seconds);
        // Those that the daemon has set in between, on the new clock, may ring too early: it looks and sets them again.
        if woken_by != WokenBy::Nothing {
            bring_timers_nearer(daemon.pid(), Duration::from_secs(seconds.into()));
        }
        match woken_by {
            WokenBy::Everything => self.word.say(),
            WokenBy::Timer | WokenBy::Nothing => self.word.has_not_come(),
        }
    }

    fn put_before(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", shim::library()).env("CLOCK_SHIM", &self.path);
        command
    }

    /// Moves both clocks at once.
    fn shift(&self, wall_seconds: i64, boot_seconds: i64) {
        let mut offsets = self.offsets.lock().unwrap();
        offsets.wall += wall_seconds * SECOND;
        offsets.boot += boot_seconds * SECOND;
        offsets.pair ^= 1;
        let pair = [offsets.wall.to_ne_bytes(), offsets.boot.to_ne_bytes()].concat();
        self.file.write_all_at(&pair, PAIRS_AT + PAIR_LENGTH * u64::from(offsets.pair)).unwrap();
        self.file.write_all_at(&[offsets.pair], 0).unwrap();
    }
}

/// Lets each timer of the process on the boot-time clock ring earlier by `by`, as if that clock had moved on.
fn bring_timers_nearer(pid: u32, by: Duration) {
    let process = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let process = pidfd_open(process, PidfdFlags::empty()).unwrap();
    let mut brought = 0;
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let number = entry.file_name().to_string_lossy().into_owned();
        let about = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}"));
        // One that was closed meanwhile is no timer.
        if !about.unwrap_or_default().lines().any(|line| line == ON_BOOT_TIME) {
            continue;
        }
        brought += 1;
        let timer =
            pidfd_getfd(&process, number.parse().unwrap(), PidfdGetfdFlags::empty()).unwrap();
        let left = duration(timerfd_gettime(&timer).unwrap().it_value);
        // Not set at all, or about to ring.
        if left.is_zero() {
            continue;
        }
        let at_once = Duration::from_nanos(1);
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: timespec(left.saturating_sub(by).max(at_once)),
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once).unwrap();
    }
    assert!(brought > 0, "the daemon has no timer on the boot-time clock");
}

fn duration(time: Timespec) -> Duration {
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs().try_into().unwrap(), tv_nsec: time.subsec_nanos().into() }
}

/// Nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// As `struct shared` of `shim.c` lies in memory: the number of the pair in force, and two pairs of 64-bit numbers.
const PAIRS_AT: u64 = 8;
const PAIR_LENGTH: u64 = 16;
const FILE_LENGTH: usize = 40;

/// `CLOCK_BOOTTIME` in a timer's `fdinfo` (proc_pid_fdinfo(5)).
const ON_BOOT_TIME: &str = "clockid: 7";
