//! The chapter of the renewal: the next token is there before the last one ends, and nobody waits for it.

use super::reader::Reader;
use super::{Demo, LIFETIME, demand, fingerprint, shortened};
use crate::failure::Failure;
use crate::terminal::{counted, span};
use bearerd_client::EventKind;
use std::thread;
use std::time::{Duration, Instant};

/// Time for a hundred reads.
const MOMENT: Duration = Duration::from_millis(250);

/// Reads steadily across one refresh.
pub(crate) fn watch(demo: &mut Demo<'_>) -> Result<String, Failure> {
    demo.watcher.skip();
    let calls_before = demo.stage.idp.refreshes()?;
    let reader = Reader::start(&demo.stage.socket());
    let old = demo.token()?;
    let old_token = old.token.as_ref().map(|token| token.expose()).unwrap_or_default();
    let expires_in = old.expires_in.unwrap_or(0);
    let old_ends = Instant::now() + Duration::from_secs(expires_in);
    demo.say.note(&format!(
        "{} expires in {expires_in} s; bearerd means to renew it in {} s",
        shortened(old_token),
        old.refresh_in.unwrap_or(0)
    ));
    let renewed = demo.watcher.await_event(EventKind::Refreshed, LIFETIME, &demo.say)?;
    let new = demo.token()?;
    let new_token = new.token.as_ref().map(|token| token.expose()).unwrap_or_default();
    // The reader has to meet the new token too.
    thread::sleep(MOMENT);
    let tally = reader.finish();
    let ahead = old_ends.saturating_duration_since(renewed);
    demand("the refresh to come before the old token's end", ahead.is_zero(), false)?;
    demand(
        "a new token after the refresh",
        fingerprint(new_token) == fingerprint(old_token),
        false,
    )?;
    let calls = demo.stage.idp.refreshes()? - calls_before;
    demand("refresh calls that reached the provider", calls, 1)?;
    demo.say.good(&format!(
        "{} is there {} before the old one's end",
        shortened(new_token),
        span(ahead)
    ));
    demo.demand_good(&tally)?;
    demand("tokens that the steady reader saw", tally.tokens, 2)?;
    demo.say.good(&format!("meanwhile {}", tally.words()));
    Ok(format!("{} ahead, {}", span(ahead), counted(calls, "refresh call", "refresh calls")))
}
