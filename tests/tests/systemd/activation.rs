//! The socket comes first: it starts the daemon, outlives it, and ends with it where that is meant.

use crate::installed::{Installed, SERVICE, SOCKET, TEST_AUTH, TEST_TOKEN};

#[test]
fn the_first_request_starts_the_daemon() {
    let installed = Installed::with(TEST_AUTH);
    assert_eq!(installed.state(SERVICE), "inactive dead");
    assert_eq!(installed.state(SOCKET), "active listening");
    let socket = installed.manager.runtime_folder().join("bearerd.sock");
    let words = ["stat", "--format=%a %U", socket.to_str().unwrap()];
    let user = installed.manager.run(["id", "-un"]).succeeded();
    assert_eq!(installed.manager.run(words).succeeded(), format!("600 {user}"));

    let (status, answer) = installed.curl();
    assert_eq!((status, &answer["token"]), (200, &TEST_TOKEN.into()));
    assert_eq!(installed.state(SERVICE), "active running");
    assert_eq!(installed.state(SOCKET), "active running");

    // The same once more, after the daemon was stopped, by the command for people.
    installed.manager.systemctl(&["stop", SERVICE]);
    assert_eq!(installed.state(SERVICE), "inactive dead");
    assert_eq!(installed.token(), TEST_TOKEN);
    assert_eq!(installed.state(SERVICE), "active running");
}

#[test]
fn the_daemon_never_runs_beside_its_socket() {
    let installed = Installed::without_start(TEST_AUTH);
    let systemctl = |words: &[&str]| installed.manager.systemctl(words);
    systemctl(&["start", SERVICE]);
    assert_eq!(installed.state(SOCKET), "active running");
    assert_eq!(installed.token(), TEST_TOKEN);

    systemctl(&["restart", SOCKET]);
    assert_eq!(installed.token(), TEST_TOKEN);
    assert_eq!([SOCKET, SERVICE].map(|unit| installed.state(unit)), ["active running"; 2]);

    systemctl(&["stop", SOCKET]);
    assert_eq!([SOCKET, SERVICE].map(|unit| installed.state(unit)), ["inactive dead"; 2]);
    let socket = installed.manager.runtime_folder().join("bearerd.sock");
    assert_eq!(installed.manager.run(["test", "-e", socket.to_str().unwrap()]).code, Some(1));
    // 6: bearerctl's code for a daemon that can't be reached.
    assert_eq!(installed.bearerctl(&["token"]).code, Some(6));
}
