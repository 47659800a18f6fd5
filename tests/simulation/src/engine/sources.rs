//! The file that a profile's tokens or its password come from: who writes it, and what the daemon reads there.

use super::World;
use super::daemon::Stage;
use super::queue::Item;
use crate::history::{Content, Obtains};
use crate::provider::{access_name, failed, refresh_name, token_of};
use bearerd_proto::Secret;
use bearerd_session::{Cause, Event, Granted, Outcome, Request};
use std::time::Duration;

/// A file.
#[derive(Debug, Default)]
pub(super) struct Source {
    is_torn: bool,
    password: u64,
    token: String,
    /// What it held before that.
    token_before: String,
}

/// What becomes of a grant before anything is sent.
pub(super) enum Read {
    /// It is sent with this password, where there is one.
    Send(Option<u64>),
    /// It ends here.
    Done(Outcome),
}

/// Milliseconds from one writing to the next when all is calm.
const CALM_WRITER: u64 = 40_000;
/// A password that no provider takes.
const WRONG: u64 = u64::MAX;

impl World {
    /// Somebody writes the file of the profile of `place`.
    pub(super) fn write(&mut self, place: usize, content: Content) {
        let (now, epoch) = (self.now, self.epoch);
        let obtains = self.script.policy.obtains;
        let life = self.script.policy.token_life * 1000;
        let provider = &mut self.providers[place];
        let user = if content == Content::Another { "joe" } else { "jane" };
        let is_wrong = content == Content::Wrong;
        let source = &mut self.sources[place];
        source.is_torn = content == Content::Torn;
        match obtains {
            Obtains::ByGrantFile if content == Content::Back && !source.token_before.is_empty() => {
                std::mem::swap(&mut source.token, &mut source.token_before);
            }
            Obtains::ByPassword => {
                source.password = if is_wrong { WRONG } else { provider.password };
            }
            Obtains::ByGrantFile => {
                let token = provider.log_in_elsewhere(user, is_wrong, now);
                source.token_before =
                    std::mem::replace(&mut source.token, refresh_name(place, token));
            }
            Obtains::ByTokenFile => {
                let ends = if is_wrong { now.saturating_sub(1000) } else { now + life };
                source.token = access_name(place, provider.issue_elsewhere(epoch, ends));
            }
            Obtains::ByLogin | Obtains::BySecret | Obtains::ByGivenPassword => return,
        }
        self.tell(|| format!("the file of place {place} is written: {content:?}"));
        self.tally.count("files written");
        if let Some(life) = &self.life {
            let life = life.number;
            let hears = self.chance("watch").below(1_500);
            self.queue.push(now + hears, Item::SourceChanged { life, place });
        }
    }

    pub(super) fn writer(&mut self, every: u64) {
        for place in [0, 1] {
            self.write(place, Content::Right);
        }
        self.queue.push(self.now + every, Item::Writer { every });
    }

    pub(super) fn source_changed(&mut self, place: usize) {
        let Some(life) = &self.life else { return };
        if life.place == place && life.session.is_some() && life.stage == Stage::Serve {
            self.handle(Event::SourceChanged);
        }
    }

    pub(super) fn password_changes(&mut self) {
        self.tally.count("passwords changed");
        self.providers.iter_mut().for_each(|provider| provider.password += 1);
    }

    /// Whoever has to mend something has.
    pub(super) fn sources_are_mended(&mut self) {
        for place in [0, 1] {
            self.write(place, Content::Right);
        }
        if self.script.policy.obtains == Obtains::ByGrantFile {
            // Sessions may be as short as they like, and each needs another refresh token.
            self.queue.push(self.now + CALM_WRITER, Item::Writer { every: CALM_WRITER });
        }
        if self.script.policy.obtains == Obtains::ByGivenPassword {
            self.logs_in_with_a_password(true, false);
        }
    }

    /// What a password reads like.
    pub(super) fn password(&self, right: bool) -> Secret {
        let number = if right { self.providers[self.place].password } else { WRONG };
        Secret::new(format!("p{number}"))
    }

    /// The fetcher looks at the profile's file before it sends a grant.
    pub(super) fn read_source(&mut self, place: usize, request: &Request) -> Read {
        let Request::Grant { given, .. } = request else { return Read::Send(None) };
        let obtains = self.script.policy.obtains;
        let source = &self.sources[place];
        let torn = || Read::Done(failed(Cause::Source, "the file can't be read"));
        match obtains {
            Obtains::ByGivenPassword | Obtains::ByPassword if given.is_some() => {
                let password = given.as_ref().map(|given| given.password.expose());
                Read::Send(password.and_then(|text| text[1..].parse().ok()))
            }
            Obtains::ByLogin | Obtains::BySecret | Obtains::ByGivenPassword => Read::Send(None),
            _ if source.is_torn => torn(),
            Obtains::ByPassword => Read::Send(Some(source.password)),
            Obtains::ByGrantFile => Read::Done(Outcome::Found(Secret::new(source.token.clone()))),
            Obtains::ByTokenFile => Read::Done(self.read_token(place)),
        }
    }

    fn read_token(&self, place: usize) -> Outcome {
        let name = &self.sources[place].token;
        let Some((_, token)) = token_of(name) else {
            return failed(Cause::Source, "no token is in the file");
        };
        let ends = self.providers[place].access[token].expires.unwrap_or(u64::MAX);
        let Some(left) = ends.checked_sub(self.now).filter(|left| *left > 0) else {
            return failed(Cause::Source, "the token in the file has expired");
        };
        Outcome::Granted(Box::new(Granted {
            access_token: Secret::new(name.clone()),
            lifetime: Some(Duration::from_millis(left)),
            refresh_token: None,
            refresh_lifetime: None,
            refresh_in: None,
            scope: None,
            user_id: Some("service".to_owned()),
            user_email: None,
            idp_session: None,
            idp_time: None,
        }))
    }
}
