//! A restart is not noticed: not by those who read, and not by the IdP.

use crate::installed::{Installed, SERVICE, until};
use crate::reader::{self, READS_PER_SECOND, Reads};
use crate::role;
use bearerd_test_idp::{CallKind, Settings, TestIdp};
use std::collections::BTreeSet;
use std::process::Stdio;

const RESTARTS: usize = 20;

#[test]
fn twenty_restarts_under_load_fail_no_read_and_need_no_login() {
    if role::is_played() {
        return reader::play();
    }
    // Tokens so short that refreshes happen between the restarts, and in them.
    let idp = TestIdp::start_blocking(Settings {
        access_token_seconds: 4,
        device_interval_seconds: Some(1),
        auto_approve: Some("jane".to_owned()),
        ..Settings::default()
    });
    let installed = Installed::without_start(&sso(&idp));
    // A system call that the unit forbids ends the daemon here, so that it can't go unnoticed.
    installed.drop_in("Environment=BEARERD_LOG=debug\nSystemCallErrorNumber=kill");
    installed.manager.systemctl(&["enable", "--now", "--quiet", SERVICE]);
    installed.bearerctl(&["login", "--no-qr"]).succeeded();

    installed.manager.install(&std::env::current_exe().unwrap(), "reader");
    let test = "restarts::twenty_restarts_under_load_fail_no_read_and_need_no_login";
    let words = role::words(&installed.manager.home().join("reader"), test);
    let mut readers = installed.manager.command(["env"]);
    readers.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut readers = readers.spawn().unwrap();

    let mut pids = BTreeSet::from([installed.pid()]);
    for restart in 0..RESTARTS {
        installed.manager.systemctl(&["restart", SERVICE]);
        pids.insert(installed.pid());
        if restart % 4 == 0 {
            let sent = idp.refreshes_sent();
            until("the next refresh has come", || idp.refreshes_sent() > sent);
        }
    }
    drop(readers.stdin.take());
    let output = readers.wait_with_output().unwrap();
    let reads = Reads::from_output(&String::from_utf8(output.stdout).unwrap());
    println!("{RESTARTS} restarts, {} refreshes: {reads:?}", idp.refreshes_sent());

    assert_eq!(pids.len(), RESTARTS + 1);
    assert_eq!(reads.failures, [""; 0]);
    let wanted = u128::from(READS_PER_SECOND) * reads.milliseconds / 1000;
    assert!(u128::try_from(reads.good).unwrap() >= wanted * 9 / 10, "{wanted} were wanted");
    assert!(reads.tokens >= RESTARTS / 4);
    assert_eq!(idp.count(CallKind::DeviceStart), 1);
    let sessions = idp.sessions();
    assert!(sessions.len() == 1 && sessions[0].active, "{sessions:?}");
    assert!(idp.is_active(&installed.token()));

    let journal = installed.manager.journal();
    assert!(
        journal.contains("serving") && !journal.contains("bearerd.service: Failed with result")
    );
    for secret in idp.issued_secrets() {
        assert!(!journal.contains(&secret), "a secret stands in the journal");
    }
}

fn sso(idp: &TestIdp) -> String {
    // A name, not an address: looking it up is among what the unit has to allow.
    let addr = idp.base_url().replace("127.0.0.1", "localhost");
    format!(
        "[profile.jane]\nauth_type = \"sso\"\nkeycloak_addr = \"{addr}\"\nclient_id = \"sdk-client\"\n"
    )
}
