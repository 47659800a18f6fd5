//! The program: one line on stdout, the flags, the refusal of other addresses.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::client::{http, text};

/// Ends the program with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_is_and_takes_its_flags() {
    let flags = ["--access-token-lifetime=7", "--no-rotation", "--auto-approve=bob", "--opaque"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_bearerd-test-idp"));
    let mut program =
        Running(command.args(flags).stdout(Stdio::piped()).spawn().expect("it starts"));
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base_url = line.trim();
    let overview: Value =
        http().get(format!("{base_url}/control")).send().await.unwrap().json().await.unwrap();
    assert_eq!(overview["base_url"], base_url);
    let settings = format!("{}/settings", text(&overview, "control_url"));
    let settings: Value = http().get(settings).send().await.unwrap().json().await.unwrap();
    assert_eq!(settings["access_token_seconds"], 7);
    assert_eq!(settings["rotation"], "same");
    assert_eq!(settings["access_token_format"], "opaque");
    assert_eq!(settings["auto_approve"], "bob");
}

#[test]
fn it_refuses_other_addresses() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bearerd-test-idp"));
    let output = command.arg("--address=0.0.0.0").output().expect("it runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no loopback address"));
}
