//! The exit codes of `bearerctl`, each from a real command at a real daemon.

use bearerd_test_idp::Settings;
use bearerd_tests::binaries;
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually};
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::process::{Output, Stdio};
use std::sync::Arc;

/// The command ends with this code; words are on stderr, data on stdout alone.
#[track_caller]
fn ends(home: &Home, arguments: &[&str], code: i32) -> Output {
    let output = home.bearerctl(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    if code != 0 {
        assert_eq!(output.stdout, b"", "{arguments:?}");
        assert_ne!(output.stderr, b"", "{arguments:?}");
    }
    output
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn zero_what_was_asked_for_is_done() {
    let rig = Rig::start();
    let home = &rig.home;
    let login = ends(home, &["login", "--no-qr"], 0);
    let said = String::from_utf8(login.stderr).unwrap();
    assert!(said.contains("/device?user_code=") && said.contains("jane@ex.co"), "{said}");
    assert_eq!(login.stdout, b"");

    let token = stdout(&ends(home, &["token"], 0));
    assert_eq!(token, format!("{}\n", rig.daemon.token_text(Rig::PROFILE)));
    let header = stdout(&ends(home, &["token", "wallaroo", "--header"], 0));
    assert_eq!(header, format!("Authorization: Bearer {token}"));
    let json = stdout(&ends(home, &["token", "--json"], 0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["token"], token.trim_end());
    ends(home, &["token", "--min-ttl", "60", "--strict"], 0);
    assert!(stdout(&ends(home, &["status"], 0)).contains("ready"));
    ends(home, &["status", "wallaroo", "--json"], 0);
    assert!(stdout(&ends(home, &["profile", "list"], 0)).contains("wallaroo  sso"));
    ends(home, &["profile", "show"], 0);
    ends(home, &["logout"], 0);
    ends(home, &["--help"], 0);
    assert!(rig.idp.sessions().iter().all(|session| !session.active));
}

#[test]
fn zero_a_login_that_is_waited_for_outlives_a_restart() {
    let rig = Rig::with(Settings { auto_approve: None, ..Rig::settings() }, "");
    let mut login = rig.home.command(&binaries::bearerctl());
    let login = login.args(["login", "--no-qr"]).stderr(Stdio::piped()).spawn().unwrap();
    let code = |rig: &Rig| {
        let status = rig.daemon.until(Rig::PROFILE, "a login waits", |one| one.login.is_some());
        status.login.unwrap().user_code.unwrap()
    };
    let first = code(&rig);
    let rig = rig.restarted(Daemon::terminate);
    let second = code(&rig);
    rig.idp.approve(&second, "jane");
    let output = login.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&first) && said.contains(&second), "{said}");
    assert!(said.ends_with("Logged in as jane@ex.co.\n"), "{said}");
}

#[test]
fn two_three_four_and_seven_tell_who_acts() {
    let rig = Rig::start();
    let home = &rig.home;
    ends(home, &["tokens"], 2);
    ends(home, &["token", "--strict"], 2);
    ends(home, &["token", "--scope", "a\"b"], 2);
    ends(home, &["login", "--for", "soon"], 2);
    ends(home, &["profile", "add", "x", "--auth-type", "nune"], 2);
    ends(home, &["profile", "remove", "wallaroo"], 2);
    ends(home, &["token"], 3);
    ends(home, &["token", "nobody"], 7);
    ends(home, &["login", "nobody"], 7);
    ends(home, &["status", "nobody"], 7);
    ends(home, &["logout", "nobody"], 7);
    ends(home, &["profile", "show", "nobody"], 7);
    ends(home, &["profile", "remove", "nobody"], 7);
    ends(home, &["token", "--issuer", "https://elsewhere"], 7);
    ends(home, &["import", "--from-sdk-cache"], 7);

    rig.idp.configure(|settings| settings.auto_approve = None);
    rig.idp.deny_next();
    ends(home, &["login"], 3);
    rig.idp.configure(|settings| settings.device_code_seconds = 1);
    ends(home, &["login"], 3);
    rig.idp.configure(|settings| settings.device_code_seconds = 600);
    ends(home, &["login", "--no-wait"], 0);
    ends(home, &["token"], 3);
    ends(home, &["logout"], 0);

    rig.idp.stop_listening();
    ends(home, &["login"], 4);
    rig.idp.start_listening();
    rig.idp.configure(|settings| settings.auto_approve = Some("jane".into()));
    // The failed start is everybody's answer for 2 s.
    eventually("a login can start again", || {
        (rig.daemon.bearerctl(&["login"]).status.code() == Some(0)).then_some(())
    });
    ends(home, &["token", "--min-ttl", "3600", "--strict"], 4);

    let two = "[profile.a]\nauth_type = \"none\"\n[profile.b]\nauth_type = \"none\"\n";
    rig.home.configure(two);
    rig.daemon.reload();
    ends(home, &["token"], 2);
    assert_eq!(ends(home, &["token", "a"], 0).stdout, b"", "there is no token to send");
}

#[test]
fn six_no_daemon_answers_and_eight_something_is_to_be_mended() {
    let home = Arc::new(Home::new());
    let output = ends(&home, &["token"], 6);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("bearerd.sock"), "{said}");

    home.configure("[profile.a]\nauth_type = \"nune\"\n");
    let daemon = Daemon::start(&home);
    ends(&home, &["token"], 8);
    for line in [&["login"][..], &["logout"], &["logout", "--all"], &["profile", "show"]] {
        ends(&home, line, 8);
    }
    ends(&home, &["status", "a"], 8);
    ends(&home, &["status"], 0);
    daemon.terminate();
    ends(&home, &["status"], 6);
}

#[test]
fn eight_the_saved_session_cannot_be_opened() {
    let rig = Rig::with(Settings::default(), "");
    let Rig { daemon, home, .. } = rig;
    daemon.terminate();
    std::fs::write(home.session_file(Rig::PROFILE), "no session").unwrap();
    use std::os::unix::fs::PermissionsExt;
    let private = PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(home.session_file(Rig::PROFILE), private).unwrap();
    let _daemon = Daemon::start(&home);
    ends(&home, &["token"], 8);
}

#[test]
fn one_what_listens_there_is_not_bearerd() {
    let home = Home::new();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let stranger = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 mail.example.com ESMTP\r\n\r\n").unwrap();
    });
    ends(&home, &["token"], 1);
    stranger.join().unwrap();
}
