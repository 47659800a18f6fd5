//! `bearerctl` as it is run: what goes to stdout, what to stderr, and the exit code.

use crate::fake_daemon::{FakeDaemon, Reply, TOKEN, answer, refusal};
use bearerd_client::{ErrorBody, ErrorCode};
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `bearerctl` with nothing in its environment but the socket.
pub(crate) fn command(socket: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bearerctl"));
    command.args(line.split_whitespace()).env_clear().env("BEARERD_SOCKET", socket);
    command.stdin(Stdio::null());
    command
}

pub(crate) fn run(mut command: Command) -> Run {
    let output = command.output().unwrap();
    Run {
        exit: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs against a daemon that gives these bodies one after the other, with status 200.
pub(crate) fn run_against(bodies: &'static [&'static str], line: &str) -> (Run, Vec<String>) {
    let daemon = FakeDaemon::start(|number, _| Reply::Send(answer(200, bodies[number])));
    let run = run(command(&daemon.socket(), line));
    let seen = daemon.seen().into_iter().map(|seen| format!("{} {}", seen.line, seen.body));
    (run, seen.map(|seen| seen.trim_end().to_owned()).collect())
}

fn said(stdout: &str) -> Run {
    Run { exit: 0, stdout: stdout.to_owned(), stderr: String::new() }
}

const PENDING: &str = r#"{"state":"pending","login_id":"7","profile":"a","verification_uri":"https://idp/d",
"verification_uri_complete":"https://idp/d?c=WDJB","user_code":"WDJB","expires_at":1,"expires_in":600}"#;
const DONE: &str = r#"{"state":"done","user_id":"u","user_email":"jane@ex.co"}"#;
const PROFILES: &str = r#"{"default_profile":"a","profiles":[
{"profile":"a","auth_type":"sso","settings":{"realm":"master"}},{"profile":"b","auth_type":"none","settings":{}}]}"#;

#[test]
fn every_refusal_has_its_exit_code_and_goes_to_stderr() {
    let exits = [2, 7, 7, 3, 3, 3, 3, 5, 7, 4, 4, 4, 8, 8, 6, 6, 1];
    for (code, exit) in ErrorCode::ALL.into_iter().zip(exits) {
        let body = ErrorBody {
            // Longer than patience: `overloaded` and `shutting-down` are given up at once.
            retry_after: Some(60),
            login_hint: Some("bearerctl login a".to_owned()),
            ..ErrorBody::new(code, "the reason")
        };
        let bytes = answer(code.status(), &serde_json::to_string(&body).unwrap());
        let daemon = FakeDaemon::start(move |_, _| Reply::Send(bytes.clone()));
        let lines = [
            "token",
            "login",
            "logout --all",
            "status",
            "profile list",
            "profile show",
            "profile add a --auth-type none",
            "profile remove a",
        ];
        for line in lines {
            let expected = Run {
                exit,
                stdout: String::new(),
                stderr: "bearerctl: the reason\nhint: bearerctl login a\n".to_owned(),
            };
            assert_eq!(run(command(&daemon.socket(), line)), expected, "{code:?} of {line}");
        }
    }
}

#[test]
fn a_hint_that_the_sentence_holds_is_not_said_again() {
    for (message, hint) in [
        ("profile `a` is not logged in: run `bearerctl login a`", "bearerctl login a"),
        ("a login of profile `a` waits: open https://idp/d?c=W", "https://idp/d?c=W"),
    ] {
        let body = ErrorBody {
            login_hint: Some(hint.to_owned()),
            ..ErrorBody::new(ErrorCode::LoginRequired, message)
        };
        let bytes = answer(401, &serde_json::to_string(&body).unwrap());
        let daemon = FakeDaemon::start(move |_, _| Reply::Send(bytes.clone()));
        let run = run(command(&daemon.socket(), "token"));
        assert_eq!((run.exit, run.stderr), (3, format!("bearerctl: {message}\n")));
    }
}

