//! `bearerd`: arguments, runtime, exit code.

use anyhow::Context;
use bearerd::app::{self, Places};
use bearerd::config::Config;
use bearerd::environment::Environment;
use bearerd::server::Listener;
use clap::Parser;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread::available_parallelism;
use std::time::Duration;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The daemon that keeps one OAuth login per identity fresh and hands its Bearer token to your programs.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Configuration file [default: $BEARERD_CONFIG, else $XDG_CONFIG_HOME/bearerd/config.toml, else
    /// ~/.config/bearerd/config.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the saved sessions [default: $BEARERD_STATE, else $XDG_STATE_HOME/bearerd, else
    /// ~/.local/state/bearerd]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Socket to listen on [default: the one systemd passed, else $BEARERD_SOCKET, else $XDG_RUNTIME_DIR/bearerd.sock,
    /// else /run/user/$UID/bearerd.sock, else bearerd-HOST.sock in the folder of the saved sessions]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Check the configuration and the secret files it names, and exit: 0 if they are good, 2 with each reason if not
    #[arg(long)]
    check_config: bool,
    /// End after so many seconds without a caller, and stay when the terminal goes that it was started from: how clients
    /// start it where no systemd does
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    idle_timeout: Option<u32>,
}

/// Exit code of `--check-config` for a configuration that can't be used.
const BAD_CONFIG: u8 = 2;
/// More threads than this gain nothing: a read takes microseconds.
const WORKERS_MAX: usize = 4;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut environment = Environment::read();
    environment.config = arguments.config.or(environment.config);
    environment.state = arguments.state.or(environment.state);
    environment.socket = arguments.socket.or(environment.socket);
    if arguments.check_config {
        return check_config(&environment);
    }
    start_logging(&environment);
    let idle_timeout = arguments.idle_timeout.map(|seconds| Duration::from_secs(seconds.into()));
    if idle_timeout.is_some() {
        leave_the_terminal();
    }
    match run(&environment, idle_timeout) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(environment: &Environment, idle_timeout: Option<Duration>) -> anyhow::Result<()> {
    keep_memory_private();
    let places = Places::find(environment)?;
    let passed = Listener::passed().context("failed to take the sockets that systemd passed")?;
    let workers = available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let outcome = runtime.block_on(app::run(places, passed, environment.test_pauses, idle_timeout));
    // A thread that hangs on a dead disk must not keep the process from ending.
    runtime.shutdown_background();
    Ok(outcome?)
}

fn check_config(environment: &Environment) -> ExitCode {
    let (sentence, code) = match checked(environment) {
        Ok(sentence) => (sentence, ExitCode::SUCCESS),
        Err(sentence) => (sentence, ExitCode::from(BAD_CONFIG)),
    };
    say(&sentence);
    code
}

/// What there is to say of a good configuration, or of a bad one.
fn checked(environment: &Environment) -> Result<String, String> {
    let path = environment.config_file().map_err(|error| error.to_string())?;
    let shown = path.display();
    match Config::load_if_there(&path).map_err(|error| error.sentence())? {
        Some(config) => match config.unusable_files() {
            unusable if unusable.is_empty() => {
                Ok(format!("{shown}: good, {} profile(s)", config.profiles().len()))
            }
            unusable => {
                let lines = unusable.iter().map(|sentence| format!("{shown}: {sentence}"));
                Err(lines.collect::<Vec<_>>().join("\n"))
            }
        },
        // Whoever names a file means one that is there.
        None if environment.config.is_some() => Err(format!(
            "{shown}: there is no such file; write it, or name another one by --config or BEARERD_CONFIG"
        )),
        None => Ok(format!(
            "{shown}: there is no file there yet, which is good and means 0 profiles; write `[profile.NAME]` and its \
             keys into it"
        )),
    }
}

/// Its signals and its end are for who sits there.
fn leave_the_terminal() {
    // Who leads a process group already can't, and has left it with that group.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "stays in the session that it was started in");
    }
}

/// No core dump, and no other process of the user may read this one's memory or attach to it.
fn keep_memory_private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "failed to forbid core dumps");
    }
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "failed to close the memory to other processes");
    }
}

/// Words go to standard error; under a supervisor without the time, which its log adds.
fn start_logging(environment: &Environment) {
    let wanted = environment.log.as_deref().unwrap_or_default();
    // `Targets` reads `info,bearerd=debug` as people know it from `RUST_LOG`, without a regex engine in the daemon.
    let filter = Targets::from_str(wanted).ok().filter(|_| !wanted.is_empty());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let colour = !environment.supervised && std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false);
    let registry = tracing_subscriber::registry();
    if environment.supervised {
        registry.with(log.without_time().with_filter(filter)).init();
    } else {
        registry.with(log.with_filter(filter)).init();
    }
}

#[allow(clippy::print_stderr, reason = "the one place of the binary that speaks outside the log")]
fn say(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_help_says_where_each_path_is_by_default() {
        let help = Arguments::command().render_help().to_string();
        for place in [
            "else ~/.config/bearerd/config.toml]",
            "else ~/.local/state/bearerd]",
            "else /run/user/$UID/bearerd.sock, else bearerd-HOST.sock in the folder of the saved sessions]",
        ] {
            assert!(help.contains(place), "{place}: {help}");
        }
    }
}
