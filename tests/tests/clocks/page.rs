//! `docs/clocks.md`: what each scene came to, held against what the page says, or written there.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A row of the page, by what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scene {
    /// What was done, to which clock.
    pub(crate) done: &'static str,
    /// What that stands for.
    pub(crate) stands_for: &'static str,
    /// Seconds that an access token lives.
    pub(crate) life: u64,
}

/// What a scene came to.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The one figure that is another in each run.
    pub(crate) reads: usize,
    pub(crate) expired: usize,
    pub(crate) refreshes: &'a str,
    pub(crate) next_read: &'a str,
}

impl Scene {
    /// Holds what was found against the page; with `BEARERD_BLESS` set, writes it there.
    #[track_caller]
    pub(crate) fn comes_to(&self, found: &Found<'_>) {
        println!("{}: {found:?}", self.done);
        let row = self.row(found);
        let _one_at_a_time = ACCESS.lock().unwrap();
        if std::env::var_os("BEARERD_BLESS").is_some() {
            let rows = SCENES.iter().filter_map(|scene| match *scene == self {
                true => Some(row.clone()),
                false => scene.on_page(),
            });
            let rows: Vec<_> = rows.map(|row| format!("{row}\n")).collect();
            std::fs::write(page(), format!("{HEAD}{}", rows.concat())).unwrap();
        }
        let on_page = self.on_page().unwrap_or_default();
        assert_eq!(without_reads(&on_page), without_reads(&row), "BEARERD_BLESS=1 writes the page");
    }

    fn row(&self, found: &Found<'_>) -> String {
        let Self { done, stands_for, life } = self;
        let Found { reads, expired, refreshes, next_read } = found;
        format!(
            "| {done} | {stands_for} | {life} s | {reads} | {expired} | {refreshes} | {next_read} |"
        )
    }

    fn on_page(&self) -> Option<String> {
        let start = format!("| {} |", self.done);
        let text = std::fs::read_to_string(page()).unwrap_or_default();
        text.lines().find(|line| line.starts_with(&start)).map(str::to_owned)
    }
}

#[test]
fn the_page_has_a_row_for_each_scene_and_no_other() {
    if std::env::var_os("BEARERD_BLESS").is_some() {
        return println!("the scenes are just writing it");
    }
    let text = std::fs::read_to_string(page()).unwrap();
    let rows = text.strip_prefix(HEAD).expect("the page begins as it is written");
    let done = |row: &str| row.trim_start_matches("| ").split(" | ").next().map(str::to_owned);
    let on_page: Vec<_> = rows.lines().filter_map(done).collect();
    assert_eq!(on_page, SCENES.map(|scene| scene.done));
}

/// All but the fourth column.
fn without_reads(row: &str) -> Vec<&str> {
    row.split(" | ").enumerate().filter(|(column, _)| *column != 3).map(|(_, cell)| cell).collect()
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clocks.md")
}

/// The page is one file, and the scenes are many threads.
static ACCESS: Mutex<()> = Mutex::new(());

const HEAD: &str = "\
# Clocks

What bearerd did when its clocks jumped: somebody sets the date, the machine sleeps, the machine is started again. The
tests in `tests/tests/clocks/` do that to the real daemon, one scene for each line of the table below. `BEARERD_BLESS=1`
has them write this page; any other run fails where it comes to something else, the number of reads apart.

**How the clocks are moved.** A small library that is loaded into the daemon before the C library (`tests/src/clocks/`)
adds to what its wall clock shows, and to its boot-time clock, which counts the time since the machine was started,
sleep included, and which nobody can set. After a suspend a real machine's timers ring for what fell into it; so the
daemon's timer is set to ring earlier by as much. A reboot is a time namespace with another boot id. The test identity
provider (IdP) stays on the machine's clocks. Its refresh tokens rotate, and it detects their reuse.

**How to read the table.** Four readers ask all the time, each 50 ms after its last answer, unless nobody is said to
read. *Expired served*: of the tokens that they got, those that by the IdP's own record had ended before the reader
asked, or that were said to live longer than they did. *Refreshes*: those that reached the IdP from the login to the
scene's end. Every read gave a token, and nobody had to log in again. A token is renewed when 45 to 55 % of its life is
over, counted from when the daemon asked for it. The IdP sees a request a little later than it was made, so two renewals
may look somewhat nearer to each other there: 0.4 of a life is what the scenes demand.

**The machine's own clock is set.** The kernel tells programs of a step only when the machine's clock is really set.
The scenes in which it tells therefore set the machine's wall clock to the time that it shows already: about a dozen
times a run, each to within 20 µs, which is measured, and put right where it came out wrong. That takes root with the
right to set the clock (CAP_SYS_TIME), and every program of the machine that asked the kernel to be told is told. The
two scenes in which nobody is told run alone, and fail where anybody else set the clock meanwhile.