#[test]
fn a_daemon_that_is_not_there_says_how_to_start_it() {
    let run = run(command(Path::new("/nowhere/s"), "token"));
    assert_eq!((run.exit, run.stdout.as_str()), (6, ""));
    assert!(run.stderr.starts_with("bearerctl: no bearerd answers at `/nowhere/s`: start it with"));
    assert!(
        run.stderr.contains("with `bearerctl --autostart status` where no systemd"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("\ncause: No such file"), "{}", run.stderr);
}

#[test]
fn what_is_not_bearerd_is_an_internal_error() {
    let (run, _) = run_against(&["<html>"], "token");
    assert_eq!((run.exit, run.stdout.as_str()), (1, ""));
}

#[test]
fn a_path_too_long_for_a_socket_is_said_to_be() {
    let run = run(command(Path::new(&"/x".repeat(60)), "status"));
    assert_eq!(run.exit, 6);
    assert!(run.stderr.contains("108 bytes"), "{}", run.stderr);
}

#[test]
fn wrong_usage_is_told_before_anybody_is_asked() {
    let daemon = FakeDaemon::start(|_, _| Reply::Close);
    for line in [
        "",
        "tokens",
        "token --strict",
        "token ../a",
        "logout a --all",
        "login --wait",
        "login --for soon",
        "login --password hunter2",
        "profile add a --auth-type sso --set realm",
        "profile remove",
    ] {
        let run = run(command(&daemon.socket(), line));
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{line}");
        assert!(!run.stderr.is_empty(), "{line}");
    }
    let mut wrong_variable = command(&daemon.socket(), "token");
    wrong_variable.env("BEARERD_PROFILE", "../a");
    assert_eq!(run(wrong_variable).exit, 2);
    assert_eq!(daemon.seen(), []);
}

#[test]
fn help_and_version_go_to_stdout() {
    for line in ["--help", "token --help", "--version"] {
        let run = run(command(Path::new("/nowhere/s"), line));
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{line}");
        assert!(!run.stdout.is_empty(), "{line}");
    }
}

#[test]
fn a_token_is_printed_bare_as_a_header_or_with_all() {
    let (run, seen) = run_against(&[TOKEN], "token");
    assert_eq!((run, seen), (said("t0ken\n"), vec!["GET /v1/token".to_owned()]));

    let (run, seen) = run_against(&[TOKEN], "token a --header --min-ttl 60 --strict --scope x");
    assert_eq!(run, said("Authorization: Bearer t0ken\n"));
    assert_eq!(seen, ["GET /v1/token?profile=a&min_ttl=60&strict=true&scope=x"]);

    let (_, seen) = run_against(&[TOKEN], "token --scope x --scope y --audience z");
    assert_eq!(seen, ["GET /v1/token?scope=x%20y&audience=z"]);

    let (run, _) = run_against(&[TOKEN], "token --json");
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&json["token"], &json["refresh_in"]), (&"t0ken".into(), &150.into()));
}

#[test]
fn a_profile_without_tokens_prints_none_and_succeeds() {
    let none = &[r#"{"token_type":"none","profile":"b","degraded":false}"#];
    for line in ["token b", "token b --header"] {
        let (run, _) = run_against(none, line);
        assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{line}");
        assert!(run.stderr.contains("`b`"), "{}", run.stderr);
    }
}

#[test]
fn a_token_of_an_unknown_type_is_not_printed() {
    let newer = &[r#"{"token_type":"DPoP","token":"s3cret","profile":"a","degraded":false}"#];
    let (run, _) = run_against(newer, "token");
    assert_eq!((run.exit, run.stdout.as_str()), (1, ""));
    assert!(!run.stderr.contains("s3cret"));
}

#[test]
fn the_profile_is_the_argument_else_the_variable() {
    let cases = [
        ("token a", "b", "?profile=a"),
        ("token", "b", "?profile=b"),
        ("token", "", ""),
        ("token --issuer i", "b", "?issuer=i"),
        ("token a --issuer i", "b", "?profile=a&issuer=i"),
    ];
    for (line, variable, query) in cases {
        let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, TOKEN)));
        let mut command = command(&daemon.socket(), line);
        command.env("BEARERD_PROFILE", variable);
        assert_eq!(run(command).exit, 0);
        assert_eq!(daemon.seen()[0].line, format!("GET /v1/token{query}"));
    }
}

