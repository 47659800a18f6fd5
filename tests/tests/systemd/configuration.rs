//! The configuration: read again on `systemctl --user reload`, and no reason to end, however bad it is.

use crate::installed::{Installed, SERVICE, SOCKET, TEST_AUTH, TEST_TOKEN, until};
use serde_json::Value;

const WITH_BOB: &str = "default_profile = \"jane\"\n[profile.jane]\nauth_type = \"test_auth\"\n[profile.bob]\nauth_type = \"none\"\n";
const BAD: &str = "[profile.jane]\nauth_type = \"test_auth\"\ncolour = \"red\"\n";

#[test]
fn a_reload_takes_a_good_configuration_and_keeps_the_old_one_where_the_new_one_is_bad() {
    let installed = Installed::with(TEST_AUTH);
    assert_eq!(installed.token(), TEST_TOKEN);
    let pid = installed.pid();
    let status = || -> Value {
        serde_json::from_str(&installed.bearerctl(&["status", "--json"]).succeeded()).unwrap()
    };
    let profiles = || status()["profiles"].as_array().unwrap().len();
    assert_eq!(profiles(), 1);

    installed.configure(WITH_BOB);
    installed.manager.systemctl(&["reload", SERVICE]);
    until("the new profile is there", || profiles() == 2);

    installed.configure(BAD);
    installed.manager.systemctl(&["reload", SERVICE]);
    until("the fault is told", || status()["config_error"].is_string());
    let fault = status()["config_error"].as_str().unwrap().to_owned();
    assert!(fault.contains("config.toml:3") && fault.contains("colour"), "{fault}");
    assert_eq!(profiles(), 2);
    assert_eq!(installed.token(), TEST_TOKEN);

    installed.configure(TEST_AUTH);
    installed.manager.systemctl(&["reload", SERVICE]);
    until("the fault is mended", || status()["config_error"].is_null());
    assert_eq!(profiles(), 1);
    assert_eq!((installed.pid(), installed.state(SERVICE).as_str()), (pid, "active running"));
}

#[test]
fn a_bad_configuration_at_the_start_is_told_to_every_caller() {
    let installed = Installed::with(BAD);
    let (status, answer) = installed.curl();
    assert_eq!((status, &answer["code"]), (500, &"misconfigured".into()));
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("config.toml") && message.contains("colour"), "{message}");
    assert_eq!([SERVICE, SOCKET].map(|unit| installed.state(unit)), ["active running"; 2]);
    // 8: bearerctl's code for what has to be mended in the configuration.
    assert_eq!(installed.bearerctl(&["token"]).code, Some(8));
    let program = installed.manager.home().join(".local/bin/bearerd");
    let checked = installed.manager.run([program.to_str().unwrap(), "--check-config"]);
    assert_eq!(checked.code, Some(2));
    assert!(checked.stderr.contains("colour"), "{}", checked.stderr);

    installed.configure(TEST_AUTH);
    installed.manager.systemctl(&["reload", SERVICE]);
    until("the token is there", || installed.bearerctl(&["token"]).stdout == TEST_TOKEN);
}
