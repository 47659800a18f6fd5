//! The stand-in for the platform: a process with Keycloak behind it, and the log of who has called with what.

use super::{Environment, script};
use crate::keeper::Keeper;
use crate::keycloak::{Server, introspector};
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// One call of the platform.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// Unix seconds.
    pub at: f64,
    /// The route.
    pub path: String,
    /// `active`, `inactive` or `missing`, by introspection. Where Keycloak is away, `signed`: it is Keycloak's and has not
    /// expired; else `unknown`.
    pub state: String,
    /// The program that calls.
    pub agent: String,
    /// Which token, and nothing by which it could be used.
    pub token: Option<String>,
}

/// The process. It ends with its owner.
#[derive(Debug)]
pub struct Platform {
    child: Child,
    port: u16,
    log: PathBuf,
    _keeper: Keeper,
}

impl Platform {
    /// In front of `keycloak`, which may be a gate proxy's address; tokens are checked at the server itself.
    pub fn start(environment: &Environment, keycloak: SocketAddr, server: &Server) -> Self {
        let folder = tempfile::Builder::new().prefix("platform").tempdir().unwrap().keep();
        let mut keeper = Keeper::new(&folder).unwrap();
        let log = folder.join("log");
        std::fs::write(&log, "").unwrap();
        let (id, secret) = introspector();
        let mut child = Command::new(environment.python())
            .arg(script("stand_in.py"))
            .arg(&log)
            .args([&keycloak.to_string(), &server.address().to_string(), id, secret])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        keeper.mind(&child);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().parse().expect("the stand-in says its port");
        Self { child, port, log, _keeper: keeper }
    }

    /// What a program has as `api_endpoint`, and a profile as `keycloak_addr`.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All calls so far but those of Keycloak and of the open route.
    pub fn calls(&self) -> Vec<Call> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
