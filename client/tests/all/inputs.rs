//! `bearerctl` with something to read: secrets, files, and what a person types at a terminal.

use crate::commands::{Run, command, run, run_against};
use crate::fake_daemon::{FakeDaemon, Reply, answer};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const DONE: &str = r#"{"state":"done","user_id":"u","user_email":"jane@ex.co"}"#;
const ADDED: &str =
    r#"{"profile":"a","auth_type":"sso","settings":{"realm":"master"},"run_time":true}"#;

/// Runs with this on stdin, against a daemon that gives `body`: what it did and the requests.
fn run_with(stdin: &str, body: &'static str, line: &str) -> (Run, Vec<String>) {
    let daemon = FakeDaemon::start(move |_, _| Reply::Send(answer(200, body)));
    let mut command = command(&daemon.socket(), line);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, stdin).unwrap();
    command.stdin(File::open(&file).unwrap());
    let run = run(command);
    let seen = daemon.seen().into_iter().map(|seen| format!("{} {}", seen.line, seen.body));
    (run, seen.map(|seen| seen.trim_end().to_owned()).collect())
}

#[test]
fn a_password_comes_by_stdin_and_shows_nowhere() {
    let line = "login a --username jane --password-stdin --for 8h";
    let (run, seen) = run_with("hunter2 \n", DONE, line);
    let words = "Logged in as jane@ex.co.\n".to_owned();
    assert_eq!(run, Run { exit: 0, stdout: String::new(), stderr: words });
    assert_eq!(
        seen,
        [
            r#"POST /v1/login {"profile":"a","username":"jane","password":"hunter2 ","lifetime":28800}"#
        ]
    );
}

#[test]
fn a_password_that_does_not_come_is_told_before_anybody_is_asked() {
    for (line, stdin, says) in [
        ("login --username jane", "hunter2\n", "`--password-stdin`"),
        ("login --password-stdin", "", "the password is missing"),
        ("login --password-stdin", "\n", "the password is missing"),
        ("import", "", "the refresh token is missing"),
        ("profile add a", "sso\n", "`--auth-type`"),
        ("profile add a --from-json -", "[]", "not one JSON object"),
        ("profile add a --from-json -", "{\"client_secret\":\"hunter2\"", "line 1, column"),
        ("profile add a --auth-type sso --set a=1 --set a=2", "", "twice"),
    ] {
        let (run, seen) = run_with(stdin, DONE, line);
        assert_eq!((run.exit, run.stdout.as_str(), seen.len()), (2, "", 0), "{line}");
        assert!(run.stderr.contains(says) && !run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}

#[test]
fn a_refresh_token_is_imported_from_stdin() {
    let (run, seen) = run_with("r3fresh\n", DONE, "import a --replace --json");
    assert_eq!((run.exit, run.stderr.as_str()), (0, "Imported: logged in as jane@ex.co.\n"));
    assert!(run.stdout.contains("\"done\""), "{}", run.stdout);
    let body = r#"{"profile":"a","refresh_token":"r3fresh","replace":true}"#;
    assert_eq!(seen, [format!("POST /v1/import {body}")]);
}

#[test]
fn a_refresh_token_is_imported_from_the_sdk_s_cache_where_it_is() {
    let home = tempfile::tempdir().unwrap();
    let write = |folder: &str, token: &str| {
        let folder = home.path().join(folder).join("wallaroo_sdk/auth");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("keycloak.json");
        let text = format!(r#"{{"access_token":"x","expiry":1.5,"refresh_token":"{token}"}}"#);
        std::fs::write(&file, text).unwrap();
        file
    };
    write(".cache", "of-home");
    write("cache", "of-variable");
    let named = write("elsewhere", "of-flag");
    let named = format!("--from-sdk-cache={}", named.display());
    let (cache, none) = (home.path().join("cache"), home.path().join("none"));
    let cases = [
        ("--from-sdk-cache", None, "of-home"),
        ("--from-sdk-cache", Some("relative".into()), "of-home"),
        ("--from-sdk-cache", Some(cache.clone()), "of-variable"),
        (named.as_str(), Some(cache), "of-flag"),
    ];
    let imports = |flag: &str, cache: &Option<std::path::PathBuf>| {
        let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, DONE)));
        let mut command = command(&daemon.socket(), "import");
        command.arg(flag).env("HOME", home.path());
        if let Some(cache) = cache {
            command.env("XDG_CACHE_HOME", cache);
        }
        (run(command), daemon.seen())
    };
    for (flag, cache, token) in cases {
        let (run, seen) = imports(flag, &cache);
        assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{flag}: {}", run.stderr);
        assert_eq!(seen[0].body, format!(r#"{{"refresh_token":"{token}"}}"#), "{flag}");
        assert!(run.stderr.contains("keycloak.json`") && !run.stderr.contains(token));
    }
    let (run, seen) = imports("--from-sdk-cache", &Some(none));
    assert_eq!((run.exit, seen.len()), (7, 0), "{}", run.stderr);
    assert!(run.stderr.contains("none/wallaroo_sdk/auth/keycloak.json"), "{}", run.stderr);
}

#[test]
fn a_profile_is_added_by_flags_or_by_json() {
    let added = "[profile.a]\nauth_type = \"sso\"\nrealm = \"master\"\n";
    let body = r#"{"auth_type":"sso","realm":"master","scopes":["openid"]}"#;
    let flags = "profile add a --auth-type sso --set realm=master --set scopes=openid";
    for (line, stdin) in [(flags, ""), ("profile add a --from-json -", body)] {
        let (run, seen) = run_with(stdin, ADDED, line);
        assert_eq!((run.exit, run.stdout.as_str()), (0, added), "{line}: {}", run.stderr);
        assert!(run.stderr.starts_with("Added `a`"), "{}", run.stderr);
        assert_eq!(seen, [format!("PUT /v1/profiles/a {body}")], "{line}");
    }
    let (run, _) = run_with("", ADDED, &format!("{flags} --json"));
    assert!(run.stdout.contains("\"run_time\": true"), "{}", run.stdout);
}

#[test]
fn a_removed_profile_says_what_became_of_its_token() {
    const GONE: &str = r#"{"profile":"a","revocation":"revoked"}"#;
    let (run, seen) = run_against(&[GONE], "profile remove a");
    let words = "Removed `a`; its refresh token is revoked.\n".to_owned();
    assert_eq!(run, Run { exit: 0, stdout: String::new(), stderr: words });
    assert_eq!(seen, ["DELETE /v1/profiles/a"]);
}

/// A terminal, and `command` run at it: what it shows, in turn with what is typed.
fn at_a_terminal(mut command: Command, dialogue: &[(&str, &str)]) -> (Option<i32>, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let path = std::ffi::OsStr::from_bytes(name.as_bytes());
    let theirs = File::options().read(true).write(true).open(path).unwrap();
    command.stdin(theirs.try_clone().unwrap()).stderr(theirs);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    drop(command);
    let mut terminal = File::from(ours);
    let mut shown = String::new();
    let mut bytes = [0; 4096];
    for (question, typed) in dialogue {
        let before = shown.len();
        while !shown[before..].contains(question) {
            // It ends with an error where the command has ended and nobody holds the other side.
            let count = terminal.read(&mut bytes).unwrap_or(0);
            assert_ne!(count, 0, "no `{question}`: {shown}");
            shown.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        terminal.write_all(typed.as_bytes()).unwrap();
    }
    while let Ok(count @ 1..) = terminal.read(&mut bytes) {
        shown.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    (child.wait().unwrap().code(), shown)
}

#[test]
fn a_password_is_typed_at_a_terminal_that_does_not_show_it() {
    for line in ["login --username jane", "login --username jane --password-stdin"] {
        let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, DONE)));
        let command = command(&daemon.socket(), line);
        let dialogue = [("Type the password: ", "hunter3\x7f2\n")];
        let (exit, shown) = at_a_terminal(command, &dialogue);
        assert_eq!(exit, Some(0), "{shown}");
        assert!(shown.ends_with("Logged in as jane@ex.co.\r\n"), "{shown}");
        assert!(!shown.contains("hunter"), "{shown}");
        assert_eq!(daemon.seen()[0].body, r#"{"username":"jane","password":"hunter2"}"#);
    }
}

#[test]
fn who_gives_up_at_the_question_sends_nothing() {
    let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, DONE)));
    for (line, question, keys) in [
        ("login --username jane", "password: ", "hunt\x03"),
        ("import", "refresh token: ", "\x04"),
        ("profile add a", "[sso]: ", "\x04"),
    ] {
        let (exit, shown) = at_a_terminal(command(&daemon.socket(), line), &[(question, keys)]);
        assert_eq!(exit, Some(2), "{line}: {shown}");
        assert!(shown.contains("nothing is done"), "{line}: {shown}");
    }
    assert_eq!(daemon.seen(), []);
}

