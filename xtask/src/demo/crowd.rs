//! The chapter of the crowd: 64 processes find the token expired at the same moment.

use super::{Demo, LIFETIME, demand, fingerprint};
use crate::failure::{Failure, While};
use crate::terminal::span;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// As many as a machine with many cores runs of one program.
const PROCESSES: usize = 64;
/// The next token lives longer, so that it is still good when a slow machine has started them all.
const LONGER: Duration = Duration::from_secs(18);
/// How long they may take to start and connect.
const PARKED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Holds the refresh at the provider until the token has expired and all processes wait; then lets it through.
pub(crate) fn ask(demo: &mut Demo<'_>) -> Result<String, Failure> {
    let calls_before = demo.stage.idp.refreshes()?;
    let gate = demo.stage.idp.hold_refreshes()?;
    demo.stage.idp.set_lifetime(LONGER)?;
    demo.say.note("the provider now holds the next refresh back, so that the token expires");
    demand(
        "the daemon's refresh to stand at the provider's gate",
        demo.stage.idp.standing_at(gate)?,
        1,
    )?;
    let deadline = Instant::now() + 2 * LIFETIME;
    while demo.status()?.expires_in.is_some() {
        demand("the token to expire", Instant::now() > deadline, false)?;
        thread::sleep(LOOK_EVERY);
    }
    demo.say.note("it has expired");
    demo.say.command(&format!("for i in $(seq {PROCESSES}); do bearerctl token & done; wait"));
    let mut crowd = start(demo)?;
    let waits = |child: &mut Child| matches!(child.try_wait(), Ok(None));
    let running = crowd.iter_mut().map(waits).filter(|waits| *waits).count();
    demand("processes that wait for a token, none served an expired one", running, PROCESSES)?;
    demo.say.note(&format!("{PROCESSES} processes wait on the socket; the provider answers"));
    let opened = Instant::now();
    demo.stage.idp.open(gate)?;
    let tokens = tokens_of(crowd)?;
    let took = opened.elapsed();
    let calls = demo.stage.idp.refreshes()? - calls_before;
    let distinct: HashSet<u64> = tokens.iter().map(|token| fingerprint(token)).collect();
    demand("refresh calls that reached the provider", calls, 1)?;
    demand("good answers", tokens.len(), PROCESSES)?;
    demand("the same token for all of them: distinct ones", distinct.len(), 1)?;
    demo.say.good(&format!(
        "{PROCESSES} good answers {} later, and 1 refresh call reached the provider",
        span(took)
    ));
    demo.reads += tokens.len();
    Ok(format!("{PROCESSES} good answers, 1 refresh call"))
}

/// Starts the processes and waits until each has its connection.
fn start(demo: &Demo<'_>) -> Result<Vec<Child>, Failure> {
    let socket = demo.stage.socket();
    let before = connections(&socket)?;
    let start_one = |_| {
        let mut command = demo.stage.bearerctl(&["token"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    };
    let crowd: Result<Vec<Child>, _> = (0..PROCESSES).map(start_one).collect();
    let crowd = crowd.while_doing(|| "start bearerctl".to_owned())?;
    let deadline = Instant::now() + PARKED_WITHIN;
    loop {
        let connected = connections(&socket)?.saturating_sub(before);
        if connected >= PROCESSES {
            return Ok(crowd);
        }
        if Instant::now() > deadline {
            return demand("processes connected to the socket", connected, PROCESSES)
                .map(|()| crowd);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// What each process printed; a failure of one is the demo's.
fn tokens_of(crowd: Vec<Child>) -> Result<Vec<String>, Failure> {
    let mut tokens = Vec::with_capacity(crowd.len());
    for child in crowd {
        let output = child.wait_with_output().while_doing(|| "wait for bearerctl".to_owned())?;
        let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || token.is_empty() {
            return Err(Failure::new(format!(
                "expected a token for each of the processes; seen: {} and the words `{}`",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            )));
        }
        tokens.push(token);
    }
    Ok(tokens)
}

/// How many connections the socket has, accepted or not yet: the kernel shows them under the listener's path.
fn connections(socket: &Path) -> Result<usize, Failure> {
    let table =
        fs::read_to_string("/proc/net/unix").while_doing(|| "read `/proc/net/unix`".to_owned())?;
    let path = socket.to_string_lossy();
    let connected = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Num RefCount Protocol Flags Type St Inode Path; state 03 is connected (net/unix/af_unix.c).
        fields.get(5) == Some(&"03") && fields.get(7) == Some(&path.as_ref())
    };
    Ok(table.lines().filter(connected).count())
}
