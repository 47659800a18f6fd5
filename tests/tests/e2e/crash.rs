//! `kill -9`, and saved sessions that can't be opened.

use bearerd_client::{Client, ErrorCode, ProfileState, RejectRequest, Secret};
use bearerd_test_idp::{CallKind, When};
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

#[test]
fn a_killed_daemon_serves_again_without_a_login_while_the_provider_is_away() {
    let rig = Rig::start().logged_in();
    let of_login = rig.daemon.token_text(Rig::PROFILE);
    rig.idp.stop_listening();
    let rig = rig.restarted(Daemon::kill9);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), of_login);

    rig.idp.start_listening();
    let renewed = rig.daemon.renew(Rig::PROFILE);
    rig.idp.stop_listening();
    let rig = rig.restarted(Daemon::kill9);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), renewed);

    // The refresh token on disk is the rotated one: an older one would end the session.
    rig.idp.start_listening();
    let newer = rig.daemon.renew(Rig::PROFILE);
    assert_ne!(newer, renewed);
    assert!(rig.idp.is_active(&newer));
    assert_eq!(rig.idp.count(CallKind::DeviceStart), 1);
}

#[test]
fn killed_after_each_renewal_it_never_loses_the_session() {
    let mut rig = Rig::start().logged_in();
    for round in 1..=8 {
        let renewed = rig.daemon.renew(Rig::PROFILE);
        rig = rig.restarted(Daemon::kill9);
        assert_eq!(rig.daemon.token_text(Rig::PROFILE), renewed, "round {round}");
    }
    assert_eq!(rig.idp.refreshes_sent(), 8);
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::Ready);
}

#[test]
fn what_is_lost_between_an_answer_and_the_disk_is_said_honestly() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.gate(CallKind::Refresh, When::After);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let client = rig.home.client().with_patience(Duration::from_secs(1));
            let token = Secret::new(&*token);
            client.reject(&RejectRequest { profile: None, token }).unwrap_err()
        });
        // The provider has rotated the refresh token, and the daemon has not heard of it.
        rig.idp.block_on(gate.waiting(1));
        rig.daemon.signal(rustix::process::Signal::KILL);
    });
    gate.release();
    let rig = rig.restarted(|daemon| {
        daemon.ended();
    });
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token, "the token in hand is still served");
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired));
    assert!(error.to_string().contains("killed between an answer and its save"), "{error}");
    assert_eq!(rig.idp.refreshes_sent(), 2, "the old one is not tried again");
    rig.daemon.log_in(Rig::PROFILE);
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
}

#[test]
fn sessions_that_cannot_be_opened_are_kept_and_say_why() {
    let rig = Rig::start();
    let names = ["torn", "blank", "foreign", "renamed", "damaged", "linked", "good"];
    let profiles: String = names.iter().map(|name| rig.home.sso(name, &rig.idp)).collect();
    rig.home.configure(&profiles);
    rig.daemon.reload();
    std::thread::scope(|scope| {
        for name in names {
            scope.spawn(|| rig.daemon.log_in(name));
        }
    });
    let good = rig.daemon.token_text("good");
    let Rig { daemon, home, idp } = rig;
    daemon.terminate();

    let file = |name: &str| home.session_file(name);
    let whole = std::fs::read(file("torn")).unwrap();
    std::fs::write(file("torn"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(file("blank"), vec![0; whole.len()]).unwrap();
    std::fs::write(file("foreign"), "{\"refresh_token\": \"from elsewhere\"}").unwrap();
    std::fs::copy(file("good"), file("renamed")).unwrap();
    let mut damaged = std::fs::read(file("damaged")).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(file("damaged"), damaged).unwrap();
    std::fs::rename(file("linked"), home.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(home.path().join("elsewhere"), file("linked")).unwrap();
    let before: Vec<_> = names.iter().map(|name| std::fs::read(file(name)).unwrap()).collect();

    idp.clear_calls();
    let daemon = Daemon::start(&home);
    let reasons = [
        ("torn", "torn.session"),
        ("blank", "blank.session"),
        ("foreign", "not a sealed session"),
        ("renamed", "profile `good`"),
        ("damaged", "damaged or tampered"),
        ("linked", "not a regular file"),
    ];
    for (name, reason) in reasons {
        let error = daemon.token(name).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::StateUnreadable), "{name}: {error}");
        assert!(error.to_string().contains(reason), "{name}: {error}");
        assert_eq!(error.login_hint(), Some(&*format!("bearerctl login {name}")));
        let status = daemon.status(name);
        assert_eq!(status.state, ProfileState::StateUnreadable);
        assert!(status.last_error.unwrap().message.contains(reason));
    }
    assert_eq!(daemon.token_text("good"), good, "the others go on");
    assert_eq!(idp.calls(), [], "no login starts because of it, and nothing is refreshed");
    daemon.terminate();
    for (name, before) in names.iter().zip(&before) {
        assert_eq!(std::fs::read(file(name)).unwrap(), *before, "{name} is as it was");
    }

    // A login that a person asks for moves the file aside and goes on.
    let daemon = Daemon::start(&home);
    std::thread::scope(|scope| {
        for (name, before) in names.iter().zip(&before).filter(|(name, _)| **name != "linked") {
            let (daemon, idp, home) = (&daemon, &idp, &home);
            scope.spawn(move || {
                daemon.log_in(name);
                assert!(idp.is_active(&daemon.token_text(name)));
                assert!(daemon.status(name).saved, "{name}");
                let aside = set_aside(home, name, "unreadable");
                assert_eq!(aside.len(), usize::from(*name != "good"), "{name}: {aside:?}");
                if let [aside] = &aside[..] {
                    assert_eq!(std::fs::read(aside).unwrap(), *before, "{name}");
                }
            });
        }
    });
    daemon.kill9();
    let daemon = Daemon::start(&home);
    for name in ["torn", "damaged", "good"] {
        assert!(idp.is_active(&daemon.token_text(name)), "{name}");
    }
}

/// Files of `NAME.WHY-TIME` in the state folder.
fn set_aside(home: &Home, profile: &str, why: &str) -> Vec<PathBuf> {
    let start = format!("{profile}.{why}-");
    let entries = std::fs::read_dir(home.state()).unwrap().flatten();
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start))
    };
    entries.map(|entry| entry.path()).filter(named).collect()
}

