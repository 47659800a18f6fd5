//! The cells of a login: its start, and its polls.

use crate::cell::{Cells, seconds};
use crate::rows::{Lasts, Next, Row};
use crate::stage::{PAUSES, Stage, word};
use bearerd_client::{ClientError, LoginAnswer, LoginRequest, PendingLogin, ProfileState};
use bearerd_test_idp::{CallKind, Settings};
use bearerd_tests::daemon::Rig;
use std::time::Duration;

pub(crate) const START_COLUMNS: [&str; 16] = [
    "valid: who logs in gets",
    "answered",
    "the next",
    "a reader gets",
    "`status`",
    "calls",
    "until healed",
    "none: who logs in gets",
    "answered",
    "the next",
    "a reader gets",
    "`status`",
    "calls",
    "until healed",
    "caller's s",
    "run's s",
];

pub(crate) const POLL_COLUMNS: [&str; 12] = [
    "valid: the login",
    "a reader gets",
    "`status`",
    "calls",
    "until healed",
    "none: the login",
    "a reader gets",
    "`status`",
    "calls",
    "until healed",
    "caller's s",
    "run's s",
];

pub(crate) fn expected_of_start(row: &Row, valid: bool) -> Vec<String> {
    let Some(code) = row.start else { return Cells::nothing(7).shown };
    let (reader, status) =
        if valid { ("token", "ready") } else { ("login-required", "login-required") };
    let cells = [code.as_str(), "with the attempt", "at once", reader, status, "1", "1 call"];
    cells.map(str::to_owned).to_vec()
}

pub(crate) fn start(row: &Row, valid: bool) -> Cells {
    if row.start.is_none() {
        return Cells::nothing(7);
    }
    let stage = stage(row, CallKind::DeviceStart, valid);
    stage.strike();
    let (answer, how, waited) = stage.timed(|| ask(&stage));
    let error = answer.unwrap_err();
    let (again, next, _) = stage.timed(|| ask(&stage));
    assert_eq!(word(&again.unwrap_err()), word(&error), "the next gets the same");
    let (reader, status) = (stage.reader(), stage.status());
    stage.heal();
    let calls = stage.pace();
    stage.idp.configure(|settings| settings.auto_approve = Some("jane".into()));
    stage.until_login_starts();
    let healed = format!("{} call", stage.sent_since());
    stage.until_logged_in();
    Cells::of([word(&error), how.word().into(), next.word().into(), reader, status, calls, healed])
        .timed(seconds(waited))
}

/// Whether the polls go on under the fault.
fn goes_on(row: &Row) -> bool {
    row.poll.is_none() || row.acted && !row.spares_refusals
}

pub(crate) fn expected_of_poll(row: &Row, valid: bool) -> Vec<String> {
    let ends_now = row.poll.filter(|_| !goes_on(row));
    let login = ends_now.map_or("goes on", |code| code.as_str());
    let reader = match (valid, ends_now) {
        (true, _) => "token",
        (false, Some(_)) => "login-required",
        (false, None) => "login-pending",
    };
    let calls = match (row.lasts, row.next) {
        (Lasts::Short, Next::RetryAfter) => "1, then 5 s none",
        (Lasts::Short, _) if ends_now.is_none() => "paced",
        // The second poll has a used code.
        _ if row.spares_refusals => "2, then none",
        (Lasts::Short, _) => "1, then none",
        _ => "1",
    };
    let healed = match (ends_now, row.poll, row.lasts) {
        (Some(_), ..) => "a login".to_owned(),
        (_, _, Lasts::Late) => "that answer".to_owned(),
        (_, Some(code), _) => format!("1 call: {}, a login", code.as_str()),
        _ => "1 call".to_owned(),
    };
    let status = if valid { "ready" } else { reader };
    [login, reader, status, calls, &healed].map(str::to_owned).to_vec()
}

