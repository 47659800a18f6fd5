//! Whatever ends the daemon, the socket stays, and whoever waits at it is answered in the end.

use crate::installed::{Installed, SERVICE, SOCKET, TEST_AUTH, TEST_TOKEN, lines_of, until};

#[test]
fn a_daemon_that_dies_at_once_leaves_the_socket_and_heals() {
    // By the usual start limit of systemd the socket would fail at the sixth start.
    loop_of("exit 1", 7);
}

#[test]
fn a_daemon_that_ends_at_once_leaves_the_socket_and_heals() {
    // One that ends well is not restarted, but started for the caller who waits, without a pause: by the usual trigger
    // limit the socket would fail at the twenty-first start.
    loop_of("exit 0", 40);
}

/// The daemon's place is taken by a script that leaves a line and does `this`; then the daemon comes back.
fn loop_of(this: &str, starts: usize) {
    let installed = Installed::with(TEST_AUTH);
    let script = format!("ExecStart=sh -c 'echo start >>%h/starts; {this}'");
    installed.drop_in(&format!("Type=exec\nExecStart=\n{script}"));
    let mut caller = installed.curl_later();
    let count = installed.manager.home().join("starts");
    until("it was started often", || {
        assert!(caller.waits(), "the caller was turned away");
        lines_of(&count) >= starts
    });
    assert_eq!(installed.manager.property(SOCKET, "ActiveState"), "active");
    installed.remove_drop_in();
    // Nobody mends the units by hand: the caller who has waited since the first start is answered.
    let (status, answer) = caller.answer();
    assert_eq!((status, &answer["token"]), (200, &TEST_TOKEN.into()));
    assert_eq!(installed.token(), TEST_TOKEN);
    assert_eq!([SERVICE, SOCKET].map(|unit| installed.state(unit)), ["active running"; 2]);
}

#[test]
fn a_daemon_that_is_killed_again_and_again_comes_back_each_time() {
    let installed = Installed::with(TEST_AUTH);
    let mut last = 0;
    for _ in 0..7 {
        assert_eq!(installed.token(), TEST_TOKEN);
        let pid = installed.pid();
        assert_ne!(pid, last);
        last = pid;
        installed.manager.systemctl(&["kill", "--kill-who=main", "--signal=KILL", SERVICE]);
    }
    // The last time nobody asks: it comes back by itself.
    until("it is back", || ![0, last].contains(&installed.pid()));
    until("it serves", || installed.state(SERVICE) == "active running");
    assert_eq!(installed.manager.property(SOCKET, "ActiveState"), "active");
}

#[test]
fn a_daemon_that_hangs_is_started_anew() {
    let installed = Installed::with(TEST_AUTH);
    installed.drop_in("WatchdogSec=2");
    assert_eq!(installed.token(), TEST_TOKEN);
    let pid = installed.pid();
    // One that does not hang lives on, ping by ping.
    let mut pings = vec![installed.manager.property(SERVICE, "WatchdogTimestampMonotonic")];
    until("it has pinged for more than one period", || {
        let last = installed.manager.property(SERVICE, "WatchdogTimestampMonotonic");
        if pings.last() != Some(&last) {
            pings.push(last);
        }
        pings.len() > 4
    });
    assert_eq!(installed.pid(), pid);

    installed.manager.systemctl(&["kill", "--kill-who=main", "--signal=STOP", SERVICE]);
    let (status, answer) = installed.curl();
    assert_eq!((status, &answer["token"]), (200, &TEST_TOKEN.into()));
    assert!(![0, pid].contains(&installed.pid()));
    assert!(installed.manager.journal().contains("Failed with result 'watchdog'."));
}
