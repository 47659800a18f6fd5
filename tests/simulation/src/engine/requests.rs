//! Requests of the daemon, on their way to a provider and back.

use super::World;
use super::network::{ANSWER_WAIT, Back, Fate, fate};
use super::queue::Item;
use super::shown::slot_named;
use super::sources::Read;
use crate::history::{When, slot_of};
use crate::provider::{Asked, Twist, failed, refresh_name};
use bearerd_session::{Cause, Event, FetchId, Outcome, Request};

/// One request.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) life: u32,
    pub(crate) fetch: FetchId,
    pub(crate) request: Request,
    /// The provider that it was sent to.
    pub(crate) place: usize,
    /// When, in true time.
    pub(crate) sent: u64,
    /// What the daemon will see.
    pub(crate) outcome: Option<Outcome>,
    /// Nobody may come to life by its answer: its login was given up, or its session logged out.
    pub(crate) unwanted: bool,
    /// It is over for the daemon.
    pub(crate) is_back: bool,
    /// The profile's own count of its sessions, when it was sent.
    epoch: u64,
    /// The password in it, by its number.
    password: Option<u64>,
    takes: u64,
    twist: Twist,
}

impl World {
    pub(super) fn send(&mut self, fetch: FetchId, request: Request) {
        let Some(life) = &self.life else { return };
        let (number, place) = (life.number, life.place);
        self.sent(fetch, &request);
        let id = self.next_exchange;
        self.next_exchange += 1;
        let draw = self.draw.named("network").of(u64::from(number)).of(fetch.0);
        let (now, epoch) = (self.now, self.epoch);
        self.spells.retain(|spell| now < spell.until);
        let (password, read) = match self.read_source(place, &request) {
            Read::Send(password) => (password, None),
            Read::Done(outcome) => (None, Some(outcome)),
        };
        let fate = match read.is_some() {
            true => Fate { arrives: None, back: Back::Read, twist: Twist::Nothing },
            false => fate(&self.spells, self.script.policy.latency, draw),
        };
        self.tell(|| format!("sends {} to place {place}", described(&request)));
        self.tally.count(match &request {
            Request::Refresh { .. } => "refreshes sent",
            Request::Grant { .. } if read.is_some() => "files read",
            Request::Grant { .. } => "grants sent",
            Request::Exchange { .. } => "exchanges sent",
            Request::DeviceStart => "device logins sent",
            Request::DevicePoll { .. } => "polls sent",
            Request::Revoke { .. } => "revocations sent",
        });
        let takes = match fate.back {
            Back::Answer { takes } => takes,
            Back::Lost { at } | Back::NotSent { at } => {
                self.queue.push(now + at.min(ANSWER_WAIT), Item::Back(id));
                0
            }
            Back::Read => {
                self.queue.push(now + 1, Item::Back(id));
                0
            }
        };
        let outcome = match fate.back {
            Back::Answer { .. } => None,
            Back::Read => read,
            Back::Lost { .. } => {
                self.tally.count("answers lost");
                Some(lost())
            }
            Back::NotSent { .. } => Some(failed(Cause::NotSent, "no connection")),
        };
        if let Some(arrives) = fate.arrives {
            self.queue.push(now + arrives, Item::Arrives(id));
            if matches!(fate.back, Back::Answer { .. }) && arrives + takes > ANSWER_WAIT {
                self.queue.push(now + ANSWER_WAIT, Item::Back(id));
            }
        }
        let twist = fate.twist;
        let (life, sent, unwanted) = (number, now, false);
        self.exchanges.insert(
            id,
            Exchange {
                life,
                fetch,
                request,
                place,
                sent,
                outcome,
                unwanted,
                is_back: false,
                epoch,
                password,
                takes,
                twist,
            },
        );
        if self.exchanges.len() > 256 {
            // What is neither on its way there nor back is remembered no longer.
            self.exchanges.retain(|_, exchange| now < exchange.sent + 10 * ANSWER_WAIT);
        }
        self.moment(When::Sent);
    }

