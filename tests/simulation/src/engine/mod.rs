//! The engine: one history played event by event, in true time, with every invariant looked at after each.

mod callers;
mod daemon;
mod happening;
mod loading;
mod machine;
mod network;
mod queue;
mod requests;
mod saving;
mod shown;
mod sources;
mod stopping;
mod trace;

pub(crate) use callers::{CallerId, Question};
pub(crate) use daemon::{Stage, endpoint, short, wants_a_person};
pub(crate) use machine::{Machine, WALL_ORIGIN};
pub(crate) use requests::{Exchange, named};
pub(crate) use shown::{Shown, Token as ShownToken, slot_named};
pub(crate) use trace::ORIGIN;
pub use trace::{Line, Tally};

use crate::disk::{Disk, Weather};
use crate::draw::Draw;
use crate::history::{Content, Person, Script, Slot, When};
use crate::invariants::{Broken, Invariant, Ledger};
use crate::provider::Provider;
use callers::Callers;
use daemon::Life;
use network::Spell;
use queue::{Item, Queue};
use sources::Source;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use trace::Trace;

/// How a history went.
#[derive(Debug)]
pub struct Played {
    /// What it exercised.
    pub tally: Tally,
    /// Its fingerprint: two runs of one script have the same.
    pub hash: u64,
    /// The invariant that it broke.
    pub broken: Option<Broken>,
    /// What happened, where that was asked for.
    pub story: Vec<Line>,
}

/// Plays a history to its end, or to the first invariant that breaks; with the story where it is `told`.
pub fn play(script: &Script, told: bool) -> Played {
    let mut world = World::new(script, told);
    let fell = catch_unwind(AssertUnwindSafe(|| world.run()));
    if let Err(cause) = fell {
        let message = cause
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default();
        world.broken.get_or_insert(Broken {
            invariant: Invariant::NothingPanics,
            at: world.now.saturating_sub(ORIGIN),
            what: message,
        });
    }
    world.tally.histories = 1;
    world.tally.simulated = world.now.saturating_sub(ORIGIN);
    Played {
        tally: std::mem::take(&mut world.tally),
        hash: world.trace.hash(),
        broken: world.broken.take(),
        story: world.trace.take_story(),
    }
}

/// Everything that there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) script: Script,
    draw: Draw,
    /// True time, in milliseconds.
    pub(crate) now: u64,
    queue: Queue,
    pub(crate) machine: Machine,
    pub(crate) disk: Disk,
    pub(crate) disk_is_well: bool,
    weather_spell: u64,
    pub(crate) providers: [Provider; 2],
    spells: Vec<Spell>,
    pub(crate) life: Option<Life>,
    lives: u32,
    /// When the daemon is started, where it does not run.
    starts_at: Option<u64>,
    /// Which provider the configuration names.
    pub(crate) place: usize,
    person: Person,
    /// One has heard that a login is needed, and is on the way.
    person_comes: bool,
    pub(crate) callers: Callers,
    pub(crate) exchanges: BTreeMap<u64, Exchange>,
    next_exchange: u64,
    /// Happenings that wait for their moment.
    armed: Vec<usize>,
    /// The moments of this event.
    moments: Vec<When>,
    logins: u64,
    /// Tokens that readers have got, the last ones.
    served: BTreeMap<Slot, Vec<String>>,
    /// The file of each place's profile.
    sources: [Source; 2],
    /// How many sessions of its own the profile has begun anew, as far as it needs nobody for them.
    pub(crate) epoch: u64,
    /// Nothing goes wrong any more.
    pub(crate) is_calm: bool,
    pub(crate) ledger: Ledger,
    pub(crate) tally: Tally,
    trace: Trace,
    pub(crate) broken: Option<Broken>,
    /// Timers at one and the same moment.
    circles: (u64, u64),
}

/// How long the session has to find its way back when all is calm, in milliseconds: ten minutes are the longest that a
/// `Retry-After` or a misconfiguration counts, and the longest that a forgotten login lasts.
const CALM: u64 = 690_000;
/// More events at one moment than anything needs: the heart turns in circles.
const CIRCLES: u64 = 2_000;

impl World {
    fn new(script: &Script, told: bool) -> Self {
        let draw = Draw::new(script.seed).named("engine");
        let mut world = Self {
            draw: draw.clone(),
            now: ORIGIN,
            queue: Queue::default(),
            machine: Machine::new(ORIGIN),
            disk: Disk::new(draw.named("disk").number()),
            disk_is_well: true,
            weather_spell: 0,
            providers: [0, 1].map(|place| Provider::new(place, &script.policy)),
            spells: Vec::new(),
            life: None,
            lives: 0,
            starts_at: Some(ORIGIN),
            place: 0,
            person: Person::Ignores,
            person_comes: false,
            callers: Callers::default(),
            exchanges: BTreeMap::new(),
            next_exchange: 0,
            armed: Vec::new(),
            moments: Vec::new(),
            logins: 0,
            served: BTreeMap::new(),
            sources: [Source::default(), Source::default()],
            epoch: 0,
            is_calm: false,
            ledger: Ledger::default(),
            tally: Tally::default(),
            trace: Trace::new(told),
            broken: None,
            circles: (0, 0),
            script: script.clone(),
        };
        for place in [0, 1] {
            world.write(place, Content::Right);
        }
        if let Some(every) = script.policy.writes {
            world.queue.push(ORIGIN + every * 1000, Item::Writer { every: every * 1000 });
        }
        world.queue.push(ORIGIN, Item::Start);
        for (place, scheduled) in script.happenings.iter().enumerate() {
            world.queue.push(ORIGIN + scheduled.at, Item::Happening(place));
        }
        world.queue.push(ORIGIN + script.ends, Item::Calm);
        world.queue.push(ORIGIN + script.ends + CALM, Item::End);
        world
    }

