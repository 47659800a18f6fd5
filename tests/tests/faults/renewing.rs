//! The cells of a refresh: with a token in hand that stays good, and with none.

use crate::cell::{Cells, seconds};
use crate::rows::{Lasts, Next, Row};
use crate::stage::{PAUSES, Stage, word};
use bearerd_client::ProfileState;
use bearerd_test_idp::{CallKind, Fault, Settings, Times};
use bearerd_tests::daemon::Rig;

/// Time for a failure, the fault's duration, and a pause that is kept; a quarter of it lies before the first refresh.
const LIFETIME: u64 = 14;

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
        (Next::Over | Next::Hold | Next::RetryAfter, _) => "1",
        _ if is_silent => "1",
        (Next::Lost, true) if valid => "2",
        (Next::Lost, false) if valid => "1",
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
        Next::Backoff | Next::Lost => "2",
    };
    let (how, next) = match row.lasts {
        // What is refused at the door takes no time, and can't be held there for a caller to join.
        Lasts::Short if !row.is_seen() => ("at once", "at once"),
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
    stage.strike();
    stage.idp.configure(|settings| settings.access_token_seconds = 300);
    if row.lasts == Lasts::Short {
        stage.until("a renewal fails", |status| status.last_error.is_some());
    } else {
        stage.idp.block_on(stage.idp.arrived(CallKind::Refresh, 1));
    }
    let first = stage.reader();
    stage.goes_on();
    assert_eq!(stage.daemon.token_text(Rig::PROFILE), token, "the same token all the while");
    let (reader, status) = (stage.reader(), stage.status());
    assert_eq!(first, reader, "from the first failure to the last");
    stage.heal();
    let healed = heals(&stage);
    Cells::of([reader, status, stage.pace(), healed])
}

pub(crate) fn none(row: &Row) -> Cells {
    let settings = Settings { access_token_seconds: 2, ..Rig::settings() };
    let stage = Stage::new(row, CallKind::Refresh, settings, PAUSES);
    let gate = stage.is_seen().then(|| stage.idp.hold(CallKind::Refresh));
    stage.daemon.log_in(Rig::PROFILE);
    stage.strike();
    if let Some(gate) = &gate {
        stage.idp.block_on(gate.waiting(1));
    }
    stage.daemon.until_expired(Rig::PROFILE);
    stage.idp.configure(|settings| settings.access_token_seconds = 300);
    stage.daemon.until_connections(0);
    let (asked, how, waited) = std::thread::scope(|scope| {
        let caller = scope.spawn(|| stage.timed(|| stage.daemon.token(Rig::PROFILE)));
        if let Some(gate) = gate {
            stage.daemon.until_connections(1);
            // Whatever is asked after the caller is answered after it has been heard.
            stage.status();
            gate.release();
        }
        caller.join().unwrap()
    });
    let error = asked.unwrap_err();
    let next = match row.lasts {
        Lasts::Short => {
            let (again, how, _) = stage.timed(|| stage.daemon.token(Rig::PROFILE));
            assert_eq!(word(&again.unwrap_err()), word(&error), "the next caller gets the same");
            how.word()
        }
        // Joining this attempt is no other case.
        Lasts::Silent | Lasts::Late => "–",
    };
    let status = stage.status();
    if row.lasts == Lasts::Short {
        stage.goes_on();
    }
    stage.heal();
    let healed = heals(&stage);
    // Rounded up from what is left of a pause: never more than the pause.
    let retry_after = error.retry_after().map_or("–".to_owned(), |seconds| {
        let bound = expected(row, false)[2].parse().unwrap_or(0);
        if (1..=bound).contains(&seconds) { bound.to_string() } else { seconds.to_string() }
    });
    let how = if stage.is_seen() { how.word() } else { how.word_of_no_time() };
    let next = if stage.is_seen() || next == "–" { next } else { "at once" };
    let cells =
        [word(&error), how.to_owned(), retry_after, next.to_owned(), status, stage.pace(), healed];
    Cells::of(cells).timed(seconds(waited))
}

/// How it comes to an end after the fault's: by itself, or by a person.
fn heals(stage: &Stage) -> String {
    stage.until("it heals, or a person is asked", |status| {
        matches!(status.state, ProfileState::Ready | ProfileState::LoginRequired)
            && status.expires_in.is_none_or(|seconds| seconds > LIFETIME)
            || status.state == ProfileState::LoginRequired
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
