//! What the script lets happen.

use super::callers::Question;
use super::machine::Still;
use super::network::Spell;
use super::queue::Item;
use super::{ORIGIN, World};
use crate::disk::Weather;
use crate::history::{DiskWeather, Happening, Person, Which};

impl World {
    pub(super) fn happening(&mut self, place: usize) {
        if self.script.happenings[place].when.is_now() {
            self.perform(place);
        } else if !self.is_calm {
            self.armed.push(place);
        }
    }

    /// Whether it happens far from a machine that sleeps.
    pub(super) fn happens_elsewhere(&self, place: usize) -> bool {
        matches!(
            self.script.happenings[place].what,
            Happening::Provider { .. }
                | Happening::AdminLogout
                | Happening::UserDisabled { .. }
                | Happening::Kill { .. }
                | Happening::Reboot { .. }
        )
    }

    pub(super) fn perform(&mut self, place: usize) {
        if self.is_calm {
            return;
        }
        let what = self.script.happenings[place].what.clone();
        let number = self.life.as_ref().map_or(0, |life| life.number);
        self.trace.mark(self.now, self.script.happenings[place].key);
        if !matches!(what, Happening::Read { .. } | Happening::Readers { .. }) {
            self.tell(|| format!("happening {place}: {what:?}"));
        }
        match what {
            Happening::Read { min_ttl, strict } => self.read(min_ttl, strict),
            Happening::Readers { every, lasts } => {
                self.queue.push(self.now, Item::Reader { every, until: self.now + lasts });
            }
            Happening::Burst { callers } => {
                for _ in 0..callers {
                    self.read(None, false);
                }
            }
            Happening::Reject(which) => self.reject(which),
            Happening::CallerGone => {
                let drawn = self.chance("gone").number();
                if let Some(caller) = self.callers.some(drawn) {
                    self.goes_away(caller);
                }
            }
            Happening::Login { replace, person } => {
                self.person = person;
                self.comes(Question::Login { replace });
            }
            Happening::Follow { wait } => self.comes(Question::Follow { wait }),
            Happening::CancelLogin => self.comes(Question::Cancel),
            Happening::Logout { revoke } => {
                self.tally.count("logouts");
                self.comes(Question::Logout { revoke });
            }
            Happening::Reload { place } => {
                self.place = place;
                self.tally.count("configurations read");
                self.queue.push(self.now, Item::Reload { life: number });
            }
            Happening::Provider { condition, lasts, share } => {
                self.tally.count("faults of providers");
                self.spells.push(Spell { until: self.now + lasts, condition, share });
            }
            Happening::AdminLogout => {
                self.tally.count("sessions ended by an administrator");
                self.providers.iter_mut().for_each(crate::provider::Provider::end_all);
            }
            Happening::UserDisabled { lasts } => {
                self.tally.count("persons disabled for a while");
                for provider in &mut self.providers {
                    provider.disabled_until = self.now + lasts;
                }
            }
            Happening::Disk { weather, lasts } => self.weather(weather, lasts),
            Happening::Suspend { lasts } => {
                self.tally.count("suspends");
                self.stand_still(lasts, true);
            }
            Happening::Stall { lasts } => {
                self.tally.count("stalls");
                self.stand_still(lasts, false);
            }
            Happening::WallStep { seconds } => {
                self.tally.count("steps of the wall clock");
                self.machine.step_wall(seconds, self.now);
                self.queue.push(self.now, Item::WallStepped { life: number });
            }
            Happening::Kill { down } => self.kill(down),
            Happening::Terminate { down } => {
                self.queue.push(self.now, Item::Terminate { life: number, down });
            }
            Happening::Reboot { power_lost, down } => self.reboot(power_lost, down),
        }
    }

    /// Somebody hears that a login is needed.
    pub(crate) fn person_hears(&mut self) {
        let returns = self.script.policy.person_returns.filter(|_| !self.is_calm);
        if let Some(seconds) = returns
            && !std::mem::replace(&mut self.person_comes, true)
        {
            self.queue.push(self.now + seconds * 1000, Item::PersonReturns);
        }
    }

    pub(super) fn person_returns(&mut self) {
        self.person_comes = false;
        if !self.is_calm {
            let same_browser = self.chance("browser").chance(300);
            self.person = Person::Approves { after: 4_000, same_browser };
            self.tally.count("persons who log in again");
            self.comes(Question::Login { replace: false });
        }
    }

    fn reject(&mut self, which: Which) {
        let current = self.life.as_ref().and_then(|life| life.shown.as_ref());
        let token = match which {
            Which::Current => current.map(|shown| shown.token.clone()),
            Which::Older => self.served.first().cloned(),
            Which::Unknown => Some("a-foreign-token".to_owned()),
        };
        let token = token.unwrap_or_else(|| "a-foreign-token".to_owned());
        self.tally.count("rejects");
        self.comes(Question::Reject { token });
    }

    fn weather(&mut self, weather: DiskWeather, lasts: u64) {
        self.tally.count("spells of bad disk weather");
        self.disk.set_weather(match weather {
            DiskWeather::Slow => Weather::Slow,
            DiskWeather::Hanging => Weather::Hanging,
            DiskWeather::Full => Weather::Full,
            DiskWeather::ReadOnly => Weather::ReadOnly,
            DiskWeather::Denied => Weather::Denied,
            DiskWeather::Failing => Weather::Failing,
            DiskWeather::Flaky(per_mille) => Weather::Flaky(per_mille),
        });
        self.disk_is_well = false;
        self.weather_spell += 1;
        self.queue.push(self.now + lasts, Item::WeatherOver { spell: self.weather_spell });
    }

    fn stand_still(&mut self, lasts: u64, asleep: bool) {
        let until = self.now + lasts;
        let asleep = asleep || self.machine.still.is_some_and(|still| still.asleep);
        let until = self.machine.still.map_or(until, |still| still.until.max(until));
        let until = until.min(ORIGIN + self.script.ends).max(self.now);
        self.machine.still = Some(Still { until, asleep });
        self.callers.stand_still(until, lasts);
        self.queue.push(until, Item::Thaw);
    }

    pub(super) fn thaw(&mut self) {
        if let Some(still) = self.machine.still.take_if(|still| self.now >= still.until)
            && still.asleep
        {
            self.connections_die();
        }
    }
}
