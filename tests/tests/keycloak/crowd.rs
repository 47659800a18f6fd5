//! Many processes on one expired token: one refresh, and each gets the new token.

use crate::stage::{PROFILE, Stage};
use bearerd_tests::binaries;
use bearerd_tests::gate_proxy::{Fate, Kind};
use std::collections::BTreeSet;
use std::process::Stdio;

/// Processes at once.
const CALLERS: usize = 64;

#[test]
fn sixty_four_processes_on_an_expired_token_share_one_refresh() {
    let stage = Stage::alone(60).logged_in();
    let daemon = stage.daemon();
    let old = stage.token_text();
    stage.proxy.hold(Kind::Refresh);
    stage.proxy.waiting(Kind::Refresh, 1);
    daemon.until(PROFILE, "half a minute has gone", |status| {
        status.expires_in.is_none_or(|left| left < 20)
    });
    daemon.until_expired(PROFILE);

    let mut processes: Vec<_> = (0..CALLERS)
        .map(|_| {
            let mut bearerctl = stage.home.command(&binaries::bearerctl());
            let bearerctl = bearerctl.args(["token", PROFILE]);
            bearerctl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    daemon.until_connections(CALLERS);
    for process in &mut processes {
        assert!(process.try_wait().unwrap().is_none(), "it waits");
    }
    assert_eq!(stage.events("REFRESH_TOKEN"), 0);
    stage.proxy.open(Kind::Refresh);

    let mut tokens = BTreeSet::new();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        stage.home.check_output(&["token", PROFILE], &output);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        tokens.insert(String::from_utf8(output.stdout).unwrap().trim_end().to_owned());
    }
    assert_eq!(stage.events("REFRESH_TOKEN"), 1, "until the last answer");
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 0);
    stage.assert_no_login();
    assert_eq!(tokens.len(), 1, "all got the same token");
    let newer = tokens.pop_first().unwrap();
    assert_ne!(newer, old);
    assert!(stage.admin.is_active(&newer).unwrap());
    let refreshes = stage.proxy.log_of(Kind::Refresh);
    assert_eq!((refreshes.len(), refreshes[0].fate), (1, Fate::Delivered));
}
