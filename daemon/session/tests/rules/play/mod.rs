//! A session on a stage: a scripted clock, an IdP and a disk that do what a test says, and a prompter that stops the
//! play as soon as a rule is broken that holds in every scene.

mod callers;
mod idp;
mod prompter;
mod props;

pub(crate) use callers::slot;
pub(crate) use props::{
    Grants, by_itself, denied, device, failed, found, given, granted, import, later, lost,
    misconfigured, settings, settings_at, settings_of,
};

use bearerd_proto::{EventKind, LoginAnswer};
use bearerd_session::time::{Boot, Now, Wall};
use bearerd_session::{
    Action, Answer, Aside, Event, FetchId, Jitter, Outcome, Own, Reads, Record, Request, Restored,
    Session, Settings, SlotKey, StoreFailure, StoreOp, View, WaiterId,
};
use prompter::Prompter;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the disk does with the next order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    Works,
    Fails,
    Hangs,
}

/// What readers see, as it was last published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) token: String,
    pub(crate) expires: Option<Boot>,
    pub(crate) refresh: Option<Boot>,
    pub(crate) degraded: bool,
    pub(crate) asleep: bool,
    pub(crate) user_id: Option<String>,
}

impl Shown {
    fn of(view: &View<'_>) -> Self {
        Self {
            token: view.token.map_or(String::new(), |token| token.expose().to_owned()),
            expires: view.expires,
            refresh: view.refresh,
            degraded: view.degraded,
            asleep: view.asleep,
            user_id: view.user_id.map(str::to_owned),
        }
    }
}

pub(crate) struct Play {
    pub(crate) session: Session,
    pub(crate) now: Now,
    pub(crate) jitter: Jitter,
    pub(crate) boot_id: String,
    /// What the disk does from now on.
    pub(crate) disk: Disk,
    /// What stands on disk.
    pub(crate) file: Option<Record>,
    /// What was moved aside.
    pub(crate) aside: Vec<(Aside, Option<Record>)>,
    /// Something stands on disk that can't be opened.
    pub(crate) unreadable_file: bool,
    /// What stands on disk went bad while the session was live.
    pub(crate) gone_bad: bool,
    /// Requests under way, in the order they were sent.
    pub(crate) open: Vec<(FetchId, Request)>,
    /// Every request ever sent.
    pub(crate) sent: Vec<(Boot, Request)>,
    pub(crate) told: Vec<(EventKind, Option<String>)>,
    pub(crate) shown: Option<Shown>,
    /// The same of other slots than the profile's own.
    pub(crate) shown_others: BTreeMap<SlotKey, Shown>,
    /// How often the timer has fired.
    pub(crate) timers: usize,
    pub(crate) last_read: Boot,
    /// Readers of other slots than the profile's own.
    pub(crate) slot_reads: Vec<(SlotKey, Boot)>,
    settings: Settings,
    hanging: Option<StoreOp>,
    answers: BTreeMap<WaiterId, Answer>,
    next_waiter: u64,
    prompter: Prompter,
}

impl Play {
    /// Nobody has ever logged in.
    pub(crate) fn new() -> Self {
        Self::with(settings(), Restored::Nothing)
    }

    /// A profile that obtains its tokens by itself, and that nobody has asked yet.
    pub(crate) fn own(own: Own) -> Self {
        Self::with(settings_of(own), Restored::Nothing)
    }

