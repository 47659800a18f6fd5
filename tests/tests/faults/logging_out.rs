//! The cells of a logout: what it says of its revocation, and that nothing is left here.

use crate::cell::{Cells, seconds};
use crate::rows::Row;
use crate::stage::{LONG_PAUSES, Stage};
use bearerd_client::{LogoutRequest, Revocation};
use bearerd_test_idp::{CallKind, Fault, Settings, Times};
use bearerd_tests::daemon::Rig;

pub(crate) const COLUMNS: [&str; 12] = [
    "valid: the revocation",
    "answered",
    "a reader gets",
    "`status`",
    "calls",
    "none: the revocation",
    "answered",
    "a reader gets",
    "`status`",
    "calls",
    "caller's s",
    "run's s",
];

pub(crate) fn expected(row: &Row, _valid: bool) -> Vec<String> {
    let revocation = if row.revoked { "revoked" } else { "failed" };
    [revocation, "with the attempt", "login-required", "login-required", "1"]
        .map(str::to_owned)
        .to_vec()
}

pub(crate) fn play(row: &Row, valid: bool) -> Cells {
    let seconds_of_token = if valid { 300 } else { 2 };
    let settings = Settings { access_token_seconds: seconds_of_token, ..Rig::settings() };
    let stage = Stage::new(row, CallKind::Revoke, settings, LONG_PAUSES);
    if !valid {
        // One refresh that is told to come again in an hour: there is a session, and it has no token.
        let later = Fault::TooManyRequests { retry_after: 3600 };
        stage.idp.fault(CallKind::Refresh, later, Times::UntilCleared);
    }
    stage.daemon.log_in(Rig::PROFILE);
    if !valid {
        stage.idp.block_on(stage.idp.ended(CallKind::Refresh, 1));
        stage.daemon.until_expired(Rig::PROFILE);
        stage.until("the refresh failed", |status| status.last_error.is_some());
    }
    stage.strike();
    let (out, how, waited) =
        stage.timed(|| stage.daemon.client().logout(&LogoutRequest::default()));
    let out = out.unwrap().profiles;
    let revocation = match out[0].revocation {
        Revocation::Revoked => "revoked",
        Revocation::Failed => "failed",
        _ => "skipped",
    };
    assert_eq!(out[0].message.is_some(), revocation == "failed", "why not, and only then");
    assert!(!stage.daemon.home().session_file(Rig::PROFILE).exists(), "nothing is left here");
    let (reader, status) = (stage.reader(), stage.status());
    stage.heal();
    let calls = stage.pace();
    stage.idp.clear_faults(CallKind::Refresh);
    stage.idp.configure(|settings| settings.access_token_seconds = 300);
    stage.log_in();
    assert_eq!(stage.sent_since(), 0, "a revocation is not sent twice");
    let cells = [revocation.to_owned(), how.word().to_owned(), reader, status, calls];
    Cells::of(cells).timed(seconds(waited))
}