What is not shown here: no machine was suspended, and no kernel's clock was moved. What stays open is said in
[0004](decisions/0004-a-saved-token-lives-by-the-stricter-clock.md).

| what was done | what it stands for | a token lives | reads | expired served | refreshes | the next read |
|---|---|---|---|---|---|---|
";

pub(crate) const SCENES: [&Scene; 17] = [
    &WALL_AHEAD,
    &WALL_BACK,
    &WALL_IN_RENEWALS,
    &WALL_BY_FAKETIME,
    &SUSPEND_LONG,
    &SUSPEND_SHORT,
    &SUSPEND_TIMER,
    &SUSPEND_UNTOLD,
    &SUSPENDS_IN_RENEWALS,
    &STOPPED,
    &REBOOT_FAR,
    &REBOOT_NEAR,
    &REBOOT_DUE,
    &REBOOT_EXPIRED,
    &CONTAINER,
    &BACK_WHILE_DOWN,
    &STEP_THEN_REBOOT,
];

pub(crate) const WALL_AHEAD: Scene = Scene {
    done: "wall clock a day ahead, and back",
    stands_for: "somebody sets the date, and sets it right",
    life: 300,
};
pub(crate) const WALL_BACK: Scene = Scene {
    done: "wall clock a day back, and ahead again",
    stands_for: "the same the other way round",
    life: 300,
};
pub(crate) const WALL_IN_RENEWALS: Scene = Scene {
    done: "wall clock a day ahead, two days back, a day ahead, one step after each renewal",
    stands_for: "the same while tokens are renewed every 3 s",
    life: 6,
};
pub(crate) const WALL_BY_FAKETIME: Scene = Scene {
    done: "wall clock a day ahead and two days back by libfaketime",
    stands_for: "the same by a tool that is not ours",
    life: 300,
};
pub(crate) const SUSPEND_LONG: Scene = Scene {
    done: "wall and boot-time clock 400 s on, 32 callers at once behind it",
    stands_for: "a suspend longer than a token lives",
    life: 300,
};
pub(crate) const SUSPEND_SHORT: Scene = Scene {
    done: "wall and boot-time clock 100 s on",
    stands_for: "a suspend that ends before the token is due",
    life: 300,
};
pub(crate) const SUSPEND_TIMER: Scene = Scene {
    done: "wall and boot-time clock 200 s on, the timer alone rings, nobody reads",
    stands_for: "a suspend past the moment of the renewal",
    life: 300,
};
pub(crate) const SUSPEND_UNTOLD: Scene = Scene {
    done: "wall and boot-time clock 400 s on, no timer rings, nobody tells",
    stands_for: "the moment after a suspend, before the daemon has woken",
    life: 300,
};
pub(crate) const SUSPENDS_IN_RENEWALS: Scene = Scene {
    done: "wall and boot-time clock 60 s on, twice, once after each renewal",
    stands_for: "a laptop whose lid is opened now and then",
    life: 6,
};
pub(crate) const STOPPED: Scene = Scene {
    done: "SIGSTOP for longer than a token lives with 32 callers queued up, then SIGCONT",
    stands_for: "a frozen cgroup, a debugger, a machine out of memory",
    life: 6,
};
pub(crate) const REBOOT_FAR: Scene = Scene {
    done: "down for 200 s, another boot id, boot-time clock a day ahead",
    stands_for: "a reboot; the new boot has run for longer than the old one",
    life: 600,
};
pub(crate) const REBOOT_NEAR: Scene = Scene {
    done: "down for 200 s, another boot id, boot-time clock at 5 s",
    stands_for: "a reboot",
    life: 600,
};
pub(crate) const REBOOT_DUE: Scene = Scene {
    done: "down for 400 s, another boot id, boot-time clock at 5 s",
    stands_for: "a reboot past the moment of the renewal",
    life: 600,
};
pub(crate) const REBOOT_EXPIRED: Scene = Scene {
    done: "down for 700 s, another boot id, boot-time clock at 5 s",
    stands_for: "a reboot longer than a token lives",
    life: 600,
};
pub(crate) const CONTAINER: Scene = Scene {
    done: "down for 200 s, the same boot id, boot-time clock at 5 s",
    stands_for: "a container with a boot-time clock of its own",
    life: 600,
};
pub(crate) const BACK_WHILE_DOWN: Scene = Scene {
    done: "down for 200 s, wall clock a day back meanwhile",
    stands_for: "a restart on a clock that is wrong",
    life: 600,
};
pub(crate) const STEP_THEN_REBOOT: Scene = Scene {
    done: "wall clock 400 s back on the running daemon, then down for 650 s, another boot id",
    stands_for: "a clock set right before a reboot: the saved token must not look younger",
    life: 600,
};