    pub(crate) fn with(settings: Settings, restored: Restored) -> Self {
        let now = Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_secs(1_764_000_000) };
        Self::at(settings, restored, now, "boot-a")
    }

    pub(crate) fn at(settings: Settings, restored: Restored, now: Now, boot_id: &str) -> Self {
        let jitter = Jitter::MIDDLE;
        let file = match &restored {
            Restored::Session(record) => Some(record.as_ref().clone()),
            _ => None,
        };
        let unreadable_file = matches!(restored, Restored::Unreadable(_));
        let session = Session::new(settings.clone(), boot_id.to_owned(), restored, now, jitter);
        let mut play = Self {
            session,
            now,
            jitter,
            boot_id: boot_id.to_owned(),
            disk: Disk::Works,
            file,
            aside: Vec::new(),
            unreadable_file,
            gone_bad: false,
            open: Vec::new(),
            sent: Vec::new(),
            told: Vec::new(),
            shown: None,
            shown_others: BTreeMap::new(),
            timers: 0,
            last_read: now.boot,
            slot_reads: Vec::new(),
            settings,
            hanging: None,
            answers: BTreeMap::new(),
            next_waiter: 0,
            prompter: Prompter::default(),
        };
        let first = play.session.begin(now);
        play.act(first);
        play
    }

    /// Jane has logged in with `grants`, everything is saved, and nothing is under way.
    pub(crate) fn logged_in(grants: Grants) -> Self {
        Self::logged_in_with(settings(), grants)
    }

    pub(crate) fn logged_in_with(settings: Settings, grants: Grants) -> Self {
        let mut play = Self::with(settings, Restored::Nothing);
        play.log_in(grants);
        play
    }

    /// A whole login. Gives its id.
    pub(crate) fn log_in(&mut self, grants: Grants) -> String {
        let login_id = self.start_login(false);
        self.person_confirms(grants);
        login_id
    }

    /// A login up to its link. Gives its id.
    pub(crate) fn start_login(&mut self, replace: bool) -> String {
        let waiter = self.login(replace);
        self.reply(Outcome::Device(device()));
        match self.answer(waiter) {
            Answer::Login(LoginAnswer::Pending(pending)) => pending.login_id,
            other => panic!("a link was expected, not {other:?}"),
        }
    }

    /// The next poll of the login under way is granted.
    pub(crate) fn person_confirms(&mut self, grants: Grants) {
        self.advance(Duration::from_secs(5));
        let (fetch, request) = self.open_request();
        assert!(matches!(request, Request::DevicePoll { .. }), "{request:?}");
        self.event(Event::Answered { fetch, outcome: grants.into() });
    }

    // What else happens.

    pub(crate) fn reload(&mut self, settings: Settings) {
        self.settings = settings.clone();
        self.event(Event::Reload(settings));
    }

    /// A reader takes the snapshot.
    pub(crate) fn glance(&mut self) {
        self.last_read = self.now.boot;
        if self.shown.as_ref().is_some_and(|shown| shown.asleep) {
            self.event(Event::Woke(self.reads()));
        }
    }

    /// When readers took the snapshot.
    pub(crate) fn reads(&self) -> Reads {
        Reads { last: self.last_read, slots: self.slot_reads.clone() }
    }

    /// Time passes; the timer fires whenever the session wanted it to.
    pub(crate) fn advance(&mut self, by: Duration) {
        let until = self.now.boot + by;
        while let Some(at) = self.session.deadline(self.now).filter(|at| *at <= until) {
            self.pass_to(at);
            self.timers += 1;
            self.event(Event::Timer(self.reads()));
        }
        self.pass_to(until);
        self.prompter.everybody_is_answered_in_time(self.now.boot);
    }

    /// Time passes and no timer fires, as in a suspend; then the timer that is overdue does.
    pub(crate) fn suspend(&mut self, by: Duration) {
        self.pass_to(self.now.boot + by);
        self.prompter.forgive_lateness(self.now.boot);
        self.event(Event::Timer(self.reads()));
    }

    /// The wall clock is set.
    pub(crate) fn step_wall(&mut self, seconds: i64) {
        self.now.wall = Wall::from_millis(self.now.wall.as_millis() + seconds * 1000);
        self.event(Event::WallStepped);
    }

    /// The provider of another place has not seen this refresh token yet.
    pub(crate) fn is_new_there(&mut self, refresh_token: &str) {
        self.prompter.forget(refresh_token);
    }

    /// What hung on its way to the disk is done now, or has failed.
    pub(crate) fn disk_is_back(&mut self, works: bool) {
        self.disk = if works { Disk::Works } else { Disk::Fails };
        if let Some(op) = self.hanging.take() {
            self.perform(op);
        }
    }

    /// What hung on its way to the disk is done, and what follows hangs as well.
    pub(crate) fn disk_does_one(&mut self) {
        let op = self.hanging.take().expect("something hangs");
        self.perform(op);
    }

    /// What hung on its way to the disk has failed, and what follows works.
    pub(crate) fn disk_fails_once(&mut self) {
        let op = self.hanging.take().expect("something hangs");
        self.disk = Disk::Works;
        self.prompter.stored(&op);
        self.event(Event::Stored(Err(disk_full())));
    }

    /// `kill -9` and a new start from the disk.
    pub(crate) fn restart(&mut self, boot_id: &str, boot: Boot) {
        let restored = match &self.file {
            _ if self.unreadable_file => Restored::Unreadable("its key is missing".to_owned()),
            Some(record) => {
                // The way through the seal: what is not written is not there.
                let bytes = serde_json::to_vec(record).expect("a record is JSON");
                Restored::Session(serde_json::from_slice(&bytes).expect("a record reads itself"))
            }
            None => Restored::Nothing,
        };
        let now = Now { boot, wall: self.now.wall };
        let mut next = Self::at(self.settings.clone(), restored, now, boot_id);
        std::mem::swap(self, &mut next);
        self.aside = next.aside;
        self.unreadable_file = next.unreadable_file;
        self.disk = if next.disk == Disk::Fails { Disk::Fails } else { Disk::Works };
        self.next_waiter = next.next_waiter;
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.prompter.before(&event, self.now, &self.open, &self.settings);
        if let Event::Answered { fetch, .. } = &event {
            self.open.retain(|(open, _)| open != fetch);
        }
        let actions = self.session.handle(event, self.now, self.jitter);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        let mut orders = Vec::new();
        for action in actions {
            self.prompter.action(&action, self.now, &self.settings, &self.session);
            match action {
                Action::Fetch { fetch, request } => {
                    self.sent.push((self.now.boot, request.clone()));
                    self.open.push((fetch, request));
                }
                Action::Store(op) => orders.push(op),
                Action::Publish => self.publish(),
                Action::Tell(kind, message) => self.told.push((kind, message)),
                Action::Answer(waiter, answer) => {
                    if let Answer::Token { slot, .. } = &answer {
                        let good = match self.shown_others.get(slot) {
                            Some(shown) => shown.expires.is_none_or(|end| self.now.boot < end),
                            None => *slot == SlotKey::default() && self.served().is_some(),
                        };
                        assert!(good, "a token is answered and none is good");
                    }
                    assert!(self.answers.insert(waiter, answer).is_none(), "answered twice");
                }
            }
        }
        if let Some(at) = self.session.deadline(self.now) {
            assert!(at > self.now.boot, "a busy loop: the timer is wanted at once");
        }
        for op in orders {
            match self.disk {
                Disk::Hangs => self.hanging = Some(op),
                _ => self.perform(op),
            }
        }
    }

    fn perform(&mut self, op: StoreOp) {
        let fails = self.disk == Disk::Fails;
        let refused = self.gone_bad && matches!(op, StoreOp::Save { aside: None, .. });
        if !fails && !refused {
            match &op {
                StoreOp::Forget => {
                    assert!(!self.unreadable_file, "what can't be opened is deleted");
                    self.file = None;
                }
                StoreOp::Save { record, aside } => {
                    if let Some(aside) = aside {
                        self.aside.push((*aside, self.file.take()));
                        self.unreadable_file = false;
                        self.gone_bad = false;
                    }
                    assert!(!self.unreadable_file, "what can't be opened is overwritten");
                    self.file = Some(record.as_ref().clone());
                }
            }
        }
        self.prompter.stored(&op);
        let result = match (fails, refused) {
            (true, _) => Err(disk_full()),
            (_, true) => Err(unopenable()),
            _ => Ok(()),
        };
        self.event(Event::Stored(result));
    }

    fn publish(&mut self) {
        self.shown = self.session.view(self.now).map(|view| Shown::of(&view));
        let others = self.session.other_views(self.now);
        self.shown_others = others.map(|(key, view)| (key.clone(), Shown::of(&view))).collect();
        for shown in self.shown.iter().chain(self.shown_others.values()) {
            self.prompter.published(shown, self.now.boot);
        }
    }

    fn pass_to(&mut self, at: Boot) {
        self.now.wall = self.now.wall_at(at);
        self.now.boot = at;
    }
}

fn disk_full() -> StoreFailure {
    StoreFailure { message: "no space left on device".to_owned(), unopenable: false }
}

fn unopenable() -> StoreFailure {
    StoreFailure { message: "what is saved there cannot be opened".to_owned(), unopenable: true }
}
