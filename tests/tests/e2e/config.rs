//! The configuration: wrong at the start, wrong at a reload, and moved under a live session.

use bearerd_client::{ErrorCode, ProfileState};
use bearerd_test_idp::{CallKind, Settings, TestIdp};
use bearerd_tests::binaries;
use bearerd_tests::daemon::{Daemon, Home, Rig};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

const BAD: &str =
    "[profile.wallaroo]\nauth_type = \"sso\"\nkeycloak_adr = \"http://127.0.0.1:1\"\n";

#[test]
fn a_bad_file_at_the_start_makes_every_token_request_say_what_to_mend() {
    let home = Arc::new(Home::new());
    home.configure(BAD);
    let daemon = Daemon::start(&home);
    let reason = format!("{}:3", home.config_file().display());
    for error in [
        daemon.token("wallaroo").unwrap_err(),
        daemon.token("another").unwrap_err(),
        daemon.reject("wallaroo", "t").unwrap_err(),
        daemon.client().login(&Default::default()).unwrap_err(),
    ] {
        assert_eq!(error.code(), Some(ErrorCode::Misconfigured), "{error}");
        assert!(error.to_string().contains(&reason), "{error}");
        assert!(error.to_string().contains("keycloak_addr"), "what to write instead: {error}");
    }
    let config_error = daemon.client().status().unwrap().config_error.unwrap();
    assert!(config_error.contains(&reason), "{config_error}");

    let idp = Arc::new(TestIdp::start_blocking(Rig::settings()));
    home.configure(&home.sso("wallaroo", &idp));
    daemon.reload();
    assert_eq!(daemon.client().status().unwrap().config_error, None);
    daemon.log_in("wallaroo");
    assert!(idp.is_active(&daemon.token_text("wallaroo")));
}

#[test]
fn a_bad_file_at_a_reload_is_rejected_whole_and_the_old_one_stays() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    rig.home.configure(&format!("[profile.new]\nauth_type = \"none\"\n{BAD}"));
    rig.daemon.reload();
    let config_error = rig.daemon.client().status().unwrap().config_error.unwrap();
    assert!(config_error.contains(&format!("{}:5", rig.home.config_file().display())));
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    let error = rig.daemon.token("new").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownProfile), "rejected whole");
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)), "refreshes go on");
    rig.home.configure(&rig.home.sso(Rig::PROFILE, &rig.idp));
    rig.daemon.reload();
    assert_eq!(rig.daemon.client().status().unwrap().config_error, None);
}

#[test]
fn check_config_judges_without_starting_and_shows_no_value() {
    let home = Home::new();
    home.secrets().add("hunter2-hunter2-hunter2");
    let check = |text: &str| {
        home.configure(text);
        let mut command = home.command(&binaries::bearerd());
        let output = command.arg("--check-config").output().unwrap();
        home.secrets().must_not_be_in("what --check-config says", &output.stderr);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check("[profile.a]\nauth_type = \"none\"\n").0, Some(0));
    let file = home.config_file().display().to_string();
    let bad = [
        ("[profile.a]\nauth_type = \"nune\"\n", 2),
        ("[profile.a]\nauth_type = 7\n", 2),
        ("[profile.a]\nauth_type = \"sso\"\n", 1),
        ("[profile.a]\nauth_type = \"none\"\npassword = \"hunter2-hunter2-hunter2\"\n", 3),
        ("[profile.a]\nauth_type = \"sso\"\nkeycloak_addr = \"http://idp.example.com\"\n", 3),
        ("[profile.a\n", 1),
        ("default_profile = \"b\"\n[profile.a]\nauth_type = \"none\"\n", 1),
    ];
    for (text, line) in bad {
        let (code, said) = check(text);
        assert_eq!(code, Some(2), "{text}");
        assert!(said.contains(&format!("{file}:{line}:")), "{text}: {said}");
    }
    // Every secret file that can't be used is told, each with its profile, its key and what mends it.
    let folder = home.config_file().parent().unwrap().to_owned();
    let open = folder.join("open");
    fs::write(&open, "hunter2-hunter2-hunter2").unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    let batch = "auth_type = \"client_credentials\"\nissuer = \"https://idp.example.com\"\nclient_id = \"batch\"\n";
    let text = format!(
        "[profile.a]\n{batch}client_secret_file = \"open\"\n[profile.b]\n{batch}private_key_file = \"missing.pem\"\n"
    );
    let (code, said) = check(&text);
    let (open, missing) = (open.display(), folder.join("missing.pem").display().to_string());
    let expected = [
        format!(
            "{file}: profile `a`, `client_secret_file`: `{open}` is open to other users (its mode is 644); close it: chmod 600 {open}"
        ),
        format!(
            "{file}: profile `b`, `private_key_file`: failed to read `{missing}`; name a file that this user may read: No such file or directory (os error 2)"
        ),
    ];
    assert_eq!(
        (code, said.lines().collect::<Vec<_>>()),
        (Some(2), expected.iter().map(String::as_str).collect())
    );
    // Not left behind: the harness looks through the home for secrets.
    fs::remove_file(folder.join("open")).unwrap();
    home.configure("");
    assert!(!home.socket().exists() && !home.state().exists());
}

