//! The units as files: systemd finds nothing to say about them, and what they switch on has an effect.

use crate::installed::{Installed, SERVICE, SERVICE_TEXT, SOCKET, SOCKET_TEXT, TEST_AUTH};
use bearerd_tests::user_manager::Ran;

#[test]
fn systemd_analyze_verify_prints_nothing() {
    let installed = Installed::without_start(TEST_AUTH);
    for unit in [SERVICE, SOCKET] {
        assert_eq!(words(verify(&installed, unit)), "", "{unit}");
    }
    // It exits with 0 whatever it finds: that it would say something has to be seen.
    installed
        .manager
        .install_unit("wrong.service", &format!("{SERVICE_TEXT}\n[Service]\nWrong=1\n"));
    assert!(words(verify(&installed, "wrong.service")).contains("Wrong"));
}

fn verify(installed: &Installed, unit: &str) -> Ran {
    let unit = installed.manager.home().join(".config/systemd/user").join(unit);
    installed.manager.run(["systemd-analyze", "--user", "verify", unit.to_str().unwrap()])
}

fn words(ran: Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
fn every_line_of_the_units_is_explained() {
    for text in [SERVICE_TEXT, SOCKET_TEXT] {
        let mut before = "";
        for line in text.lines() {
            let explained =
                before.starts_with('#') || line.starts_with(['#', '[']) || line.is_empty();
            assert!(explained, "`{line}` has no comment above it");
            before = line;
        }
    }
}

#[test]
fn enabling_the_service_enables_its_socket_too() {
    let installed = Installed::without_start(TEST_AUTH);
    let enabled = |unit| installed.manager.run(["systemctl", "--user", "is-enabled", unit]).stdout;
    assert_eq!([SERVICE, SOCKET].map(enabled), ["disabled", "disabled"]);
    installed.manager.systemctl(&["enable", "--quiet", SOCKET]);
    assert_eq!([SERVICE, SOCKET].map(enabled), ["disabled", "enabled"]);
    installed.manager.systemctl(&["enable", "--quiet", SERVICE]);
    assert_eq!([SERVICE, SOCKET].map(enabled), ["enabled", "enabled"]);
    installed.manager.systemctl(&["disable", "--quiet", SERVICE]);
    assert_eq!([SERVICE, SOCKET].map(enabled), ["disabled", "disabled"]);
}

#[test]
fn the_process_is_hardened_as_the_unit_says() {
    let installed = Installed::with(TEST_AUTH);
    installed.token();
    let pid = installed.pid();
    // The daemon has closed its /proc to its own user: root reads.
    let read = |file: &str| {
        let path = format!("/proc/{pid}/{file}");
        let output = installed.manager.root_command(["cat", &path]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (status, limits) = (read("status"), read("limits"));
    let field = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field(&status, "NoNewPrivs:"), ["1"]);
    // 2: a filter of system calls (proc_pid_status(5)).
    assert_eq!(field(&status, "Seccomp:"), ["2"]);
    assert_eq!(field(&status, "Umask:"), ["0077"]);
    assert_eq!(field(&limits, "Max core file size")[..2], ["0", "0"]);
    assert_eq!(field(&limits, "Max open files")[..2], ["8192", "8192"]);

    let words = ["systemd-analyze", "--user", "security", "--no-pager", SERVICE];
    let security = installed.manager.run(words).stdout;
    let score = security.lines().last().unwrap();
    println!("{score}");
    // In tenths; what PrivateUsers= would add does not work in every manager.
    let words = ["systemd-analyze", "--user", "security", "--threshold=67", SERVICE];
    assert_eq!(installed.manager.run(words).code, Some(0), "{score}");
}
