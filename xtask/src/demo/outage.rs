//! The chapter of the outage: the provider is away, reads go on, and it heals by itself.

use super::reader::Reader;
use super::{Demo, LIFETIME, demand};
use crate::failure::{Failure, While};
use crate::terminal::{grouped, span};
use bearerd_client::{EventKind, HealthStatus};
use std::thread;
use std::time::{Duration, Instant};

/// The daemon tries to renew within half a token's life, and notices at once.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);
/// How long the provider stays away after that, long enough to see reads go by.
const AWAY: Duration = Duration::from_secs(2);
/// The pauses between attempts: 1 s, 2 s, 4 s at most.
const HEALED_WITHIN: Duration = Duration::from_secs(12);

/// Takes the provider away until the daemon has noticed, and a little longer.
pub(crate) fn sit_out(demo: &mut Demo<'_>) -> Result<String, Failure> {
    demo.watcher.skip();
    let reader = Reader::start(&demo.stage.socket());
    demo.stage.idp.go_away()?;
    let gone = Instant::now();
    demo.say.note("the provider refuses connections; programs read on");
    demo.watcher.await_event(EventKind::Degraded, NOTICED_WITHIN, &demo.say)?;
    for _ in 0..AWAY.as_secs() {
        thread::sleep(Duration::from_secs(1));
        let reads = grouped(reader.so_far());
        demo.say.note(&format!("away for {}: {reads} reads so far", span(gone.elapsed())));
    }
    let health = demo.client.health().while_doing(|| "ask for the health".to_owned())?;
    demand("`GET /v1/health` to say", health.status, HealthStatus::Degraded)?;
    demo.stage.idp.set_lifetime(LIFETIME)?;
    demo.stage.idp.come_back()?;
    let away = gone.elapsed();
    demo.say.note("the provider is back");
    demo.watcher.await_event(EventKind::Refreshed, HEALED_WITHIN, &demo.say)?;
    let tally = reader.finish();
    let health = demo.client.health().while_doing(|| "ask for the health".to_owned())?;
    demand("`GET /v1/health` to say", health.status, HealthStatus::Ok)?;
    demo.say.good("healed by itself, without a login");
    demo.demand_good(&tally)?;
    demo.say.good(&tally.words());
    Ok(format!("away for {}, {} reads, all good", span(away), grouped(tally.good)))
}