    fn run(&mut self) {
        while let Some((at, item)) = self.queue.pop() {
            self.now = at;
            if let Some(until) = self.put_off_until(&item) {
                self.queue.push(until, item);
                continue;
            }
            self.tally.events += 1;
            self.trace.mark(at, self.tally.events);
            self.circles = if self.circles.0 == at { (at, self.circles.1 + 1) } else { (at, 0) };
            let turns = self.circles.1;
            self.demand(Invariant::NoCircles, turns < CIRCLES, || {
                "the same moment comes again and again".to_owned()
            });
            let is_over = matches!(item, Item::End);
            self.happen(item);
            self.meet_moments();
            if is_over || self.broken.is_some() {
                return;
            }
        }
    }

    fn happen(&mut self, item: Item) {
        match item {
            Item::Happening(place) => self.happening(place),
            Item::Start => self.start(),
            Item::Loaded { life, restored } if self.lives_on(life) => self.loaded(*restored),
            Item::LoadPatience { life } if self.lives_on(life) => self.go_on_without(),
            Item::LoadDue { life, serial } if self.lives_on(life) => self.load_due(serial),
            Item::Timer { life, serial } if self.lives_on(life) => self.timer(serial),
            Item::Arrives(exchange) => self.arrives(exchange),
            Item::Back(exchange) => self.back(exchange),
            Item::DiskStep { life, change, step } if self.lives_on(life) => {
                self.disk_step(change, step);
            }
            Item::Stored { life } if self.lives_on(life) => self.stored(),
            Item::Ask(caller) => self.ask(caller),
            Item::Woke { life } if self.lives_on(life) => self.woke(),
            Item::WallStepped { life } if self.lives_on(life) => self.wall_stepped(),
            Item::Deliver { caller, answer, shown } => self.deliver(caller, *answer, shown),
            Item::Patience(caller) => self.patience_ends(caller),
            Item::Overdue(caller) => self.overdue(caller),
            Item::Reader { every, until, slot } => self.reader(every, until, slot),
            Item::PersonReturns => self.person_returns(),
            Item::Writer { every } => self.writer(every),
            Item::SourceChanged { life, place } if self.lives_on(life) => {
                self.source_changed(place);
            }
            Item::Reload { life } if self.lives_on(life) => self.reload(),
            Item::Terminate { life, down } if self.lives_on(life) => self.terminate(down),
            Item::DrainOver { life } if self.lives_on(life) => self.end_serving(),
            Item::ExitOver { life, down } if self.lives_on(life) => self.exit(down),
            Item::WeatherOver { spell } if spell == self.weather_spell => self.disk_is_back(),
            Item::Thaw => self.thaw(),
            Item::Calm => self.calm(),
            Item::End => self.nothing_is_left_broken(),
            // It belongs to a daemon that is gone.
            _ => {}
        }
    }

    /// A process that stands still does nothing until it runs on; in a machine that sleeps nobody does.
    fn put_off_until(&self, item: &Item) -> Option<u64> {
        let still = self.machine.still.filter(|still| self.now < still.until)?;
        let sleeps = match item {
            Item::Happening(place) => !self.happens_elsewhere(*place),
            Item::Reader { .. } | Item::Start | Item::PersonReturns | Item::Writer { .. } => true,
            _ => false,
        };
        (item.is_the_daemons() || (still.asleep && sleeps)).then_some(still.until)
    }

    fn lives_on(&self, life: u32) -> bool {
        self.life.as_ref().is_some_and(|living| living.number == life)
    }

    /// The chances of this moment that `key` names.
    fn chance(&self, key: &str) -> Draw {
        self.draw.named(key).of(self.now)
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        self.trace.tell(self.now, what);
    }

    /// Something has to be true.
    pub(crate) fn demand(
        &mut self,
        invariant: Invariant,
        holds: bool,
        what: impl FnOnce() -> String,
    ) {
        if holds || self.broken.is_some() {
            return;
        }
        let at = self.now.saturating_sub(ORIGIN);
        let what = what();
        self.tell(|| format!("BROKEN: {}: {what}", invariant.name()));
        self.broken = Some(Broken { invariant, at, what });
    }

    /// From here on nothing goes wrong, and a reader comes every few seconds.
    fn calm(&mut self) {
        self.tell(|| "all is calm".to_owned());
        self.is_calm = true;
        self.armed.clear();
        self.spells.clear();
        for provider in &mut self.providers {
            provider.disabled_until = 0;
        }
        self.weather_spell += 1;
        self.disk_is_back();
        self.hurry_the_disk();
        if self.life.is_none() {
            self.starts_at = Some(self.now);
            self.machine.has_booted(self.now);
            self.queue.push(self.now, Item::Start);
        }
        self.sources_are_mended();
        let until = self.now + CALM;
        self.queue.push(self.now, Item::Reader { every: 3_000, until, slot: 0 });
    }

    fn disk_is_back(&mut self) {
        self.disk.set_weather(Weather::Well);
        self.disk_is_well = true;
    }
}