#[test]
fn the_socket_is_the_option_else_the_environment() {
    let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, TOKEN)));
    let mut option = command(Path::new("/nowhere/s"), "token --socket");
    option.arg(daemon.socket());
    assert_eq!(run(option), said("t0ken\n"));

    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(daemon.socket(), folder.path().join("bearerd.sock")).unwrap();
    let mut runtime = command(Path::new(""), "token");
    runtime.env("XDG_RUNTIME_DIR", folder.path());
    assert_eq!(run(runtime), said("t0ken\n"));
}

#[test]
fn a_login_shows_its_link_and_waits() {
    let (run, seen) = run_against(&[PENDING, PENDING, DONE], "login a --replace");
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""));
    for part in ["https://idp/d?c=WDJB\n", "the code WDJB", "10 min", "Logged in as jane@ex.co.\n"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert!(!run.stderr.contains('█'), "no picture where nobody looks");
    assert_eq!(
        seen,
        [
            r#"POST /v1/login {"profile":"a","replace":true}"#,
            "GET /v1/login/7?wait=60",
            "GET /v1/login/7?wait=60"
        ]
    );
}

#[test]
fn a_login_that_is_not_waited_for_leaves_it_pending() {
    let (run, seen) = run_against(&[PENDING], "login --no-wait --qr --json");
    assert_eq!((run.exit, seen.len()), (0, 1));
    assert!(run.stderr.contains('█') && !run.stderr.contains("Logged in"), "{}", run.stderr);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&json["state"], &json["login_id"]), (&"pending".into(), &"7".into()));
}

#[test]
fn a_login_that_needs_nobody_is_done_at_once() {
    let (run, seen) = run_against(&[DONE], "login --json");
    assert_eq!((run.stderr.as_str(), seen.len()), ("Logged in as jane@ex.co.\n", 1));
    assert!(run.stdout.contains("\"done\""));
}

#[test]
fn a_login_that_fails_while_it_is_waited_for_ends_with_its_code() {
    let daemon = FakeDaemon::start(|number, _| match number {
        0 => Reply::Send(answer(200, PENDING)),
        _ => Reply::Send(refusal(ErrorCode::LoginDenied)),
    });
    let run = run(command(&daemon.socket(), "login"));
    assert_eq!(run.exit, 3);
    assert!(run.stderr.ends_with("bearerctl: said login-denied\n"), "{}", run.stderr);
}

#[test]
fn a_login_that_the_daemon_lost_in_a_restart_is_started_again() {
    const SECOND: &str = r#"{"state":"pending","login_id":"8","profile":"a","verification_uri":"https://idp/d",
"verification_uri_complete":"https://idp/d?c=MJHT","user_code":"MJHT","expires_at":1,"expires_in":600}"#;
    let daemon = FakeDaemon::start(|number, _| match number {
        0 => Reply::Send(answer(200, PENDING)),
        1 => Reply::Send(refusal(ErrorCode::NotFound)),
        2 => Reply::Send(answer(200, SECOND)),
        _ => Reply::Send(answer(200, DONE)),
    });
    let run = run(command(&daemon.socket(), "login a --replace"));
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let (before, after) = run.stderr.split_once("restarted").unwrap();
    assert!(before.contains("the code WDJB") && !before.contains("MJHT"), "{before}");
    assert!(after.contains("the code MJHT"), "{after}");
    assert!(after.ends_with("Logged in as jane@ex.co.\n"), "{after}");
    let seen: Vec<_> = daemon.seen().into_iter().map(|seen| seen.line + &seen.body).collect();
    let start = r#"POST /v1/login{"profile":"a","replace":true}"#;
    assert_eq!(seen, [start, "GET /v1/login/7?wait=60", start, "GET /v1/login/8?wait=60"]);
}

#[test]
fn a_daemon_that_loses_every_login_is_asked_for_no_more_than_five() {
    let daemon = FakeDaemon::start(|number, _| match number % 2 {
        0 => Reply::Send(answer(200, PENDING)),
        _ => Reply::Send(refusal(ErrorCode::NotFound)),
    });
    let run = run(command(&daemon.socket(), "login"));
    assert_eq!((run.exit, daemon.seen().len()), (7, 10), "{}", run.stderr);
}

