//! One seed, one history: each happening is drawn from a stream of its own.

use super::{
    Condition, Content, DiskWeather, Happening, Imported, Obtains, Person, Policy, Rotation,
    Scheduled, Script, When, Which,
};
use crate::draw::Draw;
use crate::mix::{MIXES, Mix};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;

impl Script {
    /// The history of a seed: of `mix`, or of one drawn by the shares; `hours` long, or as the mix says.
    pub fn drawn(seed: u64, mix: Option<&Mix>, hours: Option<u64>) -> Script {
        let draw = Draw::new(seed);
        let all = MIXES.map(|mix| (mix.share, mix));
        let mix = mix.copied().unwrap_or_else(|| *draw.named("mix").weighted(&all));
        let mut span = draw.named("span");
        let hours = hours.unwrap_or_else(|| span.between(mix.hours.0, mix.hours.1));
        let ends = hours * HOUR;
        let mut policy = policy(&mut draw.named("policy"), &mix);
        alone(&mut draw.named("alone"), &mix, &mut policy);
        let scopes = draw.named("scopes").spread(mix.scopes.0, mix.scopes.1);
        let mut happenings = Vec::new();
        let kinds: [(&str, (u64, u64), Kind); 8] = [
            ("readers", mix.readers, readers),
            ("callers", mix.callers, callers),
            ("provider", mix.provider, provider),
            ("disk", mix.disk, disk),
            ("crashes", mix.crashes, crash),
            ("clocks", mix.clocks, clock),
            ("people", mix.people, people),
            ("sources", mix.sources, source),
        ];
        if draw.named("first").chance(950) {
            let what = match policy.obtains {
                Obtains::ByGivenPassword => Happening::Password { right: true, replace: false },
                _ => {
                    let person = Person::Approves { after: 4 * SECOND, same_browser: false };
                    Happening::Login { replace: false, person, lifetime: None }
                }
            };
            happenings.push(Scheduled { at: SECOND, key: 0, when: When::Now, what });
        }
        for (name, (least, most), kind) in kinds {
            let stream = draw.named(name);
            for number in 0..stream.clone().between(least, most) {
                let mut own = stream.of(number);
                let at = own.below(ends);
                let (when, what) = kind(&mut own, &policy, ends);
                happenings.push(Scheduled { at, key: own.number(), when, what });
            }
        }
        let stream = draw.named("slots");
        for number in 0..stream.clone().between(mix.slots.0, mix.slots.1) {
            let mut own = stream.of(number);
            let at = own.below(ends);
            let (when, what) = slots(&mut own, &policy, ends, scopes);
            happenings.push(Scheduled { at, key: own.number(), when, what });
        }
        happenings.sort_by_key(|scheduled| (scheduled.at, scheduled.key));
        let (about, mix) = (String::new(), mix.name.to_owned());
        Script { about, seed, mix, policy, ends, happenings }
    }
}

type Kind = fn(&mut Draw, &Policy, u64) -> (When, Happening);

fn policy(draw: &mut Draw, mix: &Mix) -> Policy {
    let token_life = draw.spread(mix.token_life.0, mix.token_life.1);
    let rotation = match draw.chance(mix.not_rotating) {
        false => Rotation::Rotates,
        true => *draw.pick(&[Rotation::Same, Rotation::Absent]),
    };
    let provider_window = draw.chance(350).then(|| draw.spread(2, 120));
    let profile_window = match provider_window {
        None => None,
        Some(window) => {
            *draw.weighted(&[(6, Some(window)), (2, Some(window.div_ceil(2))), (2, None)])
        }
    };
    Policy {
        token_life,
        refresh_life: draw.chance(500).then(|| token_life * draw.spread(2, 400)),
        rotation,
        provider_window,
        profile_window,
        reuse_ends_session: draw.chance(850),
        says_session: draw.chance(700),
        says_refresh_in: draw.chance(100).then(|| draw.between(1, token_life)),
        device_interval: *draw.weighted(&[(6, 5), (2, 1), (1, 0), (1, 10)]),
        device_life: draw.between(60, 600),
        latency: *draw.weighted(&[(5, 5), (3, 60), (2, 400), (1, 1_500)]),
        person_returns: draw.chance(850).then(|| draw.spread(1, 4 * token_life)),
        obtains: Obtains::ByLogin,
        lifetime: None,
        exchanges: false,
        writes: None,
    }
}

/// What the profile is, in streams of its own: the rest of a history does not depend on it.
fn alone(draw: &mut Draw, mix: &Mix, policy: &mut Policy) {
    let life = policy.token_life;
    if draw.chance(mix.alone) {
        policy.obtains = *draw.weighted(&[
            (2, Obtains::ByLogin),
            (3, Obtains::BySecret),
            (3, Obtains::ByPassword),
            (2, Obtains::ByGivenPassword),
            (3, Obtains::ByGrantFile),
            (2, Obtains::ByTokenFile),
        ]);
        policy.lifetime = draw.chance(300).then(|| draw.spread(1, 40 * life));
    }
    policy.exchanges = draw.chance(200);
    let writes = draw.between(life.div_ceil(3), life + life / 10);
    policy.writes = (policy.obtains == Obtains::ByTokenFile).then_some(writes);
}