#[test]
fn check_config_tells_a_file_that_is_not_there_from_a_good_one() {
    let home = Home::new();
    let check = |argument: Option<&str>, variable: Option<&str>| {
        let mut command = home.command(&binaries::bearerd());
        command.arg("--check-config");
        command.args(argument.into_iter().flat_map(|file| ["--config", file]));
        command.envs(variable.map(|file| ("BEARERD_CONFIG", file)));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = check(None, None);
    assert_eq!(code, Some(0), "a fresh machine: {said}");
    let file = home.config_file().display().to_string();
    assert!(said.starts_with(&format!("{file}: there is no file there yet")), "{said}");
    let named = "/nonexistent/bearerd.toml";
    let mend = "there is no such file; write it, or name another one by --config or BEARERD_CONFIG";
    for (argument, variable) in [(Some(named), None), (None, Some(named))] {
        assert_eq!(check(argument, variable), (Some(2), format!("{named}: {mend}\n")));
    }
    home.configure("[profile.a]\nauth_type = \"none\"\n");
    assert_eq!(check(Some(&file), None), (Some(0), format!("{file}: good, 1 profile(s)\n")));
}

#[test]
fn a_session_goes_nowhere_else_than_where_it_came_from() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let own = rig.home.sso(Rig::PROFILE, &rig.idp);
    let elsewhere = Arc::new(TestIdp::start_blocking(Settings::default()));
    let moved = [
        rig.home.sso(Rig::PROFILE, &elsewhere),
        format!("{own}realm = \"other\"\n"),
        format!("{own}client_id = \"other-client\"\n"),
    ];
    for config in moved {
        rig.home.configure(&config);
        rig.daemon.reload();
        let what = config.lines().last().unwrap_or_default();
        rig.daemon.until(Rig::PROFILE, what, |it| it.state == ProfileState::LoginRequired);
        let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{what}: {error}");
        assert!(error.to_string().contains("kept"), "{what}: {error}");
        let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{what}: {error}");

        // Also after a restart in between.
        rig.home.configure(&own);
        rig.daemon.reload();
        rig.daemon.until(Rig::PROFILE, "back", |it| it.state == ProfileState::Ready);
        assert_eq!(rig.daemon.token_text(Rig::PROFILE), token, "{what}: the session is back");
    }
    assert_eq!(elsewhere.calls(), [], "nothing was sent to the new place");
    assert_eq!(rig.idp.refreshes_sent(), 0);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
}

#[test]
fn a_parked_session_survives_a_restart_and_a_login_elsewhere() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let own = rig.home.sso(Rig::PROFILE, &rig.idp);
    let elsewhere = Arc::new(TestIdp::start_blocking(Rig::settings()));
    rig.home.configure(&rig.home.sso(Rig::PROFILE, &elsewhere));
    let rig = rig.restarted(Daemon::terminate);
    let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
    rig.home.configure(&own);
    let rig = rig.restarted(Daemon::terminate);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);

    rig.home.configure(&rig.home.sso(Rig::PROFILE, &elsewhere));
    rig.daemon.reload();
    rig.daemon.log_in(Rig::PROFILE);
    assert!(elsewhere.is_active(&rig.daemon.token_text(Rig::PROFILE)));
    rig.daemon.until(Rig::PROFILE, "saved", |status| status.saved);
    let names: Vec<_> = std::fs::read_dir(rig.home.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let parked = names.iter().filter(|name| name.starts_with("wallaroo.parked-")).count();
    assert_eq!(parked, 1, "the old session is kept: {names:?}");
    assert_eq!(rig.idp.count(CallKind::Revoke), 0);
}

#[test]
fn a_profile_that_leaves_and_comes_back_has_its_session_again() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let own = rig.home.sso(Rig::PROFILE, &rig.idp);
    rig.home.configure("[profile.a]\nauth_type = \"none\"\n");
    rig.daemon.reload();
    let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownProfile));
    rig.home.configure(&own);
    rig.daemon.reload();
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)), "it is renewed again");
}

#[test]
fn without_a_configuration_there_is_nothing_to_serve_and_it_says_so() {
    let home = Arc::new(Home::new());
    let daemon = Daemon::start(&home);
    let status = daemon.client().status().unwrap();
    assert_eq!((status.profiles.len(), status.config_error), (0, None));
    let error = daemon.client().token(&Default::default()).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BadRequest), "{error}");
}

#[test]
fn a_pipe_in_the_files_place_is_refused_and_holds_up_no_end() {
    let rig = Rig::start().logged_in();
    let file = rig.home.config_file();
    std::fs::remove_file(&file).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, mode).unwrap();
    rig.daemon.reload();
    let config_error = rig.daemon.client().status().unwrap().config_error.unwrap();
    assert!(config_error.contains("no regular file"), "{config_error}");
    rig.daemon.token_text(Rig::PROFILE);
    std::fs::remove_file(&file).unwrap();
    rig.daemon.terminate();
}
