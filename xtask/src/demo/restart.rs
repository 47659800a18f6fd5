//! The chapter of the crash: `kill -9`, a start, and everybody goes on without a login.

use super::reader::Reader;
use super::watcher::Watcher;
use super::{Demo, LIFETIME, demand, fingerprint};
use crate::failure::Failure;
use crate::terminal::{grouped, span};
use bearerd_client::EventKind;

/// Kills the daemon under a steady reader, starts it again, and waits for its next refresh.
pub(crate) fn kill(demo: &mut Demo<'_>) -> Result<String, Failure> {
    let reader = Reader::start(&demo.stage.socket());
    let before = demo.token()?;
    demo.say.command("kill -9 PID  # of the demo's daemon");
    demo.stage.kill_daemon()?;
    let refreshes = demo.stage.idp.refreshes()?;
    let took = demo.stage.start_daemon()?;
    let after = demo.token()?;
    let print = |answer: &bearerd_client::TokenAnswer| {
        answer.token.as_ref().map(|token| fingerprint(token.expose()))
    };
    let asked = demo.stage.idp.refreshes()? - refreshes;
    if asked == 0 {
        demand(
            "the token of before the crash, from the sealed file",
            print(&after),
            print(&before),
        )?;
        demo.say.good(&format!("it serves the same token again {} after its start", span(took)));
    } else {
        demo.say.good(&format!(
            "it serves again {} after its start, with a token just renewed",
            span(took)
        ));
    }
    demo.watcher = Watcher::open(&demo.stage.socket())?;
    // With the refresh token that the file had: a lost one would end the session here.
    demo.watcher.await_event(EventKind::Refreshed, 2 * LIFETIME, &demo.say)?;
    let tally = reader.finish();
    let logins = demo.stage.idp.counts()?.get("device-start").copied().unwrap_or(0);
    demand("logins since the demo began", logins, 1)?;
    demo.say.good("and renews it with the refresh token that it had saved: no login");
    demo.demand_good(&tally)?;
    demo.say.good(&format!("across the crash: {}", tally.words()));
    Ok(format!("no login, {} reads across it, all good", grouped(tally.good)))
}