fn slots(draw: &mut Draw, policy: &Policy, ends: u64, scopes: u64) -> (When, Happening) {
    let slot = draw.between(1, scopes);
    let life = policy.token_life;
    let what = match draw.below(12) {
        0..=4 => {
            let every = life * SECOND * draw.between(10, 300) / 100;
            let lasts = draw.spread(life * SECOND, ends.max(life * SECOND));
            Happening::Readers { every: every.max(lasts / 500).max(200), lasts, slot }
        }
        5..=7 => {
            let min_ttl = draw.chance(400).then(|| draw.between(1, life + life / 5 + 1));
            Happening::Read { min_ttl, strict: draw.chance(400), slot }
        }
        8 | 9 => Happening::Scopes { count: draw.between(1, scopes) },
        _ => {
            let which = *draw.weighted(&[(6, Which::Current), (3, Which::Older)]);
            Happening::RejectOf { slot, which }
        }
    };
    let when = *draw.weighted(&[(6, When::Now), (1, When::Sent), (1, When::Answered)]);
    (when, what)
}

fn source(draw: &mut Draw, policy: &Policy, _: u64) -> (When, Happening) {
    let replace = draw.chance(500);
    let which = *draw.weighted(&[
        (4, Imported::Fresh),
        (1, Imported::Another),
        (3, Imported::Current),
        (1, Imported::Dead),
    ]);
    let import = Happening::Import { which, replace };
    let content = *draw.weighted(&[
        (6, Content::Right),
        (1, Content::Another),
        (3, Content::Wrong),
        (2, Content::Torn),
        (2, Content::Back),
    ]);
    let password = Happening::Password { right: draw.chance(700), replace };
    let what = match (policy.obtains, draw.below(10)) {
        (Obtains::ByLogin | Obtains::BySecret, _) | (_, 0 | 1) => import,
        (Obtains::ByPassword, 2..=4) => Happening::PasswordChanged,
        (Obtains::ByGivenPassword, 2 | 3) => Happening::PasswordChanged,
        (Obtains::ByGivenPassword, _) | (Obtains::ByPassword, 5) => password,
        _ => Happening::Source(content),
    };
    let when = *draw.weighted(&[(6, When::Now), (1, When::Sent), (1, When::Answered)]);
    (when, what)
}

fn readers(draw: &mut Draw, policy: &Policy, ends: u64) -> (When, Happening) {
    // Some ask many times in a token's life, some hardly ever; no spell has more than a few thousand reads.
    let every = policy.token_life * SECOND * draw.between(1, 200) / 100;
    let lasts = draw.between(ends / 20, ends);
    let every = every.max(lasts / 2_000).max(200);
    (When::Now, Happening::Readers { every, lasts, slot: 0 })
}

fn callers(draw: &mut Draw, policy: &Policy, _: u64) -> (When, Happening) {
    let life = policy.token_life;
    let what = match draw.below(10) {
        0..=2 => {
            let min_ttl = draw.chance(700).then(|| draw.between(1, life + life / 5 + 1));
            Happening::Read { min_ttl, strict: draw.chance(400), slot: 0 }
        }
        3 => Happening::Read { min_ttl: None, strict: false, slot: 0 },
        4 => Happening::Burst { callers: draw.spread(2, 60) },
        5..=7 => Happening::Reject(*draw.weighted(&[
            (7, Which::Current),
            (2, Which::Older),
            (1, Which::Unknown),
        ])),
        8 => Happening::CallerGone,
        _ => {
            Happening::Read { min_ttl: Some(life.saturating_sub(2).max(1)), strict: true, slot: 0 }
        }
    };
    let when = *draw.weighted(&[(6, When::Now), (1, When::Sent), (1, When::Answered)]);
    (when, what)
}

fn provider(draw: &mut Draw, policy: &Policy, _: u64) -> (When, Happening) {
    if draw.chance(60) {
        return (When::Now, Happening::AdminLogout);
    }
    if draw.chance(40) {
        let lasts = draw.spread(5, 3 * policy.token_life + 60) * SECOND;
        return (When::Now, Happening::UserDisabled { lasts });
    }
    let acts = draw.chance(600);
    let takes = draw.spread(1, 100) * SECOND;
    let seconds = draw.spread(1, 2_000);
    let skew = if draw.chance(500) { 3_600 } else { -90 };
    let short_life = draw.between(1, 3);
    let condition = *draw.weighted(&[
        (4, Condition::Refused),
        (2, Condition::ConnectHangs),
        (4, Condition::Silent { acts }),
        (5, Condition::Reset { acts }),
        (3, Condition::Gateway { acts }),
        (3, Condition::LateRequest(takes)),
        (4, Condition::SlowAnswer(takes)),
        (3, Condition::Later(None)),
        (2, Condition::Later(Some(seconds))),
        (3, Condition::Garbage),
        (1, Condition::ClientRefused),
        (1, Condition::NotFound),
        (1, Condition::ScopeRefused),
        (1, Condition::Unheard),
        (2, Condition::SlowDown),
        (2, Condition::NoToken),
        (1, Condition::NoLife),
        (2, Condition::Life(short_life)),
        (1, Condition::Life(315_360_000)),
        (2, Condition::LifeUnsaid),
        (2, Condition::LivesChange),
        (2, Condition::SameRefresh),
        (2, Condition::NoRefresh),
        (4, Condition::SameAccess),
        (2, Condition::Skewed(skew)),
    ]);
    let lasts = draw.spread(1, 2 * policy.token_life + 120) * SECOND;
    let share = *draw.weighted(&[(3, 1000), (2, 500), (1, 100)]);
    let when = *draw.weighted(&[(3, When::Now), (1, When::Saved)]);
    (when, Happening::Provider { condition, lasts, share })
}

