//! The first chapters: a person logs in once, and programs get tokens.

use super::{Demo, demand, shortened};
use crate::cargo::find_program;
use crate::failure::{Failure, While};
use crate::terminal::span;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a login may take that the demo approves.
const APPROVED_WITHIN: Duration = Duration::from_secs(20);
/// How long a person has: the lifetime of the provider's device codes.
const PERSON_WITHIN: Duration = Duration::from_secs(600);
/// When `bearerctl login` says nothing for so long, it has shown its link.
const SILENCE: Duration = Duration::from_millis(300);

/// `bearerctl login`, approved by the demo or by the person who looks on.
pub(crate) fn log_in(demo: &mut Demo<'_>) -> Result<String, Failure> {
    demo.say.command("bearerctl login");
    let mut child = demo
        .stage
        .bearerctl(&["login", "--no-qr"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .while_doing(|| "start bearerctl".to_owned())?;
    let lines = lines_of(child.stderr.take());
    let within = if demo.browser { PERSON_WITHIN } else { APPROVED_WITHIN };
    let deadline = Instant::now() + within;
    let mut user_code = None;
    let mut approved = demo.browser;
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => {
                if let Some((_, code)) = line.split_once("user_code=") {
                    user_code = Some(code.trim().to_owned());
                }
                demo.say.output(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                return Err(Failure::new(format!(
                    "expected the login to be done within {} s; seen: bearerctl still waits",
                    within.as_secs()
                )));
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Some(code) = user_code.as_deref().filter(|_| !approved) {
                    demo.stage.idp.approve(code)?;
                    approved = true;
                    demo.say.note(&format!(
                        "approved {code} as jane (with --browser you do that yourself)"
                    ));
                }
            }
        }
    }
    let status = child.wait().while_doing(|| "wait for bearerctl".to_owned())?;
    demand("`bearerctl login` to end with exit code", status.code(), Some(0))?;
    let profile = demo.status()?;
    let who = profile.user_email.unwrap_or_default();
    demand("the session to be saved, sealed, on disk", profile.saved, true)?;
    demo.say.good(&format!("logged in as {who}; the session is sealed and on disk"));
    Ok(format!("as {who}"))
}

/// The same token for `bearerctl`, for `curl`, for anyone of this user.
pub(crate) fn ask(demo: &mut Demo<'_>) -> Result<String, Failure> {
    demo.say.command("bearerctl token");
    let began = Instant::now();
    let token = stdout_of(demo.stage.bearerctl(&["token"]), "bearerctl token")?;
    let took = began.elapsed();
    let token = token.trim();
    demo.say.output(&shortened(token));
    demand("a token from bearerctl", token.is_empty(), false)?;
    demo.say.good(&format!("a token, {} from the start of the process to its end", span(took)));
    demo.reads += 1;
    let Some(curl) = find_program(Path::new("curl")) else {
        if std::env::var_os("CI").is_some() {
            return Err(Failure::new("curl is not installed: `apt-get install -y curl`"));
        }
        demo.say.note("curl is not installed, so its line is left out: `apt-get install -y curl`");
        return Ok("from bearerctl (no curl here)".to_owned());
    };
    demo.say
        .command("curl -sS --unix-socket $XDG_RUNTIME_DIR/bearerd.sock http://bearerd/v1/token");
    let mut command = demo.stage.command(&curl);
    command.arg("-sS").arg("--unix-socket").arg(demo.stage.socket()).arg("http://bearerd/v1/token");
    let body = stdout_of(command, "curl")?;
    let mut answer: Value =
        serde_json::from_str(&body).while_doing(|| "read what curl got".to_owned())?;
    let from_curl = answer["token"].as_str().unwrap_or_default().to_owned();
    answer["token"] = Value::from(shortened(&from_curl));
    demo.say.output(&answer.to_string());
    demand("curl to get a token from the same login", from_curl.is_empty(), false)?;
    demo.say.good("the same over plain HTTP on the socket; any language will do");
    demo.reads += 1;
    Ok("from bearerctl and from curl".to_owned())
}

/// What a command that must succeed writes to stdout.
fn stdout_of(mut command: Command, name: &str) -> Result<String, Failure> {
    let output = command.output().while_doing(|| format!("start {name}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!(
            "expected `{name}` to end with exit code 0; seen: {} and the words `{}`",
            output.status,
            words.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The lines of a stream, as they come.
fn lines_of(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}