pub(crate) fn poll(row: &Row, valid: bool) -> Cells {
    let stage = stage(row, CallKind::DevicePoll, valid);
    let before = stage.idp.count(CallKind::DevicePoll);
    if row.acted {
        stage.idp.configure(|settings| settings.auto_approve = Some("jane".into()));
    }
    if stage.is_seen() {
        stage.strike();
    }
    let LoginAnswer::Pending(login) = ask(&stage).unwrap() else { panic!("a login begins") };
    if stage.is_seen() {
        // The first poll comes a second later.
        stage.is_met_from_here_on();
    } else {
        stage.strike();
    }
    let follow = |wait| stage.daemon.client().login_state(&login.login_id, wait);
    match row.lasts {
        Lasts::Short => stage.until_attempts(1),
        Lasts::Silent | Lasts::Late => {
            stage.idp.block_on(stage.idp.arrived(CallKind::DevicePoll, before + 1));
        }
    }
    match (row.lasts, row.next) {
        (Lasts::Short, Next::RetryAfter) => {}
        (Lasts::Short, _) if goes_on(row) => stage.is_met_often(),
        (Lasts::Short, _) => {
            let _end = follow(Duration::from_secs(25));
        }
        _ => {}
    }
    let state = state_of(&follow(Duration::ZERO));
    let (reader, status) = (stage.reader(), stage.status());
    if !row.acted && state == "goes on" {
        stage.idp.approve(login.user_code.as_deref().unwrap(), "jane");
    }
    stage.heal();
    let end = state_of(&follow(Duration::from_secs(25)));
    let sent = match stage.sent_since() {
        0 => "that answer".to_owned(),
        1 => "1 call".to_owned(),
        more => format!("{more} calls"),
    };
    let healed = match (state == "goes on", end == "done") {
        (_, true) => sent,
        (true, false) => format!("{sent}: {end}, a login"),
        (false, false) => "a login".to_owned(),
    };
    if end == "done" {
        assert!(stage.idp.is_active(&stage.daemon.token_text(Rig::PROFILE)));
    } else {
        stage.log_in();
    }
    let calls = match row.next {
        // Its polls end with a login: the one poll since is that of the next login.
        _ if state != "goes on" => {
            let (calls, since) = (stage.pace(), stage.sent_since());
            if since == 1 {
                format!("{calls}, then none")
            } else {
                format!("{calls}, then {since}")
            }
        }
        Next::RetryAfter => stage.pace_and_pause(5),
        _ => stage.pace(),
    };
    Cells::of([state, reader, status, calls, healed])
}

/// A stage with a live session, or with nobody logged in; from then on nobody confirms a login by itself.
fn stage(row: &Row, kind: CallKind, valid: bool) -> Stage {
    let stage = Stage::new(row, kind, Rig::settings(), PAUSES);
    if valid {
        stage.daemon.log_in(Rig::PROFILE);
    }
    stage.idp.configure(|settings: &mut Settings| settings.auto_approve = None);
    stage
}

fn ask(stage: &Stage) -> Result<LoginAnswer, ClientError> {
    stage.daemon.client().login(&LoginRequest::default())
}

fn state_of(answer: &Result<LoginAnswer, ClientError>) -> String {
    match answer {
        Ok(LoginAnswer::Pending(PendingLogin { .. })) => "goes on".to_owned(),
        Ok(LoginAnswer::Done(_)) => "done".to_owned(),
        Err(error) => word(error),
    }
}

impl Stage {
    /// Asks for a login until one starts: for a moment, everybody gets the last failure.
    fn until_login_starts(&self) {
        bearerd_tests::daemon::eventually("a login starts", || ask(self).ok());
    }

    fn until_logged_in(&self) {
        self.until("logged in", |status| {
            status.login.is_none() && status.state == ProfileState::Ready
        });
        assert!(self.idp.is_active(&self.daemon.token_text(Rig::PROFILE)));
    }
}
