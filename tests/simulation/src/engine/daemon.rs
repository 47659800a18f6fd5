//! One life of the daemon: what its profile's task does, around the real session.

use super::World;
use super::callers::CallerId;
use super::loading::Loading;
use super::queue::Item;
use super::shown::Shown;
use crate::disk::{Change, Saver};
use crate::history::{Obtains, Slot, When};
use bearerd_proto::{ErrorCode, EventKind};
use bearerd_session::time::{Boot, Now};
use bearerd_session::{
    Action, Answer, Binding, Event, Jitter, Kind, Own, Pauses, Restored, Session, Settings,
    WaiterId,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A daemon, from its start to its end.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) number: u32,
    /// Absent while the saved session is being read.
    pub(crate) session: Option<Session>,
    /// What readers see.
    pub(crate) shown: Shown,
    /// The configuration that is in force.
    pub(crate) place: usize,
    pub(crate) stage: Stage,
    pub(super) last_read: Boot,
    /// When readers of other slots than the profile's own were last served from the snapshot.
    pub(super) slot_reads: BTreeMap<Slot, Boot>,
    pub(super) saver: Saver,
    pub(crate) change: Option<(Change, usize)>,
    /// How many there were.
    pub(super) changes: u64,
    pub(super) loading: Loading,
    pub(super) waiters: BTreeMap<u64, CallerId>,
    next_waiter: u64,
    /// Questions that came before the session was there.
    pub(super) early: Vec<CallerId>,
    pub(super) woken: bool,
    timer: (Option<Boot>, u64),
    /// Milliseconds that it stays away after it was told to stop.
    pub(super) down: u64,
}

/// As the daemon's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Serve,
    Rest,
    End,
}

/// How long callers wait for the saved session to be read, in milliseconds.
const LOAD_PATIENCE: u64 = 10_000;

impl World {
    pub(super) fn start(&mut self) {
        let now = self.now;
        if self.starts_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        self.lives += 1;
        self.tally.count("lives of the daemon");
        self.disk.start();
        self.ledger.forget_readers();
        let (takes, restored) = self.disk.load_timed();
        self.loaded_is_right(&restored);
        let life = self.lives;
        let number = life;
        self.tell(|| {
            format!("the daemon starts (life {number}), the disk gives {}", short(&restored))
        });
        self.life = Some(Life {
            number: life,
            session: None,
            shown: Shown::default(),
            place: self.place,
            stage: Stage::Serve,
            last_read: self.clocks().boot,
            slot_reads: BTreeMap::new(),
            saver: Saver::default(),
            change: None,
            changes: 0,
            loading: Loading { under_way: true, ..Loading::default() },
            waiters: BTreeMap::new(),
            next_waiter: 0,
            early: Vec::new(),
            woken: false,
            timer: (None, 0),
            down: 0,
        });
        let takes = millis(takes) + 5;
        self.queue.push(self.now + takes, Item::Loaded { life, restored: Box::new(restored) });
        self.queue.push(self.now + LOAD_PATIENCE, Item::LoadPatience { life });
    }

    pub(super) fn begin(&mut self, restored: Restored) {
        let now = self.clocks();
        let Some(life) = &self.life else { return };
        let settings = self.settings(life.place);
        self.ledger_begins(&restored, now);
        let jitter = self.jitter();
        let mut session = Session::new(settings, self.machine.boot_id(), restored, now, jitter);
        let actions = session.begin(now);
        let Some(life) = &mut self.life else { return };
        life.session = Some(session);
        let early = std::mem::take(&mut life.early);
        self.act(actions, now);
        for caller in early {
            self.queue.push(self.now, Item::Ask(caller));
        }
        self.after(now);
    }

    /// Gives the session what happens, and does what it says.
    pub(crate) fn handle(&mut self, event: Event) {
        let now = self.clocks();
        let jitter = self.jitter();
        self.before(&event, now, jitter);
        let Some(session) = self.life.as_mut().and_then(|life| life.session.as_mut()) else {
            return;
        };
        let actions = session.handle(event, now, jitter);
        self.act(actions, now);
        self.after(now);
    }

    fn act(&mut self, actions: Vec<Action>, now: Now) {
        // Whoever cancels hears of it after what follows from it.
        if actions.iter().any(|action| matches!(action, Action::Answer(_, Answer::Cancelled))) {
            self.logins_are_given_up();
        }
        for action in actions {
            match action {
                Action::Fetch { fetch, request } => self.send(fetch, request),
                Action::Store(op) => self.store(op, now),
                Action::Publish => self.publish(now),
                Action::Tell(kind, message) => self.told(kind, message.as_deref()),
                Action::Answer(WaiterId(waiter), answer) => {
                    let Some(life) = &mut self.life else { return };
                    let Some(caller) = life.waiters.remove(&waiter) else { continue };
                    let shown = life.shown.clone();
                    self.answered(caller, answer, shown);
                }
            }
        }
    }

    fn told(&mut self, kind: EventKind, message: Option<&str>) {
        self.tell(|| format!("tells {}: {}", kind.as_str(), message.unwrap_or_default()));
        match kind {
            EventKind::Refreshed => self.tally.count("tokens renewed"),
            EventKind::Degraded => self.tally.count("degraded, told"),
            EventKind::NotSaved => self.tally.count("not saved, told"),
            EventKind::LoginRequired => self.tally.count("login required, told"),
            EventKind::LoggedIn => self.tally.count("logins done"),
            EventKind::LoggedOut => self.tally.count("logouts told"),
            _ => {}
        }
        match kind {
            EventKind::LoginRequired => self.said_login_required("an event"),
            EventKind::LoggedIn => self.login_took_force(),
            EventKind::LoggedOut => self.logout_told(message),
            EventKind::Refreshed => self.released(),
            _ => {}
        }
    }

