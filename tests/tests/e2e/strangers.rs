//! Who gets nothing: other users, browsers, and whoever would look into the daemon's memory.

use crate::needs;
use bearerd_test_idp::TestIdp;
use bearerd_tests::binaries;
use bearerd_tests::daemon::{Daemon, Home, Rig, query};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `nobody`, who owns nothing.
const STRANGER: u32 = 65534;

/// A copy of a program that everybody may run.
fn copied(program: &Path, home: &Home) -> PathBuf {
    let copy = home.path().join(program.file_name().unwrap());
    std::fs::copy(program, &copy).unwrap();
    std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).unwrap();
    copy
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        needs("another user to try it as", "run the tests as root");
    }
    root
}

#[test]
fn another_user_gets_nothing_even_from_a_socket_that_stands_open() {
    if !is_root() {
        return;
    }
    let rig = Rig::start().logged_in();
    let bearerctl = copied(&binaries::bearerctl(), &rig.home);
    rig.home.let_everybody_in();
    std::fs::set_permissions(rig.home.socket(), PermissionsExt::from_mode(0o666)).unwrap();
    for arguments in [&["token"][..], &["status"], &["login"], &["logout"], &["profile", "list"]] {
        let mut command = rig.home.command(&bearerctl);
        let command = command.args(arguments).uid(STRANGER).gid(STRANGER).current_dir("/");
        let output = command.output().unwrap();
        // Here not even `token` may print one.
        rig.home.secrets().must_not_be_in("a stranger's stdout", &output.stdout);
        rig.home.check_output(arguments, &output);
        assert_eq!(output.status.code(), Some(7), "{arguments:?}: {output:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)), "nobody logged it out");
}

#[test]
fn root_gets_nothing_from_a_user_and_nobody_may_look_into_the_daemon() {
    if !is_root() {
        return;
    }
    let home = Arc::new(Home::new());
    let idp = Arc::new(TestIdp::start_blocking(Rig::settings()));
    home.configure(&home.sso(Rig::PROFILE, &idp));
    give_away(home.path());
    let mut command = home.command(&copied(&binaries::bearerd(), &home));
    command.uid(STRANGER).gid(STRANGER);
    let daemon = Daemon::start_as(&home, command);
    let reply = daemon.request("GET", "/v1/status", &[], "");
    assert_eq!((reply.status, reply.code()), (403, "forbidden".to_owned()));
    assert_eq!(idp.calls(), []);

    // The kernel gives the files of a process that may not be dumped to root (proc_pid(5)): its own user can neither
    // read its memory nor attach to it.
    assert_eq!(std::fs::metadata(daemon.proc("status")).unwrap().uid(), 0);
    assert_eq!(std::fs::metadata(daemon.proc("mem")).unwrap().uid(), 0);
    let uid = std::fs::read_to_string(daemon.proc("status")).unwrap();
    assert!(uid.lines().any(|line| line == "Uid:\t65534\t65534\t65534\t65534"), "{uid}");
}

fn give_away(folder: &Path) {
    chown(folder, Some(STRANGER), Some(STRANGER)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            give_away(&path);
        } else {
            chown(&path, Some(STRANGER), Some(STRANGER)).unwrap();
        }
    }
}

#[test]
fn a_crash_leaves_no_core() {
    let rig = Rig::start();
    let limits = std::fs::read_to_string(rig.daemon.proc("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let values: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "{core}");
}

#[test]
fn a_browser_is_refused_whatever_it_asks_for() {
    let rig = Rig::start().logged_in();
    let headers = ["Origin: http://localhost", "Origin: null", "Sec-Fetch-Site: same-origin"];
    let requests = [
        ("GET", "/v1/token", ""),
        ("GET", "/v1/events", ""),
        ("GET", "/v1/nothing", ""),
        ("POST", "/v1/logout", "{}"),
    ];
    for header in headers {
        for (method, target, body) in requests {
            let reply = rig.daemon.request(method, target, &[header], body);
            let got = (reply.status, reply.code());
            assert_eq!(got, (403, "forbidden".to_owned()), "{header} {method} {target}");
            rig.home.secrets().must_not_be_in("a refusal", reply.body.as_bytes());
        }
    }
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
}

#[test]
fn clients_that_are_silent_slow_or_malformed_harm_no_other() {
    let rig = Rig::start().logged_in();
    let connect = || UnixStream::connect(rig.home.socket()).unwrap();
    let huge = format!("GET /v1/token HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let sent: [&[u8]; 7] = [
        b"",
        b"GET /v1/tok",
        b"POST /v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        huge.as_bytes(),
    ];
    let held: Vec<_> = sent
        .into_iter()
        .cycle()
        .take(50 * sent.len())
        .map(|bytes| {
            let mut stream = connect();
            // The daemon may have had enough of it before it is all sent.
            let _refused_early = stream.write_all(bytes);
            stream
        })
        .collect();
    let client = rig.daemon.client();
    for _ in 0..1000 {
        client.token(&query(Rig::PROFILE)).unwrap();
    }
    drop(held);
    rig.daemon.until_connections(1);
}

#[test]
fn folders_and_files_are_the_users_alone() {
    let rig = Rig::start().logged_in();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&rig.home.state()), 0o700);
    assert_eq!(mode(&rig.home.socket()), 0o600);
    let mut files = 0;
    for entry in std::fs::read_dir(rig.home.state()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 3, "lock, key and session: {files}");
}

#[test]
fn no_secret_shows_in_what_people_are_told() {
    let rig = Rig::start();
    let home = Arc::clone(&rig.home);
    let look = |what: &str, text: &str| home.secrets().must_not_be_in(what, text.as_bytes());
    let login = rig.daemon.request("POST", "/v1/login", &[], "{}");
    look("a pending login", &login.body);
    let rig = rig.logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    for target in ["/v1/status", "/v1/profiles", "/v1/health"] {
        look(target, &rig.daemon.request("GET", target, &[], "").body);
    }
    // What a caller sends by mistake is not handed around either.
    let sent = format!("{{\"token\":\"{token}\",\"profile\":7}}");
    look("bad-request", &rig.daemon.request("POST", "/v1/token/reject", &[], &sent).body);
    for target in [
        format!("/v1/{token}"),
        format!("/v1/token/{token}"),
        format!("/v1/login/{token}"),
        format!("/v1/token?profile={token}"),
        format!("/v1/token?profile={token}*"),
        format!("/v1/token?min_ttl={token}"),
        format!("/v1/token?strict={token}"),
    ] {
        let reply = rig.daemon.request("GET", &target, &[], "");
        assert!(reply.status >= 400, "{target}");
        look(&format!("the answer {}", reply.status), &reply.body);
    }
    look("the log", &rig.daemon.log());
    rig.idp.log_out("jane");
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    look("an error", &format!("{error} {error:?}"));
    let answer = rig.daemon.token(Rig::PROFILE).unwrap();
    look("an answer's Debug", &format!("{answer:?}"));
}