#[test]
fn a_key_that_is_gone_or_another_one_opens_nothing_and_comes_back() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let key = rig.home.state().join("key");
    let hidden = rig.home.path().join("key");
    let Rig { daemon, home, idp } = rig;
    daemon.terminate();
    std::fs::rename(&key, &hidden).unwrap();
    let daemon = Daemon::start(&home);
    refuses(&daemon, "is missing");
    daemon.terminate();

    std::fs::write(&key, [7; 32]).unwrap();
    private(&key);
    let daemon = Daemon::start(&home);
    refuses(&daemon, "sealed with key");
    // Brought back, a reload is enough.
    std::fs::rename(&hidden, &key).unwrap();
    daemon.reload();
    daemon.until(Rig::PROFILE, "ready", |status| status.state == ProfileState::Ready);
    assert_eq!(daemon.token_text(Rig::PROFILE), token);
    assert_eq!(idp.count(CallKind::DeviceStart), 1);
}

fn refuses(daemon: &Daemon, reason: &str) {
    let error = daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::StateUnreadable), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn a_second_daemon_on_the_same_state_ends_at_once_and_names_the_first() {
    let rig = Rig::start().logged_in();
    let mend = "a second one beside it needs a socket and a state folder of its own (`bearerd --socket PATH --state \
                FOLDER`";
    let second = |socket: Option<&Path>| {
        let mut command = rig.home.command(&bearerd_tests::binaries::bearerd());
        command.args(socket.into_iter().flat_map(|socket| [Path::new("--socket"), socket]));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let calls = rig.idp.calls().len();
    let said = second(None);
    let [socket, state] =
        [rig.home.socket(), rig.home.state()].map(|path| path.display().to_string());
    assert!(said.contains(&format!("`{socket}` is served already")), "{said}");
    assert!(said.contains(mend) && said.contains(&format!("state is `{state}`")), "{said}");
    let said = second(Some(&rig.home.runtime_folder().join("second.sock")));
    assert!(said.contains(&format!("pid {}", rig.daemon.pid())), "{said}");
    assert!(said.contains(&socket) && said.contains(&state) && said.contains(mend), "{said}");
    assert_eq!(rig.idp.calls().len(), calls);
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)), "the first serves on");
    assert!(!rig.home.runtime_folder().join("second.sock").exists(), "it cleans up");

    let [socket, state] =
        ["second.sock", "second"].map(|name| rig.home.runtime_folder().join(name));
    let mut beside = rig.home.command(&bearerd_tests::binaries::bearerd());
    beside.arg("--socket").arg(&socket).arg("--state").arg(&state).stderr(Stdio::null());
    let mut beside = beside.spawn().unwrap();
    let status = eventually("the mend works", || Client::at(&socket).status().ok());
    assert_eq!(status.pid, beside.id());
    beside.kill().unwrap();
    beside.wait().unwrap();
}
