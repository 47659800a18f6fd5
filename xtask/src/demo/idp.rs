//! The test identity provider as a process, steered over its control API.

use crate::failure::{Failure, While};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

/// A running test IdP.
#[derive(Debug)]
pub(crate) struct Idp {
    base_url: String,
    /// Stays up through outages.
    control_url: String,
}

/// The control API answers at once, but for a long poll of 20 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

impl Idp {
    /// Reads from the process where it listens.
    pub(crate) fn of(process: &mut Child) -> Result<Self, Failure> {
        let stdout = process.stdout.take().ok_or_else(|| Failure::new("the IdP has no output"))?;
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .while_doing(|| "read the IdP's first line".to_owned())?;
        let base_url = line.trim().to_owned();
        if base_url.is_empty() {
            return Err(Failure::new("the test IdP ended before it said where it listens"));
        }
        let mut idp = Self { control_url: base_url.clone(), base_url };
        let overview = idp.ask("GET", "/control", None)?;
        if let Some(control_url) = overview["control_url"].as_str() {
            control_url.trim_end_matches("/control").clone_into(&mut idp.control_url);
        }
        Ok(idp)
    }

    /// Where its clients find it.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where its control API is, in an outage too.
    pub(crate) fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Approves the device login with this code.
    pub(crate) fn approve(&self, user_code: &str) -> Result<(), Failure> {
        self.tell("POST", "/control/approve", &json!({"user_code": user_code, "user": "jane"}))
    }

    /// Access tokens that are handed out from now on live so long.
    pub(crate) fn set_lifetime(&self, lifetime: Duration) -> Result<(), Failure> {
        self.tell(
            "PATCH",
            "/control/settings",
            &json!({"access_token_seconds": lifetime.as_secs()}),
        )
    }

    /// Holds refreshes until the gate is opened; gives its number.
    pub(crate) fn hold_refreshes(&self) -> Result<u64, Failure> {
        let gate = self.ask("POST", "/control/gates", Some(&json!({"kind": "refresh"})))?;
        gate["gate"].as_u64().ok_or_else(|| Failure::new("the IdP gave its gate no number"))
    }

    /// Waits until a request stands at the gate; says how many do.
    pub(crate) fn standing_at(&self, gate: u64) -> Result<u64, Failure> {
        let answer = self.ask("GET", &format!("/control/gates/{gate}?waiting=1"), None)?;
        Ok(answer["standing"].as_u64().unwrap_or(0))
    }

    pub(crate) fn open(&self, gate: u64) -> Result<(), Failure> {
        self.ask("DELETE", &format!("/control/gates/{gate}"), None).map(drop)
    }

    /// Refuses connections until [`Idp::come_back`].
    pub(crate) fn go_away(&self) -> Result<(), Failure> {
        self.tell("POST", "/control/outage", &json!({"mode": "refuse"}))
    }

    pub(crate) fn come_back(&self) -> Result<(), Failure> {
        self.tell("POST", "/control/outage", &json!({"mode": "off"}))
    }

    /// How many calls have reached it, by kind.
    pub(crate) fn counts(&self) -> Result<BTreeMap<String, usize>, Failure> {
        let counts = self.ask("GET", "/control/counts", None)?;
        serde_json::from_value(counts).while_doing(|| "read the IdP's counts".to_owned())
    }

    /// How many refreshes have reached it.
    pub(crate) fn refreshes(&self) -> Result<usize, Failure> {
        Ok(self.counts()?.get("refresh").copied().unwrap_or(0))
    }

    fn tell(&self, method: &str, path: &str, body: &Value) -> Result<(), Failure> {
        self.ask(method, path, Some(body)).map(drop)
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let what = || format!("ask the test IdP: {method} {path}");
        let place = self.control_url.strip_prefix("http://").unwrap_or(&self.control_url);
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(place).while_doing(what)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN)).while_doing(what)?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).while_doing(what)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).while_doing(what)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if head.split(' ').nth(1) != Some("200") {
            let status = head.lines().next().unwrap_or_default();
            return Err(Failure::new(format!("failed to {}: {status} {body}", what())));
        }
        serde_json::from_str(body).while_doing(what)
    }
}
