//! Command lines of the README are known to the programs that they name.

use super::demand_none;
use crate::{Arguments, cargo, repository};
use clap::{CommandFactory, Parser};
use std::collections::HashMap;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_xtask_line_is_known() {
    let unknown = command_lines("cargo xtask").into_iter().filter(|line| {
        let words = line.split_whitespace().skip(1);
        Arguments::try_parse_from(words).is_err_and(|error| error.use_stderr())
    });
    demand_none("The README's lines of `cargo xtask` are known:", unknown.collect());
}

#[test]
fn every_bearerctl_line_is_known() {
    let lines = command_lines("bearerctl");
    if lines.is_empty() {
        return;
    }
    let bearerctl = cargo::programs().unwrap().bearerctl;
    let mut helps = HashMap::new();
    let unknown = lines.into_iter().filter(|line| {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let ours = words.split(|word| *word == "--").next().unwrap_or_default();
        let commands = commands_of(ours);
        let help = helps.entry(commands.clone()).or_insert_with(|| help(&bearerctl, &commands));
        let known = |flag: &&&str| !help.split([' ', ',', '[', '\n']).any(|word| word == **flag);
        let flags =
            ours.iter().map(|word| word.split('=').next().unwrap_or_default()).collect::<Vec<_>>();
        help.is_empty()
            || flags.iter().filter(|word| word.starts_with("--")).any(|flag| known(&flag))
    });
    demand_none("The README's lines of `bearerctl` are known:", unknown.collect());
}

/// In a container there is no `XDG_RUNTIME_DIR`: the lines for curl have to find the socket all the same.
#[test]
fn the_lines_of_curl_find_the_socket_at_each_of_its_places() {
    let readme = fs::read_to_string(repository::root().join("README.md")).unwrap();
    let begin = readme.find("for socket in ").unwrap();
    let length = readme[begin..].find("```").unwrap();
    let lines = &readme[begin..begin + length];
    // In the place of curl: what it would be told.
    let script = format!("set -eu\ncurl() {{ echo \"$@\"; }}\nid() {{ echo nobody; }}\n{lines}");
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".local/state/bearerd");
    fs::create_dir_all(&state).unwrap();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let places = [
        (None, state.join(format!("bearerd-{host}.sock"))),
        (Some("XDG_RUNTIME_DIR"), home.path().join("bearerd.sock")),
        (Some("BEARERD_SOCKET"), home.path().join("own.sock")),
    ];
    let mut kept = Vec::new();
    for (variable, place) in places {
        kept.push(UnixListener::bind(&place).unwrap());
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", "/usr/bin:/bin");
        let folder = (variable == Some("XDG_RUNTIME_DIR")).then_some(home.path());
        shell.envs(variable.map(|name| (name, folder.unwrap_or(&place))));
        let output = shell.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let expected = format!(
            "--silent --show-error --unix-socket {} http://bearerd/v1/token\n",
            place.display()
        );
        assert_eq!(told, expected, "{variable:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let all = readme.lines().filter(|line| line.starts_with("curl --silent"));
    let hidden = all.filter(|line| {
        !line.contains("--show-error") || !line.contains("--unix-socket \"$socket\"")
    });
    demand_none("The README's lines of `curl` show errors:", hidden.map(str::to_owned).collect());
}

/// The subcommand, and the one below it where there are such.
fn commands_of(words: &[&str]) -> Vec<String> {
    let nested = ["profile", "service"];
    let depth = if words.first().is_some_and(|word| nested.contains(word)) { 2 } else { 1 };
    words
        .iter()
        .take(depth)
        .take_while(|word| !word.starts_with('-'))
        .map(|word| (*word).to_owned())
        .collect()
}

/// What `--help` of a command says; nothing where there is no such command.
fn help(bearerctl: &Path, commands: &[String]) -> String {
    let output = Command::new(bearerctl).args(commands).arg("--help").output().unwrap();
    if !output.status.success() {
        return String::new();
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The commands of this program at the start of lines in the README's code blocks.
fn command_lines(program: &str) -> Vec<String> {
    // Until there is a README it promises nothing.
    let readme = fs::read_to_string(repository::root().join("README.md")).unwrap_or_default();
    commands_in(&readme, program)
}

fn commands_in(text: &str, program: &str) -> Vec<String> {
    let mut in_block = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let command = line.trim().trim_start_matches("$ ");
        let ends = [" #", " |", " >", " <", " &", ";"];
        let end = ends.iter().filter_map(|end| command.find(end)).min();
        let command = command[..end.unwrap_or(command.len())].trim();
        let is_ours = command
            .strip_prefix(program)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        if in_block && is_ours {
            lines.push(command.to_owned());
        }
    }
    lines
}

#[test]
fn commands_are_found_in_blocks_alone() {
    let text =
        "bearerctl a\n```\n$ bearerctl b --c | d  # e\nbearerctls\n  bearerctl\n```\nbearerctl f";
    assert_eq!(commands_in(text, "bearerctl"), ["bearerctl b --c", "bearerctl"]);
}