    /// What follows each turn of the task's loop.
    fn after(&mut self, now: Now) {
        self.look_after(now);
        self.rearm();
        self.look_whether_drained();
    }

    pub(super) fn rearm(&mut self) {
        let now = self.clocks();
        let lateness = self.lateness();
        let true_now = self.now;
        let Some(life) = &mut self.life else { return };
        let Some(session) = &life.session else { return };
        if life.stage == Stage::End {
            return;
        }
        let deadline = session.deadline(now);
        if life.timer.0 != deadline {
            life.timer = (deadline, life.timer.1 + 1);
            if let Some(at) = deadline {
                let at = self.machine.true_time(at).max(true_now).saturating_add(lateness);
                self.queue.push(at, Item::Timer { life: life.number, serial: life.timer.1 });
            }
        }
        let wanted = session.is_unreadable() && life.stage == Stage::Serve;
        if let Some((at, serial)) = life.loading.new_due(wanted, now.boot) {
            let at = self.machine.true_time(at) + lateness;
            self.queue.push(at, Item::LoadDue { life: life.number, serial });
        }
    }

    pub(super) fn timer(&mut self, serial: u64) {
        let Some(life) = &mut self.life else { return };
        if life.timer.1 != serial || life.stage == Stage::End {
            return;
        }
        life.timer.0 = None;
        let reads = life.reads();
        self.handle(Event::Timer(reads));
    }

    pub(super) fn woke(&mut self) {
        if let Some(life) = &mut self.life
            && std::mem::take(&mut life.woken)
        {
            let reads = life.reads();
            self.handle(Event::Woke(reads));
        }
    }

    /// What is due has to hear of its readers first, as in the task.
    pub(super) fn wall_stepped(&mut self) {
        let Some(life) = &self.life else { return };
        if life.session.is_some() && life.stage != Stage::End {
            let reads = life.reads();
            self.handle(Event::Timer(reads));
            self.handle(Event::WallStepped);
        }
    }

    pub(super) fn reload(&mut self) {
        let place = self.place;
        let Some(life) = &mut self.life else { return };
        if life.session.is_none() {
            life.place = place;
            return;
        }
        if life.stage != Stage::Serve {
            return;
        }
        life.place = place;
        self.tell(|| format!("the configuration is read: place {place}"));
        self.handle(Event::Reload(self.settings(place)));
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        if session.is_some_and(Session::is_unreadable) {
            self.load();
        }
    }

    pub(super) fn next_waiter(&mut self, caller: CallerId) -> Option<WaiterId> {
        let life = self.life.as_mut()?;
        let waiter = life.next_waiter;
        life.next_waiter += 1;
        life.waiters.insert(waiter, caller);
        Some(WaiterId(waiter))
    }

    pub(super) fn moment(&mut self, when: When) {
        if !self.armed.is_empty() {
            self.moments.push(when);
        }
    }

    pub(crate) fn clocks(&self) -> Now {
        self.machine.clocks(self.now)
    }

    fn jitter(&self) -> Jitter {
        let drawn = self.chance("jitter").below(1 << 16);
        Jitter(u16::try_from(drawn).unwrap_or(0))
    }

    /// Milliseconds that a timer is late: the kernel's slack, or a busy machine.
    fn lateness(&self) -> u64 {
        let mut draw = self.chance("lateness");
        if draw.chance(10) { draw.below(250) } else { draw.below(4) }
    }

    pub(crate) fn settings(&self, place: usize) -> Settings {
        let policy = &self.script.policy;
        Settings {
            profile: "simulated".parse().expect("a profile's name"),
            binding: Binding {
                auth_type: "sso".to_owned(),
                endpoint: endpoint(place),
                client_id: "sdk-client".to_owned(),
                user: None,
            },
            kind: kind_of(policy.obtains),
            lifetime: policy.lifetime.map(Duration::from_secs),
            exchanges: policy.exchanges,
            reuse_window: policy.profile_window.map(Duration::from_secs),
            pauses: Pauses::DEFAULT,
        }
    }
}

fn kind_of(obtains: Obtains) -> Kind {
    match obtains {
        Obtains::ByLogin => Kind::Person,
        Obtains::BySecret => Kind::Own(Own::Tokens),
        Obtains::ByPassword => Kind::Own(Own::Sessions { needs_given: false }),
        Obtains::ByGivenPassword => Kind::Own(Own::Sessions { needs_given: true }),
        Obtains::ByGrantFile => Kind::Own(Own::GrantFile),
        Obtains::ByTokenFile => Kind::Own(Own::TokenFile),
    }
}

/// Where the provider of a place is.
pub(crate) fn endpoint(place: usize) -> String {
    format!("https://place-{place}.example")
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What stands on disk, in a word or two.
pub(crate) fn short(restored: &Restored) -> String {
    match restored {
        Restored::Nothing => "nothing".to_owned(),
        Restored::Unreadable(reason) => format!("nothing readable: {reason}"),
        Restored::Session(record) => {
            let grant = record.grant.as_ref();
            let over = if grant.is_some_and(|grant| grant.over.is_some()) { " (over)" } else { "" };
            let lost = if grant.is_some_and(|grant| grant.lost) { " (answer lost)" } else { "" };
            let token = grant.map_or("no refresh token", |grant| grant.refresh_token.expose());
            let access = record.slots.first().map_or("none", |slot| slot.token.expose());
            format!("{token} with {access}{over}{lost}")
        }
    }
}

/// Whether an error says that a person has to log in.
pub(crate) fn wants_a_person(code: ErrorCode) -> bool {
    code == ErrorCode::LoginRequired
}
