//! The cells of a refresh: with a token in hand that stays good, and with none.

use crate::cell::{Cells, seconds};
use crate::rows::{Lasts, Next, Row, Strike};
use crate::stage::{How, PAUSES, Stage, word};
use bearerd_client::ProfileState;
use bearerd_test_idp::{CallKind, Fault, Settings, Times};
use bearerd_tests::daemon::Rig;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Time for a failure, the fault's duration, and a pause that is kept; a quarter of it lies before the first refresh.
const LIFETIME: u64 = 14;
/// While an attempt stands without an answer.
const READS: usize = 20;

pub(crate) const COLUMNS: [&str; 13] = [
    "valid: a reader gets",
    "`status`",
    "calls",
    "until healed",
    "none: a caller gets",
    "answered",
    "`retry_after`",
    "the next caller",
    "`status`",
    "calls",
    "until healed",
    "caller's s",
    "run's s",
];

pub(crate) fn expected(row: &Row, valid: bool) -> Vec<String> {
    let is_silent = row.lasts != Lasts::Short;
    let lost = row.next == Next::Lost;
    let code = row.code.as_str();
    let status = match (row.next, code) {
        (Next::Over, _) => "login-required".to_owned(),
        (_, "misconfigured") => "misconfigured".to_owned(),
        _ if is_silent && valid => "ready".to_owned(),
        _ => format!("degraded: {code}"),
    };
    let healed = match (row.next, row.lasts) {
        (Next::Over, _) => "a login",
        (_, Lasts::Late) => "that answer",
        _ if lost && row.acted && !row.window => "1 call, a login",
        _ => "1 call",
    };
    let calls = match (row.next, row.window) {
        (Next::Over, _) => "1",
        (Next::Hold, _) => "1, then 6 s none",
        (Next::RetryAfter, _) => "1, then 5 s none",
        _ if is_silent => "1",
        (Next::Lost, true) if valid => "2, then none before its end is near",
        (Next::Lost, false) if valid => "1, then none before its end is near",
        (Next::Lost, true) => "2 at once, then paced",
        _ => "paced",
    };
    if valid {
        let reader = if is_silent { "token" } else { "token, degraded" };
        return [reader, &status, calls, healed].map(str::to_owned).to_vec();
    }
    let retry_after = match row.next {
        _ if is_silent => "1",
        Next::Over => "–",
        Next::Hold => "6",
        Next::RetryAfter => "5",
        // What is left of two seconds, rounded up: the attempt was not held back for the caller.
        _ if matches!(row.strike, Strike::Away) => "1 or 2",
        Next::Backoff | Next::Lost => "2",
    };
    let (how, next) = match row.lasts {
        // A refused connection takes no time, and can't be held for a caller to join: nobody can tell.
        _ if matches!(row.strike, Strike::Away) => ("–", "–"),
        Lasts::Short => ("with the attempt", "at once"),
        Lasts::Silent | Lasts::Late => ("after 12 s", "–"),
    };
    [code, how, retry_after, next, &status, calls, healed].map(str::to_owned).to_vec()
}

pub(crate) fn valid(row: &Row) -> Cells {
    let settings = Settings { access_token_seconds: LIFETIME, ..Rig::settings() };
    let stage = Stage::new(row, CallKind::Refresh, settings, PAUSES);
    let soon = Fault::Set { field: "refresh_in".into(), value: 1.into() };
    stage.idp.fault(CallKind::DevicePoll, soon, Times::Next(1));
    stage.daemon.log_in(Rig::PROFILE);
    let token = stage.daemon.token_text(Rig::PROFILE);
    let ends = stage.idp.ends_at(&token).unwrap();
    stage.strike();
    stage.idp.configure(|settings| settings.access_token_seconds = 300);
    if row.lasts == Lasts::Short {
        stage.until("a renewal fails", |status| status.last_error.is_some());
    } else {
        stage.idp.block_on(stage.idp.arrived(CallKind::Refresh, 1));
    }
    let first = stage.reader();
    match (row.lasts, row.next) {
        (Lasts::Silent | Lasts::Late, _) => (0..READS).for_each(|_| {
            assert_eq!(stage.reader(), first, "while the attempt stands there");
        }),
        (_, Next::Backoff) => stage.is_met_often(),
        (_, Next::Lost) if row.window => stage.until_attempts(2),
        // What has to be quiet is seen by the next request, which comes when the fault is over.
        _ => {}
    }
    assert_eq!(stage.daemon.token_text(Rig::PROFILE), token, "the same token all the while");
    let (reader, status) = (stage.reader(), stage.status());
    assert_eq!(first, reader, "from the first failure to the last");
    stage.heal();
    let healed = heals(&stage);
    let calls = match row.next {
        Next::Lost if row.lasts == Lasts::Short => {
            let (_, at) = stage.first_after();
            // A token counts as nearly used up a tenth of its life before its end (and the daemon's count of it begins
            // when it asks for it, up to a second before the provider's).
            let near = ends - Duration::from_millis(LIFETIME * 100 + 1000);
            match at >= near {
                true => format!("{}, then none before its end is near", stage.pace()),
                false => format!("{}, then one {:?} before its end", stage.pace(), ends - at),
            }
        }
        _ => calls_of(row, &stage),
    };
    Cells::of([reader, status, calls, healed])
}

