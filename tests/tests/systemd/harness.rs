//! The user manager of the tests itself: it leaves nothing behind, and several don't see each other.

use crate::installed::until;
use crate::role;
use bearerd_tests::user_manager::UserManager;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn two_managers_at_once_have_units_of_their_own() {
    let [one, other] =
        [(); 2].map(|()| UserManager::start().unwrap_or_else(|lack| panic!("{lack}")));
    assert_ne!(one.uid(), other.uid());
    one.install_unit("here.service", "[Service]\nExecStart=/bin/echo a word for the journal\n");
    one.systemctl(&["start", "--wait", "here.service"]);
    assert!(one.journal().contains("MESSAGE=a word for the journal"));
    assert!(!other.journal().contains("a word for the journal"));
    assert_eq!(one.property("here.service", "LoadState"), "loaded");
    assert_eq!(other.property("here.service", "LoadState"), "not-found");
}

#[test]
fn a_test_that_is_killed_leaves_no_user_no_home_and_no_cgroup() {
    if role::is_played() {
        return hold_a_manager_until_killed();
    }
    let test = "harness::a_test_that_is_killed_leaves_no_user_no_home_and_no_cgroup";
    let mut child = Command::new("env")
        .args(role::words(&std::env::current_exe().unwrap(), test))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let user = lines.find_map(|line| Some(line.unwrap().strip_prefix(HOLDS)?.to_owned())).unwrap();
    assert_eq!(traces(&user), ["user", "home", "cgroup"]);
    child.kill().unwrap();
    child.wait().unwrap();
    until("all is gone", || traces(&user).is_empty());
}

/// What goes before the name of the user, on a line of its own.
const HOLDS: &str = "holds a manager for ";

fn hold_a_manager_until_killed() {
    let manager = UserManager::start().unwrap_or_else(|lack| panic!("{lack}"));
    let user = manager.run(["id", "-un"]).succeeded();
    println!("\n{HOLDS}{user}");
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

/// What there is of this user on the machine.
fn traces(user: &str) -> Vec<&'static str> {
    let exists = |folder: &str| Path::new(folder).join(user).exists();
    let known = Command::new("id").arg(user).output().unwrap().status.success();
    let cgroup = exists("/sys/fs/cgroup") || exists("/sys/fs/cgroup/unified");
    let traces = [(known, "user"), (exists("/home"), "home"), (cgroup, "cgroup")];
    traces.into_iter().filter_map(|(there, trace)| there.then_some(trace)).collect()
}
