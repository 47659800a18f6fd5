//! The auth types that need no person, by their environment: each user gets their own token, whoever else is there.

use bearerd_client::ProfileState;
use bearerd_tests::keycloak::{BOB, CLIENT, JANE, OAuth, Person, REALM};
use bearerd_tests::sdk::{PROFILE, Program, Stage};
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn passwords_of_two_users_and_an_orchestrations_token_come_by_their_environment() {
    let stage = Stage::new(60).logged_in();
    stage.home.secrets().add(BOB.password);
    // Outside of the home: nothing there may hold a secret, and these files are of them.
    let elsewhere = tempfile::tempdir().unwrap();

    let by_variables = |person: Person, password: &str| {
        let variables = [("WALLAROO_USER", person.username), ("WALLAROO_PASSWORD", password)];
        start(&stage, "user_password", &variables, &[])
    };
    let both = [by_variables(JANE, JANE.password), by_variables(BOB, BOB.password)].map(told);
    assert_eq!(both[0], json!({"email": JANE.email, "status": [200]}));
    assert_eq!(both[1], json!({"email": BOB.email, "status": [200]}));
    let refreshed = told(by_variables(JANE, JANE.password));
    assert_eq!(refreshed["email"], JANE.email);
    assert_eq!(stage.events("LOGIN"), 2, "the third process has logged in anew");

    // A name with another spelling is another user's: the wrong password is not covered by a session that is there.
    let stranger = Person { username: "Jane", ..JANE };
    let refused = told(by_variables(stranger, "no password of hers"));
    assert_eq!(refused["error"], "TokenFetchError", "{refused}");
    assert_eq!(refused["code"], "login-denied", "{refused}");

    let file = elsewhere.path().join("bob.json");
    write(&file, &json!({"username": BOB.username, "password": BOB.password}));
    let by_file = [("WALLAROO_SDK_CREDENTIALS", file.to_str().unwrap())];
    assert_eq!(told(start(&stage, "user_password", &by_file, &[]))["email"], BOB.email);

    let token = stage.daemon.token(PROFILE).unwrap();
    let raw = json!({"token": token.token.unwrap().expose(), "user_email": "raw@ex.co", "user_id": "raw"});
    let file = elsewhere.path().join("token.json");
    write(&file, &raw);
    let by_file = [("WALLAROO_SDK_CREDENTIALS", file.to_str().unwrap())];
    let raw = told(start(&stage, "token", &by_file, &[]));
    assert_eq!(raw, json!({"email": "raw@ex.co", "status": [200]}));

    an_orchestration(&stage, elsewhere.path());

    // `logout` leaves what is in hand, and the profile that another program has made by hand.
    let both = told(start(&stage, "user_password", &by_variables_of(BOB), &["logout"]));
    assert_eq!(both, json!({"email": BOB.email, "status": [200, 200]}));
    let status = stage.daemon.client().status().unwrap();
    assert!(status.profiles.len() > 3, "{status:#?}");
    for profile in status.profiles {
        let expected = if profile.profile.as_str() == PROFILE {
            ProfileState::Ready
        } else {
            ProfileState::LoginRequired
        };
        assert_eq!(profile.state, expected, "{profile:#?}");
    }
    assert_eq!((stage.events("LOGOUT"), stage.events("REVOKE_GRANT")), (0, 0));
}

fn an_orchestration(stage: &Stage, elsewhere: &Path) {
    let oauth = OAuth::new(&stage.platform.address(), REALM, CLIENT);
    let tokens = oauth.password_for(JANE, "offline_access").unwrap().tokens().unwrap();
    stage.home.secrets().add(&tokens.refresh_token);
    let cache = elsewhere.join("wallaroo_sdk/auth");
    std::fs::create_dir_all(&cache).unwrap();
    let file = cache.join("keycloak.json");
    write(
        &file,
        &json!({"access_token": "old", "expiry": 0.0, "refresh_token": tokens.refresh_token,
        "refresh_token_expiry": 0.0, "user_id": "", "user_email": ""}),
    );
    let before = std::fs::read(&file).unwrap();
    let variables = [("XDG_CACHE_HOME", elsewhere.to_str().unwrap())];
    for _ in 0..2 {
        let orch = told(start(stage, "orch", &variables, &[]));
        assert_eq!(orch, json!({"email": JANE.email, "status": [200]}));
    }
    assert_eq!(std::fs::read(&file).unwrap(), before, "the SDK's file is read and never written");
    // Where there is no such file, nobody logs in: an orchestration has no person.
    let nothing = [("XDG_CACHE_HOME", "/nothing")];
    assert_eq!(told(start(stage, "orch", &nothing, &[]))["email"], JANE.email);
}

fn by_variables_of(person: Person) -> [(&'static str, &'static str); 2] {
    [("WALLAROO_USER", person.username), ("WALLAROO_PASSWORD", person.password)]
}

fn start(stage: &Stage, kind: &str, variables: &[(&str, &str)], more: &[&str]) -> Program {
    let mut python = stage.python();
    python.envs(variables.iter().copied());
    let address = stage.platform.address();
    let arguments = [&[address.as_str(), kind], more].concat();
    Program::start(python, &[], "auth_types.py", &arguments)
}

fn told(program: Program) -> Value {
    let line = program.line_with("TOLD ");
    serde_json::from_str(line.trim_start_matches("TOLD ")).unwrap()
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).unwrap();
}