pub(crate) fn none(row: &Row) -> Cells {
    let settings = Settings { access_token_seconds: 2, ..Rig::settings() };
    let stage = Stage::new(row, CallKind::Refresh, settings, PAUSES);
    stage.daemon.log_in(Rig::PROFILE);
    stage.strike();
    // The first refresh comes a second later.
    let hold = stage.hold();
    if let Some(hold) = &hold {
        hold.waiting();
    }
    stage.daemon.until_expired(Rig::PROFILE);
    stage.idp.configure(|settings| settings.access_token_seconds = 300);
    stage.daemon.until_connections(0);
    let can_be_held = hold.is_some();
    let released = AtomicBool::new(!can_be_held);
    let (asked, how, waited) = std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let (answer, how, waited) = stage.timed(|| stage.daemon.token(Rig::PROFILE));
            let how = if released.load(Ordering::SeqCst) { how } else { How::AtOnce };
            (answer, how, waited)
        });
        if let Some(hold) = hold {
            stage.daemon.until_connections(1);
            // Whatever is asked after the caller is answered after it has been heard.
            stage.status();
            released.store(true, Ordering::SeqCst);
            hold.release();
        }
        caller.join().unwrap()
    });
    let error = asked.unwrap_err();
    let next = match row.lasts {
        Lasts::Short if can_be_held => {
            let (again, how, _) = stage.timed(|| stage.daemon.token(Rig::PROFILE));
            assert_eq!(word(&again.unwrap_err()), word(&error), "the next caller gets the same");
            how.word()
        }
        // Joining this attempt is no other case; and where none can be held, nobody can tell.
        _ => "–",
    };
    let status = stage.status();
    if row.lasts == Lasts::Short && matches!(row.next, Next::Backoff | Next::Lost) {
        stage.is_met_often();
    }
    stage.heal();
    let healed = heals(&stage);
    let retry_after = match error.retry_after() {
        Some(1 | 2) if !can_be_held => "1 or 2".to_owned(),
        seconds => seconds.map_or("–".to_owned(), |seconds| seconds.to_string()),
    };
    let how = if can_be_held { how.word() } else { "–" };
    let calls = calls_of(row, &stage);
    let cells = [word(&error), how.to_owned(), retry_after, next.to_owned(), status, calls, healed];
    Cells::of(cells).timed(seconds(waited))
}

/// The requests that met the fault, and the pause behind them where one has to be kept.
fn calls_of(row: &Row, stage: &Stage) -> String {
    match row.next {
        Next::Hold => stage.pace_and_pause(6),
        Next::RetryAfter => stage.pace_and_pause(5),
        _ => stage.pace(),
    }
}

/// How it comes to an end after the fault's: by itself, or by a person.
fn heals(stage: &Stage) -> String {
    stage.until("it heals, or a person is asked", |status| {
        // Without a token in hand it may look ready while an attempt is under way.
        let renewed = status.expires_in.is_some_and(|seconds| seconds > LIFETIME);
        status.state == ProfileState::LoginRequired
            || status.state == ProfileState::Ready && renewed
    });
    let sent = stage.sent_since();
    let calls = match sent {
        1 => "1 call".to_owned(),
        more => format!("{more} calls"),
    };
    if stage.daemon.status(Rig::PROFILE).state == ProfileState::Ready {
        assert!(stage.idp.is_active(&stage.daemon.token_text(Rig::PROFILE)));
        assert_eq!(stage.idp.sessions().len(), 1, "without a login");
        return if sent == 0 { "that answer".to_owned() } else { calls };
    }
    stage.log_in();
    assert_eq!(stage.sent_since() - sent, 1, "the kept refresh token is tried once");
    if sent == 0 { "a login".to_owned() } else { format!("{calls}, a login") }
}