    pub(super) fn arrives(&mut self, id: u64) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        let now = self.now;
        let draw = self.draw.named("provider").of(u64::from(exchange.life)).of(exchange.fetch.0);
        let wall = (super::WALL_ORIGIN + i64::try_from(now).expect("no history is so long")) / 1000;
        let (twist, person, place) = (exchange.twist, self.person, exchange.place);
        let request = exchange.request.clone();
        let (password, epoch) = (exchange.password, exchange.epoch);
        let asked = Asked { request: &request, now, wall, twist, person, password, epoch, draw };
        let before =
            self.providers[place].sessions.iter().filter(|one| one.ended.is_some()).count();
        let outcome = self.providers[place].answer(&asked);
        let after = self.providers[place].sessions.iter().filter(|one| one.ended.is_some()).count();
        let acted = matches!(outcome, Outcome::Granted(_));
        self.tell(|| {
            format!("place {place} answers {}: {}", described(&request), outlined(&outcome))
        });
        if after > before && matches!(request, Request::Refresh { .. }) {
            self.tally.count("reuses detected");
        }
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        // What was given up before is carried out all the same.
        if exchange.outcome.is_none() && now + exchange.takes <= exchange.sent + ANSWER_WAIT {
            exchange.outcome = Some(outcome);
            self.queue.push(now + exchange.takes, Item::Back(id));
        } else if exchange.outcome.is_none() {
            exchange.outcome = Some(lost());
            self.tally.count("answers lost");
        }
        if acted {
            self.moment(When::Acted);
        }
    }

    pub(super) fn back(&mut self, id: u64) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        let alive = self.life.as_ref().is_some_and(|life| life.number == exchange.life);
        let outcome = exchange.outcome.take().unwrap_or_else(|| {
            // The deadline passed before the request was there.
            lost()
        });
        if !alive {
            if matches!(outcome, Outcome::Granted(_)) {
                self.tally.count("answers that nobody was there for");
            }
            return;
        }
        let fetch = exchange.fetch;
        exchange.is_back = true;
        let granted = matches!(outcome, Outcome::Granted(_));
        // Whether or not it arrives later, it is over for the daemon.
        if exchange.sent + ANSWER_WAIT <= self.now {
            exchange.outcome = Some(lost());
        }
        let request = exchange.request.clone();
        self.tell(|| {
            format!("the daemon hears of {}: {}", described(&request), outlined(&outcome))
        });
        self.handle(Event::Answered { fetch, outcome });
        if granted {
            self.moment(When::Answered);
        }
    }

    /// The machine slept: connections that were open may be dead.
    pub(super) fn connections_die(&mut self) {
        let mut draw = self.chance("connections");
        for exchange in self.exchanges.values_mut() {
            if matches!(exchange.outcome, Some(Outcome::Granted(_))) && draw.chance(400) {
                exchange.outcome = Some(lost());
            }
        }
    }
}

pub(super) fn lost() -> Outcome {
    failed(Cause::Lost, "no answer came")
}

fn described(request: &Request) -> String {
    match request {
        Request::Refresh { refresh_token, slot } => {
            format!("a refresh by {} for {}", refresh_token.expose(), slot_named(slot_of(slot)))
        }
        Request::Grant { slot, given } => {
            let given = if given.is_some() { " with a given password" } else { "" };
            format!("a grant for {}{given}", slot_named(slot_of(slot)))
        }
        Request::Exchange { subject_token, slot } => {
            format!("an exchange of {} for {}", subject_token.expose(), slot_named(slot_of(slot)))
        }
        Request::DeviceStart => "the start of a login".to_owned(),
        Request::DevicePoll { device_code, .. } => format!("a poll of {}", device_code.expose()),
        Request::Revoke { refresh_token } => format!("a revocation of {}", refresh_token.expose()),
    }
}

fn outlined(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Granted(granted) => {
            let refresh = granted.refresh_token.as_ref().map_or("none", |token| token.expose());
            let life =
                granted.lifetime.map_or("no known end".to_owned(), |life| format!("{life:?}"));
            format!("{} and {refresh}, {life}", granted.access_token.expose())
        }
        Outcome::Found(token) => format!("{} out of the file", token.expose()),
        Outcome::Device(_) => "codes".to_owned(),
        Outcome::Revoked => "revoked".to_owned(),
        Outcome::Failed(failure) => format!("{:?}: {}", failure.cause, failure.message),
    }
}

/// For messages.
pub(crate) fn named(place: usize, token: usize) -> String {
    refresh_name(place, token)
}