#[test]
fn a_configuration_that_was_never_good_is_the_reason_and_not_that_there_is_no_profile() {
    const NONE: &str = r#"{"profiles":[]}"#;
    const FAULTY: &str = r#"{"version":"9","pid":1,"uptime":2,"config_error":"c.toml:3: write `none`","profiles":[]}"#;
    const EMPTY: &str = r#"{"version":"9","pid":1,"uptime":2,"profiles":[]}"#;
    for line in ["logout", "profile show", "profile show a"] {
        let (run, _) = run_against(&[NONE, FAULTY], line);
        assert_eq!((run.exit, run.stdout.as_str()), (8, ""), "{line}: {}", run.stderr);
        assert!(run.stderr.contains("c.toml:3: write `none`; mend it"), "{}", run.stderr);
        let (run, _) = run_against(&[NONE, EMPTY], line);
        assert_eq!((run.exit, run.stdout.as_str()), (7, ""), "{line}: {}", run.stderr);
    }
    for (status, exit) in [(&[FAULTY], 8), (&[EMPTY], 7)] {
        let (run, _) = run_against(status, "status a");
        assert_eq!((run.exit, run.stdout.as_str()), (exit, ""), "{}", run.stderr);
        assert_eq!(run_against(status, "status").0.exit, 0);
    }
}

#[test]
fn logout_names_the_profile_that_is_meant() {
    const GONE: &str = r#"{"profiles":[{"profile":"a","revocation":"revoked"}]}"#;
    let words = "Logged out of `a`; its refresh token is revoked.\n";
    let cases: [(&str, &'static [&'static str], &[&str]); 3] = [
        ("logout a", &[GONE], &[r#"POST /v1/logout {"profile":"a"}"#]),
        ("logout --all --no-revoke", &[GONE], &[r#"POST /v1/logout {"revoke":false}"#]),
        ("logout", &[PROFILES, GONE], &["GET /v1/profiles", r#"POST /v1/logout {"profile":"a"}"#]),
    ];
    for (line, bodies, requests) in cases {
        let (run, seen) = run_against(bodies, line);
        assert_eq!((run.exit, run.stdout.as_str(), run.stderr.as_str()), (0, "", words), "{line}");
        assert_eq!(seen, requests, "{line}");
    }
    let several = &[r#"{"profiles":[{"profile":"a","auth_type":"sso","settings":{}},
        {"profile":"b","auth_type":"sso","settings":{}}]}"#];
    let (run, seen) = run_against(several, "logout");
    assert_eq!((run.exit, seen.len()), (2, 1), "{}", run.stderr);
}

#[test]
fn status_shows_all_profiles_or_one() {
    const STATUS: &str = r#"{"version":"9","pid":1,"uptime":2,"profiles":[
        {"profile":"a","auth_type":"sso","state":"ready","saved":true,"fetches":3},
        {"profile":"b","auth_type":"sso","state":"degraded","saved":true,"fetches":3}]}"#;
    let (run, _) = run_against(&[STATUS], "status");
    assert_eq!((run.exit, run.stdout.lines().count(), run.stderr.as_str()), (0, 5, ""));
    assert!(!run.stdout.contains('\x1b'), "no colour but to a terminal");

    let (run, _) = run_against(&[STATUS], "status b --json");
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["profiles"].as_array().unwrap().len(), 1);
    assert_eq!(json["profiles"][0]["state"], "degraded");

    let (run, _) = run_against(&[STATUS], "status c");
    assert_eq!((run.exit, run.stdout.as_str()), (7, ""));
}

#[test]
fn profiles_are_listed_and_shown() {
    let (run, _) = run_against(&[PROFILES], "profile list");
    assert_eq!(run, said("a  sso  (default)\nb  none\n"));
    let (run, _) = run_against(&[PROFILES], "profile show");
    assert_eq!(run, said("[profile.a]\nauth_type = \"sso\"\nrealm = \"master\"\n"));
    let (run, _) = run_against(&[PROFILES], "profile show b --json");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap()["auth_type"],
        "none"
    );
    let (run, _) = run_against(&[PROFILES], "profile show c");
    assert_eq!(run.exit, 7);
}

#[test]
fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is() {
    let daemon = FakeDaemon::start(|_, _| Reply::Send(answer(200, TOKEN)));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut unread = command(&daemon.socket(), "token");
    unread.stdout(writer).stderr(Stdio::piped());
    let output = unread.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));

    let mut full = command(&daemon.socket(), "token");
    full.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    full.stderr(Stdio::piped());
    let output = full.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("t0ken"));
}
