//! What the script lets happen.

use super::callers::Question;
use super::machine::Still;
use super::network::Spell;
use super::queue::Item;
use super::{ORIGIN, World};
use crate::disk::Weather;
use crate::history::{DiskWeather, Happening, Imported, Obtains, Person, Slot, Which};
use crate::provider::refresh_name;

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
                | Happening::PasswordChanged
        )
    }

    pub(super) fn perform(&mut self, place: usize) {
        if self.is_calm {
            return;
        }
        let what = self.script.happenings[place].what.clone();
        let number = self.life.as_ref().map_or(0, |life| life.number);
        self.trace.mark(self.now, self.script.happenings[place].key);
        if !matches!(what, Happening::Read { slot: 0, .. } | Happening::Readers { slot: 0, .. }) {
            self.tell(|| format!("happening {place}: {what:?}"));
        }
        match what {
            Happening::Read { min_ttl, strict, slot } => self.read(slot, min_ttl, strict),
            Happening::Readers { every, lasts, slot } => {
                self.queue.push(self.now, Item::Reader { every, until: self.now + lasts, slot });
            }
            Happening::Burst { callers } => {
                for _ in 0..callers {
                    self.read(0, None, false);
                }
            }
            Happening::Scopes { count } => {
                for slot in 1..=count {
                    self.read(slot, None, false);
                }
            }
            Happening::Reject(which) => self.reject(0, which),
            Happening::RejectOf { slot, which } => self.reject(slot, which),
            Happening::CallerGone => {
                let drawn = self.chance("gone").number();
                if let Some(caller) = self.callers.some(drawn) {
                    self.goes_away(caller);
                }
            }
            Happening::Login { replace, person, lifetime } => {
                self.person = person;
                self.comes(Question::Login { replace, lifetime });
            }
            Happening::Password { right, replace } => self.logs_in_with_a_password(right, replace),
            Happening::Import { which, replace } => self.import(which, replace),
            Happening::Source(content) => self.write(self.place, content),
            Happening::PasswordChanged => self.password_changes(),
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
        if self.is_calm {
            return;
        }
        let same_browser = self.chance("browser").chance(300);
        self.person = Person::Approves { after: 4_000, same_browser };
        self.tally.count("persons who log in again");
        if self.script.policy.obtains == Obtains::ByGivenPassword {
            self.logs_in_with_a_password(true, false);
        } else {
            // Whoever finds the profile another person's says so.
            let replace = self.ledger.is_anothers();
            self.comes(Question::Login { replace, lifetime: None });
        }
    }

    pub(super) fn logs_in_with_a_password(&mut self, right: bool, replace: bool) {
        let obtains = self.script.policy.obtains;
        if !matches!(obtains, Obtains::ByPassword | Obtains::ByGivenPassword) {
            return;
        }
        self.tally.count(if right { "passwords given" } else { "wrong passwords given" });
        self.comes(Question::Password { password: self.password(right), replace });
    }

    /// Somebody brings a refresh token along.
    fn import(&mut self, which: Imported, replace: bool) {
        let (now, place) = (self.now, self.place);
        let user = if which == Imported::Another { "joe" } else { "jane" };
        let token = match which {
            Imported::Current => match self.ledger.newest() {
                Some(token) => token,
                None => return,
            },
            _ => {
                let dead = which == Imported::Dead;
                (place, self.providers[place].log_in_elsewhere(user, dead, now))
            }
        };
        self.tally.count("refresh tokens brought along");
        self.comes(Question::Import { refresh_token: refresh_name(token.0, token.1), replace });
    }

    fn reject(&mut self, slot: Slot, which: Which) {
        let current = self.life.as_ref().and_then(|life| life.shown.get(&slot));
        let older = || self.served.get(&slot).and_then(|served| served.first());
        let token = match which {
            Which::Current => current.map(|shown| shown.token.clone()),
            Which::Older => older().cloned(),
            Which::Unknown => None,
        };
        let of = token.as_ref().and(current).map(|_| slot);
        let token = token.unwrap_or_else(|| "a-foreign-token".to_owned());
        self.tally.count("rejects");
        self.comes(Question::Reject { token, of });
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