fn disk(draw: &mut Draw, policy: &Policy, _: u64) -> (When, Happening) {
    let weather = *draw.weighted(&[
        (3, DiskWeather::Slow),
        (1, DiskWeather::Hanging),
        (2, DiskWeather::Full),
        (2, DiskWeather::ReadOnly),
        (1, DiskWeather::Denied),
        (2, DiskWeather::Failing),
        (4, DiskWeather::Flaky(300)),
    ]);
    let lasts = draw.spread(1, 2 * policy.token_life + 60) * SECOND;
    let when = *draw.weighted(&[(3, When::Now), (1, When::Answered), (1, When::Sent)]);
    (when, Happening::Disk { weather, lasts })
}

fn crash(draw: &mut Draw, policy: &Policy, _: u64) -> (When, Happening) {
    let down = match draw.below(4) {
        0 => draw.between(1, 300),
        1 | 2 => draw.spread(1, 30) * SECOND,
        _ => draw.spread(1, 2 * policy.token_life) * SECOND,
    };
    let what = match draw.below(9) {
        0..=3 => Happening::Kill { down },
        4 | 5 => Happening::Reboot { power_lost: true, down: down + 10 * SECOND },
        6 => Happening::Reboot { power_lost: false, down: down + 10 * SECOND },
        _ => Happening::Terminate { down },
    };
    let step = u8::try_from(draw.below(12)).unwrap_or(0);
    let when = *draw.weighted(&[
        (3, When::Now),
        (2, When::Sent),
        (3, When::Acted),
        (2, When::Answered),
        (8, When::SaveStep(step)),
        (1, When::Saved),
    ]);
    (when, what)
}

fn clock(draw: &mut Draw, policy: &Policy, _: u64) -> (When, Happening) {
    let lasts = draw.spread(1, 3 * policy.token_life + 30) * SECOND;
    let what = match draw.below(4) {
        0 => Happening::Suspend { lasts },
        1 => Happening::Stall { lasts: draw.spread(100, lasts) },
        _ => {
            let seconds = i64::try_from(draw.spread(1, 86_400)).unwrap_or(0);
            Happening::WallStep { seconds: if draw.chance(500) { seconds } else { -seconds } }
        }
    };
    let when = *draw.weighted(&[(5, When::Now), (1, When::Sent), (1, When::Acted)]);
    (when, what)
}

fn people(draw: &mut Draw, policy: &Policy, _: u64) -> (When, Happening) {
    let after = draw.spread(1, 2 * policy.device_life) * SECOND / 4;
    let same_browser = draw.chance(300);
    let person = *draw.weighted(&[
        (6, Person::Approves { after, same_browser }),
        (1, Person::Another { after }),
        (1, Person::Denies { after }),
        (1, Person::Ignores),
    ]);
    let mut apart = draw.named("lifetime");
    let lifetime = apart.chance(100).then(|| apart.spread(1, 20 * policy.token_life));
    let what = match draw.below(12) {
        0..=4 => Happening::Login { replace: draw.chance(250), person, lifetime },
        5 => Happening::Follow { wait: draw.between(0, 90) },
        6 => Happening::CancelLogin,
        7 | 8 => Happening::Logout { revoke: draw.chance(700) },
        9 => Happening::Reload { place: usize::from(draw.chance(600)) },
        _ => Happening::Reload { place: 0 },
    };
    let when = *draw.weighted(&[
        (8, When::Now),
        (1, When::Sent),
        (1, When::Acted),
        (1, When::Answered),
        (1, When::SaveStep(3)),
    ]);
    (when, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_history_and_another_seed_another() {
        assert_eq!(Script::drawn(5, None, None), Script::drawn(5, None, None));
        assert_ne!(Script::drawn(5, None, None), Script::drawn(6, None, None));
    }

    #[test]
    fn a_history_outlives_its_json() {
        for seed in 0..50 {
            let script = Script::drawn(seed, None, None);
            let json = serde_json::to_string(&script).unwrap();
            assert_eq!(serde_json::from_str::<Script>(&json).unwrap(), script);
        }
    }
}
