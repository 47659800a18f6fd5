//! One folder with a database, and at most one Java process on it. Neither outlives the test process.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Error;
use super::certificate::Certificate;
use super::seed::ADMIN;
use crate::keeper::Keeper;
use crate::web::{Call, url};

/// Half the boot time and half the memory of the defaults (5 s and 290 MB on two cores).
pub(super) const JAVA_OPTIONS: &str = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms64m -Xmx256m -XX:MaxMetaspaceSize=256m \
     -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData";
/// The database's file name in a folder; H2 adds the suffix.
pub(super) const DATABASE: &str = "keycloakdb.mv.db";
/// Thirty times the usual boot: a machine so slow is broken.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// A graceful stop takes 1.5 s at most.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at a process that boots or ends.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Run {
    home: PathBuf,
    cache: PathBuf,
    folder: PathBuf,
    port: u16,
    https: Option<(u16, Certificate)>,
    java: Option<Child>,
    keeper: Keeper,
}

impl Run {
    /// A new folder with a copy of `database`, or with none yet.
    pub(super) fn new(
        home: &Path,
        cache: &Path,
        port: u16,
        https_port: Option<u16>,
        database: Option<&Path>,
    ) -> Result<Self, Error> {
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { doing, path, source }
        };
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("bearerd-keycloak-")
            .tempdir()
            .map_err(failed("make a folder in", &temporary))?
            .keep();
        let keeper =
            Keeper::new(&folder).map_err(|source| missing_or("sh", "dash", "start", source))?;
        let (home, cache) = (home.to_owned(), cache.to_owned());
        let https = match https_port {
            Some(port) => {
                let made = Certificate::make(&folder);
                Some((port, made.map_err(failed("make a certificate in", &folder))?))
            }
            None => None,
        };
        let run = Self { home, cache, folder, port, https, java: None, keeper };
        let vertx = run.folder.join("tmp");
        fs::create_dir(&vertx).map_err(failed("make", &vertx))?;
        if let Some(database) = database {
            fs::copy(database, run.database()).map_err(failed("copy", database))?;
        }
        Ok(run)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// The authority behind its certificate, where it speaks https.
    pub(super) fn authority(&self) -> Option<&Path> {
        self.https.as_ref().map(|(_, certificate)| certificate.authority.as_path())
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Starts Java on the folder's database and waits until the server is ready.
    pub(super) fn start(&mut self) -> Result<(), Error> {
        if self.java.is_some() {
            return Ok(());
        }
        let log = self.log();
        let failed = |source| Error::File { doing: "write", path: log.clone(), source };
        let out = File::options().create(true).append(true).open(&log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let mut command = self.command();
        let java = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // A Ctrl-C at the terminal is for the test process; the keeper ends Java then.
            .process_group(0)
            .spawn()
            .map_err(|source| missing_or("java", "default-jre-headless", "start", source))?;
        self.keeper.mind(&java);
        self.java = Some(java);
        self.await_ready().inspect_err(|_| self.kill())
    }

    /// Asks Java to end and waits for it (SIGTERM).
    pub(super) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOPPED_WITHIN;
        while self.exited().is_none() && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
        self.kill();
    }

    /// Ends Java at once (SIGKILL).
    pub(super) fn kill(&mut self) {
        if let Some(java) = &mut self.java {
            // Both fail only for a process that has ended already.
            let _ = java.kill();
            let _ = java.wait();
            self.java = None;
            self.keeper.forget();
        }
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.java.is_some() && self.exited().is_none()
    }

    fn signal(&self, signal: Signal) {
        let pid = self.java.as_ref().and_then(|java| i32::try_from(java.id()).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It fails only for a process that has ended already.
            let _ = kill_process(pid, signal);
        }
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.java.as_mut().and_then(|java| java.try_wait().ok().flatten())
    }

    fn await_ready(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + READY_WITHIN;
        let how = loop {
            if let Some(status) = self.exited() {
                break format!("it ended ({status})");
            }
            if Instant::now() > deadline {
                break format!("it was not ready within {} s", READY_WITHIN.as_secs());
            }
            let ready = url(&format!("http://127.0.0.1:{}/auth/health/ready", self.port))
                .and_then(|url| Call::new("GET", url).send());
            if ready.is_ok_and(|reply| reply.status == 200) {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        };
        let copy = self.cache.join("last-failed-start.log");
        // The folder goes away with this run, the reason must not.
        let _ = fs::copy(self.log(), &copy);
        Err(Error::Start { how, log: copy })
    }

    /// What `kc.sh start --optimized` runs, without the shell that would stay between.
    fn command(&self) -> Command {
        let (home, folder) = (self.home.display(), self.folder.display());
        let mut command = Command::new("java");
        without_settings(&mut command)
            .args(JAVA_OPTIONS.split_whitespace())
            .arg("-Duser.language=en")
            .arg(format!("-Djava.io.tmpdir={folder}/tmp"))
            .args(["java.util", "java.util.concurrent", "java.security"].map(|package| {
                format!("--add-opens=java.base/{package}=ALL-UNNAMED")
            }))
            .arg("-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory")
            .arg("-Djava.util.logging.manager=org.jboss.logmanager.LogManager")
            .arg("-Dquarkus-log-max-startup-records=10000")
            .arg("-Dpicocli.disable.closures=true")
            .arg(format!("-Dkc.home.dir={home}"))
            .arg(format!("-Djboss.server.config.dir={home}/conf"))
            .args(["-cp", &format!("{home}/lib/quarkus-run.jar")])
            .arg("io.quarkus.bootstrap.runner.QuarkusEntryPoint")
            .args(["start", "--optimized", "--http-enabled=true", "--http-host=127.0.0.1"])
            .arg(format!("--http-port={}", self.port))
            .args(["--hostname-strict=false", "--cache=local"])
            // The settings are Keycloak's own for its file database; another folder is ours.
            .arg(format!("--db-url=jdbc:h2:file:{folder}/keycloakdb;NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=0"))
            .args(self.https_arguments())
            // Made in an empty database alone.
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN.username)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMIN.password);
        command
    }
}

impl Run {
    fn https_arguments(&self) -> Vec<String> {
        let Some((port, files)) = &self.https else { return Vec::new() };
        vec![
            format!("--https-port={port}"),
            format!("--https-certificate-file={}", files.certificate.display()),
            format!("--https-certificate-key-file={}", files.key.display()),
        ]
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Takes away what would change Java or Keycloak behind the test's back, and proxies.
pub(super) fn without_settings(command: &mut Command) -> &mut Command {
    const NAMES: [&str; 9] = [
        "JAVA_OPTS",
        "JAVA_OPTS_APPEND",
        "JAVA_OPTS_KC_HEAP",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
        "JAVA_ADD_OPENS",
        "JAVA_LOCALE",
        "JAVA_HOME",
    ];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let foreign = text.starts_with("KC_")
            || text.starts_with("QUARKUS_")
            || text.to_ascii_lowercase().ends_with("_proxy")
            || NAMES.contains(&text.as_ref());
        if foreign {
            command.env_remove(&name);
        }
    }
    command
}

/// A program that could not be started: because it is not there, or why else.
pub(super) fn missing_or(
    tool: &'static str,
    package: &'static str,
    doing: &'static str,
    source: std::io::Error,
) -> Error {
    match source.kind() {
        std::io::ErrorKind::NotFound => Error::MissingTool { tool, package },
        _ => Error::File { doing, path: tool.into(), source },
    }
}