#[test]
fn a_person_is_asked_what_a_profile_is_like() {
    let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, ADDED)));
    let dialogue = [
        ("[sso]: ", "\n"),
        ("issuer", "\n"),
        ("without /auth: ", "https://kc\n"),
        ("realm [master]: ", "\n"),
        ("client [sdk-client]: ", "\n"),
        ("scopes", "openid email\n"),
    ];
    let (exit, shown) = at_a_terminal(command(&daemon.socket(), "profile add a"), &dialogue);
    assert_eq!(exit, Some(0), "{shown}");
    let body = r#"{"auth_type":"sso","keycloak_addr":"https://kc","scopes":["openid","email"]}"#;
    assert_eq!(daemon.seen()[0].body, body);
}

/// Some user who is not root, and has nothing.
const NOBODY: u32 = 65_534;

#[test]
fn no_secret_goes_to_a_listener_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        let mend = "needs root to become another user: run it as root, e.g. `sudo -E cargo test -p bearerd-client`";
        assert!(std::env::var_os("CI").is_none(), "{mend}");
        eprintln!("not run: {mend}");
        return;
    }
    let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, DONE)));
    let folder = daemon.socket().parent().unwrap().to_owned();
    let program = folder.join("bearerctl");
    std::fs::copy(env!("CARGO_BIN_EXE_bearerctl"), &program).unwrap();
    for (path, mode) in [(&folder, 0o755), (&daemon.socket(), 0o777), (&program, 0o755)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    for line in ["login --username jane --password-stdin", "import --replace"] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"hunter2").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut stranger = Command::new(&program);
        stranger.args(line.split_whitespace()).env_clear().env("BEARERD_SOCKET", daemon.socket());
        stranger.stdin(file).current_dir("/").uid(NOBODY).gid(NOBODY);
        let run = run(stranger);
        assert_eq!(run.exit, 7, "{line}: {}", run.stderr);
        assert!(run.stderr.contains("process of user 0"), "{line}: {}", run.stderr);
    }
    assert_eq!(daemon.seen(), [], "nothing was sent");
}
